/* ledger_check: does the disclosure ledger hold together, and if not, where is it broken? Pure: blocks, signed ends and rows are fed in
   this order, and every fault names the row it is at and the check that found it. */
#ifndef NODE_LEDGER_CHECK_H
#define NODE_LEDGER_CHECK_H

#include "node/store/store.h"

#define LEDGER_FAULTS_MAX 100 /* told; all are counted */

struct ledger_fault {
    uint64_t number;   /* of the row */
    const char *check; /* "row", "chain", "commitment", "details", "signature", "entry", "end" */
    char text[160];
};

/* A BLOCK entry of the own log. */
struct ledger_block {
    uint64_t seq;
    uint8_t root[HASH_BYTES];
    bool told; /* a row tells of it */
};

struct ledger_check {
    const struct agency *agency;
    struct ledger_block *blocks;
    size_t block_count, block_capacity;
    uint8_t node_id[NODE_ID_BYTES]; /* of the blocks */
    struct disclosure_head *heads;
    size_t head_count, head_capacity, head_at;
    uint64_t *erased, *named; /* rows without details, and those that a row of kind erase names */
    size_t erased_count, erased_capacity, named_count, named_capacity;
    uint64_t first, last; /* rows seen */
    uint64_t rows;
    uint64_t exempt_seq; /* own entries up to it are older than the ledger */
    bool linked;         /* `hash` is that of the row before */
    uint8_t hash[HASH_BYTES];
    struct ledger_fault faults[LEDGER_FAULTS_MAX];
    uint64_t fault_count;
    bool memory_failed;
};

/* `agency` is borrowed: whose nodes may have signed. */
void ledger_check_init(struct ledger_check *check, const struct agency *agency);
void ledger_check_free(struct ledger_check *check);

void ledger_check_block(struct ledger_check *check, uint64_t seq, const uint8_t node_id[static NODE_ID_BYTES],
                        const uint8_t root[static HASH_BYTES]);
void ledger_check_head(struct ledger_check *check, const struct disclosure_head *head);
void ledger_check_row(struct ledger_check *check, uint64_t number, const struct disclosure_record *record);
/* After the last row. ERR_MEMORY: the verdict is worth nothing. */
enum err ledger_check_end(struct ledger_check *check) MUST_USE;

/* The last row that a good signature vouches for; 0: none. */
uint64_t ledger_check_signed(const struct ledger_check *check);

#endif
