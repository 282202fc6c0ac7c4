/* SPDX-License-Identifier: MIT
 *
 * TFLite operators: one row of the table per builtin operator says which canonical operator it becomes and how its options
 * table turns into attributes; the few whose operands are arranged differently have a function of their own. Constant operands
 * that decide shapes stay operands: the canonical operators' shape rules turn them into attributes.
 */
#include "tflite.h"
#include "flexbuffer.h"

#include <math.h>
#include <string.h>

/* enum BuiltinOperator, in order. */
static const char *const builtin_names[] = {
    "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "DEPTH_TO_SPACE", "DEQUANTIZE",
    "EMBEDDING_LOOKUP", "FLOOR", "FULLY_CONNECTED", "HASHTABLE_LOOKUP", "L2_NORMALIZATION", "L2_POOL_2D",
    "LOCAL_RESPONSE_NORMALIZATION", "LOGISTIC", "LSH_PROJECTION", "LSTM", "MAX_POOL_2D", "MUL", "RELU",
    "RELU_N1_TO_1", "RELU6", "RESHAPE", "RESIZE_BILINEAR", "RNN", "SOFTMAX", "SPACE_TO_DEPTH", "SVDF", "TANH",
    "CONCAT_EMBEDDINGS", "SKIP_GRAM", "CALL", "CUSTOM", "EMBEDDING_LOOKUP_SPARSE", "PAD",
    "UNIDIRECTIONAL_SEQUENCE_RNN", "GATHER", "BATCH_TO_SPACE_ND", "SPACE_TO_BATCH_ND", "TRANSPOSE", "MEAN", "SUB",
    "DIV", "SQUEEZE", "UNIDIRECTIONAL_SEQUENCE_LSTM", "STRIDED_SLICE", "BIDIRECTIONAL_SEQUENCE_RNN", "EXP",
    "TOPK_V2", "SPLIT", "LOG_SOFTMAX", "DELEGATE", "BIDIRECTIONAL_SEQUENCE_LSTM", "CAST", "PRELU", "MAXIMUM",
    "ARG_MAX", "MINIMUM", "LESS", "NEG", "PADV2", "GREATER", "GREATER_EQUAL", "LESS_EQUAL", "SELECT", "SLICE",
    "SIN", "TRANSPOSE_CONV", "SPARSE_TO_DENSE", "TILE", "EXPAND_DIMS", "EQUAL", "NOT_EQUAL", "LOG", "SUM", "SQRT",
    "RSQRT", "SHAPE", "POW", "ARG_MIN", "FAKE_QUANT", "REDUCE_PROD", "REDUCE_MAX", "PACK", "LOGICAL_OR", "ONE_HOT",
    "LOGICAL_AND", "LOGICAL_NOT", "UNPACK", "REDUCE_MIN", "FLOOR_DIV", "REDUCE_ANY", "SQUARE", "ZEROS_LIKE",
    "FILL", "FLOOR_MOD", "RANGE", "RESIZE_NEAREST_NEIGHBOR", "LEAKY_RELU", "SQUARED_DIFFERENCE", "MIRROR_PAD",
    "ABS", "SPLIT_V", "UNIQUE", "CEIL", "REVERSE_V2", "ADD_N", "GATHER_ND", "COS", "WHERE", "RANK", "ELU",
    "REVERSE_SEQUENCE", "MATRIX_DIAG", "QUANTIZE", "MATRIX_SET_DIAG", "ROUND", "HARD_SWISH", "IF", "WHILE",
    "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5", "SCATTER_ND", "SELECT_V2", "DENSIFY", "SEGMENT_SUM",
    "BATCH_MATMUL", "PLACEHOLDER_FOR_GREATER_OP_CODES", "CUMSUM", "CALL_ONCE", "BROADCAST_TO", "RFFT2D", "CONV_3D",
    "IMAG", "REAL", "COMPLEX_ABS", "HASHTABLE", "HASHTABLE_FIND", "HASHTABLE_IMPORT", "HASHTABLE_SIZE",
    "REDUCE_ALL", "CONV_3D_TRANSPOSE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "BROADCAST_ARGS",
    "RANDOM_STANDARD_NORMAL", "BUCKETIZE", "RANDOM_UNIFORM", "MULTINOMIAL", "GELU", "DYNAMIC_UPDATE_SLICE",
    "RELU_0_TO_1", "UNSORTED_SEGMENT_PROD", "UNSORTED_SEGMENT_MAX", "UNSORTED_SEGMENT_SUM", "ATAN2",
    "UNSORTED_SEGMENT_MIN", "SIGN", "BITCAST", "BITWISE_XOR", "RIGHT_SHIFT", "STABLEHLO_LOGISTIC", "STABLEHLO_ADD",
    "STABLEHLO_DIVIDE", "STABLEHLO_MULTIPLY", "STABLEHLO_MAXIMUM", "STABLEHLO_RESHAPE", "STABLEHLO_CLAMP",
    "STABLEHLO_CONCATENATE", "STABLEHLO_BROADCAST_IN_DIM", "STABLEHLO_CONVOLUTION", "STABLEHLO_SLICE",
    "STABLEHLO_CUSTOM_CALL", "STABLEHLO_REDUCE", "STABLEHLO_ABS", "STABLEHLO_AND", "STABLEHLO_COSINE",
    "STABLEHLO_EXPONENTIAL", "STABLEHLO_FLOOR", "STABLEHLO_LOG", "STABLEHLO_MINIMUM", "STABLEHLO_NEGATE",
    "STABLEHLO_OR", "STABLEHLO_POWER", "STABLEHLO_REMAINDER", "STABLEHLO_RSQRT", "STABLEHLO_SELECT",
    "STABLEHLO_SUBTRACT", "STABLEHLO_TANH", "STABLEHLO_SCATTER", "STABLEHLO_COMPARE", "STABLEHLO_CONVERT",
    "STABLEHLO_DYNAMIC_SLICE", "STABLEHLO_DYNAMIC_UPDATE_SLICE", "STABLEHLO_PAD", "STABLEHLO_IOTA",
    "STABLEHLO_DOT_GENERAL", "STABLEHLO_REDUCE_WINDOW", "STABLEHLO_SORT", "STABLEHLO_WHILE", "STABLEHLO_GATHER",
    "STABLEHLO_TRANSPOSE", "DILATE", "STABLEHLO_RNG_BIT_GENERATOR", "REDUCE_WINDOW", "STABLEHLO_COMPOSITE",
    "STABLEHLO_SHIFT_LEFT", "STABLEHLO_CBRT", "STABLEHLO_CASE"};

enum { BUILTIN_COUNT = sizeof builtin_names / sizeof *builtin_names,
    BUILTIN_CUSTOM = 32 };

/* Tags of union BuiltinOptions and of BuiltinOptions2. */
/* clang-format off */
enum {
    OPTIONS_NONE = 0, OPTIONS_CONV_2D = 1, OPTIONS_DEPTHWISE_CONV_2D = 2, OPTIONS_POOL_2D = 5, OPTIONS_SVDF = 6,
    OPTIONS_FULLY_CONNECTED = 8, OPTIONS_SOFTMAX = 9, OPTIONS_CONCATENATION = 10, OPTIONS_ADD = 11, OPTIONS_L2_NORM = 12,
    OPTIONS_RESIZE_BILINEAR = 15, OPTIONS_CALL = 16, OPTIONS_RESHAPE = 17, OPTIONS_SPACE_TO_DEPTH = 19, OPTIONS_MUL = 21,
    OPTIONS_GATHER = 23, OPTIONS_REDUCER = 27, OPTIONS_SUB = 28, OPTIONS_DIV = 29, OPTIONS_SQUEEZE = 30,
    OPTIONS_STRIDED_SLICE = 32, OPTIONS_TRANSPOSE_CONV = 49, OPTIONS_PACK = 59, OPTIONS_UNPACK = 64,
    OPTIONS_SEQUENCE_LSTM = 71, OPTIONS_RESIZE_NEAREST = 74, OPTIONS_LEAKY_RELU = 75, OPTIONS_MIRROR_PAD = 77,
    OPTIONS_IF = 92, OPTIONS_WHILE = 93, OPTIONS_DEPTH_TO_SPACE = 94, OPTIONS_BATCH_MAT_MUL = 101, OPTIONS_CUM_SUM = 102,
    OPTIONS_CALL_ONCE = 103, OPTIONS_VAR_HANDLE = 111, OPTIONS_GELU = 116,
    OPTIONS_2_COMPOSITE = 21
};
/* clang-format on */

