/* stix: a STIX 2.0 or 2.1 stream (bundles, single objects, arrays, JSON lines) in, items out. Takes what the node's rules need to
   be sound (identity, times, patterns, markings) and leaves the rest of an object to its author. */
#ifndef NODE_STIX_H
#define NODE_STIX_H

#include "node/formats/intake.h"

struct stix;

/* `options` is borrowed for the stix's life; `offset_first` as in json_new. Null without memory. */
struct stix *stix_new(const struct intake_options *options, uint64_t offset_first);
void stix_free(struct stix *stix);

/* As intake_feed and intake_finish. */
enum err stix_feed(struct stix *stix, struct bytes chunk) MUST_USE;
enum err stix_finish(struct stix *stix) MUST_USE;

#endif
