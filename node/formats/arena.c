#include "node/formats/arena.h"

#include <stdlib.h>
#include <string.h>

struct arena_block {
    struct arena_block *next;
    size_t size;
    uint8_t data[];
};

static void blocks_free(struct arena_block *block) {
    while (block != NULL) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
}

void arena_free(struct arena *arena) {
    blocks_free(arena->first);
    *arena = (struct arena){0};
}

void arena_reset(struct arena *arena) {
    if (arena->first != NULL && arena->first->next != NULL) {
        blocks_free(arena->first->next);
        arena->first->next = NULL;
    }
    arena->current = arena->first;
    arena->used = 0;
}

uint8_t *arena_take(struct arena *arena, size_t size) {
    if (arena->current == NULL || size > arena->current->size - arena->used) {
        size_t block_size = size > ARENA_BLOCK_BYTES ? size : ARENA_BLOCK_BYTES;
        struct arena_block *block = malloc(sizeof *block + block_size);
        if (block == NULL) return NULL;
        block->next = NULL;
        block->size = block_size;
        if (arena->current == NULL)
            arena->first = block;
        else
            arena->current->next = block;
        arena->current = block;
        arena->used = 0;
    }
    uint8_t *piece = arena->current->data + arena->used;
    arena->used += size;
    return piece;
}

struct bytes arena_copy(struct arena *arena, struct bytes bytes) {
    uint8_t *piece = arena_take(arena, bytes.size);
    if (piece == NULL) return bytes_of(NULL, 0);
    if (bytes.size > 0) memcpy(piece, bytes.data, bytes.size);
    return bytes_of(piece, bytes.size);
}