typedef enum FieldKind {
    FIELD_END,
    FIELD_INT, /* always set */
    FIELD_BOOL, /* set when true */
    FIELD_FLOAT,
    FIELD_INTS, /* set when not empty */
    FIELD_ACTIVATION, /* enum ActivationFunctionType; set when not NONE */
    FIELD_PADDING, /* enum Padding */
    FIELD_MIRROR, /* enum MirrorPadMode */
    FIELD_HEIGHT_WIDTH, /* two fields, width first; the attribute is [height, width] */
    FIELD_DILATION, /* the same; absent: 1; set when not 1 */
    FIELD_CONSTANT, /* the attribute is `slot` itself */
    FIELD_OUTPUT_DTYPE /* the attribute names output 0's type */
} FieldKind;

typedef struct Field {
    FieldKind kind;
    int slot;
    const char *attribute;
} Field;

typedef struct Row {
    int code;
    OpKind op;
    int options;
    Field fields[8];
    bool (*lower)(Operation *operation, const struct Row *row); /* NULL: operands as they stand */
} Row;

/* ---------------------------------------------------------------- refusals */

static void refuse(Operation *operation, const char *reason)
{
    if (operation->refusal == NULL)
        operation->refusal = reason;
}

static Arena *arena_of(const Operation *operation)
{
    return operation->scope->importer->model->arena;
}

/* Turns the node into one that only says what it would have been: inspection works, computing does not. */
static void make_unsupported(Operation *operation)
{
    Node *node = operation->node;
    int kept = 0;
    for (int i = 0; i < node->input_count; ++i)
        if (node->inputs[i] != NULL)
            node->inputs[kept++] = node->inputs[i];
    node->input_count = kept;
    node->op = OP_UNSUPPORTED;
    node->attribute_count = 0;
    node->region_count = 0;
    node_set_string(node, "operator", operation->name);
    node_set_string(node, "reason", operation->refusal);
}

/* ---------------------------------------------------------------- operands */

/* What nothing ever writes holds zeros: so it is in TFLM, where such a tensor lies in fresh memory of the arena. */
static bool assume_zeros(Operation *operation, int32_t index, Tensor *tensor)
{
    enum { MOST_BYTES = 1 << 16 }; /* it costs the file nothing */
    Scope *scope = operation->scope;
    if (scope->is_produced[index] || !tensor->shape_known || tensor_bytes(tensor) > MOST_BYTES)
        return error_at(operation->place, "it reads tensor \"%s\" before anything has written it", tensor->name);
    warning_at(operation->place, "nothing writes tensor \"%s\"; it is taken to be 0", tensor->name);
    tensor->kind = TENSOR_CONSTANT;
    tensor->data_bytes = (size_t)tensor_bytes(tensor);
    tensor->data = arena_alloc(arena_of(operation), tensor->data_bytes);
    scope->is_written[index] = true;
    return true;
}

/* The tensor with that number as something to read; NULL after an error, or for a resource handle, which is refused. */
static bool read_operand(Operation *operation, int32_t index, Tensor **operand)
{
    Scope *scope = operation->scope;
    *operand = NULL;
    if (index == -1)
        return true;
    if (index >= 0 && (uint32_t)index < scope->tensor_tables.count && scope->handles[index] != NULL) {
        refuse(operation, "a resource variable may only be read and assigned");
        return true;
    }
    *operand = scope_tensor(scope, index);
    if (*operand == NULL)
        return false;
    if (!scope->is_written[index] && !assume_zeros(operation, index, *operand))
        return false;
    if (scope->refusals[index] != NULL)
        refuse(operation, scope->refusals[index]);
    return true;
}

/* TFLite runs operators one after the other, and one may write over a tensor: from then on the number stands for a new one. */
static Tensor *next_version(Scope *scope, int32_t index)
{
    const Tensor *old = scope->tensors[index];
    Tensor *fresh = graph_add_tensor(scope->graph, old->name, old->dtype);
    fresh->shape = old->shape;
    fresh->shape_known = old->shape_known;
    fresh->quantisation = old->quantisation;
    return scope->tensors[index] = fresh;
}

static bool write_operand(Operation *operation, int32_t index, Tensor **operand)
{
    Scope *scope = operation->scope;
    *operand = scope_tensor(scope, index);
    if (*operand == NULL)
        return false;
    const bool again = scope->is_written[index];
    if (again && (scope->is_inlined || scope->handles[index] != NULL || (*operand)->kind == TENSOR_STATE))
        return error_at(operation->place, "it writes tensor \"%s\", which has its value already", (*operand)->name);
    if (again)
        *operand = next_version(scope, index);
    scope->is_written[index] = true;
    if (scope->refusals[index] != NULL)
        refuse(operation, scope->refusals[index]);
    return true;
}

static bool write_handle(Operation *operation, int32_t index, Variable *variable)
{
    Scope *scope = operation->scope;
    if (index < 0 || (uint32_t)index >= scope->tensor_tables.count || scope->is_written[index])
        return error_at(operation->place, "tensor %d cannot be the handle of a variable", (int)index);
    scope->handles[index] = variable;
    scope->is_written[index] = true;
    return true;
}

static int32_t input_index(const Operation *operation, int position)
{
    return position >= 0 && (uint32_t)position < operation->inputs.count ? flat_vector_i32(operation->inputs, (uint32_t)position) : -1;
}

static bool charge(Operation *operation, int operands)
{
    Importer *importer = operation->scope->importer;
    importer->operands_left -= operands;
    if (--importer->nodes_left < 0 || importer->operands_left < 0)
        return error_at(operation->place, "the file describes more operators and operands than its size allows");
    return true;
}

/* Adds the node. `order` gives, per canonical operand, the position of TFLite's (-1: absent); NULL: the same order. */
static bool build(Operation *operation, OpKind op, int count, const int *order)
{
    if (!charge(operation, count + (int)operation->outputs.count))
        return false;
    char *name = NULL;
    if (op == OP_UNSUPPORTED) {
        name = arena_string(arena_of(operation), operation->name);
        for (char *c = name; *c != '\0'; ++c)
            *c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
    }
    Node *node = graph_add_node(operation->scope->graph, op, name, count, (int)operation->outputs.count);
    operation->node = node;
    for (int i = 0; i < count; ++i)
        if (!read_operand(operation, input_index(operation, order != NULL ? order[i] : i), &node->inputs[i]))
            return false;
    node->output_count = 0;
    for (uint32_t i = 0; i < operation->outputs.count; ++i) {
        const int32_t index = flat_vector_i32(operation->outputs, i);
        Variable *variable = op == OP_WHILE && i < operation->bound_count ? operation->bound[i] : NULL;
        if (variable != NULL ? !write_handle(operation, index, variable) : !write_operand(operation, index, &node->outputs[node->output_count++]))
            return false;
    }
    return true;
}

static bool build_as_is(Operation *operation, OpKind op)
{
    return build(operation, op, (int)operation->inputs.count, NULL);
}

static bool build_unsupported(Operation *operation, const char *reason)
{
    refuse(operation, reason);
    return build_as_is(operation, OP_UNSUPPORTED);
}

/* ---------------------------------------------------------------- options */

/* TFLM's Add of int32 ignores its activation, unlike Sub, Mul and Div (micro/kernels/add.cc, EvalAdd), and so does its
 * quantised TransposeConv (transpose_conv.cc, CalculateOpData): there the output's quantisation stands for it. */
