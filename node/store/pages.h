/* pages: items at rest: one packed frame sealed under its bucket's key, found by cursor.

   A page is its head in clear, nonce 24, ciphertext and tag (XChaCha20-Poly1305); cursor and head are bound as additional data, so
   that a page at another place, or with another head, does not open. */
#ifndef NODE_PAGES_H
#define NODE_PAGES_H

#include "node/store/buckets.h"
#include "node/store/store.h"

#define PAGES_VERSION   2
#define PAGES_KEY_BYTES 8 /* cursor of the last item, big-endian: the first key at or past a cursor is its page's */
/* PAGES_VERSION 1, zero 1, items 2, plain bytes 4, node 16, agency 32, seq 8, first 4, arrived (microseconds) 8, expires 8, bucket 4 */
#define PAGES_HEAD_BYTES     88
#define PAGES_OVERHEAD_BYTES (PAGES_HEAD_BYTES + 40)

struct pages;

/* `rocks` and `vault` are borrowed. Null without memory. */
struct pages *pages_new(struct rocks *rocks, const struct vault *vault);
void pages_free(struct pages *pages); /* wipes keys and cached plaintext */

/* Seals a page into the batch, under the bucket that `head` names. ERR_MEMORY, ERR_CORRUPT and ERR_IO (of the bucket's stored key). */
enum err pages_seal(struct pages *pages, rocksdb_writebatch_t *batch, struct buckets_carried *carried, const struct page_head *head,
                    struct bytes packed) MUST_USE;
/* The batch that carried these keys is durable. */
void pages_buckets_durable(struct pages *pages, const struct buckets_carried *carried);

/* As pages_seal, of items that are not packed yet; in place of the page that stands there. */
enum err pages_seal_plain(struct pages *pages, rocksdb_writebatch_t *batch, struct buckets_carried *carried,
                          const struct page_head *head, struct bytes plain) MUST_USE;

/* The key of this bucket is deleted: no page of it is left. */
void pages_bucket_end(struct pages *pages, uint32_t number);

/* A commit has completed: what is read next shall see it. */
void pages_changed(struct pages *pages);
/* Pages were changed: what the cache holds is wiped. */
void pages_forget(struct pages *pages);
void pages_random(struct pages *pages, uint8_t *out, size_t bytes);

/* As store_page_at and store_page_from; out->head is set also when the page does not open, and then not to be trusted. */
enum err pages_at(struct pages *pages, uint64_t cursor, struct page *out) MUST_USE;
enum err pages_from(struct pages *pages, uint64_t cursor, struct page *out) MUST_USE;
/* The head of the page that pages_from would give, without opening it. */
enum err pages_head_from(struct pages *pages, uint64_t cursor, struct page_head *out) MUST_USE;
/* The cursor behind the last page; 0 without pages. Reads a head only. */
enum err pages_end(struct pages *pages, uint64_t *cursor) MUST_USE;

#endif
