/* SPDX-License-Identifier: MIT-0
 *
 * Cost per node. The model is compiled with -include profile.h -D'NAME_PROFILE(node)=profile_mark(node)': the generated
 * function then calls profile_mark after each node.
 */
#ifndef FIRMWARE_PROFILE_H
#define FIRMWARE_PROFILE_H

void profile_start(void); /* right before an inference */
void profile_mark(int node);
void profile_print(void); /* "node 3: 120034 instructions" */

#endif