static bool ignores_activation(const Node *node)
{
    const DType dtype = node->output_count > 0 ? node->outputs[0]->dtype : DTYPE_NONE;
    return (node->op == OP_ADD && dtype == DTYPE_I32) ||
           (node->op == OP_TRANSPOSE_CONV_2D && (dtype == DTYPE_I8 || dtype == DTYPE_I16));
}

static void set_activation(Operation *operation, const Field *field)
{
    static const char *const names[] = {"none", "relu", "relu_n1_to_1", "relu6", "tanh", "sign_bit"};
    const unsigned activation = flat_u8(operation->options, field->slot, 0);
    const Node *node = operation->node;
    const OpKind op = node->op;
    const bool recurrent = op == OP_UNIDIRECTIONAL_SEQUENCE_LSTM || op == OP_SVDF;
    AttributeType type;
    if (activation == 0 || ignores_activation(node))
        return;
    if (activation < 4 || (activation == 4 && recurrent)) {
        node_set_string(operation->node, field->attribute, names[activation]);
        if (op_attribute_type(op, field->attribute, &type))
            return;
    }
    refuse(operation, arena_format(arena_of(operation), "the fused activation %s is not supported", activation < 6 ? names[activation] : "of unknown kind"));
}

static void set_choice(Operation *operation, const Field *field, const char *first, const char *second)
{
    const unsigned value = flat_u8(operation->options, field->slot, 0);
    if (value > 1)
        refuse(operation, arena_format(arena_of(operation), "%s has the unknown value %u", field->attribute, value));
    node_set_string(operation->node, field->attribute, value == 0 ? first : second);
}

static void set_height_width(Operation *operation, const Field *field, int32_t otherwise)
{
    const int64_t values[2] = {
        flat_i32(operation->options, field->slot + 1, otherwise),
        flat_i32(operation->options, field->slot, otherwise),
    };
    if (otherwise == 0 || values[0] != otherwise || values[1] != otherwise)
        node_set_ints(operation->node, field->attribute, 2, values);
}

static void set_ints(Operation *operation, const Field *field)
{
    const FlatVector vector = flat_vector(operation->options, field->slot, 4);
    if (vector.count == 0)
        return;
    if (vector.count > MAX_RANK) {
        refuse(operation, arena_format(arena_of(operation), "%s has %u values; at most %d are supported", field->attribute, (unsigned)vector.count, MAX_RANK));
        return;
    }
    int64_t values[MAX_RANK];
    for (uint32_t i = 0; i < vector.count; ++i)
        values[i] = flat_vector_i32(vector, i);
    node_set_ints(operation->node, field->attribute, (int)vector.count, values);
}

static void set_attribute(Operation *operation, const Field *field)
{
    const FlatTable options = operation->options;
    Node *node = operation->node;
    switch (field->kind) {
    case FIELD_END:
        break;
    case FIELD_INT:
        node_set_int(node, field->attribute, flat_i32(options, field->slot, 0));
        break;
    case FIELD_BOOL:
        if (flat_u8(options, field->slot, 0) != 0)
            node_set_int(node, field->attribute, 1);
        break;
    case FIELD_FLOAT:
        node_set_float(node, field->attribute, (double)flat_float(options, field->slot, 0.0f));
        break;
    case FIELD_INTS:
        set_ints(operation, field);
        break;
    case FIELD_ACTIVATION:
        set_activation(operation, field);
        break;
    case FIELD_PADDING:
        set_choice(operation, field, "same", "valid");
        break;
    case FIELD_MIRROR:
        set_choice(operation, field, "reflect", "symmetric");
        break;
    case FIELD_HEIGHT_WIDTH:
        set_height_width(operation, field, 0);
        break;
    case FIELD_DILATION:
        set_height_width(operation, field, 1);
        break;
    case FIELD_CONSTANT:
        node_set_int(node, field->attribute, field->slot);
        break;
    case FIELD_OUTPUT_DTYPE:
        if (node->output_count > 0)
            node_set_string(node, field->attribute, dtype_name(node->outputs[0]->dtype));
        break;
    }
}

static void set_attributes(Operation *operation, const Row *row)
{
    for (const Field *field = row->fields; field->kind != FIELD_END; ++field)
        set_attribute(operation, field);
}

static void set_shape_attribute(Node *node, const char *name, const Shape *shape)
{
    int64_t values[MAX_RANK];
    for (int i = 0; i < shape->rank; ++i)
        values[i] = shape->dim[i];
    node_set_ints(node, name, shape->rank, values);
}

/* ---------------------------------------------------------------- operators with arrangements of their own */

/* TFLite: output shape, weights, input, bias. TFLM takes the extents from the output tensor and never looks at operand 0,
 * which may even be an input of the model. */
static bool lower_transpose_conv(Operation *operation, const Row *row)
{
    static const int order[] = {2, 1, 3};
    if (!build(operation, row->op, operation->inputs.count > 3 ? 3 : 2, order))
        return false;
    set_attributes(operation, row);
    Node *node = operation->node;
    if (node->output_count == 1 && node->outputs[0]->shape_known) {
        set_shape_attribute(node, "output_shape", &node->outputs[0]->shape);
        return true;
    }
    Tensor *shape;
    if (!read_operand(operation, input_index(operation, 0), &shape))
        return false;
    if (!tensor_is_constant(shape) || shape->dtype != DTYPE_I32 || tensor_elements(shape) != 4) {
        refuse(operation, "its output shape is not known when compiling");
        return true;
    }
    int64_t values[4];
    for (int i = 0; i < 4; ++i)
        values[i] = element_int(shape->dtype, shape->data, i);
    node_set_ints(node, "output_shape", 4, values);
    return true;
}

/* TFLite: axis, input. */
static bool lower_split(Operation *operation, const Row *row)
{
    static const int order[] = {1, -1, 0};
    return build(operation, row->op, 3, order);
}

static bool lower_fully_connected(Operation *operation, const Row *row)
{
    if (!build_as_is(operation, row->op))
        return false;
    if (flat_u8(operation->options, 1, 0) != 0)
        refuse(operation, "weights in shuffled order are not supported");
    set_attributes(operation, row);
    return true;
}

/* Old files do not mark their states as variables; they have no value and nothing writes them. */
static bool declare_state(Operation *operation, int position)
{
    Scope *scope = operation->scope;
    const int32_t index = input_index(operation, position);
    Tensor *tensor = index == -1 ? NULL : scope_tensor(scope, index);
    if (tensor == NULL)
        return index == -1;
    const bool in_main = scope->graph == scope->importer->model->main; /* where states belong */
    if (in_main && !scope->is_written[index] && !scope->is_produced[index] && tensor->shape_known && tensor->dtype != DTYPE_NONE) {
        reset_variable(scope->importer, tensor);
        scope->is_written[index] = true;
    }
    return true;
}

static bool lower_svdf(Operation *operation, const Row *row)
{
    if (!declare_state(operation, 4) || !build_as_is(operation, row->op))
        return false;
    set_attributes(operation, row);
    return true;
}

/* The tensors between the gates exist only for their quantisation. */
static bool set_intermediates(Operation *operation)
{
    enum { LIMIT = 5 };
    const FlatVector intermediates = flat_vector(operation->table, OPERATOR_INTERMEDIATES, 4);
    double scales[LIMIT] = {0};
    int64_t zero_points[LIMIT] = {0};
    if (intermediates.count > LIMIT)
        refuse(operation, "the old form with more than 5 intermediate tensors is not supported");
    const int count = intermediates.count < LIMIT ? (int)intermediates.count : LIMIT;
    for (int i = 0; i < count; ++i) {
        const int32_t index = flat_vector_i32(intermediates, (uint32_t)i);
        if (index < 0)
            continue;
        const FlatTable tensor = flat_vector_table(operation->scope->tensor_tables, (uint32_t)index);
        const FlatTable parameters = flat_table(tensor, TENSOR_QUANTIZATION);
        const float scale = flat_vector_float(flat_vector(parameters, QUANTIZATION_SCALE, 4), 0);
        scales[i] = isfinite(scale) ? (double)scale : 0.0;
        zero_points[i] = flat_vector_i64(flat_vector(parameters, QUANTIZATION_ZERO_POINT, 8), 0);
    }
    if (count > 0) {
        node_set_floats(operation->node, "intermediate_scales", count, scales);
        node_set_ints(operation->node, "intermediate_zero_points", count, zero_points);
    }
    return true;
}

