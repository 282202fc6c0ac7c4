/* SPDX-License-Identifier: MIT
 *
 * Blocks of an image: SpaceToDepth and DepthToSpace exchange them with channels, SpaceToBatchND (after padding) and
 * BatchToSpaceND (before cropping) with the batch. Sequences [n, x, c] count as images of width 1.
 *
 * Depth and batch number the block's elements row by row: depth (by * block + bx) * c + channel, batch
 * (by * block width + bx) * n + image (TFLite's reference_ops).
 */
#include "../compiler.h"

#include <inttypes.h>

/* `wide` is the image, `deep` has its blocks in depth or batch; before: padding or cropping, top and left. */
typedef struct Blocks {
    int64_t block[2];
    int64_t images;
    int64_t wide[2], deep[2]; /* height, width */
    int64_t before[2], after[2];
    int64_t channels; /* of the wide side for depth */
} Blocks;

static bool is_depth(const Node *node)
{
    return node->op == OP_SPACE_TO_DEPTH || node->op == OP_DEPTH_TO_SPACE;
}

static bool is_to_space(const Node *node)
{
    return node->op == OP_DEPTH_TO_SPACE || node->op == OP_BATCH_TO_SPACE_ND;
}

/* ---------------------------------------------------------------- depth */

static bool depth_blocks(const Node *node, Blocks *blocks)
{
    const Shape *from = &node->inputs[0]->shape;
    const int64_t block = node_int(node, "block", 0);
    if (from->rank != 4 || block < 1 || block > INT16_MAX)
        return node_error(node, "a block size and an input of rank 4 are needed; they are %" PRId64 " and rank %d",
            block, from->rank);
    const bool fits = is_to_space(node) ? from->dim[3] % (block * block) == 0
                                        : from->dim[1] % block == 0 && from->dim[2] % block == 0;
    char text[112];
    if (!fits)
        return node_error(node, "shape %s cannot be divided into blocks of %" PRId64, shape_text(from, text), block);
    *blocks = (Blocks){.block = {block, block}, .images = from->dim[0], .channels = from->dim[3]};
    for (int i = 0; i < 2; ++i) {
        blocks->deep[i] = is_to_space(node) ? from->dim[1 + i] : from->dim[1 + i] / block;
        blocks->wide[i] = blocks->deep[i] * block;
    }
    if (is_to_space(node))
        blocks->channels /= block * block;
    return true;
}

static Shape depth_output(const Node *node, const Blocks *blocks)
{
    const int64_t *size = is_to_space(node) ? blocks->wide : blocks->deep;
    const int64_t channels = blocks->channels * (is_to_space(node) ? 1 : blocks->block[0] * blocks->block[1]);
    return shape_of(4, (int32_t)blocks->images, (int32_t)size[0], (int32_t)size[1], (int32_t)channels);
}

/* ---------------------------------------------------------------- batch */

static bool check_lists(const Node *node, int spatial, const char *frame)
{
    const Attribute *block = node_attribute(node, "block"), *margins = node_attribute(node, frame);
    if (block == NULL || block->type != ATTRIBUTE_INTS || block->count != spatial)
        return node_error(node, "\"block\" must be given and have %d values for this input", spatial);
    if (margins != NULL && (margins->type != ATTRIBUTE_INTS || margins->count != 2 * spatial))
        return node_error(node, "\"%s\" must have %d values for this input", frame, 2 * spatial);
    for (int i = 0; i < spatial; ++i)
        if (block->integers[i] < 1 || block->integers[i] > INT16_MAX)
            return node_error(node, "block size %d is %" PRId64 ", out of range", i, block->integers[i]);
    for (int i = 0; margins != NULL && i < margins->count; ++i)
        if (margins->integers[i] < 0 || margins->integers[i] > INT32_MAX)
            return node_error(node, "\"%s\" value %d is %" PRId64 ", out of range", frame, i, margins->integers[i]);
    return true;
}

