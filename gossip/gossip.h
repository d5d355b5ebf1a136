/* gossip: the core's front door. A node is a state machine: event in, actions out, deadline out. No clock, socket, file, thread or
   global: time arrives inside the event, randomness as a seed at the open. Same events, same seed, same actions, byte for byte.
   Opaque because a lifetime hides behind it. */
#ifndef GOSSIP_GOSSIP_H
#define GOSSIP_GOSSIP_H

#include "gossip/action.h"
#include "gossip/event.h"

struct gossip;
struct agencies;

struct gossip_options {
    struct bytes own_chain;                /* this agency's chain */
    uint8_t node_id[NODE_ID_BYTES];        /* this node, named in it */
    uint8_t instance[WIRE_INSTANCE_BYTES]; /* of the store */
    uint64_t payload_quota_bytes;          /* held for each foreign agency at most; 0: no bound */
    uint8_t seed[RANDOM_SEED_BYTES];
    struct agencies *agencies; /* chains shared with other cores of this process, which it must outlive; null: none */
};

/* ERR_FORMAT and others when the chain does not verify; ERR_NOT_FOUND when the node is not in it. */
enum err gossip_open(struct gossip **out, const struct gossip_options *options) MUST_USE;
void gossip_close(struct gossip *gossip);

/* Takes one event and fills `actions` (cleared first). What the event points to may be freed afterwards. An error is returned only
   for local input (EVENT_PUBLISH, EVENT_TRUST, EVENT_LOG): a peer's misbehaviour is never an error of ours. */
enum err gossip_step(struct gossip *gossip, const struct event *event, struct actions *actions) MUST_USE;

/* When to send EVENT_TICK at the latest, on the monotonic clock. */
uint64_t gossip_deadline(const struct gossip *gossip);

/* The CURVE keys that may connect now; borrowed until the next step. */
const uint8_t (*gossip_allowed(const struct gossip *gossip, size_t *count))[CURVE_KEY_BYTES];

/* The CURVE key of the node that this dial goes to; null when the dial was given up. */
const uint8_t *gossip_dial_key(const struct gossip *gossip, uint32_t link);

/* The own log: next sequence number and the id it follows, pending entries included. */
uint64_t gossip_own_next(const struct gossip *gossip, uint8_t previous[static HASH_BYTES]);

/* May this node write on in its log? PROTOCOL.md 4.4 */
enum gossip_own {
    GOSSIP_OWN_READY,
    GOSSIP_OWN_ASKING, /* since the start no peer has said yet where it ends, so that what a lost disk or an old copy forgot is not written again */
    GOSSIP_OWN_BEHIND, /* a peer has entries of it that this node lost, or others: they are fetched first */
    GOSSIP_OWN_FORKED  /* it holds two entries at one number: nothing more is written, for good */
};
enum gossip_own gossip_own_ready(const struct gossip *gossip);

/* What status shows. */
struct gossip_log_view {
    uint8_t agency_id[AGENCY_ID_BYTES];
    uint8_t node_id[NODE_ID_BYTES];
    uint64_t head;         /* verified */
    uint64_t head_durable; /* and synced: what is claimed to others */
    uint64_t head_heard;   /* highest that any peer claimed */
    uint64_t missing;      /* payloads this node wants and does not have */
    uint64_t refused;      /* payloads of its agency not asked for: over the quota */
    bool frozen;
    uint64_t fork_seq; /* two entries stand there; 0: no fork is known. A cut may have settled it: then it is not frozen */
    bool own;
    bool pathless;           /* no link leads to anybody who holds it */
    uint64_t missing_direct; /* of `missing`: those that only the author gives */
    bool linked;             /* there is an open link to its author */
};
size_t gossip_log_count(const struct gossip *gossip);
void gossip_log_view(const struct gossip *gossip, size_t index, struct gossip_log_view *out);
bool gossip_log_find(const struct gossip *gossip, const uint8_t node_id[static NODE_ID_BYTES], struct gossip_log_view *out);

/* Was this block recalled? */
bool gossip_recalled(const struct gossip *gossip, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq);

/* Is this entry past the cut of its author's revocation? What it brought is shown to nobody. PROTOCOL.md 3.3 */
bool gossip_retracted(const struct gossip *gossip, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq);

struct gossip_link_view {
    uint32_t link;
    bool outbound, open;
    uint8_t agency_id[AGENCY_ID_BYTES];
    uint8_t node_id[NODE_ID_BYTES];
    uint64_t since_ms; /* monotonic */
    uint64_t messages_in, bytes_in, messages_out, bytes_out, pushes_dropped, broken_answers, ignored_tags;
    uint64_t copies_in; /* entries that it pushed and that were here already, or came first from it */
    uint64_t announces_in, grafts_out, prunes_out;
    uint64_t charge; /* bytes of memory that it costs now */
    bool eager_in, eager_out, probe;
    uint32_t rtt_ms;
};
size_t gossip_link_count(const struct gossip *gossip);
void gossip_link_view(const struct gossip *gossip, size_t index, struct gossip_link_view *out);

/* A node that is known from a pinned agency's chain, linked or not: as many as logs, in their order. */
struct gossip_peer_view {
    uint8_t agency_id[AGENCY_ID_BYTES];
    uint8_t node_id[NODE_ID_BYTES];
    bool self, linked, dialling, revoked;
    bool reachable;                       /* it has an endpoint: it can be dialled */
    uint64_t not_before_ms, not_after_ms; /* of its certificate, wall clock */
    uint64_t refused_until_ms;            /* monotonic; in the past: not refused */
    uint64_t dial_next_ms;                /* monotonic; not dialled before */
    enum err misdeed;                     /* the last thing that no network fault explains; OK: none */
    uint64_t misdeed_ms;                  /* monotonic */
    uint64_t misdeeds;
};
void gossip_peer_view(const struct gossip *gossip, size_t index, struct gossip_peer_view *out);

/* Own `direct` blocks that somebody has not acknowledged, oldest first. `readers` is borrowed until the next step. */
struct gossip_direct_view {
    uint64_t seq;
    uint64_t since_ms; /* monotonic */
    size_t readers_all, waiting;
    const uint8_t (*readers)[NODE_ID_BYTES]; /* those that have not */
};
size_t gossip_direct_count(const struct gossip *gossip, uint64_t *forgotten);
void gossip_direct_view(const struct gossip *gossip, size_t index, struct gossip_direct_view *out);

/* Trust, for resolving audiences and for status. Borrowed until the next step. */
size_t gossip_agency_count(const struct gossip *gossip); /* index 0 is the own one */
const struct agency *gossip_agency(const struct gossip *gossip, size_t index);
/* Two valid chains of it contradict each other: nothing is sealed to it, and its links are refused. */
bool gossip_agency_split(const struct gossip *gossip, size_t index);
struct bytes gossip_agency_chain(const struct gossip *gossip, size_t index);
/* The newest prekey known of a node; null when there is none. */
const struct prekey *gossip_prekey(const struct gossip *gossip, const uint8_t node_id[static NODE_ID_BYTES]);
/* Is everything that was heard of here? (No log behind, no payload missing that a link has.) */
bool gossip_caught_up(const struct gossip *gossip);

#endif