static bool lower_lstm(Operation *operation, const Row *row)
{
    enum { OUTPUT_STATE = 18,
        CELL_STATE = 19 };
    if (!declare_state(operation, OUTPUT_STATE) || !declare_state(operation, CELL_STATE) || !build_as_is(operation, row->op))
        return false;
    if (flat_u8(operation->options, 5, 0) != 0)
        refuse(operation, "diagonal recurrent weights are not supported");
    set_attributes(operation, row);
    return set_intermediates(operation);
}

/* ---------------------------------------------------------------- operators that are several, or others in disguise */

/* A tensor between two nodes that stand for one operator. */
static Tensor *between(const Operation *operation, const char *name, DType dtype)
{
    return graph_add_tensor(operation->scope->graph, name, dtype);
}

/* One node more: output = op(a, b); b may be NULL. */
static bool add_step(Operation *operation, OpKind op, Tensor *a, Tensor *b, Tensor *output)
{
    const int count = b != NULL ? 2 : 1;
    if (!charge(operation, count + 1))
        return false;
    Node *node = graph_add_node(operation->scope->graph, op, NULL, count, 1);
    node->inputs[0] = a;
    if (b != NULL)
        node->inputs[1] = b;
    node->outputs[0] = output;
    operation->node = node;
    return true;
}

/* All operands, read; false where one cannot be computed with, too: then the operator is refused or an error has been said. */
static bool read_operands(Operation *operation, Tensor **operands, int count)
{
    for (int i = 0; i < count; ++i)
        if (!read_operand(operation, input_index(operation, i), &operands[i]))
            return false;
    for (int i = 0; i < count; ++i)
        if (operands[i] == NULL)
            refuse(operation, "an operand is absent");
    return true;
}

/* The quantised form sums as CumSum does, its last row is the result. */
static bool lower_add_n_int8(Operation *operation, int count)
{
    const int64_t last[] = {count - 1}, end[] = {count}, stride[] = {1}, axis[] = {0};
    if (!build(operation, OP_PACK, count, NULL))
        return false;
    Tensor *sum = operation->node->outputs[0], *rows = between(operation, "rows", sum->dtype);
    Tensor *sums = between(operation, "partial_sums", sum->dtype);
    sums->quantisation = sum->quantisation;
    operation->node->outputs[0] = rows;
    node_set_int(operation->node, "axis", 0);
    if (!add_step(operation, OP_CUM_SUM, rows, NULL, sums))
        return false;
    node_set_ints(operation->node, "axis", 1, axis);
    if (!add_step(operation, OP_STRIDED_SLICE, sums, NULL, sum))
        return false;
    node_set_ints(operation->node, "begin", 1, last);
    node_set_ints(operation->node, "end", 1, end);
    node_set_ints(operation->node, "strides", 1, stride);
    node_set_int(operation->node, "shrink_axis_mask", 1);
    return true;
}

static void check_add_n(Operation *operation, Tensor *const *operands, int count)
{
    if (operation->refusal == NULL && (count < 1 || operation->outputs.count != 1))
        refuse(operation, "it needs an operand and one output");
    for (int i = 0; i < count && operation->refusal == NULL; ++i) {
        const Tensor *operand = operands[i];
        const bool is_plain = operand->dtype == DTYPE_F32 || (operand->dtype == DTYPE_I32 && !tensor_is_quantised(operand));
        const bool is_int8 = operand->dtype == DTYPE_I8 && is_per_tensor(operand) && is_per_tensor(operands[0]);
        if (!is_plain && !(is_int8 && same_quantisation(operand, operands[0])))
            refuse(operation, "its operands are neither float32, nor plain int32, nor int8 of one scale and zero point");
    }
}

/* A sum from the left (tensorflow/lite/kernels/internal/reference/add_n.h). */
static bool lower_add_n(Operation *operation, const Row *row)
{
    const int count = (int)operation->inputs.count;
    Tensor **operands = arena_array(arena_of(operation), (size_t)count + 1, sizeof(Tensor *));
    if (!read_operands(operation, operands, count))
        return false;
    check_add_n(operation, operands, count);
    if (operation->refusal != NULL)
        return build_as_is(operation, OP_UNSUPPORTED);
    if (operands[0]->dtype == DTYPE_I8)
        return lower_add_n_int8(operation, count);
    if (count == 1)
        return build_as_is(operation, OP_COPY);
    if (!build(operation, row->op, 2, NULL))
        return false;
    Tensor *sum = operation->node->outputs[0];
    for (int i = 2; i < count; ++i) {
        Tensor *partial = between(operation, "partial_sum", sum->dtype);
        operation->node->outputs[0] = partial;
        if (!add_step(operation, OP_ADD, partial, operands[i], sum))
            return false;
    }
    return true;
}

/* The root of the mean of squares (tensorflow/lite/kernels/internal/reference/pooling.h, L2Pool). */
static bool lower_l2_pool(Operation *operation, const Row *row)
{
    const unsigned activation = flat_u8(operation->options, 5, 0);
    if (activation > 1) /* nothing is negative: relu is none */
        refuse(operation, "a fused activation other than relu is not supported");
    if (operation->refusal != NULL || operation->outputs.count != 1)
        return build_unsupported(operation, "it needs one output");
    if (!build(operation, OP_SQUARE, 1, NULL))
        return false;
    Node *square = operation->node;
    if (square->inputs[0] != NULL && square->inputs[0]->dtype != DTYPE_F32)
        refuse(operation, "an operand of another type than float32 is not supported");
    if (operation->refusal != NULL)
        return true;
    Tensor *root = square->outputs[0], *mean = between(operation, "mean_square", root->dtype);
    square->outputs[0] = between(operation, "square", root->dtype);
    if (!add_step(operation, OP_AVERAGE_POOL_2D, square->outputs[0], NULL, mean))
        return false;
    set_attributes(operation, row);
    return add_step(operation, OP_SQRT, mean, NULL, root);
}

/* TFLite: rows, table. Rows of int8 may be dequantised on the way. */
static bool lower_embedding_lookup(Operation *operation, const Row *row)
{
    static const int order[] = {1, 0};
    if (!build(operation, row->op, 2, order))
        return false;
    Node *node = operation->node;
    node_set_int(node, "axis", 0);
    const Tensor *table = node->inputs[0];
    if (operation->refusal != NULL || table == NULL || node->output_count != 1)
        return true;
    Tensor *output = node->outputs[0];
    if (output->dtype == table->dtype)
        return true;
    if (output->dtype != DTYPE_F32 || table->quantisation.count != 1) {
        refuse(operation, "its table has not one scale, or its output another type than float32");
        return true;
    }
    Tensor *rows_found = between(operation, "rows", table->dtype);
    rows_found->quantisation = table->quantisation;
    node->outputs[0] = rows_found;
    return add_step(operation, OP_DEQUANTIZE, rows_found, NULL, output);
}

/* Zeros of the operand's shape. */
static bool lower_zeros_like(Operation *operation, const Row *row)
{
    static const int order[] = {-1, -1};
    static const uint64_t zero = 0;
    Tensor *like;
    if (!read_operands(operation, &like, 1))
        return false;
    if (like != NULL && (!like->shape_known || like->dtype == DTYPE_NONE || like->dtype == DTYPE_I4))
        refuse(operation, "its operand's type or shape is not known");
    if (operation->refusal != NULL)
        return build_as_is(operation, OP_UNSUPPORTED);
    if (!build(operation, row->op, 2, order))
        return false;
    operation->node->inputs[1] = graph_add_constant(operation->scope->graph, "zero", like->dtype, shape_of(0), &zero);
    set_shape_attribute(operation->node, "shape", &like->shape);
    return true;
}

