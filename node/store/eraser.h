/* eraser: a thread that runs one erasure at a time, so that nobody waits for files to be rewritten. */
#ifndef NODE_ERASER_H
#define NODE_ERASER_H

#include "node/store/erasure.h"

struct eraser;

/* Starts the thread. `event_fd` (an eventfd, the caller's) is signalled at the end of each run. Null: no thread could be made. */
struct eraser *eraser_new(struct rocks *rocks, int event_fd);
void eraser_free(struct eraser *eraser); /* waits for the run under way */

/* Begins a run with what is in `erasure`, and empties that. Not while busy. */
void eraser_start(struct eraser *eraser, struct erasure *erasure);
bool eraser_busy(struct eraser *eraser);
/* OK, or what RocksDB refused: it stays so. */
enum err eraser_error(struct eraser *eraser, char *why);

#endif
