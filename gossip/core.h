/* core: the state behind gossip.h, shared by the files of this folder that act on it. */
#ifndef GOSSIP_CORE_H
#define GOSSIP_CORE_H

#include "crypto/random.h"
#include "crypto/verify.h"
#include "gossip/direct.h"
#include "gossip/fork.h"
#include "gossip/gossip.h"
#include "gossip/links.h"
#include "gossip/recent.h"

/* A question to the world that will be answered by an event with its ticket. */
enum question_kind {
    QUESTION_SIGN = 1,
    QUESTION_STORE_ENTRIES,
    QUESTION_STORE_PAYLOAD,
    QUESTION_LOAD_ENTRIES,
    QUESTION_LOAD_PAYLOAD,
    QUESTION_SCAN,
    QUESTION_DISPUTE, /* our entries, beside a peer's that contradict them */
    QUESTION_CUT,     /* our entry at a cut */
    QUESTION_TRUNCATE,
    QUESTION_VERIFY /* our heads, signed for a peer */
};
struct question {
    uint64_t ticket; /* 0: free */
    enum question_kind kind;
    uint32_t link;                  /* who waits for it, 0: ourselves */
    uint32_t free_next;             /* of a free place: the next one, + 1 */
    bool quiet;                     /* a payload that came with its entry: nobody waits for our HAVE */
    bool stream;                    /* for the link's stream */
    bool look;                      /* only whether a payload is here */
    uint8_t node_id[NODE_ID_BYTES]; /* whose log */
    uint64_t seq;                   /* last one stored, or the one asked for */
    uint8_t id[HASH_BYTES];         /* of entry `seq`, when entries are stored */
};

/* An own entry that waits for its sync before it is spread. */
struct own_pending {
    uint64_t seq;
    struct buf entry;
    struct buf payload; /* only when it rides along */
    bool block;
    uint64_t waits_for; /* ticket */
};

/* Who reads an own epoch: needed to serve `direct` payloads. */
struct own_audience {
    uint64_t epoch_seq;
    uint8_t (*readers)[NODE_ID_BYTES];
    size_t count;
};

/* A search for the place where a peer's branch of a log leaves ours. PROTOCOL.md 4.5 */
struct dispute {
    bool used;
    bool asked; /* their entries are awaited; otherwise ours, from the store */
    bool later; /* ours is on its way to the disk: it is looked for once more */
    bool whole; /* asked with the largest range */
    uint32_t link;
    uint8_t node_id[NODE_ID_BYTES];
    uint64_t low;  /* highest number known to be common; 0: none */
    uint64_t high; /* lowest number known to differ; 0: none */
    uint64_t step; /* doubled as long as nothing common is known */
    uint64_t from; /* first number of the range in question */
    uint64_t since_ms, asked_ms;
    unsigned steps;
    bool sure;     /* begun by an entry that is known to differ from ours */
    bool evidence; /* begun by a verified entry that contradicts ours: the log waits for the end */
    uint64_t ticket;
    struct buf theirs; /* verified at its end */
};

/* An announced entry that nobody has brought yet. */
struct graft {
    size_t index; /* of the log */
    uint64_t seq;
    uint64_t due_ms;
    uint64_t announced_by; /* slots of links that were not asked yet */
};

struct gossip {
    struct random random;
    struct peers peers;
    struct peer *self;
    uint8_t instance[WIRE_INSTANCE_BYTES];
    struct links links;
    uint32_t link_next;         /* odd numbers for what we dial */
    uint64_t tickets;           /* given so far */
    struct question *questions; /* a ticket's place is its number modulo LIMIT_TICKETS */
    size_t question_places;     /* made so far: as many as were ever under way at once, about */
    uint32_t question_free;     /* the place that became free last, + 1: it is given next, being at hand; 0: none */
    size_t question_count;      /* under way */

    size_t own_answers;      /* peers that said where our own log ends */
    uint64_t own_charged_ms; /* up to when claims of our own log were charged */
    uint64_t own_first_ms;   /* when the first one did */
    uint64_t own_answer_ms;  /* when the last one did */
    uint64_t own_claim_max;  /* no peer ever said more of our own log */
    bool own_known;          /* enough of them, or nobody was there to ask: from now on we know best */
    struct own_pending *pending;
    size_t pending_count, pending_capacity;
    struct own_audience *audiences; /* ascending by epoch */
    size_t audience_count, audience_capacity;
    struct direct direct;

