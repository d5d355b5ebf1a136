/* client_objects: a question whose answer is objects, each printed as it comes: as lines of JSON with --json, else as lines for people. */
#ifndef NODE_CLIENT_OBJECTS_H
#define NODE_CLIENT_OBJECTS_H

#include "node/cmd/client.h"

/* The whole of a command that only asks; *count: how many there were, as the engine says at the end. */
enum outcome client_objects_print(const struct invocation *invocation, enum frame_type type, struct bytes body,
                                  uint64_t *count) MUST_USE;

#endif
