/* export_rows: the values of an export, gathered in any order and written in one. */
#ifndef NODE_EXPORT_ROWS_H
#define NODE_EXPORT_ROWS_H

#include "gossip/marks.h"
#include "node/formats/observable.h"

/* One value of one object. Views are the caller's and must live as long as the rows. */
struct export_row {
    struct observable value;
    struct bytes id, author;
    enum tlp tlp;
    uint64_t modified_ms, arrived_ms, valid_until_ms;
};

struct export_place;

/* Begin with zeros, release with export_rows_free. */
struct export_rows {
    struct export_row *rows; /* as they came */
    size_t count, capacity;
    struct export_place *order; /* after export_rows_sort */
};

/* ERR_MEMORY: nothing was added. */
enum err export_rows_add(struct export_rows *rows, const struct export_row *row) MUST_USE;
/* By kind and value (memcmp, shorter first); of equal ones the newest arrival first, then by id. ERR_MEMORY. Nothing is added after it. */
enum err export_rows_sort(struct export_rows *rows) MUST_USE;
/* After export_rows_sort: the row at this place, below rows->count. */
const struct export_row *export_rows_at(const struct export_rows *rows, size_t place);
/* Have two rows the same kind and value? */
bool export_rows_same(const struct export_row *a, const struct export_row *b);
void export_rows_free(struct export_rows *rows);

#endif