    struct dispute disputes[LIMIT_DISPUTES];
    size_t fork_count; /* logs with a fork: most nodes never look further */

    uint64_t payload_quota_bytes; /* per foreign agency; 0: none */
    uint64_t now_ms, monotonic_ms;
    uint64_t due_ms; /* the earliest of all timers: gossip_due */
    uint64_t sync_due_ms, overlay_due_ms, probe_due_ms, scan_due_ms;
    bool allow_dirty;
    bool paths_dirty;  /* links or trust changed: is every log carried by enough links? */
    bool self_suspect; /* most links fell silent at once: more likely it is us */
    struct recent recent;
    struct graft grafts[LIMIT_GRAFTS];
    size_t graft_count;
    uint32_t *active; /* indexes of logs that may lack something: what the ticks look at */
    size_t active_count, active_capacity;
    size_t dials;         /* under way */
    uint64_t age_due_ms;  /* when all peers are looked at: certificates, refusals */
    bool wanted;          /* some peer is: see there */
    uint32_t stream_link; /* who was given credit for a stream, and when it last came */
    uint64_t stream_ms, stream_from_ms;
    uint8_t (*allowed)[CURVE_KEY_BYTES];
    size_t allowed_count;

    struct actions *actions; /* of the step under way */
    struct action sink;      /* where effects go when memory is short */
    struct buf **arena;      /* messages of this step */
    size_t arena_count, arena_used;
};

/* --- emit.c: asking for effects --- */
struct action *emit(struct gossip *gossip, enum action_kind kind);
struct buf *emit_buf(struct gossip *gossip); /* an empty buffer that lives until the next step */
void emit_send(struct gossip *gossip, struct link *link, struct buf *message);
void emit_close(struct gossip *gossip, struct link *link, const char *reason);
void emit_notice(struct gossip *gossip, enum notice_kind kind, const struct link *link, const uint8_t *node_id, uint64_t seq,
                 enum err why);
/* A new question; its ticket is filled in. Null when LIMIT_TICKETS are under way. */
struct question *question_new(struct gossip *gossip, enum question_kind kind);
/* Takes the question of this ticket; false when it is not known (any more). */
bool question_take(struct gossip *gossip, uint64_t ticket, struct question *out);

/* --- gossip.c --- */
static inline void gossip_due(struct gossip *gossip, uint64_t at_ms) {
    if (at_ms < gossip->due_ms) gossip->due_ms = at_ms;
}

/* --- overlay.c: the life of a link --- */
struct peer *overlay_peer(const struct gossip *gossip, const struct link *link); /* null when it is no longer trusted */
void overlay_link_up(struct gossip *gossip, const struct event *event);
void overlay_link_down(struct gossip *gossip, uint32_t number);
void overlay_link_open(struct gossip *gossip, struct link *link);                /* after the handshake */
void overlay_cut(struct gossip *gossip, struct link *link, const char *reason);  /* close and forget, and nothing else */
void overlay_drop(struct gossip *gossip, struct link *link, const char *reason); /* our decision: cut it, and ask others instead */
void overlay_refuse(struct gossip *gossip, struct link *link, enum notice_kind kind,
                    enum err why);                                             /* for a misdeed: cut, and refuse for a while */
size_t overlay_links_of(const struct gossip *gossip, const struct peer *peer); /* open or in handshake */
void overlay_tick(struct gossip *gossip);
void overlay_allow(struct gossip *gossip);

/* --- dial.c: whom to dial --- */
void dial_tick(struct gossip *gossip);
void dial_failed(struct gossip *gossip, struct peer *peer);
void dial_over(struct gossip *gossip, struct peer *peer); /* its dial is answered, one way or the other */
bool dial_full(const struct gossip *gossip);              /* few enough nodes for a full mesh */

/* --- keep.c: which links stay --- */
void keep_tick(struct gossip *gossip);

