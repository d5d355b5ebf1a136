/* subscriptions: named, durable consumers of what arrives: a filter, a label ceiling, the exit that they are for, and how far they came.
   All are in memory, by name, and do nothing by themselves: a filter runs only when somebody takes what is new (take.h).

   Meta: "secret/subscription/NUMBER" what it is; "subscription/NUMBER" where it stands and its counters. */
#ifndef NODE_SUBSCRIPTIONS_H
#define NODE_SUBSCRIPTIONS_H

#include "gossip/policy_facts.h"
#include "node/formats/filter.h"
#include "node/process/fields.h"
#include "node/store/store.h"
#include "node/subscribe/take_wire.h"

#define SUBSCRIPTIONS_MAX           50000
#define SUBSCRIPTION_NAME_BYTES_MAX FIELDS_NAME_BYTES_MAX
#define SUBSCRIPTION_PREFIX         "secret/subscription/"
#define SUBSCRIPTION_PLACE_PREFIX   "subscription/"

struct engine;
struct client;
struct frame;

struct subscription_counts {
    uint64_t looked;    /* objects it came by */
    uint64_t matched;   /* of those, what its filter takes */
    uint64_t refused;   /* of those, what the policy or its label ceiling kept back */
    uint64_t delivered; /* as its consumer said */
};

struct subscription {
    uint64_t number;
    enum tlp tlp_max; /* TLP_NONE: what its exit takes */
    enum policy_exit exit;
    uint64_t created_ms, taken_ms; /* taken: when its position was last moved; 0: never */
    struct take_position at;
    enum policy_exit taken_exit; /* by which its consumer began; 0: it has not since the start, `exit` counts */
    /* By the operator: what was under way to its consumer then moves its place no more, until that begins behind it. */
    bool rewound;
    /* Somebody was told of objects from this place, or from that of one that had the name before: a place that never told is nobody's, and its
       consumer has nothing to forget. */
    bool told;
    uint64_t high; /* the furthest cursor that it ever came to: it may hold what stands before, also after a rewind */
    struct subscription_counts counts;
    char name[SUBSCRIPTION_NAME_BYTES_MAX + 1];
    char *filter; /* its text; owned */
};

struct subscriptions {
    struct subscription **list; /* by name */
    size_t count, capacity;
    uint64_t next;
    uint64_t tickets;
    struct subscription_counts counts; /* of all, those that were removed included, since the start */
};

enum err subscriptions_load(struct engine *engine) MUST_USE;
void subscriptions_free(struct engine *engine);
struct subscription *subscription_find(struct engine *engine, struct bytes name); /* null: none */
size_t subscriptions_behind(const struct engine *engine, struct bytes name);      /* index of the first one after this name */
/* A new one, with everything else zero; null without memory. The name is valid. */
struct subscription *subscription_new(struct bytes name, struct bytes filter);
/* Takes it over, also on error: ERR_EXISTS, ERR_FULL, ERR_MEMORY. Draws its number when it has none. */
enum err subscription_insert(struct engine *engine, struct subscription **made) MUST_USE;
/* Writes where it stands with the batch; or all of it. */
void subscription_put(struct store_batch *batch, const struct subscription *subscription);
enum err subscription_put_all(struct store_batch *batch, const struct subscription *subscription) MUST_USE;
void subscription_remove(struct engine *engine, struct store_batch *batch, struct subscription *subscription);

/* subscription_ask.c: FRAME_ASK_SUBSCRIPTION */
void subscription_ask(struct engine *engine, struct client *client, const struct frame *frame);

#endif
