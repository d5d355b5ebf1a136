/* epochs: which EPOCH entries of the logs are sealed to this node, and what opens their blocks. The key process knows, and is asked once an
   epoch; its word stands in meta under EPOCHS_OURS_PREFIX, so that a later start knows which `direct` payloads are wanted and whom a recall
   owes receipts. The secrets stay in guarded memory. PROTOCOL.md 5.1 */
#ifndef NODE_EPOCHS_H
#define NODE_EPOCHS_H

#include "crypto/agency.h"
#include "crypto/epoch.h"
#include "gossip/entry.h"

#define EPOCHS_HELD         512
#define EPOCHS_PENDING_EACH 32            /* of one agency that wait for the key process: it fills no places of others */
#define EPOCHS_OURS_PREFIX  "secret/ours" /* then the author's node and the epoch: "1" or "0" */

struct engine;
struct store_batch;

enum epoch_state { EPOCH_EMPTY, EPOCH_PENDING, EPOCH_NOT_OURS, EPOCH_OURS };
struct epoch {
    enum epoch_state state;
    uint8_t agency_id[AGENCY_ID_BYTES];
    uint8_t node_id[NODE_ID_BYTES];
    uint64_t seq;
    uint64_t used;
    uint8_t secret[EPOCH_SECRET_BYTES];
};
/* EPOCH entries of a log that the key process is yet to be asked about. */
struct postponed {
    uint8_t agency_id[AGENCY_ID_BYTES];
    uint8_t node_id[NODE_ID_BYTES];
    uint64_t from, until;
};
struct epochs {
    struct epoch *table; /* EPOCHS_HELD, guarded */
    uint64_t clock;
    struct postponed *postponed;
    size_t postponed_count, postponed_capacity;
};

enum err epochs_init(struct engine *engine) MUST_USE;
void epochs_free(struct engine *engine);
/* An EPOCH entry that is being stored: the key process is asked, or will be when there is room. */
void epochs_arrived(struct engine *engine, const struct entry *entry);
/* One met while scanning: as above, if nobody knows yet whether it is ours (a crash came in between). */
void epochs_seen(struct engine *engine, struct bytes entry);
/* The epoch of a block; its secret is asked for (again) if need be. Null and `busy`: its entry is on its way to the disk, or there is no
   room to ask now. Null alone: there is none. It is the table's, and stays until another one is looked for. */
const struct epoch *epochs_of_block(struct engine *engine, const uint8_t node_id[static NODE_ID_BYTES], uint64_t block,
                                    uint64_t epoch_seq, bool *busy);
/* Is it sealed to this node? It is asked for where nobody knows; later there is an answer. Leaves the engine's scratch buffers alone. */
enum ours { OURS_NO, OURS_YES, OURS_UNKNOWN };
enum ours epochs_ours(struct engine *engine, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq);
/* Asks about those that had to wait, as far as there is room. */
void epochs_resume(struct engine *engine);
/* The key process has spoken: the epoch's secret, or null and why not. What waited for it goes on (reader_released). */
void epochs_opened(struct engine *engine, uint64_t which, const uint8_t *secret, enum err why);
/* Another branch of this log is coming: what its epochs were from there on does not count. */
void epochs_truncate(struct engine *engine, struct store_batch *batch, const uint8_t *node_id, uint64_t seq);
void epochs_key_restarted(struct engine *engine);

#endif
