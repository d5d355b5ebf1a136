/* store: entries and payloads as received, decoded items in encrypted pages, and where a value stands. On RocksDB.
   Opaque, because a lifetime hides behind it: a committer thread syncs batches in groups.

   Column families: entries (node id 16, seq 8 -> u8 flags, entry bytes, tag 8), payloads (node id, seq -> bytes, tag 8), places
   (node id, seq -> u32 payload size, key 32), pages (last cursor 8 -> head in clear, packed frame sealed under its bucket's key), index (keyed
   hash 8, cursor 8 -> nothing), blocks (node id, seq -> first cursor 8, items 4), due (time, kind, what -> nothing), meta (text key ->
   bytes; keys beginning "store/", "secret/bucket/", "ledger/", "ledger-end/" and "secret/ledger/" are the store's own). Payloads are locked with a key each, which stands in places:
   a small family that is soon rewritten, so that a payload is gone when its key is.
   A cursor numbers an item in arrival order and only grows; a page holds the items of one frame, consecutive cursors.
   No plaintext value or object stands on disk: pages are sealed (XChaCha20-Poly1305) under a random key per retention bucket, which
   stands in meta sealed under a key derived from the store key; index keys are SipHash-2-4 under another derived key.
   Below that RocksDB checks every block; the tags (SipHash-2-4 under derived keys, over place and value) find what it can't, such as
   a sound record at another record's place.

   Index: new terms go to an in-memory table at once; every STORE_TABLE_TERMS terms the table is written as a sorted file and ingested.
   What the table held at a crash is made again from the pages past the mark in meta.

   After a write or sync failed, nothing is tried again: every later commit completes with that error, and only reading goes on.

   Threads: all functions here are called by one thread. Threads of its own (committer, index, two of RocksDB) start in store_open, with
   all signals blocked. */
#ifndef NODE_STORE_H
#define NODE_STORE_H

#include "gossip/disclosure.h"
#include "gossip/entry.h"
#include "gossip/item.h"
#include "node/process/histogram.h"

#define STORE_TABLE_TERMS        (512 * 1024) /* 12 MB in memory, twice that while one is written; 13 MB as a file */
#define STORE_META_KEY_BYTES_MAX 64

struct store;
struct store_batch;

struct store_options {
    const char *path; /* directory, made when missing */
    uint8_t store_key[32];
    uint64_t cache_bytes;
    bool sync;              /* false: acknowledge without fsync (for measuring, and as an operator's choice) */
    bool read_only_rebuild; /* open without replaying the index, for rebuild */
    bool torn_log;          /* open although the write-ahead log is damaged before its end: what stands behind the damage is lost */
    size_t table_terms;     /* 0: STORE_TABLE_TERMS; for tests */
    uint64_t now_ms;
};

/* ERR_BUSY: another process has it open. ERR_CORRUPT, ERR_IO, ERR_FULL, ERR_KEY (other store key), ERR_MEMORY. `why` (at least 256
   bytes) gets a text. */
enum err store_open(struct store **out, const struct store_options *options, char *why, size_t why_bytes) MUST_USE;
/* Waits for pending commits; their tickets are lost. Batches that were not committed must have been freed. */
void store_close(struct store *store);

/* 16 random bytes made with the store: a wiped store has another. */
void store_instance(const struct store *store, uint8_t out[static 16]);

/* --- writing: a batch is atomic; batches become durable and visible in the order of their commits --- */
/* Functions without a result note a failure (memory) in the batch; its commit then completes with that error. */
struct store_batch *store_batch_new(struct store *store); /* null without memory */
void store_batch_free(struct store_batch *batch);         /* of a batch that was not committed */
/* What it will write, about. */
size_t store_batch_bytes(const struct store_batch *batch);

void store_batch_entry(struct store_batch *batch, const struct entry *entry, bool verified);
void store_batch_payload(struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq,
                         struct bytes payload);
void store_batch_payload_delete(struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq);
/* Every entry and payload of a log from `seq` on that was committed: nothing of that log may be under way (store_wait). Pages stay. */
enum err store_batch_truncate(struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq) MUST_USE;
/* Keys have 1 to STORE_META_KEY_BYTES_MAX bytes. Values are sealed when the key starts with "secret/". */
void store_batch_meta(struct store_batch *batch, const char *key, struct bytes value);
void store_batch_meta_delete(struct store_batch *batch, const char *key);

/* A row of the disclosure ledger about what this batch does: durable with it, or not at all. The row gets its number and its place in
   the chain when the batch is committed, so the order of commits is the order of rows. `salt` as the caller drew it; `details` are
   sealed. ERR_RANGE (kind, size) is noted in the batch. */
