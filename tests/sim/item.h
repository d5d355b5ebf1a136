/* item: something that will happen to one node, or to one end of a link. */
#ifndef TESTS_SIM_ITEM_H
#define TESTS_SIM_ITEM_H

#include "tests/sim/world.h"

enum item_kind {
    ITEM_TICK,
    ITEM_MESSAGE,
    ITEM_SENT,
    ITEM_UP,
    ITEM_DOWN,
    ITEM_BREAK, /* the transport gives the link up */
    ITEM_LOSSY,
    ITEM_SIGN,
    ITEM_SYNC,
    ITEM_LOAD_ENTRIES,
    ITEM_LOAD_PAYLOAD,
    ITEM_SCAN,
    ITEM_EPOCH,
    ITEM_START,
    ITEM_PLAN
};

struct item_event {
    enum item_kind kind;
    bool needs_link; /* lost when the link broke */
    bool outbound, again;
    uint32_t node, number, link_serial;
    uint32_t life; /* of the node: it must not have died since */
    struct world_link *link;
    uint64_t ticket, seq, write;
    size_t amount;
    uint8_t id[NODE_ID_BYTES];
    struct sign_subject subject;
    struct buf bytes;
    struct item_event *next;
};

struct item_event *item_new(struct world *world, enum item_kind kind, size_t node, uint64_t after_ms);
void item_drop(struct world *world, struct item_event *item);
/* The node wants to be woken then; whatever it wanted before is void. */
void item_tick(struct world *world, size_t node, uint64_t at_ms);
void item_link(struct item_event *item, struct world_link *link); /* it is lost with this link */
/* Takes it: it happens, is lost, or waits for a node that is paused. */
void item_happen(struct world *world, struct item_event *item);
void item_pool_free(struct world *world);

#endif
