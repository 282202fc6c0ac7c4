/* SPDX-License-Identifier: MIT
 *
 * A reader of FlexBuffers maps, the schemaless form in which TFLite keeps the options of custom operators.
 */
#ifndef ETCH_IMPORT_FLEXBUFFER_H
#define ETCH_IMPORT_FLEXBUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The number (integer, unsigned, bool or float, the latter truncated) that the root map holds under `key`. False when the
 * bytes are no map, the key is not there, or its value is no number. */
bool flex_map_int(const uint8_t *data, size_t bytes, const char *key, int64_t *value);

#endif
