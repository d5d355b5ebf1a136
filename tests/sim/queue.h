/* queue: what is going to happen, in the order of virtual time; equal times in the order they were asked for. */
#ifndef TESTS_SIM_QUEUE_H
#define TESTS_SIM_QUEUE_H

#include <stddef.h>
#include <stdint.h>

struct queue_row {
    uint64_t at_ms, serial;
    void *what; /* owned by whoever takes it */
};

/* A binary heap. Zero-initialise. */
struct queue {
    struct queue_row *rows;
    size_t count, capacity;
    uint64_t serial;
};

void queue_free(struct queue *queue); /* what it still holds is the caller's to take out first */
void queue_put(struct queue *queue, uint64_t at_ms, void *what);
uint64_t queue_next_ms(const struct queue *queue); /* UINT64_MAX when empty */
void *queue_take(struct queue *queue);             /* null when empty */

#endif
