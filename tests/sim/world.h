/* world: a mesh in virtual time: nodes with the real core and real signatures, links that delay, break and are cut, disks that lose
   what was not synced. One seed, one run: the same events in the same order, told by `trace`. */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include "crypto/block.h"
#include "gossip/author.h"
#include "tests/sim/disk.h"
#include "tests/sim/identity.h"
#include "tests/sim/queue.h"

#define WORLD_NODES_MAX 128
#define WORLD_EPOCH_MS  1790000000000ull /* wall clock at virtual time 0: September 2026 */
#define WORLD_MARK      "plaintext-that-nobody-else-may-see"

/* What was ever signed, by whom and for whom: the truth that invariants are checked against. */
struct ledger_row {
    size_t author;
    uint64_t seq;
    uint8_t id[HASH_BYTES], payload_hash[HASH_BYTES];
    struct bytes readers;   /* one byte a node: 1 for a reader; owned */
    struct block_body body; /* of a BLOCK */
    enum entry_type type;
    bool acknowledged; /* the author's disk said that it is safe */
};

struct world_link {
    size_t from, to;    /* who dialled, who was dialled */
    uint32_t number[2]; /* at `from`, at `to` */
    uint32_t life[2];
    bool up;
    uint64_t free_ms[2], last_ms[2]; /* per direction: when the line is free, the last arrival */
    uint64_t messages, bytes;
};

struct world_node {
    struct identity identity;
    struct gossip *gossip; /* null: down */
    struct actions actions;
    struct disk disk;
    bool pinned[WORLD_NODES_MAX];       /* configuration: survives */
    struct buf chains[WORLD_NODES_MAX]; /* of pinned agencies, as stored */
    struct author author;
    uint64_t heads[WORLD_NODES_MAX]; /* highest head seen in this life, by author */
    uint32_t life, inbound_next;
    uint64_t tick_at_ms; /* of the tick in the queue */
    int64_t skew_ms;     /* of its wall clock */
    uint64_t payloads_missed;
    size_t verified, verified_equal; /* logs in the last answer to a question of completeness */
    unsigned notices[16];
};

struct world {
    uint64_t seed, now_ms;
    struct random random;
    struct queue queue;
    struct world_node nodes[WORLD_NODES_MAX];
    size_t count;
    struct world_link **links;
    size_t link_count, link_capacity;
    bool cut[WORLD_NODES_MAX][WORLD_NODES_MAX];
    struct ledger_row *ledger;
    size_t ledger_count, ledger_capacity;
    struct block_codec *codec;
    uint8_t trace[HASH_BYTES];
    uint64_t events;
    char broken[256]; /* the first invariant that did not hold, with node and time; empty: none */
    /* Settings, to be changed before nodes start. */
    uint32_t delay_ms, jitter_ms, sync_ms;
    uint64_t bytes_per_s;
    uint32_t cut_ms; /* a cut is seen by the transport after a second, and so much more at most */
    bool hidden;     /* nodes made now have no endpoint */
};

/* `count` nodes, each of its own agency, none of them pinned by another, none started. */
void world_open(struct world *world, uint64_t seed, size_t count);
void world_close(struct world *world);
/* The usual beginning: all pin all, all start, and a minute passes. */
void world_mesh(struct world *world, uint64_t seed, size_t count);

/* --- world.c: time and faults --- */
void world_run(struct world *world, uint64_t ms);
/* Runs until it holds; false when it did not within `ms`. */
typedef bool world_condition(struct world *world);
bool world_run_until(struct world *world, world_condition *condition, uint64_t ms);
uint64_t world_wall_ms(const struct world *world, size_t node);
void world_pin(struct world *world, size_t node, size_t agency); /* with the agency's present card */
void world_unpin(struct world *world, size_t node, size_t agency);
void world_learn_chain(struct world *world, size_t node, size_t agency); /* the agency's longer chain arrives as a file */
void world_start(struct world *world, size_t node);
void world_crash(struct world *world, size_t node);                /* unsynced writes are lost */
void world_wipe(struct world *world, size_t node);                 /* as a crash, and the store is gone; keys and pins stay */
void world_cut(struct world *world, size_t a, size_t b, bool cut); /* both ways; live links break some seconds later */
void world_split(struct world *world, size_t first);               /* nodes below `first` on one side, the others on the other */
void world_heal(struct world *world);
void world_reset(struct world *world, size_t a, size_t b); /* live links break now, what is under way is lost */
/* Delivers bytes to `to` as if `from` had sent them over their link; false when there is none. */
bool world_inject(struct world *world, size_t from, size_t to, struct bytes message);
/* A stranger's key comes through the transport: is the link closed at once? */
bool world_stranger_closed(struct world *world, size_t node);

/* --- world_act.c: what the core asks for --- */
void world_step(struct world *world, size_t node, struct event *event);
void world_happen(struct world *world, void *what); /* one item of the queue */
void world_drop(struct world *world, void *what);
struct world_link *world_link_between(struct world *world, size_t a, size_t b); /* one that is up, or null */
void world_link_break(struct world *world, struct world_link *link, uint64_t later_ms);
void world_epochs_restore(struct world *world, size_t node);
void world_deliver(struct world *world, struct world_link *link, size_t from, struct bytes message);

/* --- world_publish.c: own entries --- */
/* One block of about `bytes` for the readers (a string of '0' and '1', by node), after an epoch of their own if there is none.
   The sequence number of the block's entry; 0 when the core refused, with the error in *err. */
uint64_t world_publish(struct world *world, size_t node, const char *readers, enum carriage carriage, size_t bytes, enum err *err);
uint64_t world_publish_all(struct world *world, size_t node, size_t bytes); /* relay, to everyone pinned */
void world_prekey_rotate(struct world *world, size_t node);                 /* if it is due */
struct ledger_row *world_ledger(struct world *world, size_t author, uint64_t seq);
/* Opens what the node holds of that block as its reader would; false when it cannot. */
bool world_reads(struct world *world, size_t node, size_t author, uint64_t seq);

/* --- check.c --- */
void check_step(struct world *world, size_t node); /* after every event */
void check_send(struct world *world, size_t node, size_t to, struct bytes message);
void check_store_entries(struct world *world, size_t node, const struct action *action);
void check_store_payload(struct world *world, size_t node, const struct action *action);
void check_repair(struct world *world, size_t node, const uint8_t *node_id, uint64_t seq); /* a head falls, declared */
void check_disks(struct world *world);                                                     /* over all disks: at the end of a run */
void check_fail(struct world *world, const char *invariant, size_t node, const char *what);
/* All nodes that are up hold the same logs, all relay payloads, and each direct payload exactly where it belongs. */
bool check_converged(struct world *world);
void check_explain(struct world *world); /* prints what each node holds and lacks */

#endif