static bool batch_extents(const Node *node, int axis, int64_t extent, Blocks *blocks)
{
    const int64_t block = blocks->block[axis], margin = blocks->before[axis] + blocks->after[axis];
    if (is_to_space(node)) {
        blocks->deep[axis] = extent;
        blocks->wide[axis] = extent * block - margin;
        return (blocks->wide[axis] >= 0 && blocks->wide[axis] <= INT32_MAX) ||
               node_error(node, "crops of %" PRId64 " are larger than axis %d", margin, axis + 1);
    }
    blocks->wide[axis] = extent;
    blocks->deep[axis] = (extent + margin) / block;
    return ((extent + margin) % block == 0 && extent + margin <= INT32_MAX) ||
           node_error(node, "the padded extent %" PRId64 " of axis %d cannot be divided by block %" PRId64,
               extent + margin, axis + 1, block);
}

static bool batch_blocks(const Node *node, Blocks *blocks)
{
    const Shape *from = &node->inputs[0]->shape;
    const char *frame = is_to_space(node) ? "crops" : "paddings";
    const int spatial = from->rank - 2;
    if (spatial < 1 || spatial > 2)
        return node_error(node, "the input has rank %d; 3 and 4 are supported", from->rank);
    if (!check_lists(node, spatial, frame))
        return false;
    *blocks = (Blocks){
        .block = {1, 1}, .images = from->dim[0], .wide = {1, 1}, .deep = {1, 1}, .channels = from->dim[from->rank - 1]};
    for (int i = 0; i < spatial; ++i) {
        blocks->block[i] = node_ints(node, "block", i, 1);
        blocks->before[i] = node_ints(node, frame, 2 * i, 0);
        blocks->after[i] = node_ints(node, frame, 2 * i + 1, 0);
        if (!batch_extents(node, i, from->dim[1 + i], blocks))
            return false;
    }
    const int64_t count = blocks->block[0] * blocks->block[1];
    if (is_to_space(node) && blocks->images % count != 0)
        return node_error(
            node, "batch %" PRId64 " cannot be divided by the block's %" PRId64 " elements", blocks->images, count);
    if (is_to_space(node))
        blocks->images /= count;
    return blocks->images * count <= INT32_MAX || node_error(node, "the batch would have more than 2^31 elements");
}

static Shape batch_output(const Node *node, const Blocks *blocks)
{
    const int spatial = node->inputs[0]->shape.rank - 2;
    const int64_t *size = is_to_space(node) ? blocks->wide : blocks->deep;
    Shape shape = {.rank = spatial + 2};
    shape.dim[0] = (int32_t)(blocks->images * (is_to_space(node) ? 1 : blocks->block[0] * blocks->block[1]));
    for (int i = 0; i < spatial; ++i)
        shape.dim[1 + i] = (int32_t)size[i];
    shape.dim[spatial + 1] = (int32_t)blocks->channels;
    return shape;
}

/* ---------------------------------------------------------------- all */

static bool find_blocks(const Node *node, Blocks *blocks)
{
    return is_depth(node) ? depth_blocks(node, blocks) : batch_blocks(node, blocks);
}

bool space_shape(Node *node)
{
    Blocks blocks;
    if (!is_depth(node) &&
        (!node_take_ints(node, 1, "block") || !node_take_ints(node, 2, is_to_space(node) ? "crops" : "paddings")))
        return false;
    if (!find_blocks(node, &blocks))
        return false;
    return set_moved_output(node, 0, is_depth(node) ? depth_output(node, &blocks) : batch_output(node, &blocks));
}

/* Where the wide side's element lies on the deep side. */
static int64_t deep_index(const Node *node, const Blocks *blocks, int64_t image, const int64_t *at, int64_t channel)
{
    const int64_t y = at[0] + blocks->before[0], x = at[1] + blocks->before[1];
    const int64_t number = y % blocks->block[0] * blocks->block[1] + x % blocks->block[1];
    const int64_t row = y / blocks->block[0], column = x / blocks->block[1];
    if (is_depth(node)) {
        const int64_t depth = blocks->channels * blocks->block[0] * blocks->block[1];
        return ((image * blocks->deep[0] + row) * blocks->deep[1] + column) * depth + number * blocks->channels +
               channel;
    }
    return (((number * blocks->images + image) * blocks->deep[0] + row) * blocks->deep[1] + column) * blocks->channels +
           channel;
}

