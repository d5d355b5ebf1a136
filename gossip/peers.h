/* peers: the agencies we trust and their nodes: who we know, how to reach them, how they behave. PROTOCOL.md 3, 7.1 */
#ifndef GOSSIP_PEERS_H
#define GOSSIP_PEERS_H

#include "gossip/agencies.h"
#include "crypto/prekey.h"
#include "gossip/log.h"

/* A pinned agency. */
struct member {
    struct agency_held *held;
    const struct agency *agency; /* of `held` */
    struct bytes chain;          /* its records, as verified; of `held` */
    struct agency_held *rival;   /* a valid chain that contradicts it: the agency is frozen; null: none */
    size_t pinned_bytes;         /* how much of the chain an operator has pinned: no rival counts against that */
    uint8_t part[HASH_BYTES];    /* its share of the peers' sum */
    bool own_told;               /* one of its nodes said where our own log ends, in this life of ours */
    uint64_t claim_ms;           /* for so long claims of its nodes held up publishing since our own log last grew by others */
    uint64_t claim_charged_ms;   /* up to then */
    unsigned links;              /* open links to its nodes */
    uint64_t payload_bytes;      /* of its logs, held here */
    uint64_t payloads_refused;   /* not asked for: over the quota */
};

/* A node of a pinned agency, with its log. */
struct peer {
    uint32_t member;                /* index of its agency */
    uint32_t index;                 /* of this peer in the list */
    const struct agency_node *node; /* of the agency's chain as it is now */
    struct log log;
    struct prekey prekey; /* the newest known */
    bool prekey_known;
    int slot;           /* of the open link to it, -1: none */
    bool dial_probe;    /* the dial under way only looks whether there is news */
    bool pathless;      /* no link leads to anybody who holds its log */
    bool wanted;        /* a `direct` payload waits for a link to it */
    uint32_t dial_link; /* link number of a dial under way, 0: none */
    uint64_t dial_started_ms;
    uint64_t dial_next_ms; /* not before */
    uint64_t dial_backoff_ms;
    unsigned endpoint_next;
    uint64_t refused_until_ms; /* after a bad signature or a malformed message */
    enum err misdeed;          /* the last one, OK: none */
    uint64_t misdeed_ms;       /* and when */
    uint64_t misdeeds;
    bool split;         /* its agency is frozen */
    bool allowed;       /* its key stands in the allow list now */
    bool own_told;      /* it said where our own log ends, in this life of ours */
    uint64_t own_claim; /* what it said our own log reaches; 0: no more than we have */
};

struct peers {
    struct member **members; /* 0 is the own agency */
    size_t member_count, member_capacity;
    struct peer **list; /* in the order they became known; indexes are stable while trust does not shrink */
    size_t count, capacity;
    uint32_t *table;          /* open addressing over node ids: index + 1, 0: empty */
    size_t table_size;        /* a power of two, at least twice the count */
    uint64_t generation;      /* of members and nodes: what is told under one number is never another set */
    uint64_t generation_told; /* the last one that anybody heard of: a change before that needs no new number */
    uint8_t sum[HASH_BYTES];  /* of all members and the lengths of their chains; PROTOCOL.md 6.2 */
    struct agencies agencies;
    struct agencies *shared; /* used instead when it is given: it outlives the peers */
};

void peers_free(struct peers *peers);

struct member *peers_member_find(const struct peers *peers, const uint8_t agency_id[static AGENCY_ID_BYTES]);
struct peer *peers_find(const struct peers *peers, const uint8_t node_id[static NODE_ID_BYTES]);
struct peer *peers_find_curve(const struct peers *peers, const uint8_t curve_public[static CURVE_KEY_BYTES]);
size_t peers_index(const struct peers *peers, const struct peer *peer);

/* Pins an agency, or extends the chain of a pinned one. The longer chain must begin with the held one; a shorter or equal one that
   is a prefix changes nothing (OK). ERR_CHAIN when they part, ERR_LIMIT. *changed tells whether anything did. */
enum err peers_trust(struct peers *peers, struct bytes chain, bool *changed) MUST_USE;
/* An operator vouches for this part of a pinned agency's chain. */
void peers_pinned(struct peers *peers, struct bytes chain);
/* A chain that parts from the held one: *frozen is set when both hold a ROOT of one generation there, and the agency is frozen now.
   Errors as agency_parse. */
enum err peers_rival(struct peers *peers, struct bytes chain, struct member **frozen) MUST_USE;
/* Takes PREKEY entries (from a card), each verified. Older ones are ignored. */
enum err peers_prekeys(struct peers *peers, struct bytes prekeys) MUST_USE;
/* A newer prekey wins by id. */
void peers_prekey_learn(struct peer *peer, const struct prekey *prekey);
/* Unpins; the peers' log state goes with it. False when it was not pinned, or is the own agency. */
bool peers_distrust(struct peers *peers, const uint8_t agency_id[static AGENCY_ID_BYTES]);

/* May a link to this peer exist now? */
bool peer_welcome(const struct peer *peer, uint64_t now_ms, uint64_t monotonic_ms);

#endif
