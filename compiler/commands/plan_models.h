/* SPDX-License-Identifier: MIT
 *
 * The part of `etch plan` that is about several models.
 */
#ifndef ETCH_PLAN_MODELS_H
#define ETCH_PLAN_MODELS_H

#include "compiler.h"

/* Operands: models, with "+" between groups. Prints a table, writes the header `output` (or NULL); the status to exit with. */
int plan_models(const TextList *operands, const CompileOptions *options, bool together, const char *output);

#endif
