/* live_session: the clients: who they are, what they say, and how they end. */
#include "node/live/live_state.h"

#include "node/process/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_MESSAGES 256
#define FAREWELL_MS    250  /* for an error to arrive before its connection is cut */
#define STARVED_MS     1000 /* without credit: longer than an answer is on its way */
#define LINES_A_SECOND 10   /* of the log, about sessions that begin and end: a client may do so as often as it likes */

/* Is there room in the log's second? What is not said is counted by `comity status` all the same. */
static bool loud(uint64_t now_ms) {
    static uint64_t second_ms, lines; /* one thread, one log */
    if (now_ms - second_ms >= 1000) second_ms = now_ms, lines = 0;
    return ++lines <= LINES_A_SECOND;
}

/* --- the table --- */

static struct live_session *session_by_routing_id(struct live *live, struct bytes id) {
    for (size_t i = 0; i < live->session_count; i++) {
        struct live_session *session = live->sessions[i];
        if (bytes_equal(bytes_of(session->routing_id, session->routing_id_bytes), id)) return session;
    }
    return NULL;
}

static void session_free(struct live *live, size_t index) {
    struct live_session *session = live->sessions[index];
    live_links_forget(live, session);
    live->sessions[index] = live->sessions[--live->session_count];
    buf_free(&session->queue);
    free(session);
}

void live_connection_ended(void *context, int fd) {
    struct live *live = context;
    for (size_t i = 0; i < live->session_count; i++) {
        struct live_session *session = live->sessions[i];
        if (session->origin.fd != fd) continue;
        log_debug("%s left", session->name);
        session->left = true;
        session->origin.fd = -1;
        live->door.router.check = true;
    }
}

/* What it said before it left still waits in ZeroMQ, perhaps an acknowledgement, which then goes to the engine. */
static bool session_over(const struct live *live, const struct live_session *session) {
    return session->left && !live->door.router.check && !(session->stored && session->begun && session->asking) &&
           !live_session_wants_taken(session);
}

void live_sessions_drop(struct live *live) {
    while (live->session_count > 0) session_free(live, live->session_count - 1);
}

static void message_put(struct live_session *session, void (*write)(struct buf *out, struct take_position position)) {
    size_t start = live_send_begin(session);
    write(&session->queue, session->position);
    live_send_done(session, start);
    session->said = session->position;
}

void live_session_welcome(struct live_session *session, struct take_position position) {
    session->begun = true;
    session->ahead = true; /* the engine knows whether this position is one of its own */
    session->position = session->acknowledged = session->taken = position;
    message_put(session, live_write_welcome);
}

void live_session_end(struct live_session *session, const char *code, const char *text, uint64_t now_ms) {
    if (session->ending != LIVE_GOES_ON) return;
    if (loud(now_ms)) log_info("%s: the session ends: %s: %s", session->name[0] ? session->name : "a client", code, text);
    /* What waits is left out: its position was not told, so it comes again. What is under way in ZeroMQ is whole. */
    if (live_queued_bytes(session) > 0) session->queue.size = session->queue_sent;
    session->queue.failed = session->queue.memory_failed = false;
    size_t start = live_send_begin(session);
    live_write_error(&session->queue, code, text);
    live_send_done(session, start);
    session->ending = LIVE_ENDING;
    session->end_ms = now_ms + FAREWELL_MS;
}

/* --- hello --- */

/* The older session of the same client gives way: it may be one that died and was not missed yet. */
static bool places_make(struct live *live, const struct live_session *fresh, uint64_t now_ms) {
    struct live_session *oldest = NULL;
    size_t count = 0;
    for (size_t i = 0; i < live->session_count; i++) {
        struct live_session *other = live->sessions[i];
        if (other == fresh || other->ending != LIVE_GOES_ON) continue;
        bool same = memcmp(other->origin.key, fresh->origin.key, CURVE_KEY_BYTES) == 0;
        if (fresh->stored && other->stored && strcmp(other->subscription, fresh->subscription) == 0) {
            if (!same) return false;
            live_session_end(other, "replaced", "the same client follows this subscription over a newer connection", now_ms);
        } else if (same) {
            count++;
            if (!oldest || other->heard_ms < oldest->heard_ms) oldest = other;
        }
    }
    if (count >= LIVE_SESSIONS_A_KEY_MAX)
        live_session_end(oldest, "replaced", "the same client has too many connections, and this was the one longest silent",
                         now_ms);
    return true;
}

