/* records: a small table of what the node knows about its dealings: whole in memory, and each row sealed in the store's meta, written in
   the batch of what caused it. Bounded for each agency, so that none fills the others' places. */
#ifndef NODE_RECORDS_H
#define NODE_RECORDS_H

#include "crypto/agency.h"
#include "node/store/store.h"

#define RECORDS_MAX      16384
#define RECORDS_EACH_MAX 1024 /* caused by one foreign agency, unless the table says otherwise */

struct records_row {
    uint64_t number;
    uint8_t agency_id[AGENCY_ID_BYTES]; /* who caused it */
    uint64_t mark;                      /* of its value, by the table's own rule: to pass over rows without reading them */
    struct buf value;
};

typedef uint64_t records_mark(struct bytes value);

/* In the order of their numbers. Rows are read through their values; `prefix` is a literal that begins with "secret/" and ends in '/'. */
struct records {
    const char *prefix;
    uint8_t own_id[AGENCY_ID_BYTES]; /* whose rows have no bound of their own */
    records_mark *mark;              /* null: all are 0 */
    size_t each_max, max;
    struct records_row *rows;
    size_t count, capacity;
    uint64_t next;
};

/* The table is all zeros, but for a mark and bounds that are not the usual ones. */
enum err records_load(struct records *records, struct store *store, const char *prefix,
                      const uint8_t own_id[static AGENCY_ID_BYTES]) MUST_USE;
void records_free(struct records *records);

/* A new row. ERR_FULL: this agency has as many as it may, or all places are taken; ERR_MEMORY. */
enum err records_add(struct records *records, struct store_batch *batch, const uint8_t agency_id[static AGENCY_ID_BYTES],
                     struct bytes value) MUST_USE;
/* After ERR_FULL: drops the oldest row that this agency caused and that may go. False: there is none. */
typedef bool records_may_go(struct bytes value);
bool records_make_room(struct records *records, struct store_batch *batch, const uint8_t agency_id[static AGENCY_ID_BYTES],
                       records_may_go *may_go);
/* Another value for the row at `index`. */
enum err records_change(struct records *records, struct store_batch *batch, size_t index, struct bytes value) MUST_USE;
void records_drop(struct records *records, struct store_batch *batch, size_t index);

/* The value of a row; borrowed until it is changed. */
static inline struct bytes records_at(const struct records *records, size_t index) {
    return bytes_of_buf(&records->rows[index].value);
}

#endif
