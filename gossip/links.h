/* links: the live connections: their handshake, what each side told the other, and what a peer may cost. PROTOCOL.md 6, 7 */
#ifndef GOSSIP_LINKS_H
#define GOSSIP_LINKS_H

#include "gossip/peers.h"
#include "gossip/wire.h"

enum link_state {
    LINK_HELLO, /* we wait for the peer's HELLO */
    LINK_PROOF, /* and for its PROOF */
    LINK_OPEN   /* both proofs were sent and verified */
};

/* A budget that refills with time. */
struct bucket {
    uint64_t level, at_ms;
};

/* What this link knows of one log, by the log's index among the peers. */
struct link_log {
    uint64_t heard; /* the peer's durable head, as it said */
    uint64_t told;  /* ours, as we said */
    bool common;    /* both trust the author */
    bool fork_told; /* the peer has our proof of its fork, or an earlier one */
};

struct link_tag {
    uint8_t tag[WIRE_TAG_BYTES];
    uint32_t peer; /* index of the log's node */
};

struct link {
    uint32_t number; /* the transport's; 0: this slot is free */
    bool outbound;
    enum link_state state;
    bool proof_sent, proof_verified;
    uint8_t curve_public[CURVE_KEY_BYTES];
    uint8_t node_id[NODE_ID_BYTES]; /* of the peer */
    uint64_t since_ms;              /* monotonic */
    uint8_t nonce[WIRE_NONCE_BYTES], nonce_peer[WIRE_NONCE_BYTES];
    uint8_t instance_peer[WIRE_INSTANCE_BYTES];
    uint8_t key[32]; /* tags are hashed under it */

    uint64_t generation_told;  /* our trust when we last sent TAGS; 0: never */
    uint64_t generation_heard; /* the peer's, from its TAGS; 0: none yet */
    struct link_log *logs;     /* one per peer of our trust */
    size_t log_count;
    struct link_tag *tags;     /* sorted by tag: all our logs */
    struct link_tag *agencies; /* sorted by tag: all our members (`peer` is the member's index) */
    size_t agency_count;
    struct wire_pair *peer_agencies; /* the peer's TAGS as it sent them: tag, records of the chain */
    size_t peer_agency_count;
    uint64_t heads_due_ms; /* when to tell changed heads; 0: nothing to tell */

    bool heads_known; /* the peer said where all its logs end, under the trust of now */

    unsigned wants;        /* payloads asked and not answered */
    unsigned gets;         /* ranges asked and not answered */
    uint64_t answered_ms;  /* last answer of any kind: a slow line is no broken promise */
    unsigned serving;      /* the peer's questions that wait for the store */
    uint64_t queued_bytes; /* sent by us, not yet out of our process */
    struct bucket bytes, signatures, announcements, suspects;
    unsigned differ_row;         /* whole lists of heads since the last equal digest */
    uint32_t walk_at, walk_left; /* logs whose last entries are still to be compared */
    uint64_t walk_next_ms;       /* not before */
    uint64_t received_ms;        /* last message of any kind */
    bool owes;                   /* an answer broke, and nothing came since */
    unsigned broken_row;         /* answers broken in a row */

    uint64_t messages_in, bytes_in, messages_out, bytes_out, pushes_dropped, broken_answers, ignored_tags;
    uint32_t rtt_ms;
};

struct links {
    struct link list[LIMIT_LINKS];
};

struct link *links_find(struct links *links, uint32_t number);
struct link *links_new(struct links *links); /* a free slot, zeroed; null when all are taken */
void link_free(struct link *link);
static inline unsigned links_slot(const struct links *links, const struct link *link) { return (unsigned)(link - links->list); }

/* Makes the tags and the per-log table for the trust as it is now, with nothing heard or told yet; marks what is common with the
   agencies that the peer told. False without memory. */
bool link_tables(struct link *link, const struct peers *peers);

/* Looks up a log or agency by this link's tag; -1 when unknown. */
int link_log_of_tag(const struct link *link, const uint8_t tag[static WIRE_TAG_BYTES]);
int link_member_of_tag(const struct link *link, const uint8_t tag[static WIRE_TAG_BYTES]);
void link_tag(uint8_t out[static WIRE_TAG_BYTES], const struct link *link, struct bytes id);

/* Has this peer as much under way already as it may cost? */
bool link_burdened(const struct link *link);

/* Takes `amount` from a bucket that refills at `per_s` up to `burst`; false when there is not enough. */
bool bucket_take(struct bucket *bucket, uint64_t now_ms, uint64_t amount, uint64_t per_s, uint64_t burst);

#endif