bool space_evaluate(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    const Tensor *output = node->outputs[0];
    Blocks blocks;
    if (!find_blocks(node, &blocks))
        return false;
    if (node->op == OP_SPACE_TO_BATCH_ND)
        for (int64_t i = 0; i < tensor_elements(output); ++i)
            element_set_int(output->dtype, evaluation->out[0], i, tensor_zero_point(output));
    int64_t wide = 0, at[2];
    for (int64_t image = 0; image < blocks.images; ++image)
        for (at[0] = 0; at[0] < blocks.wide[0]; ++at[0])
            for (at[1] = 0; at[1] < blocks.wide[1]; ++at[1])
                for (int64_t channel = 0; channel < blocks.channels; ++channel, ++wide) {
                    const int64_t deep = deep_index(node, &blocks, image, at, channel);
                    if (is_to_space(node))
                        copy_element(output->dtype, evaluation->in[0], deep, evaluation->out[0], wide);
                    else
                        copy_element(output->dtype, evaluation->in[0], wide, evaluation->out[0], deep);
                }
    return true;
}

/* Loops in the output's order where blocks fit exactly: image, row, column, and inside the block row, column. */
static void block_walk(const Node *node, const Blocks *blocks, Walk *walk)
{
    const int64_t channels = blocks->channels, by = blocks->block[0], bx = blocks->block[1];
    const int64_t height = blocks->deep[0], width = blocks->deep[1];
    const int64_t wide_row = blocks->wide[1] * channels, deep_pixel = is_depth(node) ? by * bx * channels : channels;
    const int64_t image = is_depth(node) ? blocks->wide[0] * wide_row : height * width * channels;
    switch (node->op) {
    case OP_SPACE_TO_DEPTH:
        walk_add(walk, blocks->images, image);
        walk_add(walk, height, by * wide_row);
        walk_add(walk, width, bx * channels);
        walk_add(walk, by, wide_row);
        walk_add(walk, bx, channels);
        break;
    case OP_DEPTH_TO_SPACE:
        walk_add(walk, blocks->images, image);
        walk_add(walk, height, width * deep_pixel);
        walk_add(walk, by, bx * channels);
        walk_add(walk, width, deep_pixel);
        walk_add(walk, bx, channels);
        break;
    case OP_SPACE_TO_BATCH_ND:
        walk_add(walk, by, wide_row);
        walk_add(walk, bx, channels);
        walk_add(walk, blocks->images, blocks->wide[0] * wide_row);
        walk_add(walk, height, by * wide_row);
        walk_add(walk, width, bx * channels);
        break;
    default:
        walk_add(walk, blocks->images, image);
        walk_add(walk, height, width * channels);
        walk_add(walk, by, bx * blocks->images * image);
        walk_add(walk, width, channels);
        walk_add(walk, bx, blocks->images * image);
    }
    walk_add(walk, channels, 1);
}

/* With padding or cropping: the numbers by name, for the template's own loops. */
static void frame_facts(const Node *node, const Blocks *blocks, Facts *facts)
{
    fact_int(facts, "block_height", blocks->block[0]);
    fact_int(facts, "block_width", blocks->block[1]);
    fact_int(facts, "images", blocks->images);
    fact_int(facts, "wide_height", blocks->wide[0]);
    fact_int(facts, "wide_width", blocks->wide[1]);
    fact_int(facts, "deep_height", blocks->deep[0]);
    fact_int(facts, "deep_width", blocks->deep[1]);
    fact_int(facts, "top", blocks->before[0]);
    fact_int(facts, "left", blocks->before[1]);
    fact_int(facts, "channels", blocks->channels);
    fact_int(facts, "zero", tensor_zero_point(node->outputs[0]));
}

bool space_facts(const Node *node, Facts *facts)
{
    Blocks blocks;
    if (!find_blocks(node, &blocks) || !is_movable(node, node->inputs[0]))
        return false;
    const bool framed = blocks.before[0] + blocks.before[1] + blocks.after[0] + blocks.after[1] > 0;
    fact_int(facts, "framed", framed);
    if (framed) {
        frame_facts(node, &blocks, facts);
        return true;
    }
    Walk walk = {0};
    block_walk(node, &blocks, &walk);
    walk_facts(&walk, facts);
    return true;
}