void store_batch_disclosure(struct store_batch *batch, enum disclosure_kind kind, uint64_t time_ms,
                            const uint8_t salt[static DISCLOSURE_SALT_BYTES], struct bytes details);
/* The details of a row go, and are to leave all files (store_erase); its head stays. */
void store_batch_disclosure_erase(struct store_batch *batch, uint64_t number);
/* The signed end of the ledger, kept beside it. */
void store_batch_disclosure_head(struct store_batch *batch, const struct disclosure_head *head);

/* The facts of a page. */
struct page_head {
    uint64_t cursor; /* of its first item */
    uint16_t item_count;
    uint32_t plain_bytes;
    uint8_t node_id[NODE_ID_BYTES]; /* author's node */
    uint8_t agency_id[AGENCY_ID_BYTES];
    uint64_t seq;        /* of the BLOCK entry */
    uint32_t item_first; /* index of its first item within the block */
    uint64_t arrived_ms;
    uint64_t
        added_us; /* arrival in microseconds, of its first item; the next ones follow a microsecond apart, and over all pages it only
                          rises: no two items have the same. 0 when written: arrived_ms */
    uint64_t expires_ms;
    uint32_t bucket; /* retention bucket: set by the store from expires_ms */
};

/* Adds a page: seals `packed` (a block frame, not compressed again). Its items' terms follow through store_batch_terms, in the same
   batch. head->cursor is store_cursor_next, or a little more. ERR_RANGE: a cursor that was given before, no items or too many. */
enum err store_batch_page(struct store_batch *batch, const struct page_head *head, struct bytes packed) MUST_USE;
/* Adds the index terms of one item: its id and observables. */
void store_batch_terms(struct store_batch *batch, uint64_t cursor, const struct item *item);

/* --- taking back (store_erase.c) --- */
/* A block's items stand from `cursor` on, one after the other. */
void store_batch_block(struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq, uint64_t cursor,
                       uint32_t items);
void store_batch_block_delete(struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq);
bool store_block(struct store *store, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq, uint64_t *cursor, uint32_t *items);
/* The page of this head gets other items: as many as before, those removed empty (length 0), so that cursors stay. Empty `plain`: the
   page goes. */
enum err store_batch_page_change(struct store_batch *batch, const struct page_head *head, struct bytes plain,
                                 size_t removed) MUST_USE;
/* False while a file of terms is being written: terms cannot be taken out now. */
bool store_terms_ready(struct store *store);
void store_batch_terms_delete(struct store_batch *batch, uint64_t cursor, const struct item *item);
/* As the functions without "erase", and the old bytes are to leave all files. */
void store_batch_payload_erase(struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq);
/* What was deleted between these two keys of meta, in this batch or before, leaves all files with the next round. */
void store_batch_erase_between(struct store_batch *batch, const char *first, const char *last);
void store_batch_erase_meta(struct store_batch *batch, const char *key);

/* Has a bucket whose time is over no pages any more? Then its key goes, and leaves all files like the rest. */
bool store_buckets_over(const struct store *store, uint64_t now_ms);
void store_batch_buckets_end(struct store_batch *batch, uint64_t now_ms);

/* Begins a round on a thread of its own: when it has finished, no file holds what batches completed before had taken out. Returns its
   number; 0: one is under way, or there is nothing to do. */
uint64_t store_erase(struct store *store);
void store_erase_all(struct store *store); /* the next round rewrites everything: it is not known any more what was taken out */
bool store_erasing(struct store *store);
bool store_erase_due(const struct store *store); /* completed batches took out something since */
/* The number of the last finished round (store_fd is signalled at its end). */
uint64_t store_erased(struct store *store);

/* What falls due at a time: a page of which an item expires, an older version of an object that is over, or a payload. */
enum store_due_kind { STORE_DUE_PAGE = 1, STORE_DUE_PAYLOAD = 2, STORE_DUE_ITEM = 3 };
struct store_due {
    uint64_t due_ms;
    enum store_due_kind kind;
    uint8_t node_id[NODE_ID_BYTES]; /* of a payload */
    uint64_t number;                /* cursor of the page's first item, or of the item, or the payload's number */
};
void store_batch_due_item(struct store_batch *batch, uint64_t due_ms, uint64_t cursor);
void store_batch_due_page(struct store_batch *batch, uint64_t due_ms, uint64_t cursor);
void store_batch_due_payload(struct store_batch *batch, uint64_t due_ms, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq);
void store_batch_due_done(struct store_batch *batch, const struct store_due *due);
/* Those from after_ms to now_ms, by time, at most `max`; returns how many. */
size_t store_due(struct store *store, uint64_t after_ms, uint64_t now_ms, struct store_due *out, size_t max);

