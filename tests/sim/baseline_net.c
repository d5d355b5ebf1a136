#include "tests/sim/baseline_net.h"

#include <assert.h>
#include <stdlib.h>

/* --- the graph --- */

static bool joined(const struct baseline_graph *graph, uint32_t a, uint32_t b) {
    for (uint32_t i = 0; i < graph->degree[a]; i++)
        if (graph->edges[a * graph->degree_max + i] == b) return true;
    return false;
}

static void join(struct baseline_graph *graph, uint32_t a, uint32_t b) {
    if (a == b || joined(graph, a, b) || graph->degree[a] == graph->degree_max || graph->degree[b] == graph->degree_max) return;
    graph->edges[a * graph->degree_max + graph->degree[a]++] = b;
    graph->edges[b * graph->degree_max + graph->degree[b]++] = a;
}

/* Rings through all nodes in random order, and of an odd degree's last one only every second edge: what remains is connected, and almost
   every node has exactly the degree. */
static void graph_make(struct baseline_net *net, uint32_t degree) {
    uint32_t nodes = net->plan->nodes, *order = calloc(nodes, sizeof *order);
    net->graph = (struct baseline_graph){.degree_max = degree};
    net->graph.edges = calloc((size_t)nodes * degree, sizeof *net->graph.edges);
    net->graph.degree = calloc(nodes, sizeof *net->graph.degree);
    assert(order && net->graph.edges && net->graph.degree);
    for (uint32_t i = 0; i < nodes; i++) order[i] = i;
    for (uint32_t made = 0; made < degree; made += 2) {
        for (uint32_t i = nodes; i > 1; i--) {
            uint32_t at = net_below(net, i), swap = order[i - 1];
            order[i - 1] = order[at], order[at] = swap;
        }
        for (uint32_t i = 0; i < nodes; i += made + 1 == degree ? 2 : 1) join(&net->graph, order[i], order[(i + 1) % nodes]);
    }
    free(order);
}

uint32_t net_edge(const struct baseline_net *net, uint32_t node, uint32_t other) {
    uint32_t edge = 0;
    while (net_neighbour(net, node, edge) != other) edge++;
    return edge;
}

/* --- events --- */

uint32_t net_below(struct baseline_net *net, uint32_t bound) {
    return (uint32_t)(plan_mix(net->plan->seed, 3, net->draws++) % bound);
}

static struct baseline_event *event_new(struct baseline_net *net) {
    struct baseline_event *event = net->pool;
    if (event)
        net->pool = (struct baseline_event *)event->item.next;
    else
        event = malloc(sizeof *event);
    assert(event);
    return event;
}

static void event_free(struct baseline_net *net, struct baseline_event *event) {
    event->item.next = (struct wheel_item *)net->pool;
    net->pool = event;
}

void net_send(struct baseline_net *net, const struct baseline_event *wanted) {
    bool offers = wanted->kind == BASELINE_DATA || wanted->kind == BASELINE_IHAVE;
    bool own = wanted->kind == BASELINE_DATA && net->plan->list[wanted->message].author == wanted->from;
    if (offers && net->plan->silent[wanted->from] && !own) return;
    if (!plan_reaches(net->plan, wanted->from, wanted->to, net->wheel.now_ms)) return;
    struct baseline_event *event = event_new(net);
    *event = *wanted;
    wheel_put(&net->wheel, &event->item, net->wheel.now_ms + plan_latency_ms(net->plan->seed, event->from, event->to));
}

void net_timer(struct baseline_net *net, uint32_t node, uint32_t message, uint64_t after_ms) {
    struct baseline_event *event = event_new(net);
    *event = (struct baseline_event){.to = node, .message = message, .timer = true};
    wheel_put(&net->wheel, &event->item, net->wheel.now_ms + after_ms);
}

static void happen(struct baseline_net *net, const struct baseline_event *event) {
    net->events++;
    if (event->publish) {
        tally_published(&net->tally, event->message, net->wheel.now_ms);
        tally_deliver(&net->tally, event->message, event->to, net->wheel.now_ms);
        net->model->publish(net, event->to, event->message);
    } else if (event->timer) {
        net->model->timer(net, event);
    } else {
        if (event->kind == BASELINE_DATA) tally_copy(&net->tally, net->wheel.now_ms);
        net->model->receive(net, event);
    }
}

struct tally_result baseline_run(const struct baseline *model, const struct plan *plan) {
    struct baseline_net net = {.plan = plan, .model = model};
    struct wheel_item *item;
    tally_open(&net.tally, plan);
    wheel_open(&net.wheel);
    graph_make(&net, model->degree);
    net.state = model->open(&net);
    for (uint32_t i = 0; i < plan->count; i++) {
        struct baseline_event *event = event_new(&net);
        *event = (struct baseline_event){.to = plan->list[i].author, .message = i, .publish = true};
        wheel_put(&net.wheel, &event->item, plan->list[i].at_ms);
    }
    while ((item = wheel_take(&net.wheel, plan->end_ms)) != NULL) {
        struct baseline_event *event = (struct baseline_event *)item;
        happen(&net, event);
        event_free(&net, event);
    }
    struct tally_result result = tally_result(&net.tally);
    while ((item = wheel_empty(&net.wheel)) != NULL) free(item);
    while (net.pool) {
        struct baseline_event *event = net.pool;
        net.pool = (struct baseline_event *)event->item.next;
        free(event);
    }
    model->close(net.state, plan->nodes);
    free(net.graph.edges);
    free(net.graph.degree);
    wheel_close(&net.wheel);
    tally_close(&net.tally);
    return result;
}
