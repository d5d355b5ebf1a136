/* world: a mesh in virtual time: nodes with the real core, links that delay, lose, break and are cut, disks that lose what was not
   synced. One seed, one run: the same events in the same order, told by `trace`.

   What a link can do is what ZeroMQ over TCP can do: messages of one link keep their order; they are lost only with the connection's
   tail, in a connection that is dead and does not know it yet, or dropped by a full queue, which the transport reports. Between two
   links of one node there is no order at all. One thing here is more than the transport does: FAULT_DUPLICATE delivers an old message
   again, as a member that replays would. */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include "crypto/block.h"
#include "gossip/agencies.h"
#include "gossip/author.h"
#include "gossip/recall.h"
#include "tests/sim/disk.h"
#include "tests/sim/identity.h"
#include "tests/sim/ledger.h"
#include "tests/sim/queue.h"
#include "tests/sim/situation.h"

#define WORLD_NODES_MAX 16384
#define WORLD_EPOCH_MS  1790000000000ull /* wall clock at virtual time 0: September 2026 */
#define WORLD_MARK      "plaintext-that-nobody-else-may-see"

struct world_link {
    size_t from, to;    /* who dialled, who was dialled */
    uint32_t number[2]; /* at `from`, at `to` */
    uint32_t life[2];
    uint32_t serial; /* of the place: rises when it is used anew */
    unsigned ends;   /* that have not heard of its end yet */
    bool up;
    bool lossy[2];                   /* a loss was reported, and no message got through since */
    uint64_t free_ms[2], last_ms[2]; /* per direction: when the line is free, the last arrival */
    uint64_t messages, bytes;
};

struct hostile;
struct confide;

/* A recall that the store carries out when its entry is safe. */
struct world_recall {
    uint8_t node_id[NODE_ID_BYTES];
    uint64_t block, by;
};

struct world_node {
    struct identity identity;
    struct gossip *gossip; /* null: down */
    struct actions actions;
    struct disk disk, snapshot;
    bool snapshot_taken;
    uint8_t *pinned;       /* a bitmap of agencies; configuration: survives */
    uint32_t *chain_bytes; /* how much of each agency's chain is stored; null: as much as all began with */
    struct author *author; /* its open epochs; null: none yet */
    uint64_t *heads;       /* highest head seen in this life, by author; null when nothing is checked */
    uint32_t life, inbound_next;
    struct world_link **links; /* its live ends */
    size_t link_count, link_capacity;
    uint64_t tick_at_ms, tick_queued_ms; /* when it wants to be woken, and the earliest tick in the queue */
    uint64_t tick_serial, paused_until_ms;
    uint64_t down_until_ms;    /* its disk is full or broken: no start before */
    int64_t skew_ms;           /* of its wall clock */
    uint32_t crash_in;         /* actions until it crashes; 0: it does not */
    uint32_t crash_at_start;   /* the same, from its next start on */
    uint32_t memory_in;        /* allocations until one fails; 0: none does */
    uint32_t fail_in;          /* store actions until one fails; 0: none does */
    uint32_t line_bytes_per_s; /* of its own line; 0: as everybody's */
    bool hidden;               /* has no endpoint */
    bool forked;               /* two entries of it at one number exist */
    bool revoked;
    bool rotted;                  /* records of it rotted; its next start finds them */
    uint64_t acknowledged;        /* its own entries up to here are */
    bool suspect;                 /* a story made it say what it would not: it may be accused */
    struct world_recall *recalls; /* RECALL entries that wait for their sync */
    size_t recall_count;
    uint64_t life_write;  /* the disk's last write before this life */
    uint64_t dial_minute; /* dials are counted by the minute */
    unsigned dials;
    struct hostile *hostile; /* null: honest */
    unsigned notices[16];
    size_t verified, verified_equal; /* logs in the last answer to a question of completeness */
};

