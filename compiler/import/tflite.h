/* SPDX-License-Identifier: MIT
 *
 * What the files of the TFLite importer share: the import in progress (Importer), one use of a subgraph (Scope), the operator
 * being lowered (Operation), and the field numbers of the format's tables.
 */
#ifndef ETCH_IMPORT_TFLITE_H
#define ETCH_IMPORT_TFLITE_H

#include "compiler.h"
#include "flatbuffer.h"

/* Field numbers, "slots", of schema.fbs. */
/* clang-format off */
enum {
    MODEL_OPERATOR_CODES = 1, MODEL_SUBGRAPHS = 2, MODEL_BUFFERS = 4,
    CODE_DEPRECATED_BUILTIN = 0, CODE_CUSTOM = 1, CODE_BUILTIN = 3,
    SUBGRAPH_TENSORS = 0, SUBGRAPH_INPUTS = 1, SUBGRAPH_OUTPUTS = 2, SUBGRAPH_OPERATORS = 3, SUBGRAPH_NAME = 4,
    TENSOR_SHAPE = 0, TENSOR_TYPE = 1, TENSOR_BUFFER = 2, TENSOR_NAME = 3, TENSOR_QUANTIZATION = 4, TENSOR_IS_VARIABLE = 5,
    TENSOR_SPARSITY = 6, TENSOR_EXTERNAL_BUFFER = 10,
    QUANTIZATION_SCALE = 2, QUANTIZATION_ZERO_POINT = 3, QUANTIZATION_DETAILS_TYPE = 4, QUANTIZATION_DIMENSION = 6,
    SPARSITY_TRAVERSAL_ORDER = 0, SPARSITY_BLOCK_MAP = 1, SPARSITY_DIMENSIONS = 2,
    DIMENSION_FORMAT = 0, DIMENSION_DENSE_SIZE = 1, DIMENSION_SEGMENTS_TYPE = 2, DIMENSION_SEGMENTS = 3,
    DIMENSION_INDICES_TYPE = 4, DIMENSION_INDICES = 5,
    BUFFER_DATA = 0, BUFFER_OFFSET = 1, BUFFER_SIZE = 2,
    OPERATOR_OPCODE = 0, OPERATOR_INPUTS = 1, OPERATOR_OUTPUTS = 2, OPERATOR_OPTIONS_TYPE = 3, OPERATOR_OPTIONS = 4,
    OPERATOR_CUSTOM_OPTIONS = 5, OPERATOR_INTERMEDIATES = 8, OPERATOR_OPTIONS_2_TYPE = 11, OPERATOR_OPTIONS_2 = 12,
};
/* clang-format on */

/* A resource variable: one state tensor for all the handles that name it. */
typedef struct Variable {
    FlatVector container, shared_name;
    Tensor *state; /* NULL until the first read or assignment tells its type */
    bool initialised; /* a CallOnce subgraph has given its initial value */
} Variable;

/* What an untrusted file may make us build is paid from budgets that are proportional to its size. */
typedef struct Importer {
    Model *model;
    FlatBuffer file;
    FlatVector operator_codes, subgraphs, buffers;
    const uint8_t **buffer_data; /* per buffer, once read: its bytes at a 16-byte boundary */
    Variable **variables;
    int variable_count, variable_capacity;
    int32_t *zeros; /* zero points that are all 0 share this array */
    int zero_count;
    int64_t tensors_left, nodes_left, operands_left;
    bool *active; /* per subgraph: being built, further up the call stack */
    int depth;
} Importer;

/* One use of a subgraph. Arrays are indexed by the file's tensor numbers; tensors are made when first used. */
typedef struct Scope {
    Importer *importer;
    Graph *graph;
    int index;
    FlatTable table;
    FlatVector tensor_tables;
    Tensor **tensors;
    Variable **handles; /* resource tensors: what they name */
    const char **refusals; /* why a tensor cannot be computed with; NULL when it can */
    bool *is_input, *is_produced, *is_written;
    bool is_inlined; /* in place of an operator */
} Scope;

/* The operator being lowered. A refusal turns the node into an Unsupported one, which only compiling and running reject. */
typedef struct Operation {
    Scope *scope;
    const char *place; /* for messages: "FILE: operator 3 (CONV_2D)" */
    const char *name; /* "CONV_2D", "CUSTOM:Sinh" */
    int code;
    FlatTable table, options;
    FlatVector inputs, outputs;
    const char *refusal;
    Node *node;
    Variable **bound; /* control flow: per operand of the regions, the variable that it is a handle of, or NULL */
    uint32_t bound_count;
} Operation;

/* tflite_tensors.c: the tensor of that number; NULL after an error. */
Tensor *scope_tensor(Scope *scope, int32_t index);
/* Makes it a state that starts as TFLM's variables do. */
void reset_variable(Importer *importer, Tensor *tensor);
char *flat_text(Arena *arena, FlatVector string); /* printable, at most 1000 bytes */

/* tflite_sparse.c: the dense bytes of a sparse constant; NULL when its layout is not supported. */
const uint8_t *densify(Importer *importer, FlatTable sparsity, DType dtype, const Shape *shape, const uint8_t *values, uint64_t bytes);

/* tflite_labels.c: the labels of the first output, where the file brings them along. */
void read_labels(Model *model, const uint8_t *data, size_t bytes);

/* tflite_operators.c */
bool lower_operator(Scope *scope, int position);

/* tflite.c: subgraph `index` as a region, where handles of variables are no inputs and outputs; or as operators of the same
 * graph, in place of `node`, between its operands. */
bool import_region(Operation *operation, int32_t index, const char *name, Graph **region);
bool import_inline(Operation *operation, int32_t index, const Node *node);
/* The initial value of states from an initialisation subgraph. */
bool import_initialiser(Operation *operation, int32_t index);

#endif