/* A slice of all, with stride -1 along the axes that operand 1 names. */
static bool lower_reverse(Operation *operation, const Row *row)
{
    static const int order[] = {0, -1, -1, -1};
    Tensor *operands[2];
    if (!read_operands(operation, operands, 2))
        return false;
    const Tensor *input = operands[0], *axes = operands[1];
    if (operation->refusal == NULL && (!input->shape_known || !tensor_is_constant(axes) || axes->dtype != DTYPE_I32))
        refuse(operation, "its axes are no constant, or its operand's rank is not known");
    if (operation->refusal != NULL)
        return build_as_is(operation, OP_UNSUPPORTED);
    int64_t zeros[MAX_RANK] = {0}, strides[MAX_RANK];
    const int rank = input->shape.rank;
    for (int i = 0; i < rank; ++i)
        strides[i] = 1;
    for (int64_t i = 0; i < tensor_elements(axes); ++i) {
        const int64_t axis = element_int(axes->dtype, axes->data, i);
        if (axis < -rank || axis >= rank)
            return error_at(operation->place, "axis %d is out of range; the operand has rank %d", (int)axis, rank);
        strides[axis < 0 ? axis + rank : axis] = -1;
    }
    if (!build(operation, row->op, 4, order))
        return false;
    node_set_ints(operation->node, "begin", rank, zeros);
    node_set_ints(operation->node, "end", rank, zeros);
    node_set_ints(operation->node, "strides", rank, strides);
    node_set_int(operation->node, "begin_mask", (1 << rank) - 1);
    node_set_int(operation->node, "end_mask", (1 << rank) - 1);
    return true;
}

/* ---------------------------------------------------------------- resource variables */

static bool same_bytes(FlatVector a, FlatVector b)
{
    return a.count == b.count && memcmp(flat_vector_data(a), flat_vector_data(b), a.count) == 0;
}

/* NULL when there are more than any model has. */
static Variable *find_variable(Importer *importer, FlatVector container, FlatVector shared_name)
{
    enum { MOST_VARIABLES = 4096 };
    for (int i = 0; i < importer->variable_count; ++i) {
        Variable *variable = importer->variables[i];
        if (same_bytes(variable->shared_name, shared_name) && (container.count == 0 || same_bytes(variable->container, container)))
            return variable;
    }
    Arena *arena = importer->model->arena;
    if (importer->variable_count == MOST_VARIABLES)
        return NULL;
    Variable *variable = arena_alloc(arena, sizeof *variable);
    *variable = (Variable){.container = container, .shared_name = shared_name};
    ARENA_PUSH(arena, importer->variables, importer->variable_count, importer->variable_capacity);
    importer->variables[importer->variable_count++] = variable;
    return variable;
}

static bool lower_var_handle(Operation *operation, const Row *row)
{
    (void)row;
    Scope *scope = operation->scope;
    if (operation->outputs.count != 1)
        return error_at(operation->place, "it has %u outputs; a handle is one", (unsigned)operation->outputs.count);
    const FlatVector container = flat_string(operation->options, 0), shared_name = flat_string(operation->options, 1);
    Variable *variable = find_variable(scope->importer, container, shared_name);
    if (variable == NULL)
        return error_at(operation->place, "the model has too many variables");
    return charge(operation, 1) && write_handle(operation, flat_vector_i32(operation->outputs, 0), variable);
}

/* TFLM (MicroResourceVariables::Allocate) fills a fresh variable with the zero point's low byte, whatever its type. */
static const uint8_t *default_value(Arena *arena, const Tensor *state)
{
    const uint8_t byte = (uint8_t)(tensor_zero_point(state) & 255);
    if (byte == 0)
        return NULL;
    uint8_t *data = arena_alloc(arena, (size_t)tensor_bytes(state));
    memset(data, byte, (size_t)tensor_bytes(state));
    return data;
}

/* The variable that operand 0 names, with its state made after the first value that is read from or assigned to it.
 * NULL when refused. */
static Variable *variable_for(Operation *operation, const Tensor *value)
{
    Scope *scope = operation->scope;
    Importer *importer = scope->importer;
    const int32_t index = input_index(operation, 0);
    const bool known = index >= 0 && (uint32_t)index < scope->tensor_tables.count;
    Variable *variable = known ? scope->handles[index] : NULL;
    if (variable == NULL)
        refuse(operation, "its resource does not come from a VAR_HANDLE of the same subgraph");
    else if (!value->shape_known)
        refuse(operation, "the shape of the variable's value is not known");
    if (operation->refusal != NULL)
        return NULL;
    if (variable->state == NULL) {
        Tensor *state = graph_add_tensor(importer->model->main, flat_text(arena_of(operation), variable->shared_name), value->dtype);
        state->kind = TENSOR_STATE;
        state->shape = value->shape;
        state->shape_known = true;
        state->quantisation = value->quantisation;
        variable->state = state;
    }
    if (variable->state->dtype != value->dtype || tensor_elements(variable->state) != tensor_elements(value)) {
        refuse(operation, "the variable's values differ in type or size");
        return NULL;
    }
    return variable;
}

static bool lower_read_variable(Operation *operation, const Row *row)
{
    static const int order[] = {-1};
    if (!build(operation, row->op, 1, order))
        return false;
    if (operation->node->output_count != 1)
        return error_at(operation->place, "it has %d outputs; one is needed", operation->node->output_count);
    const Variable *variable = variable_for(operation, operation->node->outputs[0]);
    if (variable != NULL)
        operation->node->inputs[0] = variable->state;
    return true;
}

static bool lower_assign_variable(Operation *operation, const Row *row)
{
    static const int order[] = {-1, 1};
    if (!build(operation, row->op, 2, order))
        return false;
    Node *node = operation->node;
    if (node->inputs[1] == NULL && operation->refusal == NULL)
        return error_at(operation->place, "it has no value to assign");
    Variable *variable = node->inputs[1] != NULL ? variable_for(operation, node->inputs[1]) : NULL;
    if (variable == NULL)
        return true;
    node->inputs[0] = variable->state;
    Tensor *state = variable->state;
    if (!variable->initialised && state->data == NULL && (state->data = default_value(arena_of(operation), state)) != NULL)
        state->data_bytes = (size_t)tensor_bytes(state);
    return true;
}

static bool lower_call_once(Operation *operation, const Row *row)
{
    (void)row;
    const int32_t index = flat_i32(operation->options, 0, 0);
    if (operation->scope->importer->depth > 1)
        return build_unsupported(operation, "an initialisation inside of control flow is not supported");
    if (operation->inputs.count != 0 || operation->outputs.count != 0)
        return error_at(operation->place, "an initialisation must have no operands");
    return charge(operation, 0) && import_initialiser(operation, index);
}

/* ---------------------------------------------------------------- control flow */

/* Operands that are handles of variables are no tensors: the regions reach the variable's state by itself. Returns the
 * positions of the others. */
static int *bind_handles(Operation *operation, bool is_if, int *kept)
{
    const Scope *scope = operation->scope;
    const uint32_t count = operation->inputs.count, first = is_if && count > 0 ? 1 : 0;
    int *order = arena_array(arena_of(operation), (size_t)count + 1, sizeof *order);
    operation->bound = arena_array(arena_of(operation), (size_t)count + 1, sizeof(Variable *));
    operation->bound_count = count - first;
    *kept = 0;
    for (uint32_t i = 0; i < count; ++i) {
        const int32_t index = flat_vector_i32(operation->inputs, i);
        const bool known = index >= 0 && (uint32_t)index < scope->tensor_tables.count;
        if (i >= first && known && scope->handles[index] != NULL)
            operation->bound[i - first] = scope->handles[index];
        else
            order[(*kept)++] = (int)i;
    }
    return order;
}

/* Regions for the subgraphs that option fields 0 and 1 name. */
static bool lower_control(Operation *operation, const Row *row)
{
    static const char *const names[2][2] = {{"then", "else"}, {"condition", "body"}};
    int kept;
    const int *order = bind_handles(operation, row->op == OP_IF, &kept);
    if (!build(operation, row->op, kept, order))
        return false;
    if (operation->refusal != NULL)
        return true;
    Node *node = operation->node;
    node->regions = arena_array(arena_of(operation), 2, sizeof *node->regions);
    for (int i = 0; i < 2; ++i) {
        const int32_t subgraph = flat_i32(operation->options, i, -1);
        if (!import_region(operation, subgraph, names[row->op == OP_WHILE][i], &node->regions[i]))
            return false;
    }
    node->region_count = 2;
    return true;
}

