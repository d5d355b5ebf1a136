#include "node/export/export_rows.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_FIRST 1024

/* What is sorted: small, so that a million of them are moved and compared without touching the rows. The head is the kind and the first
   15 octets of the value, as numbers that compare as those octets do; they settle almost every comparison. */
struct export_place {
    uint64_t high, low;
    const struct export_row *row;
};

enum err export_rows_add(struct export_rows *rows, const struct export_row *row) {
    if (rows->count == rows->capacity) {
        size_t capacity = rows->capacity ? 2 * rows->capacity : ROWS_FIRST;
        struct export_row *grown = realloc(rows->rows, capacity * sizeof *grown);
        if (!grown) return ERR_MEMORY;
        rows->rows = grown, rows->capacity = capacity;
    }
    rows->rows[rows->count++] = *row;
    return OK;
}

static int place_compare(const void *a, const void *b) {
    const struct export_place *x = a, *y = b;
    if (x->high != y->high) return x->high < y->high ? -1 : 1;
    if (x->low != y->low) return x->low < y->low ? -1 : 1;
    int order = bytes_compare(x->row->value.value, y->row->value.value);
    if (order != 0) return order;
    if (x->row->arrived_ms != y->row->arrived_ms) return x->row->arrived_ms > y->row->arrived_ms ? -1 : 1;
    return bytes_compare(x->row->id, y->row->id);
}

/* Zeros behind a short value: it compares as equal to one that goes on with zeros, and the whole values settle that. */
static struct export_place place_of(const struct export_row *row) {
    uint8_t head[16] = {(uint8_t)row->value.kind};
    struct bytes value = row->value.value;
    if (value.size > 0) memcpy(head + 1, value.data, value.size < sizeof head - 1 ? value.size : sizeof head - 1);
    return (struct export_place){get_be64(head), get_be64(head + 8), row};
}

enum err export_rows_sort(struct export_rows *rows) {
    if (rows->count == 0) return OK;
    rows->order = malloc(rows->count * sizeof *rows->order);
    if (!rows->order) return ERR_MEMORY;
    for (size_t i = 0; i < rows->count; i++) rows->order[i] = place_of(&rows->rows[i]);
    qsort(rows->order, rows->count, sizeof *rows->order, place_compare);
    return OK;
}

const struct export_row *export_rows_at(const struct export_rows *rows, size_t place) { return rows->order[place].row; }

bool export_rows_same(const struct export_row *a, const struct export_row *b) {
    return a->value.kind == b->value.kind && bytes_equal(a->value.value, b->value.value);
}

void export_rows_free(struct export_rows *rows) {
    free(rows->rows);
    free(rows->order);
    *rows = (struct export_rows){0};
}
