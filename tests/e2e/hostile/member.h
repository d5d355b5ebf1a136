/* member: a scripted member of the mesh: the keys that `comity init` made, and a link to a real node over real CURVE, of which every
   byte is ours to choose. Errors end the program: a scripted member that cannot play its part is a broken test. */
#ifndef TESTS_E2E_HOSTILE_MEMBER_H
#define TESTS_E2E_HOSTILE_MEMBER_H

#include "crypto/block.h"
#include "crypto/keyfile.h"
#include "gossip/card.h"
#include "gossip/wire.h"
#include "tests/unit/curve_client.h"

#define MEMBER_CARDS_MAX   4
#define MEMBER_ENTRIES_MAX (64 * 1024)

/* One node of our agency: what it signs and encrypts with. */
struct member_key {
    uint8_t sign_seed[SIGN_SEED_BYTES];
    uint8_t curve_secret[CURVE_KEY_BYTES];
    uint8_t curve_public[CURVE_KEY_BYTES];
    uint8_t node_id[NODE_ID_BYTES];
};

struct member {
    struct keyfile *root;
    struct member_key key; /* of the node that init made */
    struct card own;       /* as init made it */
    struct agency agency;  /* as our chain describes it now */
    struct buf chain;
    /* Our own log: its entries one after the other, where each begins, and where it ends. */
    struct buf log;
    size_t starts[MEMBER_ENTRIES_MAX];
    uint64_t seq;
    uint8_t head_id[HASH_BYTES];
    /* 0 is the victim's card; others that were named follow. */
    struct card cards[MEMBER_CARDS_MAX];
    size_t card_count;
    char endpoint[AGENCY_ENDPOINT_BYTES_MAX + 1]; /* of the victim */
    struct random random;
};

/* One connection to the victim, under one of our keys. */
struct member_link {
    struct member *member;
    const struct member_key *key;
    struct curve_client client;
    bool open;
    bool mute; /* gives nothing of our log to who asks */
    uint8_t nonce[WIRE_NONCE_BYTES], nonce_peer[WIRE_NONCE_BYTES];
    uint8_t link_key[32];
    uint64_t generation_heard; /* the victim's, from its TRUST */
    struct buf in;             /* the message read last */
    uint64_t sent;
};

void must(bool good, const char *what);
void must_ok(enum err err, const char *what);

/* Takes DIR as `comity init --no-passphrase` left it, and the card of the victim. */
void member_load(struct member *member, const char *dir, const char *victim_card, const char *endpoint);
void member_card_add(struct member *member, const char *path);
const struct agency_node *member_victim(const struct member *member);

/* The next entry of our log, which was just made. */
void member_log_add(struct member *member, struct bytes entry);

/* A new key for one more node of ours. */
void member_key_make(struct member *member, struct member_key *key);

/* CURVE, HELLO and PROOF; true when the victim proved itself and took our proof. False: it would not have us. */
bool member_open(struct member_link *link, struct member *member, const struct member_key *key);
void member_close(struct member_link *link);

enum member_event { MEMBER_MESSAGE, MEMBER_QUIET, MEMBER_CUT };
/* The next message within `wait_ms`; its views are good until the next call. TRUST is noted and GET of our log is answered on the way. */
enum member_event member_next(struct member_link *link, struct message *out, int wait_ms);
/* Reads what came and drops it; false: the link is cut. */
bool member_drain(struct member_link *link);

/* False: the link is cut. The message is consumed. */
bool member_send(struct member_link *link, struct buf *message);
bool member_send_raw(struct member_link *link, const void *data, size_t size); /* one frame of these bytes */

/* The tag of an agency or a node on this link. */
void member_tag(const struct member_link *link, uint8_t out[static WIRE_TAG_BYTES], const uint8_t *id, size_t id_bytes);
/* Says that we trust ourselves, the victim, and all of `cards`, once the victim has said how its own trust stands. */
bool member_tags(struct member_link *link, uint64_t generation);

#endif
