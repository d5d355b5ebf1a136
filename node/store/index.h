/* index: from a keyed hash of a value or object id to the cursors of the items that carry it. New terms are in a table in memory;
   a full table is written as one sorted file and ingested by a thread of its own, while look-ups still read it.

   A crash loses tables, never files: the mark in meta tells from which page on the terms have to be read again. It is written after
   the ingestion, so terms may be in the files twice, but none is missing. */
#ifndef NODE_INDEX_H
#define NODE_INDEX_H

#include "gossip/item.h"
#include "node/store/rocks.h"
#include "node/store/terms.h"
#include "node/store/vault.h"

#define INDEX_KIND_ID 0 /* beside enum observable_kind: an object id */

/* Which prefix lengths of networks are held, so that a look-up asks for no others. */
struct index_lengths {
    uint64_t ipv4; /* bit n: length n */
    uint64_t ipv6[3];
};

struct index;

/* Reads the mark and the lengths and starts the thread. `rocks` and `vault` are borrowed. `event_fd` is signalled when an ingestion
   has failed. `path`: the store's directory. ERR_CORRUPT, ERR_IO, ERR_MEMORY. */
enum err index_open(struct index **out, struct rocks *rocks, const struct vault *vault, const char *path, size_t table_terms,
                    int event_fd) MUST_USE;
void index_close(struct index *index); /* waits for an ingestion under way; the table in memory is dropped */

/* Terms of all items below it are in the files, or in the table that is being written. */
uint64_t index_mark(const struct index *index);

/* The hash of a term; for networks, also notes the length in `lengths` when not null. */
uint64_t index_hash_id(const struct vault *vault, struct bytes id);
uint64_t index_hash_observable(const struct vault *vault, struct observable observable, struct index_lengths *lengths);

/* Adds the terms of one completed batch, then hands over the table when it is full: `mark` is the lowest cursor whose terms may still
   be missing. Waits when the table before is still being written. ERR_MEMORY, or what the ingestion met. */
enum err index_add(struct index *index, const struct term *terms, size_t count, const struct index_lengths *lengths,
                   uint64_t mark) MUST_USE;

/* Is a file of terms being written? Until it is done none of its terms can be taken out. */
bool index_writing(struct index *index);
/* The term is not found in memory any more; files are the caller's to change. Not while index_writing. */
void index_forget(struct index *index, struct term term);
/* What was read is let go: old files may be deleted. */
void index_rest(struct index *index);

/* Cursors under this hash: oldest first, at most `max`. OK, or ERR_CORRUPT, ERR_IO: then some may be missing. */
enum err index_find(struct index *index, uint64_t hash, uint64_t *cursors, size_t max, size_t *count) MUST_USE;
/* Also through all networks around an address or network; sorted, without doubles. */
enum err index_find_observable(struct index *index, struct observable observable, uint64_t *cursors, size_t max,
                               size_t *count) MUST_USE;

/* Forgets everything, on disk too; the mark is 0 then. */
enum err index_clear(struct index *index) MUST_USE;
/* What ended ingestion for good, or OK. */
enum err index_error(struct index *index, char *why);
void index_wait(struct index *index); /* until no ingestion is under way */
uint64_t index_terms_in_memory(const struct index *index);
size_t index_ingestions(const struct index *index); /* tables handed over since opening */

#endif
