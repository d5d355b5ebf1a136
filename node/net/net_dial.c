/* net_dial: outbound links: one DEALER and one attempt each; the engine decides about the next. */
#include "node/process/clock.h"
#include "node/net/net_state.h"

#include <errno.h>
#include <string.h>

static void dial_refuse(struct net *net, uint64_t number, const char *reason) {
    net_tell(net, FRAME_NET_DOWN, number, bytes_of_text(reason));
}

void net_dial(struct net *net, uint64_t number, struct bytes body) {
    if (number % 2 == 0 || net_link_by_number(net, number) != NULL) {
        log_warn("the engine dials with link number %llu, which is not free: ignored", (unsigned long long)number);
        return;
    }
    struct cursor cursor = cursor_of(body);
    struct bytes key = cursor_take(&cursor, CURVE_KEY_BYTES);
    struct bytes endpoint = cursor_take(&cursor, cursor.left);
    if (cursor.failed || !endpoint_literal(endpoint, false)) {
        dial_refuse(net, number, "not a literal endpoint");
        return;
    }
    struct net_link *link = net_link_count(net, true) < net->settings.links_max ? net_link_new(net, number) : NULL;
    if (link == NULL) {
        dial_refuse(net, number, "too many links");
        return;
    }
    memcpy(link->key, key.data, key.size);
    memcpy(link->endpoint, endpoint.data, endpoint.size);
    link->deadline_ms = clock_monotonic_ms() + NET_DIAL_MS;
    if (curve_socket_dealer(&link->socket, &net_limits, net->curve, net->curve + CURVE_KEY_BYTES, link->key) != OK ||
        curve_socket_monitor(&link->monitor, &link->socket) != OK) {
        net_link_down(net, link, "no socket could be made");
    } else if (zmq_connect(link->socket.handle, link->endpoint) != 0) {
        net_link_down(net, link, zmq_strerror(errno));
    }
}

static void dial_up(struct net *net, struct net_link *link) {
    uint8_t body[1 + CURVE_KEY_BYTES + ENDPOINT_BYTES_MAX] = {1};
    size_t endpoint_bytes = strlen(link->endpoint);
    memcpy(body + 1, link->key, CURVE_KEY_BYTES);
    memcpy(body + 1 + CURVE_KEY_BYTES, link->endpoint, endpoint_bytes);
    link->up = true;
    curve_guard_linked(&net->door.guard, link->connection);
    net_send_start(net, link);
    net_tell(net, FRAME_NET_UP, link->number, bytes_of(body, 1 + CURVE_KEY_BYTES + endpoint_bytes));
}

void net_dial_step(struct net *net, struct net_link *link, uint64_t now_ms) {
    unsigned event;
    uint32_t value;
    while (curve_monitor_next(&link->monitor, &event, &value)) {
        switch (event) {
        case ZMQ_EVENT_CONNECTED:
            link->connection = (int)value;
            curve_guard_opened(&net->door.guard, link->connection, false, 0, now_ms);
            break;
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: dial_up(net, link); break;
        case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: link->reason = "the other side does not admit our key"; break;
        case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
            if (link->reason == NULL) link->reason = "the handshake failed: another key, or no Comity node";
            break;
        case ZMQ_EVENT_DISCONNECTED:
            curve_guard_closed(&net->door.guard, link->connection);
            link->connection = -1;
            link->closing = true;
            link->socket.check = true;
            break;
        case ZMQ_EVENT_CLOSED:
            if (link->up) break;
            link->reason = "nobody answers there";
            link->closing = true;
            break;
        default: break;
        }
    }
    link->monitor.check = false;
    if (!link->up && !link->closing && now_ms >= link->deadline_ms) {
        link->reason = "no answer in time";
        link->closing = true;
    }
}
