/* agreements: the agreements that this node knows of, as its parties signed them. PROTOCOL.md 5.8; the decisions stand in
   gossip/agreement.h and gossip/policy_agreement.c. Part of the engine. */
#ifndef NODE_AGREEMENTS_H
#define NODE_AGREEMENTS_H

#include "gossip/agreement.h"
#include "gossip/policy.h"
#include "node/process/frame.h"
#include "node/sharing/statement.h"

#define AGREEMENTS_TYPE        "comity-agreement"
#define AGREEMENTS_PREFIX      "secret/agreement/" /* then 16 bytes of the id, in hexadecimal */
#define AGREEMENTS_OF_ONE_MAX  64                  /* that one other agency has brought */
#define AGREEMENTS_OF_PAIR_MAX 8                   /* in force between two agencies; more of them are not looked at */

struct client;

struct agreement_known {
    uint8_t id[HASH_BYTES];
    uint8_t introducer[AGENCY_ID_BYTES]; /* who told of it first */
    struct buf text;
    struct agreement agreement; /* views into `text` */
    struct agreement_state state;
};

struct agreements {
    struct agreement_known *list[LIMIT_AGREEMENTS];
    size_t count;
};

enum err agreements_load(struct engine *engine) MUST_USE; /* once the store is open */
void agreements_free(struct engine *engine);

/* By at least 8 digits of its id. ERR_NOT_FOUND; ERR_EXISTS: several begin so. */
enum err agreements_named(const struct engine *engine, struct bytes digits, struct agreement_known **out) MUST_USE;

/* What a party says, this node's own included: it signs the text, or ends the agreement. `changed` may be null. ERR_DENIED: the author or
   this agency is no party; ERR_EXISTS: said before. Else as agreement_decode, ERR_LIMIT. What is kept goes into the batch. */
enum agreement_word { AGREEMENT_SIGN = 1, AGREEMENT_END = 2 };
enum err agreements_take(struct engine *engine, struct store_batch *batch, const uint8_t author[static AGENCY_ID_BYTES],
                         enum agreement_word word, struct bytes text, uint64_t time_ms, struct agreement_known **out) MUST_USE;
/* Says it to the other parties. */
enum err agreements_say(struct engine *engine, struct store_batch *batch, const struct agreement_known *known,
                        enum agreement_word word, uint64_t time_ms) MUST_USE;
/* Handler of AGREEMENTS_TYPE. */
statement_handler agreements_hear;

/* What policy_decide looks at: agreements in force between the own agency and another, as seen from here. `slot` 0 or 1 tells which of two
   answers may stand at once. Borrowed until the next call with the same slot. */
size_t agreements_facts(struct engine *engine, unsigned slot, const uint8_t agency_id[static AGENCY_ID_BYTES],
                        const struct policy_agreement **out);

/* agreement_ask.c: FRAME_ASK_AGREEMENT */
void agreement_ask(struct engine *engine, struct client *client, const struct frame *frame);

#endif
