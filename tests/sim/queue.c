#include "tests/sim/queue.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

static bool before(const struct queue_row *a, const struct queue_row *b) {
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->serial < b->serial;
}

void queue_free(struct queue *queue) {
    free(queue->rows);
    *queue = (struct queue){0};
}

void queue_put(struct queue *queue, uint64_t at_ms, void *what) {
    if (queue->count == queue->capacity) {
        queue->capacity = queue->capacity ? 2 * queue->capacity : 256;
        queue->rows = realloc(queue->rows, queue->capacity * sizeof *queue->rows);
        assert(queue->rows);
    }
    struct queue_row row = {.at_ms = at_ms, .serial = ++queue->serial, .what = what};
    size_t at = queue->count++;
    while (at > 0 && before(&row, &queue->rows[(at - 1) / 2])) {
        queue->rows[at] = queue->rows[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    queue->rows[at] = row;
}

uint64_t queue_next_ms(const struct queue *queue) { return queue->count ? queue->rows[0].at_ms : UINT64_MAX; }

void *queue_take(struct queue *queue) {
    if (queue->count == 0) return NULL;
    void *what = queue->rows[0].what;
    struct queue_row last = queue->rows[--queue->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= queue->count) break;
        if (child + 1 < queue->count && before(&queue->rows[child + 1], &queue->rows[child])) child++;
        if (!before(&queue->rows[child], &last)) break;
        queue->rows[at] = queue->rows[child];
        at = child;
    }
    if (queue->count > 0) queue->rows[at] = last;
    return what;
}
