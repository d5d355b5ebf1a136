/* settings: what the bodies of FRAME_SETTINGS are made of: a role's settings in fixed order, first their version and the level of the log, then
   texts and other bytes that each stand behind their size (u32). Pure. */
#ifndef NODE_SETTINGS_H
#define NODE_SETTINGS_H

#include "crypto/bytes.h"
#include "node/process/log.h"

void settings_begin(struct buf *out, unsigned version, enum log_level log_level);
void settings_put(struct buf *out, struct bytes value);

/* False: they are of another version. */
bool settings_begun(struct cursor *in, unsigned version, enum log_level *log_level) MUST_USE;
struct bytes settings_take(struct cursor *in); /* a view */
/* With a zero behind it. False: it does not fit `size` bytes; `in` has failed then. */
bool settings_take_text(struct cursor *in, char *out, size_t size) MUST_USE;

#endif
