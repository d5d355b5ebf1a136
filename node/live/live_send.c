/* live_send: messages on their way to one client: queue, ZeroMQ, TCP. Never blocks, and holds a bounded amount for each: a client that
   does not read costs its queue and its window, and nobody else waits for it. */
#include "node/live/live_state.h"

#include <errno.h>
#include <string.h>

#define LOOK_MS    2           /* how often a connection's TCP state is asked for at most */
#define KEPT_BYTES (64 * 1024) /* of an empty queue */

size_t live_queued_bytes(const struct live_session *session) { return session->queue.size - session->queue_sent; }

size_t live_send_begin(struct live_session *session) {
    size_t start = session->queue.size;
    buf_put_u32(&session->queue, 0);
    return start;
}

/* Without memory the message is not there, and the session cannot go on as if it were: the caller looks at queue.failed. */
void live_send_done(struct live_session *session, size_t start) {
    if (session->queue.failed)
        session->queue.size = start;
    else
        put_be32(session->queue.data + start, (uint32_t)(session->queue.size - start - 4));
}

static uint64_t unacknowledged_bytes(const struct live_session *session) {
    return session->wire_bytes > session->wire_acknowledged ? session->wire_bytes - session->wire_acknowledged : 0;
}

static void look(struct live *live, struct live_session *session) {
    const struct curve_connection *connection = curve_guard_at(&live->door.guard, session->origin.fd);
    session->wire_acknowledged = connection ? curve_guard_acknowledged_bytes(connection) : session->wire_bytes;
    /* Heartbeats of ZeroMQ are acknowledged too, and were not counted by us. */
    if (session->wire_acknowledged > session->wire_bytes) session->wire_bytes = session->wire_acknowledged;
}

void live_send_start(struct live *live, struct live_session *session) {
    look(live, session);
    session->wire_bytes = session->wire_acknowledged;
}

/* OK, ERR_BUSY (ZeroMQ's queue is full) or ERR_CLOSED. */
static enum err message_hand(struct live *live, struct live_session *session, const uint8_t *data, size_t size) {
    void *router = live->door.router.handle;
    if (zmq_send(router, session->routing_id, session->routing_id_bytes, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
        return errno == EAGAIN ? ERR_BUSY : ERR_CLOSED;
    if (zmq_send(router, data, size, ZMQ_DONTWAIT) < 0) return errno == EAGAIN ? ERR_BUSY : ERR_CLOSED;
    /* A send takes notice of arrivals, too, so that the descriptor may stay silent about them. */
    live->door.router.check = true;
    session->wire_bytes += curve_guard_wire_bytes(size);
    live->counts[CONTROL_LIVE_MESSAGES]++;
    live->counts[CONTROL_LIVE_BYTES] += size;
    return OK;
}

static void queue_shrink(struct live_session *session) {
    size_t left = live_queued_bytes(session);
    if (left == 0) {
        if (session->queue.capacity > KEPT_BYTES) buf_free(&session->queue);
        buf_clear(&session->queue);
    } else if (session->queue_sent > left) {
        memmove(session->queue.data, session->queue.data + session->queue_sent, left);
        session->queue.size = left;
    } else {
        return;
    }
    session->queue_sent = 0;
}

bool live_send_step(struct live *live, struct live_session *session, uint64_t now_ms) {
    while (live_queued_bytes(session) > 0) {
        if (unacknowledged_bytes(session) > LIVE_WINDOW_BYTES_MAX) {
            if (now_ms - session->looked_ms < LOOK_MS) return true;
            session->looked_ms = now_ms;
            look(live, session);
            if (unacknowledged_bytes(session) > LIVE_WINDOW_BYTES_MAX) return true;
        }
        const uint8_t *at = session->queue.data + session->queue_sent;
        uint32_t size = get_be32(at);
        enum err err = message_hand(live, session, at + 4, size);
        if (err == ERR_BUSY) return true;
        if (err != OK) session->queue_sent = session->queue.size; /* the connection is gone: its end is on its way to us */
        if (err == OK) session->queue_sent += 4 + size, session->said_ms = now_ms;
    }
    queue_shrink(session);
    return false;
}
