/* plumtree: a model of Leitao, Pereira and Rodrigues, "Epidemic Broadcast Trees" (SRDS 2007), algorithms 1 to 4, on an overlay such as
   HyParView keeps (DSN 2007): symmetric active views of 5. All links begin eager; a duplicate prunes the link it came by; lazy links get IHAVE at
   once; what was announced and did not come is grafted from its announcers, one after the other. Each
   author has a tree of its own, as in Riak's and Partisan's (one tree for 100 authors is three times as slow). A silent node takes part in the tree (it prunes, and is pruned) and passes nothing on. */
#include "tests/sim/baseline_net.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define VIEW                   5
#define GRAFT_FIRST_MS         320 /* until the first announcer is asked: two round trips, on average */
#define GRAFT_NEXT_MS          160 /* and the next one: one round trip (3.6 of the paper) */
#define OPTIMISATION_THRESHOLD 7   /* hops that an announced way must be shorter to be taken into the tree; iroh-gossip's */

/* What one node knows of one message that it does not have: who announced it, in order. */
struct announced {
    uint32_t edge;
    uint8_t hops;
};
struct lacking {
    uint32_t message;
    struct announced by[VIEW];
    unsigned count;
};

struct plumtree_node {
    bool (*eager)[VIEW]; /* by author */
    struct lacking *lacking;
    size_t lacking_count, capacity;
};

static struct plumtree_node *node_of(const struct baseline_net *net, uint32_t node) {
    return &((struct plumtree_node *)net->state)[node];
}

/* Which edges of a node are eager in the tree of this message's author. */
static bool *eager_of(const struct baseline_net *net, uint32_t node, uint32_t message) {
    return node_of(net, node)->eager[net->plan->list[message].author];
}

static void *plumtree_open(struct baseline_net *net) {
    struct plumtree_node *nodes = calloc(net->plan->nodes, sizeof *nodes);
    assert(nodes);
    for (uint32_t node = 0; node < net->plan->nodes; node++) {
        nodes[node].eager = malloc(net->plan->authors * sizeof *nodes[node].eager);
        assert(nodes[node].eager);
        memset(nodes[node].eager, true, net->plan->authors * sizeof *nodes[node].eager);
    }
    return nodes;
}

static void plumtree_close(void *state, uint32_t nodes) {
    for (uint32_t node = 0; node < nodes; node++) {
        free(((struct plumtree_node *)state)[node].eager);
        free(((struct plumtree_node *)state)[node].lacking);
    }
    free(state);
}

static void say(struct baseline_net *net, enum baseline_kind kind, uint32_t node, uint32_t edge, uint32_t message, uint8_t hops) {
    struct baseline_event event = {
        .kind = kind, .from = node, .to = net_neighbour(net, node, edge), .message = message, .hops = hops};
    net_send(net, &event);
}

static struct lacking *lacking_find(struct plumtree_node *self, uint32_t message) {
    for (size_t i = 0; i < self->lacking_count; i++)
        if (self->lacking[i].message == message) return &self->lacking[i];
    return NULL;
}

/* Eager push and lazy push (algorithm 2); `from` is the node's own number for what it publishes. */
static void push(struct baseline_net *net, uint32_t node, uint32_t message, uint8_t hops, uint32_t from) {
    for (uint32_t edge = 0; edge < net->graph.degree[node]; edge++) {
        uint32_t peer = net_neighbour(net, node, edge);
        if (peer == from) continue;
        if (eager_of(net, node, message)[edge])
            say(net, BASELINE_DATA, node, edge, message, hops);
        else if (!tally_here(&net->tally, message, peer)) /* told to one who has it, it does nothing */
            say(net, BASELINE_IHAVE, node, edge, message, hops);
    }
}

static void plumtree_publish(struct baseline_net *net, uint32_t node, uint32_t message) { push(net, node, message, 1, node); }