struct world {
    uint64_t seed, now_ms;
    struct random random;
    struct queue queue;
    struct world_node *nodes;
    size_t count, capacity;
    uint32_t *names, *curves; /* open addressing over node ids and CURVE keys: index + 1 */
    size_t table_size;
    struct world_link **links; /* places, used again */
    size_t link_places, link_capacity;
    struct world_link **links_free;
    size_t link_free_count;
    uint64_t links_made, messages, bytes;
    unsigned kinds[32]; /* messages by kind, since a test set them to zero */
    uint8_t *cut;       /* a bitmap of from, to */
    struct ledger ledger;
    struct block_codec *codec;
    struct agencies agencies; /* every chain once */
    struct item_event *items_free;
    uint64_t trace, events;
    struct situations situations;
    char broken[256];        /* the first invariant that did not hold, with node and time; empty: none */
    struct confide *confide; /* groups, agreements and policies; null: none */
    /* What is known good of the message at hand: a push goes to many links. */
    const uint8_t *checked;
    const struct ledger_row *checked_row; /* of the payload in it */
    size_t checked_author;
    size_t lacking_node, lacking_author; /* where check_converged last found something missing */
    uint64_t lacking_seq;
    void (*planned)(struct world *world, uint64_t what); /* what world_plan's items call */
    void *context;                                       /* of the two above and below */
    /* Settings, to be changed before nodes start. */
    bool unchecked; /* no invariant after each event: for large meshes, that are checked at the end of a round */
    uint32_t delay_ms, jitter_ms, sync_ms;
    uint64_t bytes_per_s;
    uint32_t cut_ms; /* a cut is seen by the transport after a second, and so much more at most */
    uint32_t loss_per_million, again_per_million;
    uint32_t (*latency)(struct world *world, size_t from, size_t to); /* one way, instead of delay and jitter */
    uint64_t payload_quota_bytes;
    bool plain_payloads; /* blocks are sealed by form only: for speed */
    bool survivors;      /* a crash leaves some of the writes that were not synced */
    bool hidden;         /* nodes made now have no endpoint */
};

#define world_hit(world, name) ((world)->situations.counts[SITUATION_##name]++)

/* `count` nodes, each of its own agency, none of them pinned by another, none started. */
void world_open(struct world *world, uint64_t seed, size_t count);
void world_close(struct world *world);
size_t world_add(struct world *world); /* one node more, before any starts */
/* The usual beginning: all pin all, all start, and a minute passes. */
void world_mesh(struct world *world, uint64_t seed, size_t count);

/* --- world.c: time --- */
void world_run(struct world *world, uint64_t ms);
/* Runs until it holds; false when it did not within `ms`. */
typedef bool world_condition(struct world *world);
bool world_run_until(struct world *world, world_condition *condition, uint64_t ms);
uint64_t world_wall_ms(const struct world *world, size_t node);
size_t world_node_of(const struct world *world, const uint8_t *node_id); /* world->count: none */
size_t world_curve_of(const struct world *world, const uint8_t *curve_public);

/* --- world_node.c: nodes and their faults --- */
bool world_pinned(const struct world *world, size_t node, size_t agency);
struct bytes world_chain(const struct world *world, size_t node, size_t agency); /* as stored there */
void world_chain_put(struct world *world, size_t node, size_t agency, size_t size);
void world_pin(struct world *world, size_t node, size_t agency); /* with the agency's present card */
/* With an older one: of so many bytes of its chain. */
void world_pin_card(struct world *world, size_t node, size_t agency, size_t chain_bytes);
/* Of this agency's log the core knows nothing yet, though the store may: as the engine does it when an agency is pinned again, or when
   its chain grew. */
void world_restore_again(struct world *world, size_t node, size_t agency);
void world_unpin(struct world *world, size_t node, size_t agency);
void world_learn_chain(struct world *world, size_t node, size_t agency); /* the agency's longer chain arrives as a file */
void world_start(struct world *world, size_t node);
void world_crash(struct world *world, size_t node); /* unsynced writes are lost */
void world_wipe(struct world *world, size_t node);  /* as a crash, and the store is gone; keys and pins stay */
void world_snapshot(struct world *world, size_t node);
void world_restore(struct world *world, size_t node);             /* as a crash, and the snapshot is back */
void world_rot(struct world *world, size_t node, uint64_t which); /* some synced record, by chance */
void world_pause(struct world *world, size_t node, uint64_t ms);
/* Does it know where its own log ends, and may write on? */
bool world_may_publish(struct world *world, size_t node);

