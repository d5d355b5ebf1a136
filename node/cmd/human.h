/* human: figures as people read them. Pure. */
#ifndef NODE_HUMAN_H
#define NODE_HUMAN_H

#include <stdint.h>

#define HUMAN_BYTES 32 /* what each of these writes at most, terminated */

void human_count(char out[static HUMAN_BYTES], uint64_t count); /* "12,345" */
void human_size(char out[static HUMAN_BYTES], uint64_t bytes);  /* "512 B", "4.2 MiB" */
void human_span(char out[static HUMAN_BYTES], uint64_t ms);     /* "250 ms", "12 s", "3 min", "4 h 5 min", "3 d 4 h" */
/* What grew by `more` in `ms`: "0", "0.3", "12.5", "4,000"; "-" when no time passed. */
void human_rate(char out[static HUMAN_BYTES], uint64_t more, uint64_t ms);

#endif
