/* gossipsub: a model of libp2p's gossipsub for one topic, after the specifications v1.0 and v1.1 (github.com/libp2p/specs, pubsub/gossipsub):
   D 8, D_low 6, D_high 12, D_lazy 6, D_out 2, heartbeat 1 s, a message cache of 5 heartbeats of which 3 are gossiped, a prune back-off of a
   minute, and v1.1's flood publishing. Peer scores are left out: all honest nodes would have the same. */
#include "tests/sim/baseline_net.h"

#include <assert.h>
#include <stdlib.h>

#define CONNECTIONS  16 /* of one node: the mesh is drawn from them */
#define D            8
#define D_LOW        6
#define D_HIGH       12
#define D_LAZY       6
#define D_OUT        2
#define HEARTBEAT_MS 1000
#define CACHE_BEATS  5
#define GOSSIP_BEATS 3
#define BACKOFF_MS   60000

struct cached {
    uint32_t message;
    uint64_t beat; /* of the node that has it */
};

struct gossipsub_node {
    bool mesh[CONNECTIONS];
    bool outbound[CONNECTIONS]; /* we dialled it */
    uint64_t backoff_until_ms[CONNECTIONS];
    struct cached *cache; /* oldest first */
    size_t cached, capacity;
    uint64_t beat;
};

static struct gossipsub_node *node_of(const struct baseline_net *net, uint32_t node) {
    return &((struct gossipsub_node *)net->state)[node];
}

static unsigned mesh_count(const struct baseline_net *net, uint32_t node) {
    unsigned count = 0;
    for (uint32_t edge = 0; edge < net->graph.degree[node]; edge++) count += node_of(net, node)->mesh[edge];
    return count;
}

static void say(struct baseline_net *net, enum baseline_kind kind, uint32_t node, uint32_t edge, uint32_t message) {
    struct baseline_event event = {.kind = kind, .from = node, .to = net_neighbour(net, node, edge), .message = message};
    net_send(net, &event);
}

static void keep(struct gossipsub_node *self, uint32_t message) {
    if (self->cached == self->capacity) {
        self->capacity = self->capacity ? 2 * self->capacity : 64;
        self->cache = realloc(self->cache, self->capacity * sizeof *self->cache);
        assert(self->cache);
    }
    self->cache[self->cached++] = (struct cached){.message = message, .beat = self->beat};
}

static void *gossipsub_open(struct baseline_net *net) {
    struct gossipsub_node *nodes = calloc(net->plan->nodes, sizeof *nodes);
    assert(nodes);
    net->state = nodes;
    for (uint32_t node = 0; node < net->plan->nodes; node++) {
        for (uint32_t edge = 0; edge < net->graph.degree[node]; edge++) {
            uint32_t other = net_neighbour(net, node, edge);
            nodes[node].outbound[edge] =
                (plan_mix(net->plan->seed, node < other ? node : other, node < other ? other : node) & 1) == (node < other);
        }
        net_timer(net, node, 0, net_below(net, HEARTBEAT_MS));
    }
    return nodes;
}

static void gossipsub_close(void *state, uint32_t nodes) {
    for (uint32_t node = 0; node < nodes; node++) free(((struct gossipsub_node *)state)[node].cache);
    free(state);
}

/* v1.1, flood publishing: own messages go to all connected peers of the topic, whether in the mesh or not. */
static void gossipsub_publish(struct baseline_net *net, uint32_t node, uint32_t message) {
    keep(node_of(net, node), message);
    for (uint32_t edge = 0; edge < net->graph.degree[node]; edge++) say(net, BASELINE_DATA, node, edge, message);
}

/* --- the heartbeat --- */

/* A random edge for which it holds, CONNECTIONS when there is none. */
typedef bool edge_test(const struct baseline_net *net, uint32_t node, uint32_t edge);
static uint32_t edge_draw(struct baseline_net *net, uint32_t node, edge_test *test) {
    uint32_t found[CONNECTIONS], count = 0;
    for (uint32_t edge = 0; edge < net->graph.degree[node]; edge++)
        if (test(net, node, edge)) found[count++] = edge;
    return count ? found[net_below(net, count)] : CONNECTIONS;
}

static bool may_graft(const struct baseline_net *net, uint32_t node, uint32_t edge) {
    const struct gossipsub_node *self = node_of(net, node);
    return !self->mesh[edge] && self->backoff_until_ms[edge] <= net->wheel.now_ms;
}

/* v1.1: of too many, D_out outbound ones stay in any case. */
static bool may_prune(const struct baseline_net *net, uint32_t node, uint32_t edge) {
    const struct gossipsub_node *self = node_of(net, node);
    unsigned outbound = 0;
    for (uint32_t i = 0; i < net->graph.degree[node]; i++) outbound += self->mesh[i] && self->outbound[i];
    return self->mesh[edge] && (!self->outbound[edge] || outbound > D_OUT);
}