/* --- world_link.c: the transport --- */
bool world_is_cut(const struct world *world, size_t from, size_t to);
void world_cut_way(struct world *world, size_t from, size_t to, bool cut); /* that direction; the link breaks some seconds later */
void world_cut(struct world *world, size_t a, size_t b, bool cut);         /* both ways */
void world_cut_unseen(struct world *world, size_t a, size_t b, bool cut);  /* the same, and the transport does not notice */
void world_split(struct world *world, size_t first); /* nodes below `first` on one side, the others on the other */
void world_heal(struct world *world);
void world_reset(struct world *world, size_t a, size_t b); /* live links break now, what is under way is lost */
/* Delivers bytes to `to` as if `from` had sent them over their link; false when there is none. */
bool world_inject(struct world *world, size_t from, size_t to, struct bytes message);
/* A stranger's key comes through the transport: is the link closed at once? */
bool world_stranger_closed(struct world *world, size_t node);
struct world_link *world_link_between(struct world *world, size_t a, size_t b); /* one that is up, or null */
struct world_link *world_link_numbered(struct world *world, size_t node, uint32_t number);
void world_link_break(struct world *world, struct world_link *link, uint64_t later_ms);
void world_link_forget(struct world *world, size_t node, uint32_t number); /* that end heard that it is down */
void world_links_lose(struct world *world, size_t node);                   /* the node's process is gone */
void world_deliver(struct world *world, struct world_link *link, size_t from, struct bytes message);
void world_dial(struct world *world, size_t node, const struct action *action);
void world_close_link(struct world *world, size_t node, uint32_t number);
static inline size_t world_link_end(const struct world_link *link, size_t node) { return link->from == node ? 0 : 1; }
static inline size_t world_link_other(const struct world_link *link, size_t node) {
    return link->from == node ? link->to : link->from;
}

/* --- world_act.c: what the core asks for --- */
/* False when the node is down, or went down in this step. */
bool world_step(struct world *world, size_t node, struct event *event);
void world_recall_note(struct world *world, size_t node, const struct entry *entry);
void world_recalls_apply(struct world *world, size_t node); /* after a sync */
void world_epochs_restore(struct world *world, size_t node);

/* --- world_publish.c: own entries --- */
/* One block of about `bytes` for the readers (a string of '0' and '1', by node), after an epoch of their own if there is none.
   The sequence number of the block's entry; 0 when the core refused, with the error in *err. */
uint64_t world_publish(struct world *world, size_t node, const char *readers, enum carriage carriage, size_t bytes, enum err *err);
/* The same for few readers of many nodes: the list is of nodes. */
uint64_t world_publish_to(struct world *world, size_t node, const uint32_t *readers, size_t count, enum carriage carriage,
                          size_t bytes, enum err *err);
uint64_t world_publish_all(struct world *world, size_t node, size_t bytes); /* relay, to everyone pinned */
uint64_t world_publish_type(struct world *world, size_t node, enum entry_type type, struct bytes body);
/* Recalls an own block that was acknowledged, as a whole; false when there is none, or the core refused. */
bool world_recall(struct world *world, size_t node, uint64_t block);
void world_prekey_rotate(struct world *world, size_t node, bool force); /* if it is due */
struct ledger_row *world_ledger(const struct world *world, size_t author, uint64_t seq);
/* Opens what the node holds of that block as its reader would; false when it cannot. */
bool world_reads(struct world *world, size_t node, size_t author, uint64_t seq);

/* --- check.c --- */
void check_step(struct world *world, size_t node, const struct event *event); /* after every event */
void check_send(struct world *world, size_t node, size_t to, uint32_t number, struct bytes message);
void check_store_entries(struct world *world, size_t node, const struct action *action);
void check_store_payload(struct world *world, size_t node, const struct action *action);
bool check_honest(const struct world *world, size_t node); /* neither hostile nor made to say what it would not */
void check_dial(struct world *world, size_t node);
void check_notice(struct world *world, size_t node, const struct action *action);
void check_sign(struct world *world, size_t node, const struct entry *entry);              /* before an own entry is signed */
void check_repair(struct world *world, size_t node, const uint8_t *node_id, uint64_t seq); /* a head falls, declared */
void check_fork(struct world *world, size_t node, const struct action *action);
void check_fail(struct world *world, const char *invariant, size_t node, const char *what);

/* --- check_end.c --- */
void check_disks(struct world *world); /* over all disks: at the end of a run */
/* Nodes that are up and can reach each other hold the same logs and all payloads that are theirs to hold. */
bool check_converged(struct world *world);
/* RecallConverges, once converged: nobody who knows of a recall holds the payload. Returns how many blocks are recalled. */
size_t check_recalls(struct world *world);
bool check_proofs(struct world *world);  /* ForkEvidence: all who can reach each other have the proof, or none has */
void check_state(struct world *world);   /* once converged: OneState, RevokeConverges */
void check_explain(struct world *world); /* prints what each node holds and lacks */

#endif
