/* baseline_net: a mesh for models of other protocols: nodes on a random graph, messages that take their time, timers. A model has a row of
   functions; it sees the same plan as Comity does, and its deliveries go into the same kind of tally. */
#ifndef TESTS_SIM_BASELINE_NET_H
#define TESTS_SIM_BASELINE_NET_H

#include "tests/sim/scale_tally.h"
#include "tests/sim/scale_wheel.h"

/* What all models say to each other; the rest is a model's own. */
enum baseline_kind { BASELINE_DATA = 1, BASELINE_IHAVE, BASELINE_REQUEST, BASELINE_GRAFT, BASELINE_PRUNE };

/* A message on its way, or a timer of `to`. */
struct baseline_event {
    struct wheel_item item;
    uint32_t from, to, message;
    enum baseline_kind kind;
    uint8_t hops;
    bool timer, publish;
};

/* Who knows whom: symmetric, connected, without doubles. */
struct baseline_graph {
    uint32_t degree_max;
    uint32_t *edges;  /* degree_max places a node */
    uint32_t *degree; /* of them in use */
};

struct baseline_net {
    const struct plan *plan;
    struct tally tally;
    struct wheel wheel;
    struct baseline_graph graph;
    struct baseline_event *pool;
    const struct baseline *model;
    void *state;     /* the model's */
    uint64_t draws;  /* of net_below */
    uint64_t events; /* that happened */
};

struct baseline {
    const char *name;
    uint32_t degree; /* of the graph */
    void *(*open)(struct baseline_net *net);
    void (*close)(void *state, uint32_t nodes);
    void (*publish)(struct baseline_net *net, uint32_t node, uint32_t message);
    void (*receive)(struct baseline_net *net, const struct baseline_event *event);
    void (*timer)(struct baseline_net *net, const struct baseline_event *event);
};

extern const struct baseline baseline_gossipsub, baseline_plumtree;

/* Runs the whole plan under this model. */
struct tally_result baseline_run(const struct baseline *model, const struct plan *plan);

/* --- for models --- */
void net_send(struct baseline_net *net, const struct baseline_event *event);
void net_timer(struct baseline_net *net, uint32_t node, uint32_t message, uint64_t after_ms);
uint32_t net_below(struct baseline_net *net, uint32_t bound);
/* Where `other` stands among the edges of `node`; always found when it wrote to it. */
uint32_t net_edge(const struct baseline_net *net, uint32_t node, uint32_t other);
static inline uint32_t net_neighbour(const struct baseline_net *net, uint32_t node, uint32_t edge) {
    return net->graph.edges[node * net->graph.degree_max + edge];
}

#endif
