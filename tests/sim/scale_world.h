/* scale_world: a mesh of hundreds to ten thousand nodes with the real core in virtual time, for measuring. Lean where the seed-driven simulator is
   thorough: links have a latency and break, a store syncs within milliseconds, nodes go and come back; nothing else fails.
   Entries are held once for all nodes (scale_store), chains too; signatures are stand-ins. */
#ifndef TESTS_SIM_SCALE_WORLD_H
#define TESTS_SIM_SCALE_WORLD_H

#include "tests/sim/identity.h"
#include "tests/sim/scale_store.h"
#include "tests/sim/scale_tally.h"
#include "tests/sim/scale_wheel.h"

#include "gossip/agencies.h"

#define SCALE_EPOCH_MS     1790000000000ull /* wall clock at virtual time 0: September 2026 */
#define SCALE_KINDS        32               /* of messages, by number */
#define SCALE_LINKS_MAX    96               /* of one node, those that are being made or broken included */
#define SCALE_SYNC_MS      2
#define SCALE_BREAK_MIN_MS 10000 /* a transport sees so late that its peer is gone; up to twice as late */

struct scale_link {
    uint32_t ends[2]; /* who dialled, who was dialled */
    uint32_t number[2], life[2];
    uint32_t latency_ms;
    uint32_t queued[2]; /* bytes that left, not yet told to the sender */
    bool up;
    uint64_t since_ms, until_ms;
};

struct scale_node {
    struct gossip *gossip; /* null: down */
    struct actions actions;
    uint32_t *trusted; /* node numbers */
    size_t trusted_count;
    struct scale_link *links[SCALE_LINKS_MAX];
    size_t link_count;
    uint32_t life, inbound_next;
    uint64_t tick_at_ms, ticked_ms; /* of the earliest tick in the wheel; of the last one that happened */
};

/* What went over links since the counters were last zeroed, by kind of message. */
struct scale_traffic {
    uint64_t messages[SCALE_KINDS], bytes[SCALE_KINDS];
    uint64_t dials, links_made;
};

struct scale_world {
    const struct plan *plan;
    uint32_t count;
    struct identity *identities;
    struct scale_node *nodes;
    struct store store;
    struct tally tally;
    struct wheel wheel;
    struct agencies agencies;
    struct scale_link **links;
    size_t link_count, link_capacity;
    struct scale_item *pool;
    uint32_t *by_node_id, *by_curve; /* hash tables: node number + 1 */
    size_t table_size;
    struct scale_traffic traffic;
    uint64_t events;
    uint64_t tick_every_ms; /* ticks come no more often than this: a month in coarse steps */
    uint64_t refused;       /* publications that a core put off */
};

/* Nodes with their keys; nobody trusts anybody, none is started. The plan outlives the world. */
void scale_open(struct scale_world *world, const struct plan *plan);
void scale_close(struct scale_world *world);
void scale_trust_all(struct scale_world *world);
/* Each trusts the authors of the plan, and the members of two communities, about `others` nodes, who trust it too. */
void scale_trust_some(struct scale_world *world, uint32_t others);
void scale_start(struct scale_world *world, uint32_t node);
void scale_start_all(struct scale_world *world);
void scale_stop(struct scale_world *world, uint32_t node);
void scale_run(struct scale_world *world, uint64_t until_ms);
/* Puts the plan's publications into the wheel. */
void scale_publish_plan(struct scale_world *world);
/* An entry that is in some stores already when they start: made by `author` with no network. */
struct store_record *scale_write(struct scale_world *world, uint32_t author, enum entry_type type, size_t payload_bytes,
                                 size_t message);

/* The links that are open on both sides. */
size_t scale_open_links(const struct scale_world *world);
/* Entries and payloads that nodes lack of those whom they trust. */
uint64_t scale_lacking(const struct scale_world *world);
uint64_t scale_bytes(const struct scale_traffic *traffic);
uint64_t scale_messages(const struct scale_traffic *traffic);

/* --- scale_act.c: what the cores ask for --- */
struct scale_item;
void scale_step(struct scale_world *world, uint32_t node, struct event *event);
void scale_happen(struct scale_world *world, struct wheel_item *item);
void scale_item_free(struct scale_world *world, struct wheel_item *item);
void scale_pool_free(struct scale_world *world);
void scale_publish_at(struct scale_world *world, uint32_t author, size_t message, uint64_t at_ms);
void scale_link_break(struct scale_world *world, struct scale_link *link, uint64_t after_ms);
uint32_t scale_node_of_id(const struct scale_world *world, const uint8_t node_id[static NODE_ID_BYTES]);

#endif
