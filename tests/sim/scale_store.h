/* scale_store: what 1,000 nodes hold, held once: every entry and payload as its author made it, and for each node only how far it is. Also the truth
   that invariants are checked against: nothing else can be stored. */
#ifndef TESTS_SIM_SCALE_STORE_H
#define TESTS_SIM_SCALE_STORE_H

#include "gossip/action.h"
#include "gossip/event.h"

#include <stdio.h>

#define STORE_NO_MESSAGE SIZE_MAX

/* An entry of a log, with its payload. */
struct store_record {
    struct buf entry, payload;
    struct block_body body; /* of a BLOCK */
    bool block;
    uint8_t id[HASH_BYTES];
    size_t message; /* in the plan; STORE_NO_MESSAGE: none */
    uint8_t *here;  /* of a BLOCK: a bit for each node that holds the payload */
};

struct store_log {
    struct store_record *records; /* sequence number less one */
    size_t count, capacity;
    uint32_t *heads; /* by node: entries held, on the disk */
};

struct store {
    struct store_log *logs; /* by author */
    uint32_t nodes;
    char broken[160]; /* the first invariant that did not hold; empty: none */
};

void store_open(struct store *store, uint32_t nodes);
void store_close(struct store *store);

/* A new entry of this author's, at the end of its log; the store takes copies. The author holds it only when it has stored it. */
struct store_record *store_add(struct store *store, uint32_t author, struct bytes entry, struct bytes payload, size_t message);
void store_undo(struct store *store, uint32_t author);                                       /* the last one was never published */
struct store_record *store_record(const struct store *store, uint32_t author, uint64_t seq); /* null: there is none */
uint64_t store_head(const struct store *store, uint32_t node, uint32_t author);
bool store_payload_here(const struct store *store, uint32_t node, uint32_t author, uint64_t seq);

/* What a node stores; each must be what its author made, in order, and new. */
void store_entries(struct store *store, uint32_t node, uint32_t author, struct bytes entries);
void store_payload(struct store *store, uint32_t node, uint32_t author, uint64_t seq, struct bytes payload);

/* Appends the entries from `seq` on, up to `bytes_max` but at least one. */
void store_load(const struct store *store, uint32_t node, uint32_t author, uint64_t seq, size_t bytes_max, struct buf *out);
/* BLOCK entries without their payload; returns where to go on, 0 at the end. */
uint64_t store_scan(const struct store *store, uint32_t node, uint32_t author, uint64_t seq, struct scanned *rows, size_t rows_max,
                    size_t *count);

#endif