/* --- tell.c: what a link is told of trust and heads --- */
void tell_trust(struct gossip *gossip, struct link *link);
void tell_trust_later(struct gossip *gossip, struct link *link, uint64_t delay_ms); /* at once, or so long after the last time */
void tell_trust_compare(struct gossip *gossip, struct link *link);                  /* the peer told its trust */
void tell_trust_changed(struct gossip *gossip);
void tell_chains(struct gossip *gossip, struct link *link); /* to a peer whose chains are shorter */
void tell_digest(struct gossip *gossip, struct link *link, bool reply);
/* Returns the sum of all heads. */
uint64_t tell_digest_of(const struct gossip *gossip, const struct link *link, uint8_t out[static WIRE_DIGEST_BYTES]);
void tell_sums(struct gossip *gossip, struct link *link);
void tell_sums_of(struct gossip *gossip, struct link *link, uint8_t out[static WIRE_BUCKETS * WIRE_SUM_BYTES]);
bool tell_bucket_has(struct gossip *gossip, struct link *link, size_t index, uint64_t buckets);
void tell_heads(struct gossip *gossip, struct link *link, uint64_t buckets, uint64_t credit);
void tell_heads_due(struct gossip *gossip, struct link *link, size_t peer_index);

/* --- stream.c: entries of many logs at once, to one who said where it stands --- */
void stream_start(struct gossip *gossip, struct link *link, uint64_t buckets, uint64_t credit);
/* An answer of the store; `entries` end in one whose signature was checked, `last` is its number (0: none). */
void stream_loaded(struct gossip *gossip, struct link *link, size_t index, struct bytes entries, uint64_t last);
/* What was loaded of this log and has not gone out yet stays here: a fork was proved meanwhile. Its head is told anew. */
void stream_drop(struct link *link, size_t index, const uint8_t node_id[static NODE_ID_BYTES]);
uint64_t stream_credit(struct gossip *gossip, struct link *link); /* what this link may stream to us now; it is noted as given */

/* --- lanes.c: what peers ask for, at the pace at which they take it --- */
bool lanes_ask(struct gossip *gossip, struct link *link, const struct ask *ask); /* false: too much waits already */
void lanes_pump(struct gossip *gossip, struct link *link);                       /* its queue drained, or an answer left */

/* --- sync.c: ranges and payloads --- */
void sync_active(struct gossip *gossip,
                 size_t peer_index);         /* this log may lack something: entries, payloads, a look at the store */
void sync_active_all(struct gossip *gossip); /* any may: indexes moved */
void sync_heard(struct gossip *gossip, struct link *link, size_t peer_index, uint64_t seq);
/* A claim was taken back, or its link is gone: what is `heard` of this log is what the links of now say. */
void sync_settle(struct gossip *gossip, size_t peer_index);
/* A peer claimed entries and did not give them. */
void sync_unheard(struct gossip *gossip, struct link *link, size_t peer_index);
/* Where a log ends for others: what is durable, and nothing past a cut. `id` may be null. */
uint64_t sync_claim(const struct peer *peer, const uint8_t **id);
void sync_pump_entries(struct gossip *gossip, size_t peer_index);
void sync_pump_payloads(struct gossip *gossip, size_t peer_index);
/* The others first, so that one busy log does not starve them; then this one. */
void sync_pump_others(struct gossip *gossip, size_t peer_index);
/* The link has just told where its logs end: perhaps it holds what nobody else had. */
void sync_offers(struct gossip *gossip, struct link *link);
/* Nobody is asked for this payload any more. */
void sync_unask(struct gossip *gossip, struct missing *missing);
void sync_pump_all(struct gossip *gossip);
void sync_tick(struct gossip *gossip);

/* --- accept.c: entries and payloads that were verified --- */
/* Checks consecutive entries against the log of peer `index` and takes what is new, up to a cut. OK; ERR_FORK (they contradict ours: dispute_open;
   or the log is frozen);
   ERR_REVOKED when there is nothing up to the cut; ERR_BUSY; ERR_CHAIN when they begin past our head; otherwise the sender's fault. */