/* Gives the batch to the committer (takes ownership). `ticket` comes back from store_completed. */
void store_commit(struct store *store, struct store_batch *batch, uint64_t ticket);
/* Commits between (true) and (false) share one sync: what one message brings becomes durable at once. store_wait ends it too. */
void store_gather(struct store *store, bool gather);
/* Readable when commits have completed: for poll. */
int store_fd(const struct store *store);
/* The next completed ticket, in order; its pages are now searchable. ERR_NOT_FOUND: none. Any other error: the disk refused
   (ERR_IO, ERR_FULL, ERR_CORRUPT) or memory: acknowledge nothing more, stop; it stays so for ever. */
enum err store_completed(struct store *store, uint64_t *ticket) MUST_USE;
size_t store_pending(const struct store *store); /* commits under way */
/* Waits until all commits have completed (they are still returned by store_completed). */
void store_wait(struct store *store);

/* What RocksDB said with that error; empty before. */
const char *store_why(struct store *store);

/* --- reading: sees what completed (entries, payloads and meta: perhaps also what is about to) --- */
uint64_t
store_cursor_next(const struct store *store); /* the number that the next item gets: after all committed or batched pages */

/* Appends the entry's bytes to `out`. ERR_NOT_FOUND, ERR_CORRUPT. */
enum err store_entry(struct store *store, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq, struct buf *out,
                     bool *verified) MUST_USE;
/* Walks entries of one log from `seq` on, in order, until `visit` returns false. */
typedef bool store_visit_entry(void *context, uint64_t seq, bool verified, struct bytes entry);
enum err store_entries(struct store *store, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq, store_visit_entry *visit,
                       void *context) MUST_USE;
/* The number of a log's last entry. ERR_NOT_FOUND: it has none. */
enum err store_log_end(struct store *store, const uint8_t node_id[static NODE_ID_BYTES], uint64_t *seq) MUST_USE;
/* Walks all logs' ids. */
typedef bool store_visit_log(void *context, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq_first, uint64_t seq_last);
enum err store_logs(struct store *store, store_visit_log *visit, void *context) MUST_USE;
enum err store_payload(struct store *store, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq, struct buf *out) MUST_USE;
uint64_t store_payload_bytes(struct store *store, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq); /* 0: none */
/* Does a payload stand here (no read of the value if it can be avoided)? */
bool store_payload_exists(struct store *store, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq);
/* Walks the payloads' places of one log. */
typedef bool store_visit_payload(void *context, uint64_t seq, size_t bytes);
enum err store_payloads(struct store *store, const uint8_t node_id[static NODE_ID_BYTES], store_visit_payload *visit,
                        void *context) MUST_USE;

enum err store_meta(struct store *store, const char *key, struct buf *out) MUST_USE;
/* The same for who gives up what is not there: ERR_BUSY while it may be on its way to the disk. To look first and to ask then whether
   commits are under way would miss what arrives in between. */
enum err store_meta_settled(struct store *store, const char *key, struct buf *out) MUST_USE;
typedef bool store_visit_meta(void *context, const char *key, struct bytes value);
enum err store_meta_each(struct store *store, const char *prefix, store_visit_meta *visit, void *context) MUST_USE;
/* The same, from the key `from` on, which begins with the prefix. */
enum err store_meta_from(struct store *store, const char *prefix, const char *from, store_visit_meta *visit,
                         void *context) MUST_USE;

/* --- the disclosure ledger --- */

/* The last row that was committed: its number (0: none) and hash. */
uint64_t store_disclosure_last(const struct store *store, uint8_t hash[static HASH_BYTES]);

/* How a stored row, or its details, were found. */
enum disclosure_state { DISCLOSURE_GOOD, DISCLOSURE_MISSING, DISCLOSURE_DAMAGED };

/* A row as it stands. Details that were erased are missing. */
struct disclosure_record {
    enum disclosure_state row_state, details_state;
    uint8_t row[DISCLOSURE_ROW_BYTES];
    uint8_t written[DISCLOSURE_ROW_BYTES]; /* what the row was when its details were sealed; valid with good details */
    uint8_t salt[DISCLOSURE_SALT_BYTES];
    struct buf details; /* the caller's to free; cleared first */
};
/* ERR_IO, ERR_MEMORY: this machine, not the ledger, is at fault. */
enum err store_disclosure(struct store *store, uint64_t number, struct disclosure_record *out) MUST_USE;
/* Those from one number to another, in order, until `visit` returns false; the record is borrowed. */
typedef bool store_visit_disclosure(void *context, uint64_t number, const struct disclosure_record *record);
enum err store_disclosures(struct store *store, uint64_t from, uint64_t until, store_visit_disclosure *visit,
                           void *context) MUST_USE;
