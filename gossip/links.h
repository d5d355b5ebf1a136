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
    uint8_t tag[WIRE_TAG_BYTES]; /* valid once the link has its table of them */
    uint64_t heard;              /* the peer's durable head, as it said */
    uint64_t told;               /* ours, as we said */
    bool common;                 /* both trust the author */
    bool fork_told;              /* the peer has our proof of its fork, or an earlier one */
};

/* A stream of entries to the peer, within the credit that its HEADS gave. PROTOCOL.md 6.4 */
struct link_stream {
    bool active;
    uint64_t buckets, credit; /* credit: bytes left */
    size_t next_log;          /* logs before this index were looked at */
    unsigned loading;         /* questions to the store under way */
    struct buf out;           /* what was loaded and not sent */
};

/* Something that the peer asked for and that waits for its turn. */
struct ask {
    uint8_t node_id[NODE_ID_BYTES]; /* whose log */
    uint64_t seq;
    size_t bytes_max; /* of a range of entries; 0: a payload */
    bool look;        /* we ask ourselves whether the payload is here; nothing of it is sent */
};

struct link {
    /* What nearly every message and every tick looks at comes first, side by side: a large mesh, simulated, is bound by memory. */
    uint32_t number; /* the transport's; 0: this slot is free */
    enum link_state state;
    bool outbound;
    bool same; /* both trust the same agencies with the same chains */
    /* The tree: 7.2. Both begin as true: what is too much is pruned. */
    bool eager_out;        /* we push to it: it has not pruned us */
    bool eager_in;         /* it may push to us: we have not pruned it */
    bool useful;           /* entries came or went over it */
    bool owes;             /* an answer broke, and nothing came since */
    uint32_t rtt_ms;       /* 0: not known yet */
    struct link_log *logs; /* one per peer of our trust */
    size_t log_count;
    uint32_t *table;        /* open addressing over tags: index of the log + 1, 0: empty; made with the tags when one is needed */
    size_t table_size;      /* a power of two, at least twice the logs */
    uint64_t queued_bytes;  /* sent by us, not yet out of our process */
    uint64_t received_ms;   /* last message of any kind */
    uint64_t trust_due_ms;  /* when a later change of ours is to be told, 0: there is none */
    uint64_t heads_due_ms;  /* when to tell changed heads; 0: nothing to tell */
    uint64_t digest_due_ms; /* when to look once more whether digests differ under equal heads; 0: no need */
    uint64_t messages_in, bytes_in, messages_out, bytes_out;
    struct bucket announcements, announces_out, bytes, signatures, suspects;
    uint64_t copies_in, announces_in; /* of the tree */
    uint8_t node_id[NODE_ID_BYTES];   /* of the peer */

    bool proof_sent, proof_verified;
    uint8_t curve_public[CURVE_KEY_BYTES];
    uint64_t since_ms; /* monotonic */
    uint8_t nonce[WIRE_NONCE_BYTES], nonce_peer[WIRE_NONCE_BYTES];
    uint8_t instance_peer[WIRE_INSTANCE_BYTES];
    uint8_t key[32]; /* tags are hashed under it */

    /* Trust, by generation: ours as we last told it, ours whose TAGS we sent, the peer's as it told its logs. 0: none yet. */
    uint64_t generation_told, generation_tags, generation_heard;
    uint64_t trust_told_ms; /* when we last told it */
    bool chains_told;       /* a CHAIN went out: if messages are lost it may be among them */
    uint64_t trust_heard;   /* generation of the peer's last TRUST, and its sum */
    uint8_t trust_sum[WIRE_DIGEST_BYTES];
    uint64_t outdated_ms;            /* since when digests and heads speak of another trust than ours; 0: they don't */
    struct wire_pair *peer_agencies; /* the peer's TAGS, sorted: tag, records of the chain */
    size_t peer_agency_count;

    bool heads_known;                  /* the peer said where it holds our own log to end, under the trust of now */
    bool offers_taken;                 /* payloads that nobody else had were looked at with what it told */
    uint64_t digest_ms;                /* when we last sent one, */
    uint8_t digest[WIRE_DIGEST_BYTES]; /* and which, */
    uint64_t digest_generation;        /* under which trust of the peer's */