enum err accept_entries(struct gossip *gossip, size_t index, struct bytes entries, uint64_t *seq_last) MUST_USE;
/* `quiet`: it came with its entry, so that nobody waits to hear that we have it. */
/* Is there no room for this payload under its agency's quota? Then it is wanted no longer; the row may have moved. */
bool accept_full(struct gossip *gossip, size_t index, struct missing *missing);
enum err accept_payload(struct gossip *gossip, size_t index, struct missing *missing, struct bytes payload, bool quiet) MUST_USE;
/* Whether we want this payload at all: relay, or direct in an epoch that is ours. */
bool accept_wants(struct gossip *gossip, const struct peer *peer, const struct block_body *body);
void accept_recall(struct gossip *gossip, size_t index, uint64_t block, uint64_t by);
void accept_stored(struct gossip *gossip, const struct question *question);
void accept_refused(struct gossip *gossip, const struct question *question);
void accept_scan(struct gossip *gossip, size_t index);
void accept_scanned(struct gossip *gossip, const struct question *question, const struct event *event);

/* --- freeze.c: what a proven fork does to its log --- */
/* A verified proof: kept, passed on and the log frozen in front of it. Nothing happens when one at that number or before is known. */
enum err freeze_fork(struct gossip *gossip, size_t index, const struct fork *fork) MUST_USE;
enum err freeze_restore(struct gossip *gossip, const struct event *event) MUST_USE;
void freeze_tell(struct gossip *gossip, struct link *link); /* the proofs that this peer has not got */
void freeze_trust_changed(struct gossip *gossip);           /* a cut may have come: it settles a freeze */
void freeze_cut_check(struct gossip *gossip, size_t index);
void freeze_cut_loaded(struct gossip *gossip, const struct question *question, const struct event *event);
/* The branch that is being fetched is not the one that the cut names: begin again behind the last common entry. */
void freeze_again(struct gossip *gossip, size_t index);
/* Entries of the branch that a cut named are durable: the log is whole again when they reach the cut. */
void freeze_settled(struct gossip *gossip, size_t index, const struct question *question);
void freeze_truncated(struct gossip *gossip, const struct question *question);

/* --- split.c: an agency whose root keys contradict themselves --- */
/* A chain that parts from the held one: does it freeze its agency? */
enum err split_take(struct gossip *gossip, struct bytes chain, bool *frozen) MUST_USE;
void split_tell(struct gossip *gossip, struct link *link, const struct member *member);

/* --- dispute.c: finding the place where two branches part --- */
/* An entry at or below our head came again: is it the one that we hold? */
void dispute_look(struct gossip *gossip, struct link *link, size_t index, const struct entry *entry, struct bytes bytes);
/* These entries of a peer contradict ours. */
void dispute_open(struct gossip *gossip, struct link *link, size_t index, struct bytes entries);
/* Does this range answer a search? Then *err is what comes of it. */
bool dispute_answer(struct gossip *gossip, struct link *link, size_t index, uint64_t seq, struct bytes entries, enum err *err);
void dispute_loaded(struct gossip *gossip, const struct question *question, const struct event *event);
/* The peer said where all its logs of these buckets end, because digests differ. */
void dispute_heads(struct gossip *gossip, struct link *link, uint64_t buckets);
void dispute_tick(struct gossip *gossip); /* once a second */

/* --- push.c: new entries to all links at once --- */
/* A new verified entry: in full to eager links (to all, when it is our own), announced to the others. */
void push_entry(struct gossip *gossip, size_t index, uint64_t seq, struct bytes entry, enum push_payload state,
                struct bytes payload, const struct link *except);
void push_have(struct gossip *gossip, size_t index, uint64_t seq, uint64_t holders); /* but to those slots that offered it */
/* To the author alone: who has a `direct` payload reads it, and that is nobody else's business. */
void push_acknowledge(struct gossip *gossip, size_t index, uint64_t seq);
/* Names the own `direct` blocks that this reader has not acknowledged: what it said may have been lost. */
void push_direct(struct gossip *gossip, struct link *link);
/* From the recent entries: as many as follow each other from `seq` on. False when there is none. */
bool push_recent(struct gossip *gossip, struct link *link, size_t index, uint64_t seq);
/* One more copy came over this link: the surplus is pruned. */
void push_copy(struct gossip *gossip, struct link *link, struct recent_row *row);

