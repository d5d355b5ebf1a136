/* gone: the withdrawal list. A row for each object that was taken out of the pages, so that who saw it hears that it is gone: a hook that
   wrote it into a firewall, a client of a feed. A row says which object and what it was marked with, and holds no value of it; rows are
   numbered from 1, written with the batch that takes the object out, and sealed in the store's meta.

   An id can be made of the value itself (UUIDv5: observables in STIX 2.1, what is generated of lists): whoever has a node's keys can test a guess
   against a row, though the value is in no file any more. A consumer has to hear the id, because that is what it wrote elsewhere; so a row
   cannot go before it was heard, and where clients keep their places themselves (feeds, the live feed) nobody knows when that is. Hence rows
   live GONE_KEEP_MS, a month, within which an erasure has to be done; longer, up to GONE_WAIT_MS, only while a subscription stands before
   them that may hold the object. Who comes later than that begins anew, which is right, if dear. Their old bytes then leave all files.

   Meta: "secret/~gone/NUMBER" some rows, up to this number, each after its size (2 bytes): thousands that expire together cost little;
   "gone" the first and the last number; "gone-fences" numbers that are no rows (gone_terms.h, consumers.h); "gone-cut/NODE" which cut of a revoked node was told of. The prefix sorts behind what a round of erasing rewrites. */
#ifndef NODE_GONE_H
#define NODE_GONE_H

#include "gossip/item.h"
#include "gossip/policy_facts.h"
#include "node/store/store.h"

#define GONE_DAY_MS   (24ull * 3600 * 1000)
#define GONE_KEEP_MS  (30 * GONE_DAY_MS)
#define GONE_WAIT_MS  (90 * GONE_DAY_MS)
#define GONE_ROWS_MAX 2000000 /* about 400 MB; older ones go, and who stood before them begins anew */

struct engine;

/* Why. Numbers are stored. */
enum gone_cause {
    GONE_RECALL = 1,    /* its author took it back */
    GONE_EXPIRY = 2,    /* valid_until, or the time for which it may be kept, has passed */
    GONE_RETENTION = 3, /* this node's policy does not keep it longer */
    GONE_ERASURE = 4,   /* erased here, as the law demands */
    GONE_GROUP = 5,     /* its group is over */
    GONE_NEWER = 6,     /* in no row: its newest version is not for whom the one before was for */
    GONE_REVOKED = 7,   /* its author's node was revoked, and wrote it past the cut */
    GONE_CAUSE_END = 8
};
/* "recall", "expiry", "retention", "erasure", "group", "newer", "revoked"; null for an unknown number. */
const char *gone_cause_name(enum gone_cause cause);

struct gone_row {
    uint64_t number;
    uint64_t cursor; /* of the item: who never came so far did not see it */
    uint64_t time_ms;
    unsigned exits; /* bit n: enum policy_exit n was allowed to show it */
    enum gone_cause cause;
    enum tlp tlp;
    uint8_t author[AGENCY_ID_BYTES];
    bool grouped; /* it was published to a group: */
    uint8_t group[HASH_BYTES];
    char type[ITEM_TYPE_BYTES_MAX + 1];
    char id[ITEM_ID_BYTES_MAX + 1];
};

/* A revoked node, and the last of its entries that counts. */
struct gone_cut_known {
    uint8_t node_id[NODE_ID_BYTES];
    uint64_t after;
};

/* A revoked node whose objects are being told of. */
struct gone_cut {
    bool active;
    uint8_t node_id[NODE_ID_BYTES];
    uint64_t after, until; /* entries behind the first and up to the second: further ones were told of */
    uint64_t cursor;       /* where the walk stands */
};

/* What the engine keeps of it. */
struct gone {
    uint64_t first;   /* number of the oldest row that is kept; last + 1 when none is */
    uint64_t last;    /* of the newest one that is on disk */
    uint64_t next;    /* of the next one that is noted */
    struct buf rows;  /* noted, and in no batch yet */
    unsigned decided; /* bit n: the last decision below, for the exit n */
    bool decision_set, decision_foreign;
    enum tlp decision_tlp;
    uint8_t decision_marks[256];
    size_t decision_marks_bytes;
    struct gone_cut cut;
    uint64_t
        prune_due_ms; /* wall clock: when old rows are looked for next; once a day, so that files are not rewritten each minute */
    struct gone_cut_known *cuts; /* all that consumers were told of, whether their agencies are still pinned or not */
    size_t cut_count;
    uint64_t cuts_told, cuts_due_ms;  /* a sum of all revocations that were told of; when it is looked at next */
    uint64_t fences[POLICY_EXIT_END]; /* the number of the newest fence of each exit; 0: none. It counts once it is on disk */
    struct buf terms;                 /* gone_terms.c: as they were when consumers were last told; empty: never */
    struct buf awaited;               /* gone_terms.c: ids of 32 bytes, one after the other */
    bool terms_read;
    uint64_t terms_due_ms;
};

enum err gone_load(struct engine *engine) MUST_USE; /* once the store is open */
void gone_free(struct engine *engine);
/* This store is a copy that begins a life of its own, and will give cursors that the first one gave to other objects: no position from before
   counts. Its consumers are told to begin anew. */
void gone_anew(struct engine *engine, struct store_batch *batch);
/* Is `at` a position of this life? */
bool gone_same_life(const struct gone *gone, uint64_t at);
/* The item at `cursor` is being taken out of its page with this batch, which goes to withdraw_commit. What nodes say to each other is
   passed over; of an object that was passed on, the row is about the object inside. */
void gone_note(struct engine *engine, struct store_batch *batch, const struct page_head *head, uint64_t cursor,
               const struct item *item, enum gone_cause cause);
void gone_seal(struct engine *engine, struct store_batch *batch); /* the batch is complete: called by withdraw_commit */
void gone_dropped(struct engine *engine);                         /* the batch was not committed */
void gone_stored(struct engine *engine);                          /* it is on disk */
void gone_tick(struct engine *engine, uint64_t now_ms);           /* once a minute: old rows go */

/* The next number becomes none of a row, with a batch that goes to withdraw_commit. No other one may be under way. */
uint64_t gone_number(struct gone *gone);
/* The next number becomes a fence of these exits (bit n: enum policy_exit n), with this batch, which goes to withdraw_commit. No other one may be
   under way. */
void gone_fence(struct engine *engine, struct store_batch *batch, unsigned exits);
/* Has somebody who stands at row `at`, and was told of objects by this exit, to begin anew? */
bool gone_fenced(const struct gone *gone, enum policy_exit exit, uint64_t at);

/* gone_revoked.c: objects of nodes that were revoked, past the cut; shown nobody any more. Goes on with it. */
void gone_revoked_pump(struct engine *engine);
enum err gone_revoked_load(struct engine *engine) MUST_USE;
/* Is this entry past the cut of its node? gossip_retracted, and it stays so when the agency is no longer pinned: then nobody else knows. */
bool gone_revoked(const struct engine *engine, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq);

/* Rows behind number `after`, in order, that are on disk, until `visit` returns false. ERR_CORRUPT, ERR_IO. */
typedef bool gone_visit(void *context, const struct gone_row *row);
enum err gone_each(struct engine *engine, uint64_t after, gone_visit *visit, void *context) MUST_USE;
/* Is the object of a row held in no other version by now? */
bool gone_for_good(struct engine *engine, const struct gone_row *row);

/* Pure; for tests. */
void gone_row_write(struct buf *out, const struct gone_row *row);
enum err gone_row_read(struct gone_row *out, struct bytes value) MUST_USE; /* all but the number. ERR_FORMAT */

#endif
