/* SPDX-License-Identifier: MIT
 *
 * The memory plan as a picture (SVG 1.1, self-contained): steps from left to right, addresses upwards, every buffer a
 * box. All coordinates are whole pixels computed in integers, so that the bytes are the same on every machine.
 */
#include "compiler.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    MARGIN_LEFT = 130, /* address labels; the first names of nodes slant into it */
    MARGIN_RIGHT = 150, /* labels of peak and lower bound */
    MARGIN_TOP = 96, /* title, figures, legend */
    MARGIN_BOTTOM = 130, /* names of nodes */
    PLOT_HEIGHT = 540,
    PLOT_WIDTH = 1100, /* wanted; columns stay within the limits below */
    NARROWEST_COLUMN = 6,
    WIDEST_COLUMN = 110,
    NARROWEST_PLOT = 480, /* the title needs it */
    CHARACTER_WIDTH = 7, /* of the font at 11 pixels, rounded up: texts are cut before they reach an edge */
    LINE_HEIGHT = 14,
    NAME_CHARACTERS = 20, /* of a node's name on the time axis */
    TITLE_CHARACTERS = 60,
    MOST_TICKS = 10,
};

typedef enum BufferKind { BUFFER_ACTIVATION,
    BUFFER_SCRATCH,
    BUFFER_INPUT,
    BUFFER_OUTPUT,
    BUFFER_KINDS } BufferKind;

static const struct {
    const char *name, *fill, *stroke; /* the name is the boxes' class, too */
} kinds[BUFFER_KINDS] = {
    {"activation", "#bcd6f2", "#3c6fa8"},
    {"scratch", "#fbd9a5", "#b5761a"},
    {"input", "#c3e6c3", "#3f8a45"},
    {"output", "#dfcaf0", "#7d4ba6"},
};

typedef struct Picture {
    const Model *model;
    Buffer *out;
    const PlannedBuffer *buffers;
    int count;
    int steps; /* columns */
    int column; /* their width */
    int plot_width;
    int64_t top_address; /* at the upper edge of the plot */
} Picture;

/* ---------------------------------------------------------------- text */

