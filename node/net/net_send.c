/* net_send: messages from the engine to ZeroMQ, and how many bytes of each link are still under way. Never blocks. */
#include "node/process/clock.h"
#include "node/net/net_state.h"

#include <errno.h>
#include <string.h>

#define LOOK_NS 1000000 /* how often a link's TCP state is asked for at most */
#define STEP_MS 4       /* while something is not yet acknowledged */

static uint64_t unacknowledged_bytes(const struct net_link *link) {
    return link->wire_bytes > link->acknowledged_bytes ? link->wire_bytes - link->acknowledged_bytes : 0;
}

static uint64_t queued_bytes(const struct net_link *link) { return link->queue.size - link->queue_taken; }

static void link_look(struct net *net, struct net_link *link, uint64_t now_ns) {
    const struct curve_connection *connection = curve_guard_at(&net->door.guard, link->connection);
    if (now_ns - link->looked_ns < LOOK_NS) return;
    link->looked_ns = now_ns;
    /* Without a connection nothing more will be acknowledged. */
    link->acknowledged_bytes = connection != NULL ? curve_guard_acknowledged_bytes(connection) : link->wire_bytes;
    /* Heartbeats are acknowledged too, and were not counted by us. */
    if (link->acknowledged_bytes > link->wire_bytes) link->wire_bytes = link->acknowledged_bytes;
}

void net_send_start(struct net *net, struct net_link *link) {
    link->looked_ns = 0;
    link_look(net, link, clock_monotonic_ns());
    link->wire_bytes = link->acknowledged_bytes;
}

/* OK, ERR_BUSY (ZeroMQ's queue is full) or ERR_CLOSED. */
static enum err message_hand(struct net *net, struct net_link *link, const uint8_t *data, size_t size) {
    bool outbound = link->number % 2 == 1;
    struct curve_socket *socket = outbound ? &link->socket : &net->door.router;
    if (!outbound && zmq_send(socket->handle, link->routing_id, link->routing_id_bytes, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
        return errno == EAGAIN ? ERR_BUSY : ERR_CLOSED;
    }
    if (zmq_send(socket->handle, data, size, ZMQ_DONTWAIT) < 0) return errno == EAGAIN ? ERR_BUSY : ERR_CLOSED;
    /* A send takes notice of arrivals, too, so that the descriptor may stay silent about them. */
    socket->check = true;
    link->handed_bytes += size;
    link->wire_bytes += curve_guard_wire_bytes(size);
    net->bytes_out += size;
    return OK;
}

/* True when something moved. */
static bool queue_step(struct net *net, struct net_link *link) {
    size_t taken_before = link->queue_taken;
    while (queued_bytes(link) > 0) {
        const uint8_t *at = link->queue.data + link->queue_taken;
        uint32_t size = get_be32(at);
        enum err error = message_hand(net, link, at + 4, size);
        if (error == ERR_BUSY) return link->queue_taken > taken_before;
        /* Of a connection that is gone we hear by its monitor; its messages go nowhere. */
        if (error != OK) link->dropped_bytes += size;
        link->queue_taken += 4 + size;
    }
    buf_clear(&link->queue);
    link->queue_taken = 0;
    return true;
}

static void queue_put(struct net_link *link, struct bytes body) {
    if (link->queue_taken > 0 && link->queue_taken >= link->queue.size - link->queue_taken) {
        size_t left = link->queue.size - link->queue_taken;
        memmove(link->queue.data, link->queue.data + link->queue_taken, left);
        link->queue.size = left;
        link->queue_taken = 0;
    }
    if (!buf_reserve(&link->queue, 4 + body.size)) {
        link->queue.failed = link->queue.memory_failed = false;
        link->dropped_bytes += body.size;
        return;
    }
    buf_put_u32(&link->queue, (uint32_t)body.size);
    buf_put(&link->queue, body);
}

/* May this many bytes more wait for this peer? */
static bool link_has_room(struct net *net, struct net_link *link, size_t size) {
    uint64_t bytes_max = link->lossy ? NET_SEND_BYTES_MAX / 2 : NET_SEND_BYTES_MAX;
    if (queued_bytes(link) + unacknowledged_bytes(link) + size <= bytes_max) return true;
    link_look(net, link, clock_monotonic_ns());
    return queued_bytes(link) + unacknowledged_bytes(link) + size <= bytes_max;
}

void net_send(struct net *net, struct net_link *link, struct bytes body) {
    if (!link->up || link->closing || body.size > NET_MESSAGE_BYTES_MAX) {
        if (body.size > NET_MESSAGE_BYTES_MAX) log_warn("the engine sent a message of %zu bytes: dropped", body.size);
        link->dropped_bytes += body.size;
        return;
    }
    if (!link_has_room(net, link, body.size)) {
        if (!link->lossy) net_tell(net, FRAME_NET_LOSSY, link->number, bytes_of(NULL, 0));
        link->lossy = true;
        link->dropped_bytes += body.size;
        return;
    }
    link->lossy = false;
    enum err error = queued_bytes(link) > 0 ? ERR_BUSY : message_hand(net, link, body.data, body.size);
    if (error == ERR_BUSY) {
        queue_put(link, body);
    } else if (error != OK) {
        link->dropped_bytes += body.size;
    }
}

static void link_report(struct net *net, struct net_link *link, uint64_t now_ns) {
    if (link->handed_bytes == link->reported_bytes && link->dropped_bytes == 0) return;
    link_look(net, link, now_ns);
    uint64_t unacknowledged = unacknowledged_bytes(link);
    uint64_t done = unacknowledged < link->handed_bytes ? link->handed_bytes - unacknowledged : 0;
    uint64_t fresh = link->dropped_bytes;
    if (done > link->reported_bytes) {
        fresh += done - link->reported_bytes;
        link->reported_bytes = done;
    }
    link->dropped_bytes = 0;
    if (fresh == 0) return;
    uint8_t body[4];
    put_be32(body, fresh > UINT32_MAX ? UINT32_MAX : (uint32_t)fresh);
    net_tell(net, FRAME_NET_SENT, link->number, bytes_of(body, sizeof body));
}

int net_send_step(struct net *net) {
    int wait_ms = -1;
    bool moved = false;
    uint64_t now_ns = clock_monotonic_ns();
    for (size_t i = 0; i < net->link_count; i++) {
        struct net_link *link = net->links[i];
        if (queued_bytes(link) > 0 && queue_step(net, link)) moved = true;
        link_report(net, link, now_ns);
        if (link->handed_bytes != link->reported_bytes || link->dropped_bytes > 0 || queued_bytes(link) > 0) wait_ms = STEP_MS;
    }
    return moved ? 0 : wait_ms;
}
