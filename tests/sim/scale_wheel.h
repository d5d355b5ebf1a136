/* scale_wheel: what is going to happen, by the millisecond: a timing wheel, because a run of 1,000 nodes has ten million events. Items
   of one moment come in the order they were put, so a run is repeatable. */
#ifndef TESTS_SIM_SCALE_WHEEL_H
#define TESTS_SIM_SCALE_WHEEL_H

#include <stddef.h>
#include <stdint.h>

#define WHEEL_SLOTS 32768 /* a power of two: what lies further ahead waits aside */

/* First member of whatever is put. */
struct wheel_item {
    struct wheel_item *next;
    uint64_t at_ms;
};

struct wheel_list {
    struct wheel_item *first, *last;
};

struct wheel {
    struct wheel_list *slots;
    struct wheel_list far; /* due after the wheel's turn */
    uint64_t now_ms;
    size_t count;
};

void wheel_open(struct wheel *wheel);
void wheel_close(struct wheel *wheel); /* what it still holds is the caller's to take out first */
/* Times in the past mean now. */
void wheel_put(struct wheel *wheel, struct wheel_item *item, uint64_t at_ms);
/* The next item due by `end_ms`, and moves on to its time; null and `end_ms` when there is none. */
struct wheel_item *wheel_take(struct wheel *wheel, uint64_t end_ms);
/* Any item, whenever it is due; null when it is empty. For clearing up. */
struct wheel_item *wheel_empty(struct wheel *wheel);

#endif
