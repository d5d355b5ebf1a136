/* dealing: what the commands about single objects share: one question to the node, its answer as a document, and lists of names. */
#ifndef NODE_DEALING_H
#define NODE_DEALING_H

#include "gossip/pack.h"
#include "node/cmd/client.h"

/* Appends the names of a comma-separated list as an array; null: an empty one. Says what is wrong with it. */
enum outcome dealing_names(const struct invocation *invocation, const char *option, const char *list, struct buf *out) MUST_USE;
/* Appends a str; a nil for null. */
void dealing_text(struct buf *out, const char *text);

/* Asks a running node and copies its document. */
enum outcome dealing_ask(const struct invocation *invocation, enum frame_type type, struct bytes body,
                         struct buf *document) MUST_USE;

#endif