static void on_data(struct baseline_net *net, const struct baseline_event *event, uint32_t edge) {
    struct plumtree_node *self = node_of(net, event->to);
    bool *eager = eager_of(net, event->to, event->message);
    if (!tally_deliver(&net->tally, event->message, event->to, net->wheel.now_ms)) {
        eager[edge] = false;
        say(net, BASELINE_PRUNE, event->to, edge, event->message, 0);
        return;
    }
    eager[edge] = true;
    struct lacking *lacking = lacking_find(self, event->message);
    /* Optimisation (algorithm 4): an announcer much nearer to the author takes the sender's place in the tree. */
    for (unsigned i = 0; lacking && i < lacking->count; i++) {
        if (lacking->by[i].hops + OPTIMISATION_THRESHOLD > event->hops) continue;
        eager[edge] = false, eager[lacking->by[i].edge] = true;
        say(net, BASELINE_PRUNE, event->to, edge, event->message, 0);
        say(net, BASELINE_GRAFT, event->to, lacking->by[i].edge, event->message, 1);
        break;
    }
    if (lacking) *lacking = self->lacking[--self->lacking_count];
    push(net, event->to, event->message, (uint8_t)(event->hops + 1), event->from);
}

static void on_ihave(struct baseline_net *net, const struct baseline_event *event, uint32_t edge) {
    struct plumtree_node *self = node_of(net, event->to);
    if (tally_here(&net->tally, event->message, event->to)) return;
    struct lacking *lacking = lacking_find(self, event->message);
    if (!lacking) {
        if (self->lacking_count == self->capacity) {
            self->capacity = self->capacity ? 2 * self->capacity : 8;
            self->lacking = realloc(self->lacking, self->capacity * sizeof *self->lacking);
            assert(self->lacking);
        }
        lacking = &self->lacking[self->lacking_count++];
        *lacking = (struct lacking){.message = event->message};
        net_timer(net, event->to, event->message, GRAFT_FIRST_MS);
    }
    if (lacking->count < VIEW) lacking->by[lacking->count++] = (struct announced){.edge = edge, .hops = event->hops};
}

/* Repair (algorithm 3). When all announcers were asked in vain, the next announcement begins anew. */
static void plumtree_timer(struct baseline_net *net, const struct baseline_event *event) {
    struct plumtree_node *self = node_of(net, event->to);
    struct lacking *lacking = lacking_find(self, event->message);
    if (!lacking) return;
    if (lacking->count == 0) {
        *lacking = self->lacking[--self->lacking_count];
        return;
    }
    uint32_t edge = lacking->by[0].edge;
    for (unsigned i = 1; i < lacking->count; i++) lacking->by[i - 1] = lacking->by[i];
    lacking->count--;
    eager_of(net, event->to, event->message)[edge] = true;
    say(net, BASELINE_GRAFT, event->to, edge, event->message, 0);
    net_timer(net, event->to, event->message, GRAFT_NEXT_MS);
}

static void plumtree_receive(struct baseline_net *net, const struct baseline_event *event) {
    bool *eager = eager_of(net, event->to, event->message);
    uint32_t edge = net_edge(net, event->to, event->from);
    switch (event->kind) {
    case BASELINE_DATA: on_data(net, event, edge); break;
    case BASELINE_IHAVE: on_ihave(net, event, edge); break;
    case BASELINE_PRUNE: eager[edge] = false; break;
    case BASELINE_GRAFT:
        eager[edge] = true;
        /* One that optimises the tree has the message already. */
        if (event->hops == 0 && tally_here(&net->tally, event->message, event->to))
            say(net, BASELINE_DATA, event->to, edge, event->message, event->hops);
        break;
    case BASELINE_REQUEST: break;
    }
}

const struct baseline baseline_plumtree = {.name = "Plumtree-like",
                                           .degree = VIEW,
                                           .open = plumtree_open,
                                           .close = plumtree_close,
                                           .publish = plumtree_publish,
                                           .receive = plumtree_receive,
                                           .timer = plumtree_timer};