/* Length of the UTF-8 sequence at `text` if it is a character that XML 1.0 allows (section 2.2); 0 otherwise. */
static int character_length(const char *text)
{
    const unsigned char *byte = (const unsigned char *)text;
    if (byte[0] < 0x80)
        return byte[0] >= ' ' && byte[0] != 0x7f;
    const int length = byte[0] >= 0xf0 ? 4 : byte[0] >= 0xe0 ? 3
                                                             : 2;
    uint32_t code = byte[0] & (0x7fu >> length);
    for (int i = 1; i < length; ++i) {
        if ((byte[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (byte[i] & 0x3fu);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool allowed = byte[0] >= 0xc2 && byte[0] < 0xf5 && code >= least[length] && code < 0x110000 &&
                         (code < 0xd800 || code > 0xdfff) && code != 0xfffe && code != 0xffff;
    return allowed ? length : 0;
}

static int text_characters(const char *text)
{
    int count = 0;
    for (; *text != '\0'; ++count) {
        const int length = character_length(text);
        text += length > 0 ? length : 1;
    }
    return count;
}

static void put_character(Buffer *out, const char *text, int length)
{
    if (length == 0)
        buffer_printf(out, "?");
    else if (*text == '&')
        buffer_printf(out, "&amp;");
    else if (*text == '<')
        buffer_printf(out, "&lt;");
    else if (*text == '>')
        buffer_printf(out, "&gt;");
    else
        buffer_append(out, text, (size_t)length);
}

/* Escaped; a text of more than `limit` characters loses its middle, since names often differ at their ends. */
static void put_text(Buffer *out, const char *text, int limit)
{
    const int characters = text_characters(text), tail = limit < 6 ? limit / 2 : 3;
    for (int i = 0; i < characters; ++i) {
        const int length = character_length(text);
        if (characters <= limit || i < limit - 1 - tail || i >= characters - tail)
            put_character(out, text, length);
        else if (i == limit - 1 - tail)
            buffer_printf(out, "\xe2\x80\xa6"); /* an ellipsis */
        text += length > 0 ? length : 1;
    }
}

/* 1234567 as "1,234,567", in `text` of 32 bytes. */
static const char *grouped(int64_t value, char *text)
{
    char digits[24];
    const int length = snprintf(digits, sizeof digits, "%" PRId64, value);
    int at = 0;
    for (int i = 0; i < length; ++i) {
        if (i > 0 && (length - i) % 3 == 0)
            text[at++] = ',';
        text[at++] = digits[i];
    }
    text[at] = '\0';
    return text;
}

/* ---------------------------------------------------------------- geometry */

static int column_x(const Picture *picture, int step)
{
    return MARGIN_LEFT + step * picture->column;
}

static int address_y(const Picture *picture, int64_t address)
{
    return MARGIN_TOP + PLOT_HEIGHT - (int)((address * PLOT_HEIGHT + picture->top_address / 2) / picture->top_address);
}

static int bounded(int value, int least, int most)
{
    return value < least ? least : value > most ? most
                                                : value;
}

/* The last step is the return to the caller: a column only where a buffer lives until then. */
static int shown_steps(const Model *model, const PlannedBuffer *buffers, int count)
{
    int steps = model->step_count - 1;
    for (int i = 0; i < count; ++i)
        if (buffers[i].last >= steps)
            steps = buffers[i].last + 1;
    return steps > 0 ? steps : 1;
}

static void lay_out(Picture *picture)
{
    const Model *model = picture->model;
    picture->steps = shown_steps(model, picture->buffers, picture->count);
    picture->column = bounded(PLOT_WIDTH / picture->steps, NARROWEST_COLUMN, WIDEST_COLUMN);
    picture->column = bounded(NARROWEST_PLOT / picture->steps, picture->column, INT32_MAX);
    picture->plot_width = picture->column * picture->steps;
    picture->top_address = model->arena_bytes > 0 ? model->arena_bytes + model->arena_bytes / 24 : 1;
}

/* ---------------------------------------------------------------- kinds of buffers */

static Tensor *root_of(Tensor *tensor)
{
    while (tensor->alias_of != NULL)
        tensor = tensor->alias_of;
    return tensor;
}

/* The kinds go into the marks of the tensors that own the bytes. */
static void mark_graph(const Graph *graph)
{
    for (int i = 0; i < graph->tensor_count; ++i)
        graph->tensors[i]->mark = BUFFER_ACTIVATION;
    for (int i = 0; i < graph->node_count; ++i) {
        const Node *node = graph->nodes[i];
        for (int k = 0; k < node->region_count; ++k)
            mark_graph(node->regions[k]);
        for (int k = 0; node->op == OP_ROWS && k < node->regions[0]->tensor_count; ++k)
            node->regions[0]->tensors[k]->mark = BUFFER_SCRATCH; /* a few rows for the time of the node */
        for (int k = 0; node->facts != NULL && k < node->facts->count; ++k)
            if (node->facts->facts[k].kind == FACT_SCRATCH)
                node->facts->facts[k].tensor->mark = BUFFER_SCRATCH;
    }
}

static void mark_kinds(const Graph *graph)
{
    mark_graph(graph);
    for (int i = 0; i < graph->output_count; ++i)
        root_of(graph->outputs[i])->mark = BUFFER_OUTPUT;
    for (int i = 0; i < graph->input_count; ++i)
        root_of(graph->inputs[i])->mark = BUFFER_INPUT;
}

/* ---------------------------------------------------------------- title and legend */

static void put_title(const Picture *picture)
{
    const Model *model = picture->model;
    char arena[32], bound[32], state[32], io[32];
    buffer_printf(picture->out, "<text x=\"%d\" y=\"32\" class=\"title\">Memory plan of ", MARGIN_LEFT);
    put_text(picture->out, model->name, TITLE_CHARACTERS);
    buffer_printf(picture->out,
        "</text>\n<text x=\"%d\" y=\"54\">arena %s bytes, lower bound %s%s; state %s, inputs and outputs %s</text>\n",
        MARGIN_LEFT, grouped(model->arena_bytes, arena), grouped(model->arena_lower_bound, bound),
        model->arena_optimal ? " (optimal)" : "", grouped(model->state_bytes, state), grouped(io_bytes(model), io));
}

/* One entry of the legend; returns the place of the next one. */
static int put_swatch(Buffer *out, int x, const char *style, const char *label)
{
    buffer_printf(out, "<rect x=\"%d\" y=\"66\" width=\"12\" height=\"12\" class=\"%s\"/>", x, style);
    buffer_printf(out, "<text x=\"%d\" y=\"76\">%s</text>\n", x + 18, label);
    return x + 36 + CHARACTER_WIDTH * (int)strlen(label);
}

static void put_legend(const Picture *picture)
{
    bool present[BUFFER_KINDS] = {false};
    int x = MARGIN_LEFT;
    for (int i = 0; i < picture->count; ++i)
        present[picture->buffers[i].tensor->mark] = true;
    for (int kind = 0; kind < BUFFER_KINDS; ++kind)
        if (present[kind])
            x = put_swatch(picture->out, x, kinds[kind].name, kinds[kind].name);
    if (picture->count > 0)
        put_swatch(picture->out, x, "fullest", "most bytes alive");
}

/* ---------------------------------------------------------------- axes */

static void put_line(Buffer *out, int x1, int y1, int x2, int y2, const char *style)
{
    buffer_printf(
        out, "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" class=\"%s\"/>", x1, y1, x2, y2, style);
}

/* A power of two, so that marks fall on round numbers of KiB and MiB. */
static int64_t tick_distance(int64_t top)
{
    int64_t distance = 1;
    while (top / distance > MOST_TICKS)
        distance *= 2;
    return distance;
}

static const char *address_text(int64_t address, int64_t distance, char *text)
{
    if (distance >= 1 << 20)
        snprintf(text, 32, "%" PRId64 " MiB", address >> 20);
    else if (distance >= 1 << 10)
        snprintf(text, 32, "%" PRId64 " KiB", address >> 10);
    else
        snprintf(text, 32, "%" PRId64, address);
    return text;
}

static void put_address_axis(const Picture *picture)
{
    const int64_t distance = tick_distance(picture->top_address);
    const int right = MARGIN_LEFT + picture->plot_width;
    char text[32];
    for (int64_t address = 0; address <= picture->top_address && picture->model->arena_bytes > 0; address += distance) {
        const int y = address_y(picture, address);
        put_line(picture->out, MARGIN_LEFT - 4, y, right, y, "grid");
        buffer_printf(picture->out, "<text x=\"%d\" y=\"%d\" class=\"end\">%s</text>\n", MARGIN_LEFT - 8, y + 4,
            address_text(address, distance, text));
    }
    buffer_printf(picture->out,
        "<text transform=\"translate(40,%d) rotate(-90)\" class=\"middle\">address in the arena, bytes</text>\n",
        MARGIN_TOP + PLOT_HEIGHT / 2);
}

static void name_steps(const Graph *graph, const char **names)
{
    for (int i = 0; i < graph->node_count; ++i) {
        const Node *node = graph->nodes[i];
        names[node->step] = node->name;
        if (node->last_step != node->step)
            names[node->last_step] = arena_format(graph->model->arena, "end of %s", node->name);
        for (int k = 0; k < node->region_count && node->op != OP_ROWS; ++k)
            name_steps(node->regions[k], names);
    }
}

/* Every n-th name where columns are narrower than a line of text. */
static void put_time_axis(const Picture *picture)
{
    const Model *model = picture->model;
    const char **names = arena_array(model->arena, (size_t)model->step_count + 1, sizeof *names);
    const int every = (LINE_HEIGHT + picture->column - 1) / picture->column, bottom = MARGIN_TOP + PLOT_HEIGHT;
    names[model->step_count - 1] = "return";
    name_steps(model->main, names);
    for (int step = 0; step < picture->steps; step += every) {
        const int x = column_x(picture, step) + picture->column / 2;
        put_line(picture->out, x, bottom, x, bottom + 4, "axis");
        buffer_printf(
            picture->out, "<text transform=\"translate(%d,%d) rotate(-45)\" class=\"end\">", x + 4, bottom + 13);
        put_text(picture->out, names[step] != NULL ? names[step] : "", NAME_CHARACTERS);
        buffer_printf(picture->out, "</text>\n");
    }
    buffer_printf(picture->out, "<text x=\"%d\" y=\"%d\" class=\"middle\">%d steps in execution order</text>\n",
        MARGIN_LEFT + picture->plot_width / 2, bottom + MARGIN_BOTTOM - 10, picture->steps);
}

/* ---------------------------------------------------------------- boxes */

/* Name and bytes, centred at the origin, within `along` x `across` pixels; what has no room is left out. */
static void put_lines(const Picture *picture, const PlannedBuffer *buffer, int along, int across)
{
    char number[32];
    const char *name = buffer->tensor->identifier != NULL ? buffer->tensor->identifier : buffer->tensor->name;
    const char *bytes = arena_format(picture->model->arena, "%s B", grouped(buffer->bytes, number));
    const char *both = arena_format(picture->model->arena, "%s, %s", name, bytes);
    const int room = (along - 8) / CHARACTER_WIDTH;
    if (room < 3 || across < LINE_HEIGHT - 2)
        return;
    const bool two_lines = across >= 2 * LINE_HEIGHT && (int)strlen(bytes) <= room;
    buffer_printf(picture->out, "<text y=\"%d\" class=\"middle\">", two_lines ? -3 : 4);
    put_text(picture->out, !two_lines && text_characters(both) <= room ? both : name, room);
    buffer_printf(picture->out, "</text>");
    if (two_lines)
        buffer_printf(picture->out, "<text y=\"11\" class=\"middle\">%s</text>", bytes);
}

/* In its last step, by what is made from it. */
static bool is_overlapped(const Picture *picture, const PlannedBuffer *buffer)
{
    for (int i = 0; i < picture->count; ++i) {
        const PlannedBuffer *other = &picture->buffers[i];
        if (other->first == buffer->last && other->last > other->first && buffer->first < buffer->last && other->offset < buffer->offset + buffer->bytes &&
            buffer->offset < other->offset + other->bytes)
            return true;
    }
    return false;
}

/* Upwards where the box is taller than wide and the name does not fit across. */
static void put_label(const Picture *picture, const PlannedBuffer *buffer, int width, int height)
{
    width -= is_overlapped(picture, buffer) ? picture->column : 0;
    const char *name = buffer->tensor->identifier != NULL ? buffer->tensor->identifier : buffer->tensor->name;
    const bool upright = text_characters(name) * CHARACTER_WIDTH > width - 8 && height > width;
    buffer_printf(
        picture->out, "<g transform=\"translate(%d,%d)%s\">", width / 2, height / 2, upright ? " rotate(-90)" : "");
    put_lines(picture, buffer, upright ? height : width, upright ? width : height);
    buffer_printf(picture->out, "</g>");
}

/* An inner <svg> clips what it holds. The title is what a browser shows under the pointer. */
static void put_buffer(const Picture *picture, const PlannedBuffer *buffer)
{
    const int x = column_x(picture, buffer->first), width = column_x(picture, buffer->last + 1) - x;
    const int y = address_y(picture, buffer->offset + buffer->bytes), bottom = address_y(picture, buffer->offset);
    const int height = bounded(bottom - y, 1, PLOT_HEIGHT);
    char bytes[32], offset[32];
    buffer_printf(picture->out, "<svg x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"><title>", x, y, width, height);
    put_text(picture->out, buffer->tensor->name, 1000);
    buffer_printf(picture->out,
        ": %s, %s bytes at %s, steps %d to %d</title><rect width=\"%d\" height=\"%d\" class=\"%s\"/>",
        kinds[buffer->tensor->mark].name, grouped(buffer->bytes, bytes), grouped(buffer->offset, offset), buffer->first,
        buffer->last, width, height, kinds[buffer->tensor->mark].name);
    put_label(picture, buffer, width, height);
    buffer_printf(picture->out, "</svg>\n");
}

/* What is made over something else lies over it in the picture, too. */
static void put_buffers(const Picture *picture)
{
    for (int step = 0; step < picture->steps; ++step)
        for (int i = 0; i < picture->count; ++i)
            if (picture->buffers[i].first == step)
                put_buffer(picture, &picture->buffers[i]);
}

/* ---------------------------------------------------------------- peak and lower bound */

/* Bytes that overlapping buffers share count once; the buffers are in the order of their offsets. */
static int64_t live_bytes(const Picture *picture, int step)
{
    int64_t live = 0, counted = 0;
    for (int i = 0; i < picture->count; ++i) {
        const PlannedBuffer *buffer = &picture->buffers[i];
        const int64_t start = buffer->offset > counted ? buffer->offset : counted, end = buffer->offset + buffer->bytes;
        if (buffer->first > step || step > buffer->last || end <= start)
            continue;
        live += end - start;
        counted = end;
    }
    return live;
}

/* The steps in which most bytes are alive: what the arena cannot be smaller than. */
static void put_fullest_steps(const Picture *picture)
{
    int64_t *live = arena_array(picture->model->arena, (size_t)picture->steps, sizeof *live), most = 1;
    for (int step = 0; step < picture->steps; ++step) {
        live[step] = live_bytes(picture, step);
        most = live[step] > most ? live[step] : most;
    }
    for (int step = 0; step < picture->steps; ++step)
        if (live[step] == most)
            buffer_printf(picture->out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" class=\"fullest\"/>\n",
                column_x(picture, step), MARGIN_TOP, picture->column, PLOT_HEIGHT);
}

/* The label's second line has the bytes; `y` is the line's, `label_y` where its label may stand. */
static void put_level(const Picture *picture, const char *style, const char *label, int64_t bytes, int label_y)
{
    const int y = address_y(picture, bytes), right = MARGIN_LEFT + picture->plot_width;
    char text[32];
    put_line(picture->out, MARGIN_LEFT, y, right + 6, y, style);
    buffer_printf(picture->out, "<text x=\"%d\" y=\"%d\" class=\"%s-label\">%s</text>", right + 10, label_y, style,
        label);
    buffer_printf(picture->out, "<text x=\"%d\" y=\"%d\" class=\"%s-label\">%s bytes</text>\n", right + 10,
        label_y + LINE_HEIGHT, style, grouped(bytes, text));
}

static void put_levels(const Picture *picture)
{
    const Model *model = picture->model;
    const int peak = address_y(picture, model->arena_bytes), bound = address_y(picture, model->arena_lower_bound);
    if (model->arena_bytes == model->arena_lower_bound) {
        put_level(picture, "peak", "peak = lower bound", model->arena_bytes, peak);
        return;
    }
    put_level(picture, "peak", "peak", model->arena_bytes, peak);
    put_level(
        picture, "bound", "lower bound", model->arena_lower_bound, bounded(bound, peak + 3 * LINE_HEIGHT, INT32_MAX));
}

/* ---------------------------------------------------------------- the file */

static void put_styles(Buffer *out)
{
    buffer_printf(out, "<style>text{font:11px Helvetica,Arial,'DejaVu Sans',sans-serif;fill:#222}"
                       ".title{font-size:17px;font-weight:bold}.middle{text-anchor:middle}.end{text-anchor:end}"
                       ".grid{stroke:#ddd}.axis{stroke:#444;fill:none}.fullest{fill:#ffdfd2}"
                       ".peak{stroke:#c62828;stroke-width:2}.peak-label{fill:#c62828;font-weight:bold}"
                       ".bound{stroke:#00796b;stroke-width:2;stroke-dasharray:7 4}"
                       ".bound-label{fill:#00796b;font-weight:bold}");
    for (int kind = 0; kind < BUFFER_KINDS; ++kind)
        buffer_printf(out, ".%s{fill:%s;fill-opacity:.8;stroke:%s}", kinds[kind].name, kinds[kind].fill, kinds[kind].stroke);
    buffer_printf(out, "</style>\n");
}

static void put_frame(const Picture *picture)
{
    const int bottom = MARGIN_TOP + PLOT_HEIGHT;
    buffer_printf(picture->out, "<path d=\"M%d %dV%dH%d\" class=\"axis\"/>\n", MARGIN_LEFT, MARGIN_TOP, bottom,
        MARGIN_LEFT + picture->plot_width);
    if (picture->count == 0)
        buffer_printf(picture->out,
            "<text x=\"%d\" y=\"%d\" class=\"middle\">no buffers: the model needs no arena</text>\n",
            MARGIN_LEFT + picture->plot_width / 2, MARGIN_TOP + PLOT_HEIGHT / 2);
}

static void put_picture(const Picture *picture)
{
    const int width = MARGIN_LEFT + picture->plot_width + MARGIN_RIGHT,
              height = MARGIN_TOP + PLOT_HEIGHT + MARGIN_BOTTOM;
    buffer_printf(picture->out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n", width, height,
        width, height);
    put_styles(picture->out);
    buffer_printf(picture->out, "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", width, height);
    put_title(picture);
    put_legend(picture);
    put_fullest_steps(picture);
    put_address_axis(picture);
    put_buffers(picture);
    put_frame(picture);
    put_time_axis(picture);
    if (picture->model->arena_bytes > 0)
        put_levels(picture);
    buffer_printf(picture->out, "</svg>\n");
}

bool write_memory_svg(const Model *model, const char *path)
{
    Buffer out = {0};
    PlannedBuffer *buffers;
    Picture picture = {.model = model, .out = &out};
    picture.count = plan_buffers(model, &buffers);
    picture.buffers = buffers;
    mark_kinds(model->main);
    lay_out(&picture);
    put_picture(&picture);
    const bool written = write_file(path, out.data, out.length);
    buffer_free(&out);
    return written;
}
