/* idset: which ids may stand more than once among all items, in memory: so that who asks for last versions looks into the index only where
   there may be several. Two bits a place, places by the ids' keyed hashes: it may say "several" of an id that stands once, never the other
   way round. */
#ifndef NODE_IDSET_H
#define NODE_IDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IDSET_PLACES (1u << 26) /* 16 MB; of a million ids 1.5 % seem to stand twice, of ten millions 14 % */

struct idset {
    uint64_t *once, *several; /* a bit for each place; null: nothing is known */
};

/* False without memory. */
bool idset_init(struct idset *set);
void idset_free(struct idset *set);
void idset_note(struct idset *set, uint64_t hash);
bool idset_several(const struct idset *set, uint64_t hash);

#endif
