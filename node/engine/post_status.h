/* post_status: what became of a POST, as the web process has it kept by the engine (kept.h): MessagePack, so that the engine, which reads no JSON,
   can take a subject out of it. Ids and reasons are what a client and the intake wrote: any bytes. Pure. */
#ifndef NODE_POST_STATUS_H
#define NODE_POST_STATUS_H

#include "gossip/item.h"
#include "gossip/pack.h"

/* What became of one object. */
struct post_row {
    struct bytes id;      /* as posted; empty: it has none */
    struct bytes version; /* a moment; empty: it has none */
    bool refused;
    struct bytes message; /* why, when it was refused */
};

struct post_status {
    bool complete;
    uint64_t asked_ms;                   /* wall clock */
    uint64_t total, successes, failures; /* objects; the rows may tell of fewer */
    uint32_t row_count;
    struct pack_reader rows; /* read: behind them nothing follows */
};

void post_status_write(struct buf *out, const struct post_status *status); /* then its rows: */
void post_row_write(struct buf *out, const struct post_row *row);
size_t post_row_bytes_max(const struct post_row *row); /* it takes no more */

/* Views into the document. False: this is none. */
bool post_status_read(struct post_status *out, struct bytes document) MUST_USE;
bool post_row_read(struct post_row *out, struct pack_reader *rows) MUST_USE;

#define POST_SUBJECT_VALUES_MAX 16
/* Of whom nothing may stay. */
struct post_subject {
    const struct observable *values; /* kind 0: an object's id */
    size_t value_count;
    struct bytes ids; /* of objects that tell of the values: each behind its size (2 bytes) */
};
/* The document without rows that name one of these ids, or whose reason holds one of the values as a word; the counts stay. Returns how many rows
   went; 0: nothing is appended. */
uint64_t post_status_without(struct buf *out, struct bytes document, const struct post_subject *subject);

#endif