static void hello(struct live *live, struct live_session *session, const struct live_ask *ask, uint64_t now_ms) {
    const struct live_client *client = live_clients_of_key(&live->clients, session->origin.key);
    if (!client || (client->expires_ms > 0 && client->expires_ms <= clock_wall_ms())) {
        live_session_end(session, "removed", "this key may not follow the feed any more", now_ms);
        return;
    }
    snprintf(session->name, sizeof session->name, "%.*s", (int)client->name.size, (const char *)client->name.data);
    snprintf(session->subscription, sizeof session->subscription, "%.*s", (int)ask->subscription.size,
             (const char *)ask->subscription.data);
    session->labels = live_labels(client->label_max);
    hash_of(session->terms, "comity-live-terms", client->subscriptions, bytes_of(NULL, 0));
    session->expires_ms = client->expires_ms;
    session->stored = ask->stored;
    session->position = ask->position;
    session->credit = ask->credit;
    /* In the same words as for one that is not there: who may not follow it does not learn that it is. */
    if (!live_client_follows(client, ask->subscription))
        live_session_end(session, "subscription",
                         "there is no such subscription here; its name is to be asked of the node's operator", now_ms);
    else if (!places_make(live, session, now_ms))
        live_session_end(session, "busy",
                         "another client follows this subscription from its stored position; keep a position of your own", now_ms);
    else if (loud(now_ms))
        log_info("%s follows %s", session->name, session->subscription[0] ? session->subscription : "everything");
    /* Without a subscription there is nothing to ask first. */
    if (session->ending == LIVE_GOES_ON && !session->subscription[0]) live_session_welcome(session, session->position);
}

/* --- messages --- */

static void acknowledge(struct live_session *session, const struct live_ask *ask, uint64_t now_ms) {
    if (!session->begun || !live_position_within(ask->position, session->position)) {
        live_session_end(session, "position", "an acknowledgement of what was not sent", now_ms);
        return;
    }
    if (session->credit + ask->credit > LIVE_CREDIT_MAX) {
        live_session_end(session, "credit", "more than 10000 messages were granted at once", now_ms);
        return;
    }
    session->credit += ask->credit;
    if (live_position_within(ask->position, session->acknowledged)) return;
    session->acknowledged = ask->position;
    session->delivered += session->queued;
    session->queued = 0;
}

static void malformed(struct live *live, struct live_session *session, enum err err, bool first, uint64_t now_ms) {
    live->counts[CONTROL_LIVE_REFUSED]++;
    if (err == ERR_VERSION)
        live_session_end(session, "version", "this server speaks version 1 of the live feed", now_ms);
    else if (first)
        live_session_end(session, "hello", "a session begins with a hello: connect again, and say where you stand", now_ms);
    else
        live_session_end(session, "malformed", "this is no message of the live feed; LIVE.md tells what may be said", now_ms);
}

static void message_take(struct live *live, struct live_session *session, struct bytes message, bool first, uint64_t now_ms) {
    struct live_ask ask;
    if (session->ending != LIVE_GOES_ON) return;
    session->heard_ms = now_ms;
    enum err err = live_ask_read(&ask, message);
    if (err != OK || (ask.kind == LIVE_HELLO) != first) {
        malformed(live, session, err, first, now_ms);
        return;
    }
    switch (ask.kind) {
    case LIVE_HELLO: hello(live, session, &ask, now_ms); break;
    case LIVE_ACK: acknowledge(session, &ask, now_ms); break;
    case LIVE_STILL: break;
    case LIVE_BYE:
        session->ending = LIVE_ENDING;
        session->end_ms = now_ms;
        break;
    }
}

/* Null: not a connection that may have a session, whose message is dropped. */
static struct live_session *session_new(struct live *live, zmq_msg_t *routing_id, zmq_msg_t *content, uint64_t now_ms) {
    struct curve_origin origin;
    if (!curve_door_origin(&live->door, content, &origin)) return NULL;
    size_t id_bytes = zmq_msg_size(routing_id);
    struct live_session *session = live->session_count < LIVE_SESSIONS_MAX ? calloc(1, sizeof *session) : NULL;
    if (!session || id_bytes == 0 || id_bytes > sizeof session->routing_id || !curve_zap_allowed(&live->door.zap, origin.key)) {
        if (!session) log_warn("%zu sessions: one more is refused", live->session_count);
        curve_guard_cut(&live->door.guard, origin.fd);
        live->counts[CONTROL_LIVE_REFUSED]++;
        free(session);
        return NULL;
    }
    session->origin = origin;
    session->routing_id_bytes = id_bytes;
    memcpy(session->routing_id, zmq_msg_data(routing_id), id_bytes);
    session->heard_ms = session->said_ms = now_ms;
    live->sessions[live->session_count++] = session;
    curve_guard_linked(&live->door.guard, origin.fd);
    live_send_start(live, session);
    return session;
}

static void rest_drop(struct live *live, zmq_msg_t *message) {
    while (zmq_msg_more(message) && zmq_msg_recv(message, live->door.router.handle, ZMQ_DONTWAIT) >= 0) {
    }
}

