/* statement: what a node says to other nodes by itself, as an item of a block: receipts, notices, rosters. It travels as objects do
   (sealed to whom it names, signed by the log, kept until read), and is never shown as one: search, get and feed pass over it.

   Its item has a type that begins with "comity-", an id of its own, and canonical MessagePack as its text; its form belongs to who
   handles it. No client may publish such a type. */
#ifndef NODE_STATEMENT_H
#define NODE_STATEMENT_H

#include "gossip/entry.h"
#include "gossip/item.h"
#include "node/store/store.h"

#define STATEMENT_PREFIX         "comity-"
#define STATEMENT_TEXT_BYTES_MAX (64 * 1024)
#define STATEMENT_AGENCIES_MAX   1024
#define STATEMENT_WAITING_MAX    100000                     /* records that wait for their block */
#define STATEMENT_BYTES_MAX      (64u << 20)                /* in them */
#define STATEMENT_BATCH_MAX      256                        /* of equal recipients that go into one block */
#define STATEMENT_WAIT_MS        (75ull * 24 * 3600 * 1000) /* whom nobody could seal to for so long is given up */

struct engine;
struct ledger_cause;

struct statement {
    const char *type;                 /* "comity-receipt" */
    struct bytes text;                /* 1 to STATEMENT_TEXT_BYTES_MAX bytes */
    const uint8_t *agencies;          /* ids of those who shall read it, one after the other; the own agency always does */
    size_t agency_count;              /* 0: the own agency's nodes only */
    enum tlp tlp;                     /* TLP_CLEAR to TLP_RED: for the record; the carriage is given apart */
    enum carriage carriage;           /* relay, or direct */
    uint64_t valid_until_ms;          /* 0: no end */
    const struct ledger_cause *cause; /* of an object that it carries: what let it go, for the ledger; null: it carries none */
};

/* Queues it: durable as soon as `batch` is, so that it is said exactly when what it speaks of is stored. With a null batch it is
   committed at once. All that wait for the same readers go into one block. Who is not pinned any more is left out; a statement that
   names nobody else is dropped. Does not wait, and takes no client's turn. Everything is copied.
   ERR_RANGE (type, sizes, label), ERR_FULL (too many wait), ERR_MEMORY. */
enum err statement_publish(struct engine *engine, struct store_batch *batch, const struct statement *statement) MUST_USE;

/* A statement that came in a block, an own one included. All views end with the call. */
struct statement_seen {
    const uint8_t *agency_id, *node_id; /* of its author */
    uint64_t seq;                       /* of the BLOCK entry */
    uint32_t index;                     /* of the item in its block */
    uint64_t arrived_ms;
    const struct item *item; /* its text is foreign bytes */
};

/* Called once for each, on the engine's thread, while the batch that stores its page is made: what the handler puts into `batch` becomes
   durable with the page, or not at all. It must not commit the batch nor wait for the store; what was put into it is not read back
   before the commit has completed. It may call statement_publish with this batch. */
typedef void statement_handler(struct engine *engine, struct store_batch *batch, const struct statement_seen *seen);

/* Appends the item of a statement, with an id of its own: for a block that is made elsewhere. ERR_RANGE, ERR_MEMORY. */
enum err statement_item(struct engine *engine, struct buf *out, const struct statement *statement) MUST_USE;

/* Is this an item of the mesh's own, which no search, feed or export shows? */
bool statement_is(struct bytes type);
/* Gives it to the handler of its type; a type without one is kept and passed over (later versions). */
void statement_take(struct engine *engine, struct store_batch *batch, const struct statement_seen *seen);

enum err statement_load(struct engine *engine) MUST_USE; /* once the store is open */
void statement_free(struct engine *engine);
void statement_drain(struct engine *engine); /* goes on turning what waits into blocks */
void statement_again(struct engine *engine); /* trust changed: readers are resolved anew */

#endif
