/* arena: small pieces of memory that all live until the next reset; views into it stay valid as it grows. */
#ifndef NODE_ARENA_H
#define NODE_ARENA_H

#include "crypto/bytes.h"

#define ARENA_BLOCK_BYTES (64 * 1024)

struct arena_block;

/* Zero-initialise it; release it with arena_free. */
struct arena {
    struct arena_block *first;   /* kept from reset to reset */
    struct arena_block *current; /* the one that is being filled */
    size_t used;                 /* of the current block */
};

void arena_free(struct arena *arena);
/* Everything given out becomes invalid; one block of memory is kept. */
void arena_reset(struct arena *arena);
/* Null without memory. Not aligned: for bytes. */
uint8_t *arena_take(struct arena *arena, size_t size);
/* A copy; an empty view without memory. */
struct bytes arena_copy(struct arena *arena, struct bytes bytes);

#endif