/* Signed ends, by rising number, from `number` on. Damaged ones are handed out as number 0. */
typedef bool store_visit_head(void *context, const struct disclosure_head *head);
enum err store_disclosure_heads(struct store *store, uint64_t number, store_visit_head *visit, void *context) MUST_USE;

/* An unsealed page. Borrowed from a small cache until the next page call. */
struct page {
    struct page_head head;
    struct bytes plain; /* items, as block_frame_next walks them */
};
/* The page that holds `cursor`; ERR_NOT_FOUND when no page does. */
enum err store_page_at(struct store *store, uint64_t cursor, struct page *out) MUST_USE;
/* The first page whose last cursor is >= `cursor`; none at or past the first page of a batch that has not completed, so that who
   walks misses nothing. ERR_NOT_FOUND: the end. ERR_CORRUPT with an item_count in out->head that is not 0: that page is damaged (or its
   bucket's key was deleted), and the walk may go on behind it. */
enum err store_page_from(struct store *store, uint64_t cursor, struct page *out) MUST_USE;
/* The head of the page that store_page_from would give, without opening the page. ERR_NOT_FOUND, ERR_CORRUPT, ERR_IO. */
enum err store_page_head(struct store *store, uint64_t cursor, struct page_head *out) MUST_USE;
/* No page from here on is shown yet. */
uint64_t store_cursor_end(const struct store *store);
/* The cursor of the newest item that store_page_from shows, and when it was added; zeros without any. */
enum err store_newest(struct store *store, uint64_t *cursor, uint64_t *added_us) MUST_USE;
/* The last cursor whose item was added at `added_us` or before; 0: none. ERR_CORRUPT, ERR_IO. */
enum err store_cursor_at(struct store *store, uint64_t added_us, uint64_t *cursor) MUST_USE;
/* One item by cursor: page_at and a walk. The views in `out` point into the page. */
enum err store_item(struct store *store, uint64_t cursor, struct page_head *head, struct item *out, struct bytes *encoded) MUST_USE;

/* Cursors of the items that carry this term, oldest first, at most `max`; returns how many were written. A hit may be a hash
   collision: callers compare. When reading failed there may be too few: store_find_result tells. */
size_t store_find_id(struct store *store, struct bytes id, uint64_t *cursors, size_t max);
/* All of them, however many somebody else has published under that id: freed by the caller. ERR_MEMORY, or what store_find_result says. */
enum err store_find_id_all(struct store *store, struct bytes id, uint64_t **cursors, size_t *count) MUST_USE;
/* Exact value. For an address (or network): also every stored network around it. */
size_t store_find_value(struct store *store, struct observable observable, uint64_t *cursors, size_t max);

/* A keyed hash of an object's id: stands for it where it must not be. */
uint64_t store_id_mark(const struct store *store, struct bytes id);

/* OK, or why the last find may have missed something: ERR_CORRUPT, ERR_IO. */
enum err store_find_result(const struct store *store);

/* Makes `path`, which must not exist, a copy of the store as it stands, all completed commits included (store_copy.c). Files that
   never change are shared with it by hard links where the file system can. ERR_EXISTS, ERR_IO, ERR_FULL; store_why is not changed. */
enum err store_copy(struct store *store, const char *path, char *why, size_t why_bytes) MUST_USE;

struct store_counts {
    uint64_t items, pages, payloads, payload_bytes, entries, disk_bytes, terms_in_memory;
    uint64_t pages_damaged; /* met while the index was made again */
    uint64_t log_bytes_cut; /* at opening, from the end of the log: what a power cut had left of the last, unacknowledged group */
};
void store_counts(struct store *store, struct store_counts *out);
/* How long writing and syncing a group of batches took, since the store was opened. */
void store_sync_times(struct store *store, struct histogram *out);
/* Of the file system that the store stands on; false when the kernel does not say. */
bool store_disk(const struct store *store, uint64_t *free_bytes, uint64_t *size_bytes);

/* Drops the index and makes it again from the pages; damaged pages are counted and passed over. `progress` may be null. */
typedef void store_progress(void *context, uint64_t done, uint64_t total);
enum err store_index_rebuild(struct store *store, store_progress *progress, void *context) MUST_USE;

#endif
