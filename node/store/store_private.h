/* store_private: what the store's own files share. */
#ifndef NODE_STORE_PRIVATE_H
#define NODE_STORE_PRIVATE_H

#include "node/store/bucket_counts.h"
#include "node/store/committer.h"
#include "node/store/eraser.h"
#include "node/store/index.h"
#include "node/store/pages.h"
#include "node/store/store.h"

#define STORE_RECORD_KEY_BYTES 24 /* node id, seq: of entries, payloads and places */
#define STORE_PLACE_BYTES      36 /* payload size 4, the key that it is locked with 32 */
#define STORE_DUE_KEY_BYTES    33 /* time 8, kind 1, node 16, number 8 */
#define STORE_SECRET_PREFIX    "secret/"
#define STORE_ENTRY_VERIFIED   1 /* flag in front of an entry's bytes */

/* What stands in meta as "store/counts": the state after all commits before it and its own. */
struct store_totals {
    uint64_t cursor_next, items, pages, payloads, payload_bytes, entries;
};

/* The end of the disclosure ledger. */
struct store_chain {
    uint64_t number;
    uint8_t hash[HASH_BYTES];
};

/* A row that waits for its batch's commit. */
struct store_disclosure_row {
    struct store_disclosure_row *next;
    enum disclosure_kind kind;
    uint64_t time_ms;
    uint8_t salt[DISCLOSURE_SALT_BYTES];
    struct buf details;
};

struct store {
    struct rocks rocks;
    struct vault *vault;
    struct pages *pages;
    struct index *index;
    struct committer *committer;
    struct eraser *eraser;
    struct bucket_counts bucket_counts; /* of all that was batched */
    struct erasure erasure;             /* what completed batches took out since the last round began */
    uint64_t erase_rounds, erase_finished;
    int event_fd;
    int lock_fd;
    char *path;
    uint8_t instance[16];
    struct store_chain chain;    /* of all that was committed */
    struct store_totals totals;  /* of all that was committed; cursor_next also of what is only batched */
    struct store_batch *batches; /* those made and not completed or freed */
    struct item *item;           /* room to decode into: too large for a stack */
    struct buf scratch;
    struct term *terms;
    size_t terms_capacity;
    uint64_t pages_damaged;
    uint64_t log_bytes_cut;
    enum err error; /* the first that a completed commit brought */
    enum err find_result;
    char why[ROCKS_WHY_BYTES];
};

struct store_batch {
    struct commit commit; /* first, see committer.h */
    struct store *store;
    struct store_batch *previous, *next;
    uint64_t ticket;
    uint64_t cursor_first;     /* UINT64_MAX without pages */
    struct store_totals added; /* wraps around below zero */
    struct buckets_carried buckets;
    struct index_lengths lengths;
    struct term *terms;
    size_t term_count;
    size_t term_capacity;
    size_t bytes;
    struct erasure erasure;
    bool rewrote;                                  /* pages: what the cache holds of them is old */
    struct store_disclosure_row *rows, *rows_last; /* in the order of adding */
};

static inline struct bytes store_record_key(uint8_t out[static STORE_RECORD_KEY_BYTES], const uint8_t *node_id, uint64_t seq) {
    for (size_t i = 0; i < NODE_ID_BYTES; i++) out[i] = node_id[i];
    put_be64(out + NODE_ID_BYTES, seq);
    return bytes_of(out, STORE_RECORD_KEY_BYTES);
}

/* The same both ways. */
void store_payload_lock(uint8_t *out, struct bytes payload, const uint8_t key[static 32]);

/* The lowest cursor that a page of an uncompleted batch has; cursor_next without such. */
uint64_t store_cursor_uncompleted(const struct store *store);

/* Adds one item's terms to an array that grows. False: no memory. */
bool store_terms_of(const struct store *store, const struct item *item, uint64_t cursor, struct index_lengths *lengths,
                    struct term **terms, size_t *count, size_t *capacity);

/* Notes a failure in the batch: its commit completes with it. */
void store_batch_failed(struct store_batch *batch, enum err error);
void store_batch_put(struct store_batch *batch, enum rocks_family family, struct bytes key, struct bytes a, struct bytes b);

/* store_ledger.c */
enum err store_ledger_open(struct store *store) MUST_USE; /* where does the chain end? */
void store_ledger_commit(struct store_batch *batch);      /* waiting rows get their numbers and go into the batch */
void store_ledger_batch_free(struct store_batch *batch);

enum err store_totals_put(struct store *store, rocksdb_writebatch_t *batch);
/* Puts the terms of all pages from `cursor` on into the index. */
enum err store_index_replay(struct store *store, uint64_t cursor, store_progress *progress, void *context) MUST_USE;

#endif
