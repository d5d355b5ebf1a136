/* net_link: the table of links: new, found, down, cut. */
#include "node/net/net_state.h"

#include <stdlib.h>
#include <string.h>

struct net_link *net_link_new(struct net *net, uint64_t number) {
    if (net->link_count == NET_LINKS_TABLE_MAX) return NULL;
    struct net_link *link = calloc(1, sizeof *link);
    if (link == NULL) return NULL;
    link->number = number;
    link->connection = -1;
    link->socket.fd = link->monitor.fd = -1;
    buf_init(&link->queue, 0);
    net->links[net->link_count++] = link;
    return link;
}

struct net_link *net_link_by_number(struct net *net, uint64_t number) {
    struct net_link *recent = net->link_recent;
    if (recent != NULL && recent->number == number) return recent;
    for (size_t i = 0; i < net->link_count; i++) {
        if (net->links[i]->number == number) return net->link_recent = net->links[i];
    }
    return NULL;
}

struct net_link *net_link_by_routing_id(struct net *net, struct bytes routing_id) {
    for (size_t i = 0; i < net->link_count; i++) {
        struct net_link *link = net->links[i];
        if (link->routing_id_bytes > 0 && bytes_equal(bytes_of(link->routing_id, link->routing_id_bytes), routing_id)) return link;
    }
    return NULL;
}

struct net_link *net_link_by_connection(struct net *net, int connection) {
    for (size_t i = 0; i < net->link_count; i++) {
        if (net->links[i]->connection == connection) return net->links[i];
    }
    return NULL;
}

size_t net_link_count(const struct net *net, bool outbound) {
    size_t count = 0;
    for (size_t i = 0; i < net->link_count; i++) count += (net->links[i]->number % 2 == 1) == outbound;
    return count;
}

static void link_free(struct net *net, struct net_link *link) {
    bool outbound = link->number % 2 == 1;
    if (outbound) {
        /* The watcher is told to stop first: ZeroMQ's I/O thread would wait for ever for a reader that is gone. */
        if (link->socket.sock != NULL) zmq_socket_monitor(link->socket.handle, NULL, 0);
        curve_socket_close(&link->monitor);
        curve_socket_close(&link->socket);
        curve_guard_closed(&net->door.guard, link->connection);
    } else {
        curve_guard_cut(&net->door.guard, link->connection);
    }
    for (size_t i = 0; i < net->link_count; i++) {
        if (net->links[i] != link) continue;
        net->links[i] = net->links[--net->link_count];
        break;
    }
    net->link_recent = net->link_inbound_recent = NULL;
    buf_free(&link->queue);
    free(link);
}

void net_link_down(struct net *net, struct net_link *link, const char *reason) {
    log_debug("link %llu down: %s", (unsigned long long)link->number, reason);
    net_tell(net, FRAME_NET_DOWN, link->number, bytes_of_text(reason));
    link_free(net, link);
}

void net_link_cut(struct net *net, struct net_link *link, const char *reason) {
    char key[17];
    hex_encode(key, bytes_of(link->key, 8));
    log_warn("link %llu of key %s... cut: %s", (unsigned long long)link->number, key, reason);
    net->cut_links++;
    net_tell(net, FRAME_NET_CUT, link->number, bytes_of_text(reason));
    curve_guard_cut(&net->door.guard, link->connection);
    net_link_down(net, link, reason);
}

void net_links_drop(struct net *net, const char *reason) {
    while (net->link_count > 0) net_link_down(net, net->links[net->link_count - 1], reason);
    curve_guard_cut_strangers(&net->door.guard);
}

void net_links_review(struct net *net) {
    for (size_t i = net->link_count; i-- > 0;) {
        struct net_link *link = net->links[i];
        if (!curve_zap_allowed(&net->door.zap, link->key)) net_link_cut(net, link, "its key may no longer connect");
    }
    /* Whoever was admitted and has not spoken yet has no link to look at: all of those try again. */
    curve_guard_cut_strangers(&net->door.guard);
}

void net_links_closing(struct net *net) {
    for (size_t i = net->link_count; i-- > 0;) {
        struct net_link *link = net->links[i];
        bool outbound = link->number % 2 == 1, drained = outbound ? !link->socket.check : !net->door.router.check;
        if (link->closing && drained) net_link_down(net, link, link->reason != NULL ? link->reason : "the connection ended");
    }
}
