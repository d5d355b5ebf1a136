/* ledger: what was ever signed, by whom and for whom: the truth that invariants are checked against. */
#ifndef TESTS_SIM_LEDGER_H
#define TESTS_SIM_LEDGER_H

#include "gossip/entry.h"
#include "tests/sim/blob.h"

struct ledger_row {
    bool used; /* false: this number was never signed, or lost before anybody heard of it */
    enum entry_type type;
    uint64_t seq;
    uint8_t id[HASH_BYTES];
    struct blob *entry, *payload;
    struct block_body body; /* of a BLOCK */
    uint32_t *readers;      /* nodes, ascending; of a BLOCK */
    size_t reader_count;
    uint64_t recalled;        /* number of the RECALL entry that names it; 0: none. It may have been lost: ledger_recalled */
    bool acknowledged;        /* the author's disk said that it is safe, and did not lie or lose it since */
    bool spread;              /* it left its author */
    bool rot;                 /* somewhere a record of it rotted: its holders may be fewer than they were */
    bool copied;              /* the copy of its author's disk holds it, and may come back */
    struct ledger_row *older; /* another entry that was signed at this number before: a fork */
};

struct ledger_log {
    struct ledger_row *rows; /* number `seq` at seq - 1 */
    size_t count, capacity;
};

/* Where a payload's block stands. */
struct ledger_place {
    uint32_t author;
    uint64_t seq;
    bool used;
};

struct ledger {
    struct ledger_log *logs; /* by author */
    size_t authors;
    size_t count; /* rows in use */
    struct ledger_place *payloads;
    size_t payload_count, payload_size;
};

void ledger_open(struct ledger *ledger, size_t authors);
void ledger_free(struct ledger *ledger);
/* The row of this number; null when none is in use. */
struct ledger_row *ledger_find(const struct ledger *ledger, size_t author, uint64_t seq);
/* A new entry. One that stands there already becomes its `older` when it was spread or copied, and is forgotten otherwise. */
struct ledger_row *ledger_add(struct ledger *ledger, size_t author, const struct entry *entry, struct bytes bytes,
                              struct bytes payload);
/* What it replaced is back. */
void ledger_remove(struct ledger *ledger, size_t author, uint64_t seq);
/* The row whose entry has this id, an older one included; null when its author never signed it. */
struct ledger_row *ledger_entry(const struct ledger *ledger, size_t author, const struct entry *entry);
/* The block of this payload; null when nobody signed one. `author` is filled in. */
struct ledger_row *ledger_payload(const struct ledger *ledger, const uint8_t hash[static HASH_BYTES], size_t *author);
/* Does the author's log say that this block is recalled? */
bool ledger_recalled(const struct ledger *ledger, size_t author, const struct ledger_row *row);
bool ledger_reads(const struct ledger_row *row, size_t author, size_t node);

#endif
