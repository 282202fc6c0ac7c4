/* SPDX-License-Identifier: MIT
 *
 * The map of the house: every shared type and function of the compiler, under the file that defines it.
 * Dependencies point one way: main -> import, passes, plan, emit, report -> ops -> graph -> base.
 */
#ifndef ETCH_COMPILER_H
#define ETCH_COMPILER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define ETCH_VERSION "0.1.0"

enum { MAX_RANK = 8 }; /* TFLite models in the field stay at 6 or below */

/* What a process ends with. */
enum { EXIT_OK = 0, EXIT_WORK_FAILED = 1, EXIT_BAD_USAGE = 2, EXIT_BAD_INPUT = 3 };

typedef struct Arena Arena;
typedef struct Tensor Tensor;
typedef struct Node Node;
typedef struct Graph Graph;
typedef struct Model Model;
typedef struct Facts Facts;
typedef struct Target Target;
typedef struct CompileOptions CompileOptions;
typedef struct Tuning Tuning;

/* ---------------------------------------------------------------- base.c: memory, text, diagnostics */

/* A region allocator. Everything a compile allocates lives in the model's arena and is freed with it. Memory is zeroed and
 * aligned to 16 bytes. Running out, or over the limit (0: none), ends the work through fatal(). */
Arena *arena_new(size_t limit_bytes);
void arena_free(Arena *arena);
void *arena_alloc(Arena *arena, size_t bytes);
void *arena_array(Arena *arena, size_t count, size_t element_bytes); /* count * element_bytes, overflow-checked */
void *arena_copy(Arena *arena, const void *data, size_t bytes);
char *arena_string(Arena *arena, const char *text);
char *arena_format(Arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Grows an arena-held array so that index `count` exists; doubles. */
#define ARENA_PUSH(arena, array, count, capacity)                                                                          \
    ((count) < (capacity)                                                                                                  \
         ? (void)0                                                                                                         \
         : (void)((array) = arena_grow((arena), (array), sizeof *(array), (count), &(capacity))))
void *arena_grow(Arena *arena, void *array, size_t element_bytes, int count, int *capacity);

/* Prints "PLACE: fact; remedy" to stderr (place may be NULL) and returns false, so that a rule can `return error_at(...)`. */
bool error_at(const char *place, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same with the place "MODEL: node "NAME" (OP)". */
bool node_error(const Node *node, const char *format, ...) __attribute__((format(printf, 2, 3)));
void warning_at(const char *place, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Ends the work: prints, then calls fatal_hook (fuzzing returns to its loop there) or exits with `status`. */
_Noreturn void fatal(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
extern void (*fatal_hook)(int status);
extern bool diagnostics_quiet;
extern unsigned long diagnostics_count; /* so far, shown or not */

/* A growing text, for output files; freed with buffer_free. */
typedef struct Buffer {
    char *data;
    size_t length, capacity;
} Buffer;
void buffer_append(Buffer *buffer, const void *data, size_t bytes);
void buffer_printf(Buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buffer_free(Buffer *buffer);

/* Reads a whole file into the arena (at most 4 GiB); NULL after an error message. A 0 byte follows the data. */
uint8_t *read_file(Arena *arena, const char *path, size_t *bytes);
/* Writes to PATH.tmp and renames: no half-written output is ever visible under `path`. */
bool write_file(const char *path, const void *data, size_t bytes);
int64_t greatest_common_divisor(int64_t a, int64_t b);                  /* both >= 0 */
uint32_t crc32_of(const void *data, size_t bytes);                      /* zlib's polynomial and conventions */
char *path_join(Arena *arena, const char *folder, const char *name);
char *path_directory(Arena *arena, const char *path);                   /* "." when there is none */
char *path_stem(Arena *arena, const char *path);                        /* file name without folder and last extension */
char *identifier_from(Arena *arena, const char *text);                  /* a lower-case C identifier */

/* ---------------------------------------------------------------- graph.c: tensors, nodes, graphs */

/* The order is that of dtype_info in graph.c. */
typedef enum DType {
    DTYPE_NONE, DTYPE_F32, DTYPE_F64, DTYPE_F16, DTYPE_BF16, DTYPE_BOOL,
    DTYPE_I4, DTYPE_I8, DTYPE_I16, DTYPE_I32, DTYPE_I64, DTYPE_U8, DTYPE_U16, DTYPE_U32, DTYPE_U64,
    DTYPE_COUNT
} DType;

const char *dtype_name(DType dtype);    /* as in the native format: "int8", "float32" */
const char *dtype_ctype(DType dtype);   /* in generated C: "int8_t", "float" (f16, bf16: "uint16_t"; i4: "uint8_t") */
DType dtype_from_name(const char *name); /* DTYPE_NONE when unknown */
size_t dtype_bits(DType dtype);
bool dtype_is_integer(DType dtype);     /* any width, either sign; not bool */
bool dtype_is_float(DType dtype);
bool dtype_is_signed(DType dtype);
int64_t dtype_min(DType dtype);         /* integers: the least value; u64 is capped at INT64_MAX */
int64_t dtype_max(DType dtype);

typedef struct Shape {
    int rank;
    int32_t dim[MAX_RANK]; /* >= 0 */
} Shape;

Shape shape_of(int rank, ...);                    /* shape_of(2, 3, 4) */
Shape shape_from(int rank, const int32_t *dim);
bool shape_equal(const Shape *a, const Shape *b);
int64_t shape_elements(const Shape *shape);       /* 1 for rank 0; never overflows: checked by shape_is_valid */
bool shape_is_valid(const Shape *shape);          /* rank and extents in range, fewer than 2^31 elements */
/* Text like "[1, 49, 10, 1]", in the caller's buffer of at least 112 bytes; returns it. */
char *shape_text(const Shape *shape, char *text);

/* real = scale * (integer - zero_point); count is 0 (not quantised), 1 (per tensor) or the extent of `axis`. */
typedef struct Quantisation {
    int count;
    int axis;
    const float *scale;
    const int32_t *zero_point;
} Quantisation;

typedef enum TensorKind { TENSOR_TEMPORARY, TENSOR_INPUT, TENSOR_CONSTANT, TENSOR_STATE } TensorKind;

/* Where a tensor's bytes are at run time: set by the planner. */
typedef enum StorageKind { STORAGE_NONE, STORAGE_ARENA, STORAGE_INPUT, STORAGE_OUTPUT, STORAGE_CONSTANT, STORAGE_STATE, STORAGE_ROW } StorageKind;

struct Tensor {
    const char *name;       /* unique in the model */
    const char *identifier; /* unique C identifier without the model's prefix; set by passes/names.c */
    DType dtype;
    Shape shape;            /* importers fill in what the file declares; passes/infer.c makes it true */
    bool shape_known;       /* false until inferred or given */
    TensorKind kind;
    bool is_output;         /* one of the entry's outputs */
    Quantisation quantisation;
    const uint8_t *data;    /* constant: its bytes (little-endian); state: initial bytes, NULL for all zero */
    size_t data_bytes;
    int index;              /* position in graph->tensors */
    bool is_table;          /* made from a fact, not from the model */
    bool is_weight;         /* constant: model data (flash_weights); a table that is not counts as flash_const */
    bool is_row;            /* in the region of Rows: its address is passed along, it has no place of its own */
    void *value;            /* the interpreter's bytes while it runs */
    int readers;            /* scratch of the interpreter and of passes */
    int mark;
    /* planner's results (plan/): */
    Tensor *alias_of;       /* its bytes are this tensor's, from byte alias_offset on */
    int64_t alias_offset;
    Tensor *next_alias;     /* the others that share the root's bytes, from the root on; plan/sharing.c */
    Node *producer;         /* set by plan/liveness.c */
    StorageKind storage;
    int64_t offset;         /* bytes into the arena */
    int first_use, last_use; /* half-open life [first_use, last_use + 1) in steps of the linearised program */
};

int64_t tensor_elements(const Tensor *tensor);
int64_t tensor_bytes(const Tensor *tensor);       /* i4: rounded up to whole bytes */
bool tensor_is_constant(const Tensor *tensor);    /* false for NULL */
bool tensor_is_quantised(const Tensor *tensor);
float tensor_scale(const Tensor *tensor);         /* per-tensor scale; 0 when not quantised */
int32_t tensor_zero_point(const Tensor *tensor);  /* per-tensor zero point; 0 when not quantised */
/* Element `index` of constant or interpreter data of the given type, converted. */
int64_t element_int(DType dtype, const void *data, int64_t index);
double element_float(DType dtype, const void *data, int64_t index);
void element_set_int(DType dtype, void *data, int64_t index, int64_t value);   /* no saturation: the caller clamps */
void element_set_float(DType dtype, void *data, int64_t index, double value);
float half_to_float(uint16_t half);
uint16_t float_to_half(float value);

typedef enum AttributeType { ATTRIBUTE_INT, ATTRIBUTE_FLOAT, ATTRIBUTE_STRING, ATTRIBUTE_INTS, ATTRIBUTE_FLOATS } AttributeType;

typedef struct Attribute {
    const char *name;
    AttributeType type;
    int count;              /* INTS, FLOATS */
    int64_t integer;        /* INT; booleans are 0 and 1 */
    double real;            /* FLOAT */
    const char *text;       /* STRING */
    const int64_t *integers;
    const double *reals;
} Attribute;

typedef enum OpKind {
#define OP(kind, name, family, inputs, outputs, traits, attributes) OP_##kind,
#include "ops.def"
#undef OP
    OP_COUNT
} OpKind;

/* How a node's kernel walks its image. It decides how far the output may run over an input that ends there, and what it
 * needs of scratch (plan/overlap.c). All zero: what every kernel can do; the fastest, output and input apart. */
typedef enum Staging { STAGING_NONE, STAGING_PIXEL, STAGING_ROW, STAGING_CHANNELS } Staging;
typedef struct KernelForm {
    bool direct;            /* windows are clipped where they are read; otherwise padded rows are copied to scratch */
    bool once;              /* no output is computed twice: the blocks at the end do not overlap those before them */
    bool backwards;         /* from the last pixel to the first */
    bool lean;              /* not one of the target's kernels that keep prepared values in scratch */
    Staging staging;        /* what is computed before any of it is stored; CHANNELS: depthwise, in place by blocks of channels */
} KernelForm;

/* How a node in the region of Rows comes by what it reads, row by row: ops/rows.c. Row and column numbers are those of the
 * whole tensors that the region's rows stand for. */
typedef struct RowStage {
    int operand;            /* the input that the rows come in by */
    int source;             /* the region's node that makes them; -1: they are taken from a whole tensor */
    int whole;              /* source -1: which input of the Rows node */
    bool window;            /* they stand in a buffer with their padding; otherwise a row is passed on or read where it lies */
    int32_t rows, stride, pad_top, pad_left; /* row y reads [y * stride - pad_top, ... + rows) */
    int32_t source_height, source_width;
    int32_t height, width;  /* of the tensor whose rows it makes */
    int side_operand, side; /* another operand: row y of that input of the Rows node; -1: none */
    int32_t column_step, column_shift; /* several strips: for outputs from column x on, its own begin at x * step - shift */
} RowStage;

typedef struct RowPlan {
    RowStage *stages;       /* one per node of the region, each the source of the next */
    int count;
    int32_t strips, columns; /* the image is made in so many strips of so many columns; 1: in one */
} RowPlan;

struct Node {
    OpKind op;
    const char *name;       /* unique in the model */
    Model *model;
    Graph *graph;           /* the graph that holds it */
    Tensor **inputs;        /* NULL for an absent optional input */
    int input_count;
    Tensor **outputs;
    int output_count;
    Attribute *attributes;
    int attribute_count, attribute_capacity;
    Graph **regions;        /* If: then, else. While: condition, body */
    int region_count;
    RowPlan *rows;          /* Rows only */
    int repeats;            /* in the region of Rows: how often it is executed in a call; 0: not known to be other than once */
    KernelForm form;        /* set by plan/; before passes/select.c makes the facts that go with it */
    Facts *facts;           /* set by passes/select.c */
    const char *variant;    /* template's name; set by passes/select.c */
    const char *variant_reason;
    const char *variant_name; /* as tuning files call it */
    int mark;               /* scratch of passes */
    int step, last_step;    /* span in the linearised program (regions included); set by plan/liveness.c */
};

/* Nodes stand in topological (execution) order. Regions of control-flow nodes are graphs of their own, with the tensors they
 * use; they see no tensor of the enclosing graph. */
struct Graph {
    Model *model;
    const char *name;
    Tensor **tensors;
    int tensor_count, tensor_capacity;
    Node **nodes;
    int node_count, node_capacity;
    Tensor **inputs;
    int input_count;
    Tensor **outputs;
    int output_count;
};

typedef enum Optimize { OPTIMIZE_SPEED, OPTIMIZE_BALANCED, OPTIMIZE_SIZE, OPTIMIZE_RAM } Optimize;

struct Model {
    Arena *arena;
    const char *path;       /* as given on the command line, for messages */
    const char *name;       /* the C prefix before sanitising */
    const char *prefix;     /* the C prefix; set by passes/names.c */
    const char *format;     /* "tflite", "etch" */
    uint32_t digest;        /* CRC-32 of the model's files */
    int64_t file_bytes;
    Graph *main;            /* the entry `invoke` */
    bool single_rounding;   /* --rounding=single */
    Optimize optimize;      /* --optimize */
    Target *target;         /* while kernels are selected and planned: whose */
    const char **labels;
    int label_count;
    const char *provenance; /* the native format's section, as JSON text, kept for convert; NULL */
    const char *preprocess; /* likewise */
    void *tensor_names, *node_names; /* graph.c's sets of names in use */
    int64_t folding_work;   /* spent by pass_infer on evaluating nodes */
    int op_counts[OP_COUNT];         /* for names like "conv2d_2" */
    /* planner's results */
    int64_t arena_bytes, arena_lower_bound, state_bytes;
    int64_t extra_macs;     /* of patches: what their strips make twice */
    bool arena_optimal;
    bool io_in_arena;       /* --io=arena */
    bool slices_apart;      /* slices and parts of concatenations have bytes of their own */
    int step_count;
    int64_t order_own_peak, order_peak, order_bound; /* order_nodes: live bytes by the model's own order, by the one taken, by any (0: not known) */
};

Model *model_new(const char *path, size_t arena_limit);
void model_free(Model *model);
Graph *graph_new(Model *model, const char *name);
Tensor *graph_add_tensor(Graph *graph, const char *name, DType dtype);  /* the name is made unique */
Tensor *graph_add_constant(Graph *graph, const char *name, DType dtype, Shape shape, const void *data); /* data: not copied */
Node *graph_add_node(Graph *graph, OpKind op, const char *name, int inputs, int outputs); /* name NULL: "conv2d_1" style */
void graph_insert_node(Graph *graph, int position, Node *node);         /* node made by node_new */
Node *node_new(Graph *graph, OpKind op, const char *name, int inputs, int outputs); /* not yet in the graph */
void graph_remove_nodes(Graph *graph, bool (*dead)(const Node *node));
void graph_replace_uses(Graph *graph, Tensor *old_tensor, Tensor *new_tensor); /* inputs of nodes and graph outputs */
void graph_clear_marks(const Graph *graph);                              /* tensor->mark = 0, regions included */
void graph_dump(const Graph *graph, FILE *file);
void tensor_quantise(Graph *graph, Tensor *tensor, float scale, int32_t zero_point);

/* Attributes. The getters return the default when the attribute is absent. */
void node_set_int(Node *node, const char *name, int64_t value);
void node_set_float(Node *node, const char *name, double value);
void node_set_string(Node *node, const char *name, const char *text);
void node_set_ints(Node *node, const char *name, int count, const int64_t *values);
void node_set_floats(Node *node, const char *name, int count, const double *values);
const Attribute *node_attribute(const Node *node, const char *name);    /* NULL when absent */
bool node_has(const Node *node, const char *name);
int64_t node_int(const Node *node, const char *name, int64_t otherwise);
double node_float(const Node *node, const char *name, double otherwise);
const char *node_string(const Node *node, const char *name, const char *otherwise);
/* Element `index` of an INTS attribute. */
int64_t node_ints(const Node *node, const char *name, int index, int64_t otherwise);
Tensor *node_input(const Node *node, int index);                        /* NULL when absent or past the end */
/* An operand that decides shapes (TFLite and ONNX pass it as a tensor): if input `index` is there, it must be constant and
 * becomes the INTS attribute `name`, and the input is dropped (set to NULL). False after an error. */
bool node_take_ints(Node *node, int index, const char *name);

/* ---------------------------------------------------------------- operators.c: the operator table */

/* Traits of operators. */
enum {
    TRAIT_IN_PLACE = 1,   /* output 0 may lie on any input with as many elements of the same width: the kernel reads element i before it writes i */
    TRAIT_VIEW = 2,       /* output 0 has the bytes of input 0: no code where they can share storage */
    TRAIT_REGIONS = 4,    /* control flow: emitted by the skeleton, not by a template */
    TRAIT_EFFECT = 8,     /* writes a state: never dead, never folded */
    TRAIT_NO_FOLD = 16,   /* never evaluated at compile time */
};

typedef struct Evaluation {
    const Node *node;
    void *const *in;      /* NULL for absent inputs; states are written through it */
    void *const *out;     /* sized by the inferred shapes */
} Evaluation;

typedef struct Operator {
    const char *name;       /* in the native format */
    const char *family;     /* ops/FAMILY.c, templates/generic/FAMILY.c.tmpl */
    const char *inputs;     /* roles: "input weights bias?": `?` optional, a last `inputs*` any number (at least one) */
    const char *outputs;    /* likewise */
    unsigned traits;
    const char *attributes; /* "stride:ints padding:string": names and types, for readers that check */
    bool (*shape)(Node *node);                      /* check operands and attributes; set outputs' dtype (unless set) and shape */
    bool (*evaluate)(const Evaluation *evaluation); /* the reference meaning */
    bool (*facts)(const Node *node, Facts *facts);  /* finished integers, tables, scratch for the template */
} Operator;

extern const Operator operators[OP_COUNT];
const Operator *node_operator(const Node *node);
OpKind op_from_name(const char *name);                                  /* OP_COUNT when unknown */
bool op_check_arity(const Node *node);                                  /* inputs, outputs against the roles */
bool op_attribute_type(OpKind op, const char *name, AttributeType *type);
/* The role's name of input/output `index`, e.g. "weights"; variadic roles give "inputs_0". In the arena. */
const char *op_input_role(Arena *arena, OpKind op, int index);
const char *op_output_role(Arena *arena, OpKind op, int index);
int64_t node_macs(const Node *node);                                    /* multiply-accumulates of one call of the model; 0 for other operators */
int64_t graph_macs(const Graph *graph);                                 /* of all nodes; every region counted once */

/* ---------------------------------------------------------------- facts.c: what a template may know beyond operands and attributes */

typedef enum FactKind { FACT_INT, FACT_FLOAT, FACT_STRING, FACT_INTS, FACT_TABLE, FACT_SCRATCH } FactKind;

typedef struct Fact {
    const char *name;
    FactKind kind;
    int64_t integer;
    double real;
    const char *text;
    int count;
    const int64_t *integers;
    DType dtype;            /* TABLE, SCRATCH */
    const void *data;       /* TABLE: `count` elements */
    bool is_weight;         /* TABLE: per-channel model data (flash_weights), not a fixed table (flash_const) */
    Tensor *tensor;         /* TABLE, SCRATCH: the tensor made for it (a constant; a temporary that lives for this node) */
} Fact;

struct Facts {
    Arena *arena;
    Fact *facts;
    int count, capacity;
    uint64_t hidden;        /* bit i: input i is not an operand of the kernel */
    bool numbers_only;      /* the planner asks: nothing need be packed */
};

void fact_int(Facts *facts, const char *name, int64_t value);
void fact_float(Facts *facts, const char *name, double value);          /* printed as a float literal */
void fact_string(Facts *facts, const char *name, const char *text);
void fact_ints(Facts *facts, const char *name, int count, const int64_t *values);
/* A constant array that is a further operand of the kernel, named `name`; the data are copied. Same content, same array. */
void fact_table(Facts *facts, const char *name, DType dtype, int count, const void *data, bool is_weight);
/* Planned working memory, an operand named `name`. */
void fact_scratch(Facts *facts, const char *name, DType dtype, int count);
/* Constant input `index` was packed into a table: the kernel does not get it, and it is not written unless others use it. */
void fact_hide(Facts *facts, int index);
/* Sets the FACT_INT `name`, which an operator's rule may have set before. */
void fact_replace(Facts *facts, const char *name, int64_t value);
/* Adds to the fact "comment", which stands at the kernel's call, if there is one. */
void fact_remark(Facts *facts, const char *text);
void facts_replace(Facts *facts, const Facts *by);      /* those of the same names; adds the others */
bool fact_hides(const Facts *facts, int index);
const Fact *fact_find(const Facts *facts, const char *name);

/* ---------------------------------------------------------------- pack.c: constants in the order in which kernels read them */

/* One axis of a packed array: each of its steps moves `step` along axis `axis` of the source, from `offset` on. Several may move
 * along the same one (a split axis). */
typedef struct PackAxis {
    int axis;
    int32_t extent, step, offset;
} PackAxis;

enum { MAX_PACK_AXES = 12 };
typedef struct Packing {
    const char *name;       /* of the table that the kernel gets instead of the constant */
    int input;
    const char *table;      /* packed instead of an input: a table of the facts; NULL otherwise */
    int dim_count;          /* the source, seen as so many axes */
    int32_t dim[MAX_RANK];
    int axis_count;         /* of the packed array, outermost first */
    PackAxis axes[MAX_PACK_AXES];
    DType dtype;
    int32_t zero_point;     /* taken from every element */
    int shift_count;        /* elements are multiplied by 2^shift: none, one for all, or one per extent of channel_axis */
    const int64_t *shift;
    int channel_axis;
    const char *order;      /* a table by which the last dimension's elements change places; NULL without */
} Packing;
/* Adds the table to the facts, hides the input. What lies beyond the source is 0. False after an error. */
bool fact_packed(const Node *node, Facts *facts, const Packing *packing);

/* A table of 32-bit words in `blocks` blocks, each of a share of every part: `per` elements of its table (0: all, evenly), repeated
 * `times`. What lies beyond a table is 0. */
typedef struct Interleaved {
    const char *table;
    int per, times;
} Interleaved;
bool fact_interleaved(const Node *node, Facts *facts, const char *name, int64_t blocks, const Interleaved *parts, int count);
/* Of int8 weights packed by `channels` in runs of `run`: makes each pair (l, h) the bytes of 256 * h + l. Kernels that multiply h by
 * values less 127 need 127 * 2^shift times the sum of h in the sums' start. */
bool fact_borrowed(const Node *node, Facts *facts, const char *packed, const char *start, int run, int channels, int shift);
/* Of a table of int16 with the weights of two channels side by side: makes each pair (l, h) the halves of l + 2^16 * h, and so of each
 * pair of the sums' starts (l, h) the words l + 2^16 * h and h. */
bool fact_paired(const Node *node, Facts *facts, const char *packed, const char *start);
/* The table of 3 by 3 filters transformed for Winograd's F(2x2, 3x3), times 4: per pair of filters 16 elements of, for each four
 * channels, (0, 2), (1, 3) of either filter. False where channels are no multiple of 4 or filters odd. */
bool fact_winograd(const Node *node, Facts *facts, const char *name);

/* sparse.c: a table of bytes with, per channel, how many times `multiple` entries follow (two bytes, the lower one first), then these: the
 * distance from the input before (the window's first one) and the weight. Longer distances than a byte holds have entries of
 * their own, with weights of 0, and so have channels whose number of entries is no multiple. */
typedef struct SparsePacking {
    const char *name;
    int input;
    int dim_count; /* the weights, seen as so many axes; the first `channel_axes` of them tell output channels apart */
    int32_t dim[MAX_RANK];
    int64_t stride[MAX_RANK]; /* how far the axis' inputs lie apart */
    int channel_axes, multiple;
} SparsePacking;
/* The number of entries; the weights are hidden, and the facts "zero_percent" and "comment" tell how many of them are zero. -1 where
 * they are no constants of 8 bits, or their inputs do not lie in rising order. */
int64_t fact_sparse(const Node *node, Facts *facts, const SparsePacking *packing);

/* scaling_forms.c: other exact ways from a sum to an output than TFLite's, by name, where they are proven for the node's weights and
 * biases; false (without a message) where they are not. Adds the facts and tables that the form's kernels need. */
bool fact_scaling_form(const Node *node, Facts *facts, const char *form, int64_t argument);
/* two_products.c: "start", "reach", "upper", "lower", "offset", and where "two_sided" says so "zero", "above" */
bool prove_two_products(const Node *node, Facts *facts, int64_t argument);
bool prove_small_groups(const Node *node, Facts *facts, int64_t size);  /* value_order.c: "order" of eight values, "places" of pairs of channels */
bool prove_pair_taps(const Node *node, Facts *facts, int64_t rows);     /* pair_taps.c: "taps", "saturation_shift" */
/* float_scaling.c: the form "floor", for signed bytes that are multiplied as unsigned ones, 128 higher. Tables of whole vectors of
 * `lanes`: "start" (what sums begin with), "scale", "offset", "below" (the offset of negative sums, if "two_sided"). */
bool prove_floor_scaling(const Node *node, Facts *facts, int64_t lanes);
/* thresholds.c: one channel's requantisation, and the sums that its weights and bias can make of any input. */
typedef struct ScaledChannel {
    int32_t multiplier;
    int right;
    int64_t bias, least, most; /* bias: with the input's zero point folded in */
    int64_t weight_sum;
    int64_t low, high; /* of the result, by the clamps */
} ScaledChannel;
enum { MOST_SCALED_RIGHT = 22 }; /* thresholds in units of 2^-(31 + right) stay within 63 bits */
/* Of a node with int8 inputs, folded biases and the scaling "right". */
ScaledChannel *scaled_channels(const Node *node, const Facts *facts, int count);
int64_t channel_result(const ScaledChannel *c, int64_t sum); /* the output without its zero point */
int64_t channel_threshold(const ScaledChannel *c, int64_t k); /* the least sum whose result is k or more, by the closed formula */
bool channel_proven_threshold(const ScaledChannel *c, int64_t k, int64_t *sum); /* the same; false where the formula does not hold */
/* From the first to the last sum, all that are not clamped; false where the closed formula does not tell. */
bool channel_ends(const ScaledChannel *c, int64_t *first, int64_t *last);
bool scales_int8_range(const Node *node, const Facts *facts); /* int8 to int8, symmetric weights, clamped at -128 and 127 */
/* A channel's entries in the tables of prove_two_products; false where none are proven. */
enum { TWO_PRODUCTS_COLUMNS = 7 };
bool two_products_channel(const ScaledChannel *c, int64_t zero_point, bool two_sided, uint32_t entry[TWO_PRODUCTS_COLUMNS]);
/* one_product.c: "start", "reach", "factor", "offset", and where "two_sided" says so "zero", "above"; how far to the left
 * sums go is "left", which an argument other than 0 prescribes. */
bool prove_one_product(const Node *node, Facts *facts, int64_t argument);
enum { ONE_PRODUCT_COLUMNS = 6 };
bool one_product_channel(const ScaledChannel *c, int64_t zero_point, bool two_sided, int left, uint32_t entry[ONE_PRODUCT_COLUMNS]);
int one_product_left(const ScaledChannel *channels, int count); /* the most that all of them may go to the left; negative: none */
/* float_winograd.c: the table of 3 by 3 filters in single precision, transformed for F(2x2, 3x3): [16][input channels][output channels].
 * Hides the weights. */
bool fact_winograd_floats(const Node *node, Facts *facts, const char *name);

/* ---------------------------------------------------------------- rules.c: what several operators' rules share */

/* Broadcast as NumPy does; false after an error when the shapes do not fit. */
bool broadcast_shapes(const Node *node, const Shape *a, const Shape *b, Shape *result);
/* Element strides of `shape` broadcast to `result` (0 along broadcast axes), result->rank values. */
void broadcast_strides(const Shape *shape, const Shape *result, int64_t *strides);
/* Sets output `index`'s dtype (if not yet set) and shape. False when a declared dtype differs. */
bool set_output(Node *node, int index, DType dtype, Shape shape);
bool normalise_axis(const Node *node, int64_t axis, int rank, int *result);
/* Spatial extent of convolution and pooling: TensorFlow's SAME/VALID. *pad_before gets the leading padding. */
int32_t window_output(const char *padding, int32_t input, int32_t filter, int32_t stride, int32_t dilation);
int32_t window_padding(int32_t input, int32_t output, int32_t filter, int32_t stride, int32_t dilation, int32_t *total);
/* Fused activation "none|relu|relu6|relu_n1_to_1" as the clamp of a quantised output (TFLite CalculateActivationRangeQuantized). */
bool activation_range(const Node *node, const Tensor *output, int32_t *low, int32_t *high);
void activation_range_float(const Node *node, float *low, float *high); /* -INFINITY/INFINITY when open */
/* A shape seen along one axis: depth is that axis, outer and inner the products of those before and behind it. */
typedef struct AxisExtents {
    int64_t outer, depth, inner;
} AxisExtents;
AxisExtents axis_extents(const Shape *shape, int axis);
bool is_per_tensor(const Tensor *tensor);                               /* quantised with one scale */

/* ---------------------------------------------------------------- movement.c: what operators that move data share */

/* Walking a shape's elements in order: coordinates start at zero; false after the last. */
bool next_coordinates(const Shape *shape, int32_t *coordinates);
int64_t element_index(const Shape *shape, const int32_t *coordinates);
void copy_element(DType dtype, const void *from, int64_t from_index, void *to, int64_t to_index);
/* The output has input 0's dtype and, where it declares none, its per-tensor quantisation. */
bool set_moved_output(Node *node, int index, Shape shape);
bool is_movable(const Node *node, const Tensor *tensor);                /* whole bytes; false after an error */

/* Loops around a copy, outermost first. One side of the copy is walked in order, the other one at
 * offset + sum(index * stride), in elements. */
enum { MAX_WALK = 2 * MAX_RANK };
typedef struct Walk {
    int count;
    int64_t extent[MAX_WALK], stride[MAX_WALK];
    int64_t offset;
} Walk;
void walk_add(Walk *walk, int64_t extent, int64_t stride);              /* a further, innermost loop */
void walk_merge(Walk *walk);                                            /* drops loops of one turn, joins what can be walked as one */
bool walk_is_whole(const Walk *walk);                                   /* merged: one run from the start */
/* Facts "extents" and "strides" (the loops), "run" (contiguous elements copied at a time) and "offset". */
void walk_facts(Walk *walk, Facts *facts);

/* ---------------------------------------------------------------- weighted.c: what convolutions and matrix products share */

/* Where a filter lies on an image (NHWC). */
typedef struct Window {
    int32_t batch, input_height, input_width, input_channels;
    int32_t output_height, output_width, output_channels;
    int32_t filter_height, filter_width;
    int32_t stride_height, stride_width, dilation_height, dilation_width;
    int32_t pad_top, pad_left;
} Window;
/* From the attributes stride, dilation, padding, pads; the filter's extents are given. Checks everything; false after an error. */
bool window_of(const Node *node, int32_t filter_height, int32_t filter_width, Window *window);
void window_lay_flat(Window *window);                                   /* an image of one column becomes one row */
void window_facts(const Window *window, Facts *facts);
bool window_is_padded(const Window *window);                            /* some window reaches beyond the image */
/* Facts "padded", "row_columns", "copied_columns"; if padded and not direct, scratch "rows" for the padded rows under the filter. */
bool window_row_facts(const Node *node, const Window *window, Facts *facts);
/* The outputs of a line whose windows lie inside of the image's width: [*first, *last). */
void window_interior(const Window *window, int32_t *first, int32_t *last);
/* The number of outputs and of channels that are summed at once. */
void weighted_block(int64_t outputs, int64_t channels, int most_across, int most_down, int *across, int *down);
/* Facts "across", "down", "direct", "backwards", "staging" ("none", "pixel", "row"); with staging, scratch "staged" for what is
 * computed before it is stored: `across` outputs of `channels`, or a line of `outputs`. */
void form_facts(const Node *node, Facts *facts, int across, int down, int64_t outputs, int64_t channels);

/* How the sum of products becomes an output. TFLite has two forms of the product of scales (see weighted.c). */
typedef enum ScaleProduct { PRODUCT_IN_DOUBLE, PRODUCT_IN_FLOAT } ScaleProduct;
typedef struct Scaling {
    bool real;                  /* float outputs: only real_low and real_high count */
    bool wide;                  /* 64-bit sums, multiplier of 16 bits */
    bool single;                /* --rounding=single */
    int count;                  /* 1, or the number of output channels */
    int32_t *multiplier;
    int *shift;
    int32_t zero_point, low, high;
    float real_low, real_high;
} Scaling;
/* Operands: 0 (input or a), 1 (weights or b), 2 (bias, or absent). `axis`: the weights' axis of output channels.
 * Reports what cannot be computed. */
bool weighted_check(const Node *node, int axis, int32_t channels);
bool check_activation(const Node *node);                                /* its name is known */
bool weighted_scaling(const Node *node, Arena *arena, ScaleProduct product, bool wide, Scaling *scaling);
/* Operand `index` as real numbers (float models) or as integers less their zero point; exact. */
double *weighted_values(const Evaluation *evaluation, Arena *arena, int index, int axis);
/* sum + a[0] b[0] + a[step_a] b[step_b] + ...: exact for integers, in single precision and in this order for real numbers. */
double weighted_dot(const Scaling *scaling, double sum, const double *a, int64_t step_a, const double *b, int64_t step_b, int32_t count);
/* Output `index` from the sum of products of channel `channel`; adds the bias. */
void weighted_store(const Evaluation *evaluation, const Scaling *scaling, double sum, int channel, int64_t index);
/* Facts: how sums become outputs, the largest sum, per-channel tables. `sums` has, per channel, the sum of the weights and
 * the sum of their magnitudes when they are constant; NULL otherwise, with `depth` products per output. */
typedef struct WeightSums {
    int64_t *sum, *magnitude;
} WeightSums;
bool weighted_facts(const Node *node, Facts *facts, ScaleProduct product, bool wide, int32_t channels, const WeightSums *sums, int64_t depth, bool may_fold);
/* Sums over the weights of each channel: `outer` times `channels` times `inner` elements. NULL unless they are constant integers. */
const WeightSums *weighted_sums(const Node *node, Arena *arena, int64_t outer, int32_t channels, int64_t inner);
/* Facts of a kernel that takes padding for the zero point although windows are clipped: "folded" and what goes with it. */
bool weighted_fold(const Node *node, Facts *facts, bool wide, int32_t channels, const WeightSums *sums, int64_t depth);
bool convolution_fold(const Node *node, Facts *facts);
bool depthwise_fold(const Node *node, Facts *facts);

/* ---------------------------------------------------------------- fixed_point.c: the interpreter's integer arithmetic */

/* TFLite QuantizeMultiplier: value = multiplier * 2^(shift - 31), multiplier in [2^30, 2^31). */
void quantise_multiplier(double value, int32_t *multiplier, int *shift);
/* TFLite MultiplyByQuantizedMultiplier; single: the single-rounding variant. */
int32_t requantise(int32_t value, int32_t multiplier, int shift, bool single);
int32_t requantise64(int64_t value, int32_t multiplier, int shift);     /* int16x8: 48-bit value, 16-bit multiplier */
int32_t saturating_doubling_high_multiply(int32_t a, int32_t b);        /* gemmlowp SaturatingRoundingDoublingHighMul */
int32_t rounding_divide_by_power_of_two(int32_t value, int exponent);   /* gemmlowp RoundingDivideByPOT: ties away from zero */
int32_t saturating_left_shift(int32_t value, int exponent);             /* saturates as gemmlowp SaturatingRoundingMultiplyByPOT */
int32_t clamp32(int64_t value, int32_t low, int32_t high);
int32_t round_half_away(double value);                                  /* TfLiteRound; saturates to int32 */

/* ---------------------------------------------------------------- sigmoid.c: logistic and tanh of 16-bit values, for the interpreter */

/* scaled = 3 * 2^12 * x; the results are in steps of 2^-15. */
int16_t logistic_int16(int32_t scaled);
int16_t tanh_int16(int32_t scaled);

/* ---------------------------------------------------------------- fixed_math.c: functions in fixed point, for the interpreter */

/* A value "in Qn" has n integer bits: raw * 2^(n - 31). Results are in Q0 where nothing else is said. */
int32_t fixed_exp_on_negative(int32_t value, int integer_bits);         /* e^x, x <= 0 in Qn */
int32_t fixed_logistic(int32_t value, int integer_bits);
int32_t fixed_tanh(int32_t value, int integer_bits);
int32_t fixed_one_over_one_plus(int32_t x);                             /* 1 / (1 + x), x in [0, 1] */
/* GetReciprocal: 1 / x for x > 0 in Qn is the result * 2^-bits_over_unit. */
int32_t fixed_reciprocal(int32_t x, int integer_bits, int *bits_over_unit);
int32_t fixed_log(int32_t x);                                           /* ln x, x >= 1 in Q12, result in Q5 */
void inverse_sqrt_multiplier(int32_t value, int32_t *multiplier, int *shift); /* 1 / sqrt(value) as requantise() takes it */
int32_t fixed_input_radius(int integer_bits, int left_shift);

/* ---------------------------------------------------------------- ops/broadcast.c: what element-wise operators share */

enum { BROADCAST_OPERANDS = 3 };

/* The result's axes, neighbours merged where every operand allows it and extents of 1 left out; strides in elements. */
typedef struct BroadcastWalk {
    int operands, rank;
    int64_t extent[MAX_RANK];
    int64_t stride[BROADCAST_OPERANDS][MAX_RANK];
} BroadcastWalk;

void broadcast_walk(BroadcastWalk *walk, const Shape *result, const Shape *const *shapes, int count);
int64_t broadcast_element(const BroadcastWalk *walk, int k, int64_t index);
/* Facts `extents`, `output_index` and names[k]: subscripts as C text over i (one loop) or i0, i1, ... */
void broadcast_facts(const BroadcastWalk *walk, Facts *facts, const char *const *names);
const char *index_text(Arena *arena, int rank, const int64_t *strides, const char *variable);

typedef struct Rescale {
    int32_t multiplier;
    int shift;
} Rescale;

Rescale rescale_by(double factor);
int32_t rescaled(const Node *node, int32_t value, Rescale rescale);
void fact_rescale(Facts *facts, const char *name, Rescale rescale);      /* NAME_multiplier, NAME_shift */
bool same_quantisation(const Tensor *a, const Tensor *b);
bool is_quantised_dtype(const Tensor *tensor);                          /* int8, uint8, int16 with one scale */
bool is_8_bit(DType dtype);

/* low + clamp(z >> shift) to [0, high - low], where z is offset + x * a + y * b, offset + (x - ..) * (y - ..) * a, or
 * offset + x * a: proven equal to the function by trying all of its arguments; z stays within int32. */
typedef struct LinearForm {
    int32_t a, b, offset;
    int shift;
} LinearForm;

typedef struct PairFunction {
    int32_t least;          /* the type's least value; value[(x - least) * 256 + (y - least)] */
    int32_t low, high;      /* clamps */
    int32_t *value;         /* 65536 */
} PairFunction;

bool find_linear_sum(const PairFunction *function, double a, double b, LinearForm *form);
bool find_linear_product(const PairFunction *function, int32_t a_zero, int32_t b_zero, double factor, LinearForm *form);
bool find_line(const int32_t *value, int32_t least_input, double factor, int32_t low, int32_t high, LinearForm *form); /* 256 values */
void fact_linear(Facts *facts, const LinearForm *form);                 /* factor_a, factor_b, linear_offset, linear_shift */

/* 16-bit functions by table: 513 samples with linear interpolation. */
void interpolation_table(float input_scale, int32_t input_zero, float output_scale, int32_t output_zero,
    float (*function)(const void *context, float x), const void *context, int16_t table[513]);
int16_t interpolate_int16(const int16_t table[513], int16_t value);

/* ops/unary.c: how a kernel computes a function of 8-bit values, given all 256 results (input ascending) and the slope of
 * the line that it may be (0: none). Adds the facts `low`, `high` and, for "linear" and "table", theirs; returns "clamp", ... */
const char *find_8_bit_form(Facts *facts, DType input, DType output, const int32_t value[256], double factor);

/* ---------------------------------------------------------------- ops/rows.c: several nodes executed row by row */

int32_t rows_made(const RowPlan *plan, int stage);                      /* by one strip: rows 0 to that */
int pad_byte(const Tensor *tensor);                                     /* what padding consists of, for memset */

/* ---------------------------------------------------------------- interpreter.c */

/* Runs one call: `inputs` and `outputs` in the entry's order; `states` one buffer per state tensor in model order
 * (interpreter_states). Weights come from the model. */
typedef struct Interpreter Interpreter;
Interpreter *interpreter_new(Model *model);
void interpreter_free(Interpreter *interpreter);
void interpreter_reset(Interpreter *interpreter);                       /* states to their initial values */
bool interpreter_run(Interpreter *interpreter, const void *const *inputs, void *const *outputs);
/* Called after each node when set: for `etch run --trace` and for calibration. */
typedef void (*NodeObserver)(void *context, const Node *node, void *const *in, void *const *out);
void interpreter_observe(Interpreter *interpreter, NodeObserver observer, void *context);
bool evaluate_constant(Node *node);                                     /* outputs become constants */
bool evaluate_region(const Graph *region, void *const *inputs, void *const *outputs); /* used by control flow; states via the running interpreter */

/* ---------------------------------------------------------------- import/ and report/native.c */

/* Recognises the format by content. `name` overrides the model's name (or NULL). NULL after an error. */
Model *import_model(const char *path, const char *name);
bool is_tflite(const uint8_t *data, size_t bytes);
/* `path` is for messages. The model keeps pointers into `data`. */
bool import_tflite(Model *model, const uint8_t *data, size_t bytes);
bool is_native(const uint8_t *data, size_t bytes);
bool import_native(Model *model, const uint8_t *data, size_t bytes);
bool export_native(const Model *model, const char *json_path);

/* ---------------------------------------------------------------- passes/ */

bool verify_model(const Model *model, const char *after);  /* invariants: single producer, order, operands, data sizes */
bool pass_infer(Model *model);                             /* shapes, dtypes; folds constants on the way */
bool infer_graph(Graph *graph);                            /* the same for one graph: control flow calls it on its regions */
bool pass_simplify(Model *model);                          /* dead nodes, no-ops, copies for outputs that need one */
bool pass_channels(Model *model);                          /* channels that carry nothing go */
bool pass_names(Model *model);                             /* C identifiers */
bool pass_select(Model *model, Target *target); /* facts, then the first variant whose predicate holds */

/* ---------------------------------------------------------------- plan/ */

/* Gives every temporary its step span, storage and arena offset; sets the model's totals. */
bool plan_memory(Model *model, bool io_in_arena);
/* Puts the main graph's nodes into the order with the least sum of live bytes (plan/order.c). */
bool plan_order(Model *model, bool io_in_arena);
/* Chooses the form of every kernel whose output may run over its input: those whose form changes lose their facts. */
bool plan_forms(Model *model, bool io_in_arena);
/* Replaces chains of nodes by Rows where that lowers the peak (plan/chains.c); what is in the region has no facts. */
typedef struct RowOptions {
    bool io_in_arena;
    bool least;             /* to the least peak; otherwise as far as `enough` asks for */
    int64_t enough;         /* bytes of arena that are not too many */
    int patches;            /* PATCHES_AUTO (where they lower the peak), PATCHES_OFF, or how many */
} RowOptions;
enum { PATCHES_AUTO = -1, PATCHES_OFF = 0 };
bool fuse_rows(Model *model, const RowOptions *options);
/* ways.c: what `--optimize`, --rows, --patches and --max-ram come to; NULL: no rows. `try_rows` says how many bytes of RAM the model at
 * `path` takes so; INT64_MAX where it cannot be planned. */
typedef int64_t TryRows(const char *path, const CompileOptions *options, const RowOptions *rows);
const RowOptions *choose_rows(const Model *model, const CompileOptions *options, TryRows *try_rows, RowOptions *rows);
typedef struct PlannedBuffer {
    const Tensor *tensor;   /* the root of its aliases */
    int64_t offset, bytes;
    int64_t alignment;
    int first, last;        /* steps, inclusive */
    int id;                 /* breaks ties, so that the plan is the same everywhere */
} PlannedBuffer;
/* The kernel need not move this operand: a part of a concatenation that was made in its place in the result, a slice that is read
 * where it lies in the input. */
bool operand_is_placed(const Node *node, bool is_input, int index);
/* Nothing is left to do: a view whose two ends have one address, parts that are all placed. */
bool node_is_free(const Node *node);
const char *plan_verdict(const Model *model);                  /* "peak 96 bytes, lower bound 96: proven optimal ...", in the model's arena */
int plan_buffers(const Model *model, PlannedBuffer **buffers); /* in the model's arena, ordered by offset, then step */

/* ---------------------------------------------------------------- emit/ */

typedef enum WeightsForm { WEIGHTS_ARRAY, WEIGHTS_WORDS, WEIGHTS_STRING, WEIGHTS_INCBIN, WEIGHTS_EXTERN } WeightsForm;

struct CompileOptions {
    const char *name;       /* --name, or NULL */
    const char *target;     /* folder under templates/ */
    const char *templates;  /* --templates DIR, or NULL for the embedded ones */
    Optimize optimize;
    WeightsForm weights;
    bool io_in_arena;
    bool single_rounding;
    const char *format;     /* --format[=STYLE]: NULL none, "" the default style */
    int64_t max_ram, max_flash; /* 0: no budget */
    bool rows_off;          /* --rows=off */
    const char *patches_text; /* --patches, or NULL */
    int patches;            /* from that: RowOptions.patches */
    const char *lock;       /* --lock FILE, or NULL */
    bool update_lock;       /* --lock-update */
    const char *lock_board, *lock_cc; /* --board, --cc: whose code the lock counts; NULL: the target's board, its compiler */
    const char *tuning_path; /* --tuning FILE, or NULL */
    Tuning *tuning;         /* from that, or made by `etch tune`; NULL: the target's order decides */
    const uint8_t *selftest_inputs, *selftest_outputs; /* --selftest: one vector of all inputs, the outputs to meet; or NULL */
    const char *companion;  /* also write NAME_COMPANION.c from templates/common/COMPANION.c.tmpl ("driver"), or NULL */
};

/* emit/bridge.c: a target is its templates in a Lua state; lua.h is used in emit/ only. */
Target *target_load(Arena *arena, const CompileOptions *options);       /* NULL after an error */
void target_free(Target *target);
/* Sets node->variant, variant_reason and variant_name from the target's table and predicates; the tuning's choice comes first. */
bool target_choose_variant(Target *target, Node *node);
/* The names of all kernels that fit the node (with facts as its operator gives them), with blanks between them, in the target's
 * order; NULL after an error. */
const char *target_list_variants(Target *target, Node *node);
bool emit_pair(Model *model, Target *target, const CompileOptions *options, const char *folder); /* NAME.c and NAME.h (and NAME.bin with extern, incbin) */

/* tuning.c: which kernels layers get, by measurement. */
typedef struct TuningEntry {
    const char *signature;  /* of a layer */
    const char *kernel;     /* by its variant_name */
    int line;
    bool used;              /* a node of the model has that signature */
} TuningEntry;
struct Tuning {
    Arena *arena;
    const char *path;       /* NULL: not from a file, and an entry that does not fit is passed over */
    TuningEntry *entries;
    int count, capacity;
};
const char *optimize_name(Optimize optimize);                           /* "speed", ... */
/* A layer by what its kernels can see of it: operator, types, shapes, attributes; one line. */
const char *layer_signature(Arena *arena, const Node *node);
Tuning *tuning_new(Arena *arena);
Tuning *tuning_read(Arena *arena, const CompileOptions *options);       /* options->tuning_path; NULL after an error */
TuningEntry *tuning_find(const Tuning *tuning, const char *signature);  /* NULL when there is none */
void tuning_add(Tuning *tuning, const char *signature, const char *kernel, int line);
void tuning_warn(Tuning *tuning);                                       /* of entries that no layer used */
void tuning_print_head(Buffer *out, const CompileOptions *options);     /* a file's first lines */
void tuning_print_entry(Buffer *out, const char *signature, const char *kernel);

/* emit/data.c: the constants that the emitted code holds (after compile_model), in the order of the file. */
int emitted_constants(const Model *model, const Tensor *const **constants);
bool is_weight(const Tensor *constant);                                 /* model data; not a table made by etch */
int64_t emitted_bytes(const Model *model, bool weights);                /* of those that are weights, or of those that are not */

/* emit/files.c: templates, runtime and firmware sources, embedded in the executable or below --templates DIR. */
const char *embedded_file(const char *path, size_t *bytes);             /* "templates/generic/unary.c.tmpl"; NULL when there is none */
int embedded_list(const char *prefix, const char **paths, int limit);   /* paths that begin with prefix, sorted */
void embedded_override(const char *folder);                             /* --templates DIR, laid over the embedded files; NULL: none */

/* ---------------------------------------------------------------- options.c: the command line, GNU style */

typedef enum OptionKind {
    OPTION_FLAG,       /* bool */
    OPTION_TEXT,       /* const char * */
    OPTION_TEXTS,      /* TextList: may be given several times */
    OPTION_MAYBE_TEXT, /* const char *: --format or --format=STYLE ("" without a value) */
    OPTION_NUMBER,     /* int64_t, not negative; k and M multiply by 1024 and 1024 * 1024 */
    OPTION_CHOICE,     /* an enum: the position in `argument`, e.g. "speed|balanced|size|ram" */
    OPTION_EITHER,     /* bool: the position in `argument`, e.g. "caller|arena" */
} OptionKind;

typedef struct TextList {
    const char **texts;
    int count;
} TextList;

typedef struct Option {
    const char *name;       /* "output"; NULL ends the list */
    char letter;            /* 'o', or 0 */
    OptionKind kind;
    const char *argument;   /* what --help calls the value ("FILE"); the choices */
    const char *help;
    void *value;            /* where it goes, by kind */
} Option;

typedef struct Command {
    const char *name;
    const char *operands;   /* "MODEL [-o DIR]" */
    const char *summary;    /* one line, for `etch help` */
    const char *details;    /* paragraphs, for `etch COMMAND --help` */
    int least, most;        /* number of operands */
} Command;

/* argv[0] is the subcommand. Returns OPTIONS_PARSED, or the status to exit with (EXIT_OK after --help). `--` ends the options.
 * Lists are allocated for the life of the process. Options of later versions are refused by name. */
enum { OPTIONS_PARSED = -1 };
int parse_options(const Command *command, const Option *options, int argc, char **argv, TextList *operands);
int bad_usage(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3))); /* EXIT_BAD_USAGE */
/* --templates takes effect, --patches is read, --target and --dump are checked: OPTIONS_PARSED or EXIT_BAD_USAGE. */
int check_compile_options(const Command *command, CompileOptions *options, const char *dump);
bool target_exists(const char *target);                                 /* a folder templates/TARGET/ with a target.lua */
int list_targets(const char **names, int limit);

/* What compile, build, verify and bench share; a row list's first rows. */
#define COMPILE_OPTION_ROWS(compile)                                                                                       \
    {"target", 0, OPTION_TEXT, "TARGET", "set of kernels; `etch targets` lists them (default: generic)", &(compile).target}, \
    {"optimize", 0, OPTION_CHOICE, "speed|balanced|size|ram", "what to favour (default: balanced)", &(compile).optimize},  \
    {"weights", 0, OPTION_CHOICE, "array|words|string|incbin|extern", "how weights are written (default: array)", &(compile).weights}, \
    {"io", 0, OPTION_EITHER, "caller|arena", "who owns input and output buffers (default: caller)", &(compile).io_in_arena}, \
    {"rounding", 0, OPTION_EITHER, "double|single", "rounding of requantisation (default: double)", &(compile).single_rounding}, \
    {"name", 0, OPTION_TEXT, "NAME", "C prefix and file name (default: the model's name)", &(compile).name},               \
    {"max-ram", 0, OPTION_NUMBER, "BYTES", "fail when arena, state, inputs and outputs exceed it", &(compile).max_ram},    \
    {"max-flash", 0, OPTION_NUMBER, "BYTES", "fail when constants and weights exceed it", &(compile).max_flash},           \
    {"rows", 0, OPTION_EITHER, "auto|off", "nodes row by row: with ram or to keep max-ram (default: auto)", &(compile).rows_off}, \
    {"patches", 0, OPTION_TEXT, "auto|off|N", "the image in strips, at the cost of MACs: to keep max-ram (default: auto)", &(compile).patches_text}, \
    {"tuning", 0, OPTION_TEXT, "FILE", "kernels that `etch tune` chose (default: in the target's order)", &(compile).tuning_path}, \
    {"format", 0, OPTION_MAYBE_TEXT, "STYLE", "run clang-format over the code (its default style: file)", &(compile).format}, \
    {"templates", 0, OPTION_TEXT, "DIR", "templates laid over the built-in ones", &(compile).templates}
#define DUMP_OPTION_ROW(dump) {"dump", 0, OPTION_TEXT, "PASS", "print the graph after import, infer, simplify, channels, select, order, rows, forms, names or plan", &(dump)}
#define COMPILE_OPTIONS_DEFAULT {.target = "generic", .optimize = OPTIMIZE_BALANCED, .patches = PATCHES_AUTO}

/* ---------------------------------------------------------------- main.c: the pipelines */

/* Import, infer, simplify, channels; a verify after each. NULL after an error (the status is EXIT_BAD_INPUT).
 * `dump`: the pass to print the graph after, or NULL. */
Model *load_model(const char *path, const CompileOptions *options, const char *dump);
/* Select, names, plan: what decides the figures. False after an error (the status is EXIT_BAD_INPUT). */
bool plan_model(Model *model, Target *target, const CompileOptions *options, const char *dump);
/* load_model and plan_model: a model to look at. NULL after an error. */
Model *planned_model(const char *path, const CompileOptions *options);
/* plan_model, budgets, lock, emit: writes NAME.c and NAME.h into `folder`; returns the status to exit with. */
int compile_model(Model *model, const CompileOptions *options, const char *folder, const char *dump);

/* report/budget.c: --max-ram, --max-flash; false after an error with the largest contributors and what could be tried.
 * `plan` is planned_model: other options are tried with it. */
bool check_budgets(const Model *model, const CompileOptions *options, Model *(*plan)(const char *path, const CompileOptions *options));
int64_t io_bytes(const Model *model);                                   /* the caller's buffers; 0 with --io=arena */

/* What a C compiler makes of the pair. */
typedef struct CodeFigures {
    const char *compiler;   /* the first line of its --version; NULL: there is none, and no figures */
    const char *flags;
    int64_t code, constants, weights; /* bytes of flash */
    int64_t stack_invoke, stack_init; /* worst case; -1: not known, no call graph */
    bool stack_bounded;     /* proven: every frame's size is known at compile time, no recursion */
    bool stack_complete;    /* what the library needs is in it */
} CodeFigures;

/* report/lock.c: --lock. Returns the status to exit with. *text gets what the file is to hold when it is missing or to be
 * updated; NULL otherwise. */
int lock_check(const Model *model, const CompileOptions *options, const CodeFigures *code, const char **text);

/* report/memory_svg.c: the memory plan as a picture; after plan_memory. */
bool write_memory_svg(const Model *model, const char *path);

/* report/object.c: what an object file or program takes in flash. */
typedef struct ObjectSize {
    int64_t code;           /* executable sections, with what linkers put there */
    int64_t data;           /* read-only and initialised data */
    int64_t chosen;         /* that part of the data whose symbols were chosen */
} ObjectSize;
bool object_size(Arena *arena, const char *path, bool (*choose)(void *context, const char *symbol), void *context, ObjectSize *size);

/* report/stack.c: worst-case stack. `graph` is the text of gcc's -fcallgraph-info=su; `listing` what `objdump -t -d` prints of
 * the linked program, for the library's functions, or NULL. */
typedef struct StackDepth {
    int64_t bytes;          /* of the deepest path */
    bool bounded;           /* every frame's size is known at compile time, there is no recursion and no call by address */
    bool complete;          /* no function on any path is missing; those count nothing */
} StackDepth;
StackDepth worst_case_stack(Arena *arena, const char *graph, const char *listing, const char *function);

/* report/cycles.c: cycles on the pipeline of a "cortex-m4" or "cortex-m7". `listing` as above; `executed`: lines "ADDRESS COUNT TAKEN",
 * how often each instruction was executed and the next one was not the one behind it. */
typedef struct CycleEstimate {
    int64_t cycles, instructions; /* the latter: of which it was made */
} CycleEstimate;
bool is_pipeline(const char *name);
CycleEstimate estimate_cycles(Arena *arena, const char *pipeline, const char *listing, const char *executed);
uint64_t listed_symbol(const char *listing, const char *name);          /* its address; 0: there is none */

/* ---------------------------------------------------------------- toolchain.c: other programs: compilers, emulators */

typedef struct Words {
    const char **list;      /* ends with NULL once something has been added */
    int count, capacity;
} Words;
void words_add(Arena *arena, Words *words, const char *word);
void words_add_all(Arena *arena, Words *words, const Words *more);
void words_split(Arena *arena, Words *words, const char *text);         /* as a shell would at blanks and quotes; NULL: nothing */
bool program_exists(Arena *arena, const char *name);
/* The first candidate that is installed; NULL after an error that names the Debian package. */
const char *find_program(Arena *arena, const Words *candidates, const char *what, const char *package);

typedef struct ProgramRun {
    int status;             /* exit status; 128 + the signal */
    bool timed_out;
    Buffer output;          /* standard output and error; a 0 byte follows */
} ProgramRun;
/* No shell, empty standard input. False after an error when it could not be started. */
bool run_program(const Words *command, int timeout_seconds, ProgramRun *run);
/* The same, and a failure is an error that shows the program's output. */
bool run_tool(Arena *arena, const Words *command, int timeout_seconds, const char *purpose);
const char *temporary_folder(void);                                     /* removed at exit; NULL after an error */
bool make_folders(const char *path);                                    /* with the folders above it */

/* ---------------------------------------------------------------- emit/board.c: where generated code can run */

/* templates/boards/NAME.lua. Paths are relative to examples/firmware/. */
typedef struct Board {
    const char *name, *description;
    Words compilers;        /* candidates */
    const char *compiler_package;
    Words flags;            /* compiling and linking: processor, ABI */
    Words optimisation;     /* by --optimize: speed, balanced, size, ram */
    Words sources;          /* start-up, console, counter */
    const char *linker_script; /* NULL: the system's */
    Words libraries;
    Words emulator;         /* command; the program's path follows. Empty: it runs here */
    const char *emulator_package;
    const char *unit;       /* what the counter counts: "instructions", "nanoseconds" */
    const char *plugin;     /* of the emulator, says what was executed: for cycles to be estimated; or NULL */
    const char *pipeline;   /* whose cycles: as estimate_cycles has it */
} Board;
Board *board_load(Arena *arena, const char *name);                      /* NULL after an error */
const char *target_board(Arena *arena, const char *target);             /* its default board; NULL after an error */
const char *target_description(Arena *arena, const char *target);       /* NULL after an error */
int list_boards(Arena *arena, const char **names, int limit);

/* ---------------------------------------------------------------- commands/: one function per subcommand, argv[0] its name */

int command_compile(int argc, char **argv);
int command_build(int argc, char **argv);
int command_run(int argc, char **argv);
int command_verify(int argc, char **argv);
int command_bench(int argc, char **argv);
int command_tune(int argc, char **argv);
int command_inspect(int argc, char **argv);
int command_convert(int argc, char **argv);
int command_plan(int argc, char **argv);
int command_targets(int argc, char **argv);
int command_boards(int argc, char **argv);
int command_ops(int argc, char **argv);

/* commands/build.c: compiles PATH.c (the pair's) and the driver to a host program; false after an error. */
bool build_program(const Model *model, const char *folder, const char *output, const char *cc, const char *cflags);
/* commands/tensor_file.c: raw little-endian (.bin) or NumPy (.npy) tensors. */
typedef struct TensorFile {
    uint8_t *data;
    size_t bytes;
    bool is_npy;
    DType dtype;            /* npy only */
    Shape shape;            /* npy only */
} TensorFile;
bool tensor_file_read(Arena *arena, const char *path, TensorFile *file);
/* The calls that the file holds for `tensor`: its bytes / the tensor's; -1 after an error (dtype, shape, size). */
int64_t tensor_file_calls(const char *path, const TensorFile *file, const Tensor *tensor);
/* `calls` times the tensor; .npy by the path's extension (a leading axis is added when calls > 1), else raw. */
bool tensor_file_write(const char *path, const Tensor *tensor, const void *data, int64_t calls);

/* commands/vectors.c: test vectors. Each is the bytes of all inputs (outputs) of the model, one after the other. */
typedef struct Vectors {
    int count;
    bool is_sequence;       /* the state is carried from vector to vector */
    uint8_t **inputs;
    uint8_t **reference;    /* outputs as the folder has them; an entry is NULL where there are none */
    uint8_t **expected;     /* the interpreter's outputs; set by vectors_interpret */
    size_t input_bytes, output_bytes;
} Vectors;
/* input_K.bin, input_K_I.bin or .npy, and output_... likewise, K from 0; false after an error. */
bool vectors_load(const Model *model, const char *folder, Vectors *vectors);
bool vectors_random(const Model *model, int count, Vectors *vectors);   /* the same ones on every machine */
bool vectors_interpret(Model *model, Vectors *vectors);
/* How many have a reference; *differing: those of them that the interpreter does not meet, each with an error message. */
int vectors_compare(const Model *model, const Vectors *vectors, double tolerance, int *differing);
bool vectors_write(const Vectors *vectors, double tolerance, const char *path); /* vectors.c of the test program */

/* commands/harness.c: the test program of examples/firmware/, made for one model and run on a board. */
typedef struct Harness {
    const Board *board;
    const char *folder;     /* where everything is made */
    const char *cc;         /* NULL: the board's */
    const char *cflags;     /* further flags, or NULL */
    const char *model_flags; /* further flags, not for the vectors; or NULL */
    bool sanitize;          /* host: address and undefined-behaviour sanitizer */
    bool profile;           /* cost per node */
    int repeat;             /* further inferences to measure */
    int timeout_seconds;
} Harness;
typedef struct HarnessReport {
    int vectors, matching;
    int64_t *costs;         /* of each vector and repetition, in the board's unit */
    int cost_count, cost_capacity;
    int64_t *node_costs;    /* by the emitted node's index, with profile */
    int node_count;
    int64_t stack_bytes;    /* painted; 0 on the host */
} HarnessReport;
/* Writes the pair, the calling code, the vectors and the program's sources into the folder; returns the status to exit with. */
int harness_write(Model *model, const CompileOptions *options, const Vectors *vectors, double tolerance, const Harness *harness);
bool harness_build(const Model *model, const CompileOptions *options, const Harness *harness);
/* After harness_build: the pair by itself, with what it needs of the libraries; its path, or NULL after an error. */
const char *harness_link_pair(const Model *model, const CompileOptions *options, const Harness *harness);
bool harness_write_firmware(const Model *model, const Harness *harness); /* the sources of examples/firmware/ only */
/* The pair alone, to an object file: model.o in the folder. */
bool harness_compile_pair(const Model *model, const CompileOptions *options, const Harness *harness);
/* False when it could not be run or a vector does not match, each with an error message. */
bool harness_run(const Model *model, const Harness *harness, HarnessReport *report);

/* The nodes for which code was emitted, in the order in which the code numbers them for NAME_PROFILE; in the model's arena. */
int profiled_nodes(const Model *model, Node ***nodes);

/* commands/objects.c: the object of a source of examples/firmware/ that is kept for further calls, made if need be; `source` itself
 * where none are kept; NULL after an error. */
const char *kept_object(Arena *arena, const Words *command, const char *source);

/* commands/measure.c: what a C compiler makes of the pair. */
/* The flag for model_flags with which gcc writes its call graph; NULL with another compiler. */
const char *call_graph_flag(Arena *arena, const Harness *harness);
/* After harness_build or harness_compile_pair; false after an error. */
bool measure_pair(const Model *model, const CompileOptions *options, const Harness *harness, CodeFigures *figures);
/* Symbols and instructions of a linked program; NULL where there is no objdump or the program is of this machine. */
const char *list_program(Arena *arena, const Harness *harness, const char *program);
/* After harness_build: how often each instruction of the inferences was executed, for estimate_cycles; NULL: it cannot be told. */
const char *harness_executed(const Model *model, const Harness *harness, const char *listing);
/* Writes the pair to a temporary folder and measures it for the lock; without a compiler only figures->compiler is set. */
bool measure_code(Model *model, Target *target, const CompileOptions *options, CodeFigures *figures);

#endif