/* The operators of a subgraph in place of the operator, which is built as an unsupported one and taken out again unless one of
 * its operands is refused. */
static bool lower_inline(Operation *operation, int32_t subgraph)
{
    Graph *graph = operation->scope->graph;
    if (!build_as_is(operation, OP_UNSUPPORTED))
        return false;
    const Node *node = operation->node;
    for (int i = 0; i < node->input_count; ++i)
        if (node->inputs[i] == NULL)
            refuse(operation, "an operand is absent");
    if (operation->refusal != NULL)
        return true;
    --graph->node_count;
    operation->node = NULL;
    return import_inline(operation, subgraph, node);
}

static bool lower_call(Operation *operation, const Row *row)
{
    (void)row;
    return lower_inline(operation, flat_i32(operation->options, 0, 0));
}

/* A composite operator carries its meaning as a subgraph of plain operators. */
static bool lower_composite(Operation *operation, const Row *row)
{
    (void)row;
    const FlatTable options = flat_table(operation->table, OPERATOR_OPTIONS_2);
    if (flat_u8(operation->table, OPERATOR_OPTIONS_2_TYPE, 0) != OPTIONS_2_COMPOSITE)
        return build_unsupported(operation, "it names no decomposition");
    return lower_inline(operation, flat_i32(options, 1, 0));
}

/* ---------------------------------------------------------------- the table */

#define ACTIVATION(slot) \
    { \
        FIELD_ACTIVATION, slot, "activation" \
    }
#define SAME_OR_VALID(slot) \
    { \
        FIELD_PADDING, slot, "padding" \
    }

