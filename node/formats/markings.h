/* markings: the marking-definitions that a stream has brought so far, and what each of them says. */
#ifndef NODE_MARKINGS_H
#define NODE_MARKINGS_H

#include "gossip/marks.h"
#include "node/formats/arena.h"

#define MARKINGS_MAX 1024

struct marking_entry {
    struct bytes id;
    struct bytes encoded; /* marks; empty: it says nothing that a rule looks at */
    bool understood;
};

/* Zero-initialise it; release it with markings_free. */
struct markings {
    struct marking_entry *entries;
    size_t count, capacity;
    struct arena texts;
};

void markings_free(struct markings *markings);

/* Keeps what a definition says; a second one of the same id must say the same, or neither is understood. ERR_LIMIT, ERR_MEMORY. */
enum err markings_add(struct markings *markings, struct bytes id, const struct marks *marks, bool understood) MUST_USE;

/* Null: it has not come (yet). */
const struct marking_entry *markings_find(const struct markings *markings, struct bytes id);

#endif
