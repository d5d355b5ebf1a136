/* write_behind: a file written by a thread of its own while its caller makes the text that follows. The order stays. */
#ifndef NODE_WRITE_BEHIND_H
#define NODE_WRITE_BEHIND_H

#include "node/process/outfile.h"

struct write_behind;

/* Null without memory or a thread. */
struct write_behind *write_behind_new(void);
/* A copy of the text goes to the end of the file; waits while much is under way. The error of an earlier text comes here, or at the
   next drain; after one nothing more is written. The file stays the caller's, who leaves it alone until write_behind_drain. */
enum err write_behind_put(struct write_behind *behind, struct outfile *file, struct bytes text) MUST_USE;
/* Waits until all of it is written. */
enum err write_behind_drain(struct write_behind *behind) MUST_USE;
/* Also in the middle: what is not written by then is dropped. May be null. */
void write_behind_free(struct write_behind *behind);

#endif