/* --- graft.c: announced entries that nobody brings --- */
void graft_want(struct gossip *gossip, struct link *link, size_t index, uint64_t seq);
void graft_came(struct gossip *gossip, size_t index); /* its log grew */
void graft_link_gone(struct gossip *gossip, unsigned slot);
void graft_tick(struct gossip *gossip);

/* --- own.c: what this node publishes --- */
enum err own_publish(struct gossip *gossip, const struct event *event) MUST_USE;
void own_stored(struct gossip *gossip, uint64_t ticket);
enum err own_audience(struct gossip *gossip, const struct event *event) MUST_USE;
/* The peer has said where all its logs end, ours among them if it trusts us. */
void own_told(struct gossip *gossip, const struct link *link);
bool own_claimed(struct gossip *gossip, const struct link *link,
                 uint64_t seq);                                      /* it says more of our log than we have; false: not believed */
void own_claim_over(struct gossip *gossip, const struct link *link); /* it takes it back, or has nothing to give */
void own_grew(struct gossip *gossip);                                /* others gave entries of it: claims are believed anew */
uint64_t own_claim_most(const struct gossip *gossip);
void own_claims_age(struct gossip *gossip);
/* Who reads this epoch; null when it is not known. */
const struct own_audience *own_audience_find(const struct gossip *gossip, uint64_t epoch_seq);
bool own_reads(const struct gossip *gossip, uint64_t epoch_seq, const uint8_t node_id[static NODE_ID_BYTES]);

/* --- recv_*.c: one file per message: what we do when it arrives. An error cuts the link. --- */
enum err recv_hello(struct gossip *gossip, struct link *link, struct message *message) MUST_USE;
enum err recv_proof(struct gossip *gossip, struct link *link, struct message *message) MUST_USE;
enum err recv_tags(struct gossip *gossip, struct link *link, struct message *message) MUST_USE;
enum err recv_chain(struct gossip *gossip, struct link *link, struct message *message) MUST_USE;
enum err recv_digest(struct gossip *gossip, struct link *link, struct message *message) MUST_USE;
enum err recv_heads(struct gossip *gossip, struct link *link, struct message *message) MUST_USE;
enum err recv_get(struct gossip *gossip, struct link *link, struct message *message) MUST_USE;
enum err recv_entries(struct gossip *gossip, struct link *link, struct message *message) MUST_USE;
enum err recv_want(struct gossip *gossip, struct link *link, struct message *message) MUST_USE;
enum err recv_payload(struct gossip *gossip, struct link *link, struct message *message) MUST_USE;
enum err recv_push(struct gossip *gossip, struct link *link, struct message *message) MUST_USE;
enum err recv_have(struct gossip *gossip, struct link *link, struct message *message) MUST_USE;
enum err recv_announce(struct gossip *gossip, struct link *link, struct message *message) MUST_USE;
enum err recv_graft(struct gossip *gossip, struct link *link, struct message *message) MUST_USE;
enum err recv_prune(struct gossip *gossip, struct link *link, struct message *message) MUST_USE;
enum err recv_trust(struct gossip *gossip, struct link *link, struct message *message) MUST_USE;
enum err recv_sums(struct gossip *gossip, struct link *link, struct message *message) MUST_USE;
enum err recv_stream(struct gossip *gossip, struct link *link, struct message *message) MUST_USE;
enum err recv_verify(struct gossip *gossip, struct link *link, struct message *message) MUST_USE;
enum err recv_verified(struct gossip *gossip, struct link *link, struct message *message) MUST_USE;
enum err recv_fork(struct gossip *gossip, struct link *link, struct message *message) MUST_USE;
/* Answers of the store to a peer's questions. */
void get_loaded(struct gossip *gossip, const struct question *question, const struct event *event);
void want_loaded(struct gossip *gossip, const struct question *question, const struct event *event);
void verify_signed(struct gossip *gossip, const struct question *question, const uint8_t *signature);
enum err verify_ask(struct gossip *gossip, const struct event *event) MUST_USE;
void verify_forget(struct gossip *gossip, uint64_t number);
void proof_signed(struct gossip *gossip, const struct question *question, const uint8_t *signature);

#endif