/* clang-format off */
static const Row rows[] = {
    {0, OP_ADD, OPTIONS_ADD, {ACTIVATION(0)}, NULL},
    {1, OP_AVERAGE_POOL_2D, OPTIONS_POOL_2D,
        {SAME_OR_VALID(0), {FIELD_HEIGHT_WIDTH, 1, "stride"}, {FIELD_HEIGHT_WIDTH, 3, "filter"}, ACTIVATION(5)}, NULL},
    {2, OP_CONCATENATION, OPTIONS_CONCATENATION, {{FIELD_INT, 0, "axis"}, ACTIVATION(1)}, NULL},
    {3, OP_CONV_2D, OPTIONS_CONV_2D,
        {SAME_OR_VALID(0), {FIELD_HEIGHT_WIDTH, 1, "stride"}, ACTIVATION(3), {FIELD_DILATION, 4, "dilation"}}, NULL},
    {4, OP_DEPTHWISE_CONV_2D, OPTIONS_DEPTHWISE_CONV_2D,
        {SAME_OR_VALID(0), {FIELD_HEIGHT_WIDTH, 1, "stride"}, ACTIVATION(4), {FIELD_DILATION, 5, "dilation"}}, NULL},
    {5, OP_DEPTH_TO_SPACE, OPTIONS_DEPTH_TO_SPACE, {{FIELD_INT, 0, "block"}}, NULL},
    {6, OP_DEQUANTIZE, OPTIONS_NONE, {{0}}, NULL},
    {7, OP_GATHER, OPTIONS_NONE, {{0}}, lower_embedding_lookup},
    {8, OP_FLOOR, OPTIONS_NONE, {{0}}, NULL},
    {9, OP_FULLY_CONNECTED, OPTIONS_FULLY_CONNECTED, {ACTIVATION(0), {FIELD_BOOL, 2, "keep_dims"}}, lower_fully_connected},
    {11, OP_L2_NORMALIZATION, OPTIONS_L2_NORM, {ACTIVATION(0)}, NULL},
    {12, OP_AVERAGE_POOL_2D, OPTIONS_POOL_2D,
        {SAME_OR_VALID(0), {FIELD_HEIGHT_WIDTH, 1, "stride"}, {FIELD_HEIGHT_WIDTH, 3, "filter"}}, lower_l2_pool},
    {14, OP_LOGISTIC, OPTIONS_NONE, {{0}}, NULL},
    {17, OP_MAX_POOL_2D, OPTIONS_POOL_2D,
        {SAME_OR_VALID(0), {FIELD_HEIGHT_WIDTH, 1, "stride"}, {FIELD_HEIGHT_WIDTH, 3, "filter"}, ACTIVATION(5)}, NULL},
    {18, OP_MUL, OPTIONS_MUL, {ACTIVATION(0)}, NULL},
    {19, OP_RELU, OPTIONS_NONE, {{0}}, NULL},
    {20, OP_RELU_N1_TO_1, OPTIONS_NONE, {{0}}, NULL},
    {21, OP_RELU6, OPTIONS_NONE, {{0}}, NULL},
    {22, OP_RESHAPE, OPTIONS_RESHAPE, {{FIELD_INTS, 0, "shape"}}, NULL},
    {23, OP_RESIZE_BILINEAR, OPTIONS_RESIZE_BILINEAR,
        {{FIELD_BOOL, 2, "align_corners"}, {FIELD_BOOL, 3, "half_pixel_centers"}}, NULL},
    {25, OP_SOFTMAX, OPTIONS_SOFTMAX, {{FIELD_FLOAT, 0, "beta"}}, NULL},
    {26, OP_SPACE_TO_DEPTH, OPTIONS_SPACE_TO_DEPTH, {{FIELD_INT, 0, "block"}}, NULL},
    {27, OP_SVDF, OPTIONS_SVDF, {{FIELD_INT, 0, "rank"}, ACTIVATION(1)}, lower_svdf},
    {28, OP_TANH, OPTIONS_NONE, {{0}}, NULL},
    {31, OP_UNSUPPORTED, OPTIONS_CALL, {{0}}, lower_call},
    {34, OP_PAD, OPTIONS_NONE, {{0}}, NULL},
    {36, OP_GATHER, OPTIONS_GATHER, {{FIELD_INT, 0, "axis"}, {FIELD_INT, 1, "batch_dims"}}, NULL},
    {37, OP_BATCH_TO_SPACE_ND, OPTIONS_NONE, {{0}}, NULL},
    {38, OP_SPACE_TO_BATCH_ND, OPTIONS_NONE, {{0}}, NULL},
    {39, OP_TRANSPOSE, OPTIONS_NONE, {{0}}, NULL},
    {40, OP_MEAN, OPTIONS_REDUCER, {{FIELD_BOOL, 0, "keep_dims"}}, NULL},
    {41, OP_SUB, OPTIONS_SUB, {ACTIVATION(0)}, NULL},
    {42, OP_DIV, OPTIONS_DIV, {ACTIVATION(0)}, NULL},
    {43, OP_SQUEEZE, OPTIONS_SQUEEZE, {{FIELD_INTS, 0, "axes"}}, NULL},
    {44, OP_UNIDIRECTIONAL_SEQUENCE_LSTM, OPTIONS_SEQUENCE_LSTM,
        {ACTIVATION(0), {FIELD_FLOAT, 1, "cell_clip"}, {FIELD_FLOAT, 2, "projection_clip"}, {FIELD_BOOL, 3, "time_major"}}, lower_lstm},
    {45, OP_STRIDED_SLICE, OPTIONS_STRIDED_SLICE,
        {{FIELD_INT, 0, "begin_mask"}, {FIELD_INT, 1, "end_mask"}, {FIELD_INT, 2, "ellipsis_mask"},
            {FIELD_INT, 3, "new_axis_mask"}, {FIELD_INT, 4, "shrink_axis_mask"}, {FIELD_BOOL, 5, "offset"}}, NULL},
    {47, OP_EXP, OPTIONS_NONE, {{0}}, NULL},
    {49, OP_SPLIT, OPTIONS_NONE, {{0}}, lower_split},
    {50, OP_LOG_SOFTMAX, OPTIONS_NONE, {{0}}, NULL},
    {53, OP_CAST, OPTIONS_NONE, {{FIELD_OUTPUT_DTYPE, 0, "dtype"}}, NULL},
    {54, OP_PRELU, OPTIONS_NONE, {{0}}, NULL},
    {55, OP_MAXIMUM, OPTIONS_NONE, {{0}}, NULL},
    {56, OP_ARG_MAX, OPTIONS_NONE, {{FIELD_OUTPUT_DTYPE, 0, "dtype"}}, NULL},
    {57, OP_MINIMUM, OPTIONS_NONE, {{0}}, NULL},
    {58, OP_LESS, OPTIONS_NONE, {{0}}, NULL},
    {59, OP_NEG, OPTIONS_NONE, {{0}}, NULL},
    {60, OP_PAD, OPTIONS_NONE, {{0}}, NULL},
    {61, OP_GREATER, OPTIONS_NONE, {{0}}, NULL},
    {62, OP_GREATER_EQUAL, OPTIONS_NONE, {{0}}, NULL},
    {63, OP_LESS_EQUAL, OPTIONS_NONE, {{0}}, NULL},
    {64, OP_SELECT, OPTIONS_NONE, {{FIELD_CONSTANT, 1, "version"}}, NULL},
    {65, OP_SLICE, OPTIONS_NONE, {{0}}, NULL},
    {66, OP_SIN, OPTIONS_NONE, {{0}}, NULL},
    {67, OP_TRANSPOSE_CONV_2D, OPTIONS_TRANSPOSE_CONV,
        {SAME_OR_VALID(0), {FIELD_HEIGHT_WIDTH, 1, "stride"}, ACTIVATION(3)}, lower_transpose_conv},
    {69, OP_TILE, OPTIONS_NONE, {{0}}, NULL},
    {70, OP_EXPAND_DIMS, OPTIONS_NONE, {{0}}, NULL},
    {71, OP_EQUAL, OPTIONS_NONE, {{0}}, NULL},
    {72, OP_NOT_EQUAL, OPTIONS_NONE, {{0}}, NULL},
    {73, OP_LOG, OPTIONS_NONE, {{0}}, NULL},
    {74, OP_SUM, OPTIONS_REDUCER, {{FIELD_BOOL, 0, "keep_dims"}}, NULL},
    {75, OP_SQRT, OPTIONS_NONE, {{0}}, NULL},
    {76, OP_RSQRT, OPTIONS_NONE, {{0}}, NULL},
    {77, OP_SHAPE, OPTIONS_NONE, {{FIELD_OUTPUT_DTYPE, 0, "dtype"}}, NULL},
    {78, OP_POW, OPTIONS_NONE, {{0}}, NULL},
    {79, OP_ARG_MIN, OPTIONS_NONE, {{FIELD_OUTPUT_DTYPE, 0, "dtype"}}, NULL},
    {81, OP_REDUCE_PROD, OPTIONS_REDUCER, {{FIELD_BOOL, 0, "keep_dims"}}, NULL},
    {82, OP_REDUCE_MAX, OPTIONS_REDUCER, {{FIELD_BOOL, 0, "keep_dims"}}, NULL},
    {83, OP_PACK, OPTIONS_PACK, {{FIELD_INT, 1, "axis"}}, NULL},
    {84, OP_LOGICAL_OR, OPTIONS_NONE, {{0}}, NULL},
    {86, OP_LOGICAL_AND, OPTIONS_NONE, {{0}}, NULL},
    {87, OP_LOGICAL_NOT, OPTIONS_NONE, {{0}}, NULL},
    {88, OP_UNPACK, OPTIONS_UNPACK, {{FIELD_INT, 1, "axis"}}, NULL},
    {89, OP_REDUCE_MIN, OPTIONS_REDUCER, {{FIELD_BOOL, 0, "keep_dims"}}, NULL},
    {90, OP_FLOOR_DIV, OPTIONS_NONE, {{0}}, NULL},
    {91, OP_REDUCE_ANY, OPTIONS_REDUCER, {{FIELD_BOOL, 0, "keep_dims"}}, NULL},
    {92, OP_SQUARE, OPTIONS_NONE, {{0}}, NULL},
    {93, OP_FILL, OPTIONS_NONE, {{0}}, lower_zeros_like},
    {94, OP_FILL, OPTIONS_NONE, {{0}}, NULL},
    {95, OP_FLOOR_MOD, OPTIONS_NONE, {{0}}, NULL},
    {97, OP_RESIZE_NEAREST, OPTIONS_RESIZE_NEAREST,
        {{FIELD_BOOL, 0, "align_corners"}, {FIELD_BOOL, 1, "half_pixel_centers"}}, NULL},
    {98, OP_LEAKY_RELU, OPTIONS_LEAKY_RELU, {{FIELD_FLOAT, 0, "alpha"}}, NULL},
    {99, OP_SQUARED_DIFFERENCE, OPTIONS_NONE, {{0}}, NULL},
    {100, OP_MIRROR_PAD, OPTIONS_MIRROR_PAD, {{FIELD_MIRROR, 0, "mode"}}, NULL},
    {101, OP_ABS, OPTIONS_NONE, {{0}}, NULL},
    {102, OP_SPLIT, OPTIONS_NONE, {{0}}, NULL},
    {104, OP_CEIL, OPTIONS_NONE, {{0}}, NULL},
    {105, OP_STRIDED_SLICE, OPTIONS_NONE, {{0}}, lower_reverse},
    {106, OP_ADD, OPTIONS_NONE, {{0}}, lower_add_n},
    {107, OP_GATHER_ND, OPTIONS_NONE, {{0}}, NULL},
    {108, OP_COS, OPTIONS_NONE, {{0}}, NULL},
    {111, OP_ELU, OPTIONS_NONE, {{0}}, NULL},
    {114, OP_QUANTIZE, OPTIONS_NONE, {{0}}, NULL},
    {116, OP_ROUND, OPTIONS_NONE, {{0}}, NULL},
    {117, OP_HARD_SWISH, OPTIONS_NONE, {{0}}, NULL},
    {118, OP_IF, OPTIONS_IF, {{0}}, lower_control},
    {119, OP_WHILE, OPTIONS_WHILE, {{0}}, lower_control},
    {123, OP_SELECT, OPTIONS_NONE, {{FIELD_CONSTANT, 2, "version"}}, NULL},
    {124, OP_COPY, OPTIONS_NONE, {{0}}, NULL}, /* DENSIFY: the constant has been made dense already */
    {126, OP_BATCH_MAT_MUL, OPTIONS_BATCH_MAT_MUL, {{FIELD_BOOL, 0, "transpose_a"}, {FIELD_BOOL, 1, "transpose_b"}}, NULL},
    {128, OP_CUM_SUM, OPTIONS_CUM_SUM, {{FIELD_BOOL, 0, "exclusive"}, {FIELD_BOOL, 1, "reverse"}}, NULL},
    {129, OP_UNSUPPORTED, OPTIONS_CALL_ONCE, {{0}}, lower_call_once},
    {130, OP_BROADCAST_TO, OPTIONS_NONE, {{0}}, NULL},
    {140, OP_REDUCE_ALL, OPTIONS_REDUCER, {{FIELD_BOOL, 0, "keep_dims"}}, NULL},
    {142, OP_UNSUPPORTED, OPTIONS_VAR_HANDLE, {{0}}, lower_var_handle},
    {143, OP_READ_STATE, OPTIONS_NONE, {{0}}, lower_read_variable},
    {144, OP_ASSIGN_STATE, OPTIONS_NONE, {{0}}, lower_assign_variable},
    {150, OP_GELU, OPTIONS_GELU, {{FIELD_BOOL, 0, "approximate"}}, NULL},
    {151, OP_DYNAMIC_UPDATE_SLICE, OPTIONS_NONE, {{0}}, NULL},
    {206, OP_UNSUPPORTED, OPTIONS_NONE, {{0}}, lower_composite},
};
/* clang-format on */

/* TFLM's signal library: custom operators whose options are a FlexBuffers map of integers. `keys` alternate the map's key and
 * the attribute it becomes. */
