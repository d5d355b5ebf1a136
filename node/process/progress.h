/* progress: a line on standard error for work that takes longer than a second. */
#ifndef NODE_PROGRESS_H
#define NODE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* On a terminal the line is drawn over and over; elsewhere a new one is written now and then. Zero-initialise and call
   progress_start. */
struct progress {
    bool on, terminal, drawn;
    uint64_t started_ms, next_ms;
};

void progress_start(struct progress *progress, bool quiet);
/* Is it time to tell? Cheap enough to be asked every few thousand objects. */
bool progress_due(struct progress *progress);
void progress_say(struct progress *progress, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Removes the line from a terminal. */
void progress_end(struct progress *progress);

#endif