static void router_message(struct live *live, zmq_msg_t *routing_id, zmq_msg_t *content, uint64_t now_ms) {
    struct live_session *session = session_by_routing_id(live, bytes_of(zmq_msg_data(routing_id), zmq_msg_size(routing_id)));
    bool first = session == NULL;
    if (first) {
        /* The first message may be here before we heard of its connection. */
        curve_door_events(&live->door, now_ms);
        session = session_new(live, routing_id, content, now_ms);
    }
    if (!session) {
        rest_drop(live, content);
    } else if (zmq_msg_more(content)) {
        rest_drop(live, content);
        malformed(live, session, ERR_FORMAT, false, now_ms);
    } else if (!curve_origin_same(&session->origin, content)) {
        curve_guard_cut(&live->door.guard, session->origin.fd);
    } else {
        message_take(live, session, bytes_of(zmq_msg_data(content), zmq_msg_size(content)), first, now_ms);
    }
}

void live_receive(struct live *live, uint64_t now_ms) {
    zmq_msg_t routing_id, content;
    zmq_msg_init(&routing_id);
    zmq_msg_init(&content);
    for (int i = 0; i < BATCH_MESSAGES; i++) {
        if (zmq_msg_recv(&routing_id, live->door.router.handle, ZMQ_DONTWAIT) < 0) {
            live->door.router.check = false;
            break;
        }
        if (!zmq_msg_more(&routing_id) || zmq_msg_recv(&content, live->door.router.handle, ZMQ_DONTWAIT) < 0) continue;
        router_message(live, &routing_id, &content, now_ms);
    }
    zmq_msg_close(&routing_id);
    zmq_msg_close(&content);
}

/* --- who may stay --- */

/* Does this client still stand in the list as it did when it said hello? */
static bool session_permitted(const struct live *live, const struct live_session *session, uint64_t wall_ms) {
    const struct live_client *client = live_clients_of_key(&live->clients, session->origin.key);
    return client && (client->expires_ms == 0 || client->expires_ms > wall_ms) && bytes_equal_text(client->name, session->name) &&
           live_labels(client->label_max) == session->labels && live_client_follows(client, bytes_of_text(session->subscription));
}

void live_sessions_review(struct live *live, uint64_t now_ms) {
    uint64_t wall_ms = clock_wall_ms();
    struct buf keys = {0};
    for (size_t i = 0; i < live->clients.count; i++) {
        const struct live_client *client = &live->clients.items[i];
        if (client->expires_ms == 0 || client->expires_ms > wall_ms) buf_put_raw(&keys, client->key, CURVE_KEY_BYTES);
    }
    /* Fail closed: without memory for the list nobody enters. */
    if (keys.failed || curve_zap_allow(&live->door.zap, bytes_of_buf(&keys)) != OK) live->door.zap.key_count = 0;
    buf_free(&keys);
    for (size_t i = 0; i < live->session_count; i++) {
        struct live_session *session = live->sessions[i];
        if (session->ending == LIVE_GOES_ON && !session_permitted(live, session, wall_ms))
            live_session_end(session, "removed", "this key may not follow the feed any more, or under other terms: connect again",
                             now_ms);
    }
    /* Whoever was admitted and has not spoken yet has no session to look at: all of those try again. */
    curve_guard_cut_strangers(&live->door.guard);
}

/* Whether its client is slower than what arrives; nobody else waits for it. */
static void starving_look(struct live *live, struct live_session *session, uint64_t now_ms) {
    if (!live_session_starves(live, session)) {
        session->starving_ms = 0, session->starved = false;
        return;
    }
    if (session->starving_ms == 0) session->starving_ms = now_ms;
    if (!session->starved && now_ms - session->starving_ms >= STARVED_MS)
        session->starved = true, live->counts[CONTROL_LIVE_STARVED]++;
    live->counts[CONTROL_LIVE_STARVING] += session->starved;
}

void live_sessions_step(struct live *live, uint64_t now_ms) {
    uint64_t wall_ms = clock_wall_ms();
    live->counts[CONTROL_LIVE_STARVING] = 0;
    for (size_t i = live->session_count; i-- > 0;) {
        struct live_session *session = live->sessions[i];
        if (session_over(live, session)) session_free(live, i);
    }
    for (size_t i = 0; i < live->session_count; i++) {
        struct live_session *session = live->sessions[i];
        if (session->left) continue;
        starving_look(live, session, now_ms);
        bool quiet = live_queued_bytes(session) == 0 && session->ending == LIVE_GOES_ON;
        bool expired = session->expires_ms > 0 && session->expires_ms <= wall_ms;
        if (session->queue.failed) live_session_end(session, "engine", "out of memory", now_ms);
        if (expired) live_session_end(session, "removed", "the time for which this key was let in is over", now_ms);
        if (quiet && session->begun && now_ms - session->said_ms >= LIVE_ALIVE_MS) message_put(session, live_write_still);
        if (session->ending == LIVE_GOES_ON && now_ms - session->heard_ms >= LIVE_DEAD_MS)
            live_session_end(session, "silent", "nothing was heard of this client for 15 seconds", now_ms);
        if (session->ending == LIVE_ENDING && now_ms >= session->end_ms) {
            /* The table learns of it by the door's event. */
            session->ending = LIVE_ENDED;
            curve_guard_cut(&live->door.guard, session->origin.fd);
        }
    }
}