typedef struct SignalRow {
    const char *name;
    OpKind op;
    const char *keys[20];
} SignalRow;

/* clang-format off */
static const SignalRow signal_rows[] = {
    {"SignalWindow", OP_SIGNAL_WINDOW, {"shift", "shift"}},
    {"SignalFftAutoScale", OP_SIGNAL_FFT_AUTO_SCALE, {NULL}},
    {"SignalRfft", OP_SIGNAL_RFFT, {"fft_length", "fft_length"}},
    {"SignalEnergy", OP_SIGNAL_ENERGY, {"start_index", "start_index", "end_index", "end_index"}},
    {"SignalFilterBank", OP_SIGNAL_FILTER_BANK, {"num_channels", "channels"}},
    {"SignalFilterBankSquareRoot", OP_SIGNAL_FILTER_BANK_SQUARE_ROOT, {NULL}},
    {"SignalFilterBankSpectralSubtraction", OP_SIGNAL_FILTER_BANK_SPECTRAL_SUBTRACTION,
        {"num_channels", "channels", "smoothing", "smoothing", "one_minus_smoothing", "one_minus_smoothing",
            "alternate_smoothing", "alternate_smoothing", "alternate_one_minus_smoothing", "alternate_one_minus_smoothing",
            "smoothing_bits", "smoothing_bits", "min_signal_remaining", "min_signal_remaining", "clamping", "clamping",
            "spectral_subtraction_bits", "spectral_subtraction_bits"}},
    {"SignalPCAN", OP_SIGNAL_PCAN, {"snr_shift", "snr_shift"}},
    {"SignalFilterBankLog", OP_SIGNAL_FILTER_BANK_LOG,
        {"output_scale", "output_scale", "input_correction_bits", "input_correction_bits"}},
};
/* clang-format on */

/* Spectral subtraction keeps a noise estimate per channel from call to call; the file does not mention it. */
static void add_noise_estimate(Operation *operation)
{
    enum { MOST_CHANNELS = 1 << 16 };
    Node *node = operation->node;
    const int64_t channels = node_int(node, "channels", 0);
    if (channels <= 0 || channels > MOST_CHANNELS) {
        refuse(operation, "it has no plausible number of channels");
        return;
    }
    Tensor *state = graph_add_tensor(operation->scope->importer->model->main, "noise_estimate", DTYPE_U32);
    state->kind = TENSOR_STATE;
    state->shape = shape_of(1, (int32_t)channels);
    state->shape_known = true;
    node->inputs[1] = state;
}

static bool lower_signal(Operation *operation, const SignalRow *row)
{
    const bool subtraction = row->op == OP_SIGNAL_FILTER_BANK_SPECTRAL_SUBTRACTION;
    if (subtraction ? !build(operation, row->op, 2, (const int[]){0, -1}) : !build_as_is(operation, row->op))
        return false;
    const FlatVector options = flat_vector(operation->table, OPERATOR_CUSTOM_OPTIONS, 1);
    for (const char *const *key = row->keys; *key != NULL; key += 2) {
        int64_t value;
        if (flex_map_int(flat_vector_data(options), options.count, key[0], &value))
            node_set_int(operation->node, key[1], value);
        else
            refuse(operation, arena_format(arena_of(operation), "its options lack \"%s\"", key[0]));
    }
    if (subtraction)
        add_noise_estimate(operation);
    return true;
}

/* MediaPipe's transposed convolution with a bias. The options are the bytes of TfLiteTransposeConvParams: padding (1 same,
 * 2 valid), stride of the width, stride of the height. */
static bool lower_transpose_conv_bias(Operation *operation)
{
    const FlatVector options = flat_vector(operation->table, OPERATOR_CUSTOM_OPTIONS, 1);
    if (options.count < 12)
        return build_unsupported(operation, "its options are incomplete");
    if (!build_as_is(operation, OP_TRANSPOSE_CONV_2D))
        return false;
    Node *node = operation->node;
    const uint8_t *bytes = flat_vector_data(options);
    const int64_t stride[2] = {bytes[8], bytes[4]};
    node_set_string(node, "padding", bytes[0] == 2 ? "valid" : "same");
    node_set_ints(node, "stride", 2, stride);
    if (node->output_count == 1 && node->outputs[0]->shape_known)
        set_shape_attribute(node, "output_shape", &node->outputs[0]->shape);
    return true;
}

static const Row *find_row(int code)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i)
        if (rows[i].code == code)
            return &rows[i];
    return NULL;
}

static const SignalRow *find_signal_row(const char *name)
{
    for (size_t i = 0; i < sizeof signal_rows / sizeof *signal_rows; ++i)
        if (strcmp(signal_rows[i].name, name) == 0)
            return &signal_rows[i];
    return NULL;
}

/* ---------------------------------------------------------------- one operator */

/* The operator's code and name. Codes above 127 are only in the newer field, smaller ones in both or only in the older. */
static bool open_operation(Operation *operation, int position)
{
    Importer *importer = operation->scope->importer;
    Arena *arena = importer->model->arena;
    const char *where = operation->scope->index == 0 ? "" : arena_format(arena, " of subgraph %d", operation->scope->index);
    operation->place = arena_format(arena, "%s: operator %d%s", importer->model->path, position, where);
    const uint32_t opcode = flat_u32(operation->table, OPERATOR_OPCODE, 0);
    if (opcode >= importer->operator_codes.count)
        return error_at(operation->place, "its operator code is %u; the file has %u", (unsigned)opcode, (unsigned)importer->operator_codes.count);
    const FlatTable code = flat_vector_table(importer->operator_codes, opcode);
    const int old_code = flat_i8(code, CODE_DEPRECATED_BUILTIN, 0), new_code = flat_i32(code, CODE_BUILTIN, 0);
    operation->code = new_code > old_code ? new_code : old_code;
    if (operation->code == BUILTIN_CUSTOM)
        operation->name = arena_format(arena, "CUSTOM:%s", flat_text(arena, flat_string(code, CODE_CUSTOM)));
    else if (operation->code >= 0 && operation->code < BUILTIN_COUNT)
        operation->name = builtin_names[operation->code];
    else
        operation->name = arena_format(arena, "BUILTIN_%d", operation->code);
    operation->place = arena_format(arena, "%s (%s)", operation->place, operation->name);
    operation->inputs = flat_vector(operation->table, OPERATOR_INPUTS, 4);
    operation->outputs = flat_vector(operation->table, OPERATOR_OUTPUTS, 4);
    return true;
}

static bool lower_custom(Operation *operation)
{
    const char *name = operation->name + strlen("CUSTOM:");
    const SignalRow *signal_row = find_signal_row(name);
    if (signal_row != NULL)
        return lower_signal(operation, signal_row);
    if (strcmp(name, "Convolution2DTransposeBias") == 0)
        return lower_transpose_conv_bias(operation);
    return build_unsupported(operation, "the operator is not supported");
}

static bool lower_builtin(Operation *operation, const Row *row)
{
    if (row == NULL)
        return build_unsupported(operation, "the operator is not supported");
    if (flat_u8(operation->table, OPERATOR_OPTIONS_TYPE, 0) == row->options)
        operation->options = flat_table(operation->table, OPERATOR_OPTIONS);
    if (row->lower != NULL)
        return row->lower(operation, row);
    if (!build_as_is(operation, row->op))
        return false;
    set_attributes(operation, row);
    return true;
}

bool lower_operator(Scope *scope, int position)
{
    const FlatVector listed = flat_vector(scope->table, SUBGRAPH_OPERATORS, 4);
    Operation operation = {
        .scope = scope,
        .table = flat_vector_table(listed, (uint32_t)position),
        .options = {.buffer = &scope->importer->file},
    };
    if (!open_operation(&operation, position))
        return false;
    const bool custom = operation.code == BUILTIN_CUSTOM;
    if (custom ? !lower_custom(&operation) : !lower_builtin(&operation, find_row(operation.code)))
        return false;
    if (operation.refusal != NULL && operation.node != NULL)
        make_unsupported(&operation);
    return true;
}
