#include "tests/sim/scale_wheel.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

void wheel_open(struct wheel *wheel) {
    *wheel = (struct wheel){0};
    wheel->slots = calloc(WHEEL_SLOTS, sizeof *wheel->slots);
    assert(wheel->slots);
}

void wheel_close(struct wheel *wheel) {
    free(wheel->slots);
    *wheel = (struct wheel){0};
}

static void append(struct wheel_list *list, struct wheel_item *item) {
    item->next = NULL;
    if (list->last)
        list->last->next = item;
    else
        list->first = item;
    list->last = item;
}

static struct wheel_item *first_take(struct wheel_list *list) {
    struct wheel_item *item = list->first;
    if (!item) return NULL;
    list->first = item->next;
    if (!list->first) list->last = NULL;
    return item;
}

/* A turn ends where the number of milliseconds is a multiple of the slots. */
static uint64_t turn_end_ms(const struct wheel *wheel) { return (wheel->now_ms / WHEEL_SLOTS + 1) * WHEEL_SLOTS; }

static void place(struct wheel *wheel, struct wheel_item *item) {
    bool far = item->at_ms >= turn_end_ms(wheel);
    append(far ? &wheel->far : &wheel->slots[item->at_ms % WHEEL_SLOTS], item);
}

void wheel_put(struct wheel *wheel, struct wheel_item *item, uint64_t at_ms) {
    item->at_ms = at_ms > wheel->now_ms ? at_ms : wheel->now_ms;
    wheel->count++;
    place(wheel, item);
}

/* A new turn began: what it brings comes into its slots. */
static void turn(struct wheel *wheel) {
    struct wheel_list waiting = wheel->far;
    wheel->far = (struct wheel_list){0};
    for (struct wheel_item *item = first_take(&waiting); item; item = first_take(&waiting)) place(wheel, item);
}

struct wheel_item *wheel_take(struct wheel *wheel, uint64_t end_ms) {
    for (;;) {
        struct wheel_item *item = first_take(&wheel->slots[wheel->now_ms % WHEEL_SLOTS]);
        if (item) {
            wheel->count--;
            return item;
        }
        if (wheel->now_ms >= end_ms) return NULL;
        if (++wheel->now_ms % WHEEL_SLOTS == 0) turn(wheel);
    }
}

struct wheel_item *wheel_empty(struct wheel *wheel) {
    struct wheel_item *item = first_take(&wheel->far);
    for (size_t i = 0; i < WHEEL_SLOTS && !item; i++) item = first_take(&wheel->slots[(wheel->now_ms + i) % WHEEL_SLOTS]);
    if (item) wheel->count--;
    return item;
}
