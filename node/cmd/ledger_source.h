/* ledger_source: the disclosure ledger as a command reads it: from the running node, or from the store of one that does not run. */
#ifndef NODE_LEDGER_SOURCE_H
#define NODE_LEDGER_SOURCE_H

#include "node/cmd/client.h"
#include "node/identity/trust_files.h"
#include "node/store/store.h"

struct ledger_source {
    const struct invocation *invocation;
    struct client client; /* when the node runs, */
    struct store *store;  /* else */
    int lock;
    struct card_file own;           /* this agency's card: its chain */
    uint8_t node_id[NODE_ID_BYTES]; /* of the store's node; only without a running node */
};

/* Opens either; says what keeps it from that. Release with ledger_source_close, also after a failure. With `running`, the node must run. */
enum outcome ledger_source_open(struct ledger_source *out, const struct invocation *invocation, bool running) MUST_USE;
void ledger_source_close(struct ledger_source *source);

/* Visitors return false to end the walk (of a running node the rest is read and dropped). */
typedef bool ledger_visit_row(void *context, uint64_t number, const struct disclosure_record *record);
typedef bool ledger_visit_block(void *context, uint64_t seq, const uint8_t node_id[static NODE_ID_BYTES],
                                const uint8_t root[static HASH_BYTES]);

/* Rows from a number to another (0: the last), as they stand; a number without a row in between comes as a missing one. */
enum outcome ledger_source_rows(struct ledger_source *source, uint64_t from, uint64_t until, ledger_visit_row *visit,
                                void *context) MUST_USE;
/* Signed ends; a damaged one has number 0. */
enum outcome ledger_source_heads(struct ledger_source *source, store_visit_head *visit, void *context) MUST_USE;
/* The BLOCK entries of this node's own log. */
enum outcome ledger_source_blocks(struct ledger_source *source, ledger_visit_block *visit, void *context) MUST_USE;

#endif
