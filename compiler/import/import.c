/* SPDX-License-Identifier: MIT
 *
 * Opens a model file of any format, recognised by its content.
 */
#include "compiler.h"

#include <sys/stat.h>

/* What a compile may take: enough for any model that fits its file, and a bound for one made to exhaust memory. */
static size_t memory_limit(const char *path)
{
    struct stat status;
    const size_t size = stat(path, &status) == 0 && status.st_size > 0 ? (size_t)status.st_size : 0;
    return ((size_t)512 << 20) + 16 * size;
}

static bool import_content(Model *model, const uint8_t *data, size_t bytes)
{
    if (bytes == 0)
        return error_at(model->path, "the file is empty; a TFLite or native (JSON) model is expected");
    if (is_tflite(data, bytes))
        return import_tflite(model, data, bytes);
    if (is_native(data, bytes))
        return import_native(model, data, bytes);
    return error_at(model->path, "format not recognised; this version reads TFLite and Etch's native JSON");
}

Model *import_model(const char *path, const char *name)
{
    Model *model = model_new(path, memory_limit(path));
    size_t bytes = 0;
    const uint8_t *data = read_file(model->arena, path, &bytes);
    if (data != NULL) {
        model->digest = crc32_of(data, bytes);
        model->file_bytes = (int64_t)bytes;
    }
    if (data == NULL || !import_content(model, data, bytes)) {
        model_free(model);
        return NULL;
    }
    if (name != NULL)
        model->name = name;
    return model;
}