    bool probe; /* dialled to look whether there is news; closed again if there is none */
    uint64_t renew_ms;
    struct link_stream stream;
    uint64_t credit_given; /* bytes of STREAM that it may still send */

    unsigned wants;       /* payloads asked and not answered */
    unsigned gets;        /* ranges asked and not answered */
    uint64_t answered_ms; /* last answer of any kind: a slow line is no broken promise */
    uint64_t passed_ms; /* when the newest payload was asked for that came: they come in order, so what was asked before will not */
    unsigned serving;   /* the peer's questions that wait for the store */
    size_t asked_count; /* and those that wait for room in its queue */
    struct ask asked[LIMIT_SERVING];
    uint64_t verify_number; /* who waits for the peer's signed heads; 0: nobody */
    uint8_t verify_nonce[WIRE_NONCE_VERIFY_BYTES];
    uint8_t verify_nonce_peer[WIRE_NONCE_VERIFY_BYTES]; /* of its question, while our heads are being signed for it */
    bool verify_signing;
    uint64_t verify_missing;
    struct buf verify_rows;
    unsigned differ_row;         /* whole lists of heads since the last equal digest */
    uint32_t walk_at, walk_left; /* logs whose last entries are still to be compared */
    uint64_t walk_buckets;       /* of these buckets only */
    uint64_t walk_next_ms;       /* not before */
    unsigned broken_row;         /* answers broken in a row */

    uint64_t pushes_dropped, broken_answers, ignored_tags;
    uint64_t grafts_out, prunes_out; /* of the tree */
};

struct links {
    struct link list[LIMIT_LINKS];
    uint32_t numbers[LIMIT_LINKS]; /* as in the list, side by side: every message is looked up */
    unsigned end;                  /* no slot from here on was ever taken: who looks at all links ends here */
};

struct link *links_find(struct links *links, uint32_t number);
struct link *links_new(struct links *links);                              /* a free slot, zeroed; null when all are taken */
void links_take(struct links *links, struct link *link, uint32_t number); /* the slot has this number from now on */
void link_free(struct link *link);
static inline unsigned links_slot(const struct links *links, const struct link *link) { return (unsigned)(link - links->list); }

/* Makes the per-log table for the trust as it is now, with nothing heard or told yet; marks what is common: everything, or the logs
   of the agencies that the peer told. False without memory. */
bool link_tables(struct link *link, const struct peers *peers);

/* The tag of log `index`; null without memory. */
const uint8_t *link_tag_of_log(struct link *link, const struct peers *peers, size_t index);
/* Looks up a log by this link's tag; -1 when unknown. */
int link_log_of_tag(struct link *link, const struct peers *peers, const uint8_t tag[static WIRE_TAG_BYTES]);
/* What the peer's TAGS say of an agency; null when they don't name it. */
struct wire_pair *link_peer_agency(const struct link *link, const uint8_t agency_id[static AGENCY_ID_BYTES]);
/* An agency's tag as this side says it, or as the peer does: the side is part of it, so that nobody can send back what it heard. */
void link_tag_agency(uint8_t out[static WIRE_TAG_BYTES], const struct link *link, const uint8_t agency_id[static AGENCY_ID_BYTES],
                     bool mine);
/* 1: the dialler says it; 2: the other. */
static inline uint8_t link_side(const struct link *link, bool mine) { return mine == link->outbound ? 1 : 2; }
void link_tag(uint8_t out[static WIRE_TAG_BYTES], const struct link *link, struct bytes id);

static inline bool link_open(const struct link *link) { return link->number != 0 && link->state == LINK_OPEN; }
/* Open, and both ends trust the author of this log. */
static inline bool link_shares(const struct link *link, size_t index) {
    return link_open(link) && index < link->log_count && link->logs[index].common;
}

/* Has this peer as much under way already as it may cost? */
bool link_burdened(const struct link *link);
/* The memory that this peer costs now: what waits for it, and what we remember of it. */
uint64_t link_charge(const struct link *link);

/* Takes `amount` from a bucket that refills at `per_s` up to `burst`; false when there is not enough. */
bool bucket_take(struct bucket *bucket, uint64_t now_ms, uint64_t amount, uint64_t per_s, uint64_t burst);

#endif