static void prune(struct baseline_net *net, uint32_t node, uint32_t edge) {
    struct gossipsub_node *self = node_of(net, node);
    self->mesh[edge] = false;
    self->backoff_until_ms[edge] = net->wheel.now_ms + BACKOFF_MS;
    say(net, BASELINE_PRUNE, node, edge, 0);
}

static void mesh_keep(struct baseline_net *net, uint32_t node) {
    unsigned count = mesh_count(net, node);
    uint32_t edge;
    if (count < D_LOW)
        for (; count < D && (edge = edge_draw(net, node, may_graft)) < CONNECTIONS; count++) {
            node_of(net, node)->mesh[edge] = true;
            say(net, BASELINE_GRAFT, node, edge, 0);
        }
    if (count > D_HIGH)
        for (; count > D && (edge = edge_draw(net, node, may_prune)) < CONNECTIONS; count--) prune(net, node, edge);
}

/* IHAVE of what came in the last beats, to D_lazy peers outside the mesh. Told one by one; what the other has already is not worth an event. */
static void gossip(struct baseline_net *net, uint32_t node) {
    struct gossipsub_node *self = node_of(net, node);
    uint32_t others[CONNECTIONS], count = 0;
    for (uint32_t edge = 0; edge < net->graph.degree[node]; edge++)
        if (!self->mesh[edge]) others[count++] = edge;
    for (unsigned chosen = 0; chosen < D_LAZY && count > 0; chosen++) {
        uint32_t at = net_below(net, count), edge = others[at], peer = net_neighbour(net, node, edge);
        others[at] = others[--count];
        for (size_t i = self->cached; i-- > 0 && self->cache[i].beat + GOSSIP_BEATS > self->beat;)
            if (!tally_here(&net->tally, self->cache[i].message, peer))
                say(net, BASELINE_IHAVE, node, edge, self->cache[i].message);
    }
}

static void gossipsub_timer(struct baseline_net *net, const struct baseline_event *event) {
    struct gossipsub_node *self = node_of(net, event->to);
    size_t gone = 0;
    mesh_keep(net, event->to);
    gossip(net, event->to);
    self->beat++;
    while (gone < self->cached && self->cache[gone].beat + CACHE_BEATS <= self->beat) gone++;
    for (size_t i = gone; i < self->cached; i++) self->cache[i - gone] = self->cache[i];
    self->cached -= gone;
    net_timer(net, event->to, 0, HEARTBEAT_MS);
}

/* --- messages --- */

static void on_data(struct baseline_net *net, const struct baseline_event *event) {
    struct gossipsub_node *self = node_of(net, event->to);
    if (tally_here(&net->tally, event->message, event->to)) return;
    tally_deliver(&net->tally, event->message, event->to, net->wheel.now_ms);
    keep(self, event->message);
    for (uint32_t edge = 0; edge < net->graph.degree[event->to]; edge++) {
        uint32_t peer = net_neighbour(net, event->to, edge);
        if (self->mesh[edge] && peer != event->from && peer != net->plan->list[event->message].author)
            say(net, BASELINE_DATA, event->to, edge, event->message);
    }
}

static void on_request(struct baseline_net *net, const struct baseline_event *event, uint32_t edge) {
    const struct gossipsub_node *self = node_of(net, event->to);
    for (size_t i = 0; i < self->cached; i++) {
        if (self->cache[i].message != event->message) continue;
        say(net, BASELINE_DATA, event->to, edge, event->message);
        return;
    }
}

static void gossipsub_receive(struct baseline_net *net, const struct baseline_event *event) {
    struct gossipsub_node *self = node_of(net, event->to);
    uint32_t edge = net_edge(net, event->to, event->from);
    switch (event->kind) {
    case BASELINE_DATA: on_data(net, event); break;
    case BASELINE_IHAVE:
        if (!tally_here(&net->tally, event->message, event->to)) say(net, BASELINE_REQUEST, event->to, edge, event->message);
        break;
    case BASELINE_REQUEST: on_request(net, event, edge); break;
    case BASELINE_GRAFT:
        /* v1.1: refused during the back-off, and by a full mesh unless we dialled the peer. */
        if (self->backoff_until_ms[edge] > net->wheel.now_ms || (mesh_count(net, event->to) >= D_HIGH && !self->outbound[edge]))
            prune(net, event->to, edge);
        else
            self->mesh[edge] = true;
        break;
    case BASELINE_PRUNE:
        self->mesh[edge] = false;
        self->backoff_until_ms[edge] = net->wheel.now_ms + BACKOFF_MS;
        break;
    }
}

const struct baseline baseline_gossipsub = {.name = "gossipsub-like, D=8",
                                            .degree = CONNECTIONS,
                                            .open = gossipsub_open,
                                            .close = gossipsub_close,
                                            .publish = gossipsub_publish,
                                            .receive = gossipsub_receive,
                                            .timer = gossipsub_timer};
