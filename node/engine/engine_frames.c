#include "node/process/clock.h"
#include "node/engine/engine_core.h"

/* What the other processes say: the parent, the network process, the key process. */

/* A peer process that went away comes back as FRAME_PEER; what was meant for it meanwhile is dropped and asked for again then. */
static void to_peer(struct engine *engine, enum role role, enum frame_type type, uint64_t tag, struct bytes body) {
    struct channel *channel = &engine->child.peers[role];
    if (channel->fd >= 0 && channel_queue(channel, type, tag, body) != OK) channel_close(channel);
}

void engine_to_key(struct engine *engine, enum frame_type type, uint64_t tag, struct bytes body) {
    to_peer(engine, ROLE_KEY, type, tag, body);
}

void engine_to_net(struct engine *engine, enum frame_type type, uint64_t tag, struct bytes body) {
    to_peer(engine, ROLE_NET, type, tag, body);
}

/* Below messages nobody but the network process sees what a peer does; who it was only the core knows. */
static void link_cut(struct engine *engine, uint32_t number, struct bytes reason) {
    struct gossip_link_view view;
    for (size_t i = 0; i < gossip_link_count(engine->gossip); i++) {
        gossip_link_view(engine->gossip, i, &view);
        if (view.link != number) continue;
        const char *who = engine_agency_name(engine, view.agency_id);
        engine_event(engine, LOG_PEER_CUT, LOG_FIELDS(LOG_TEXT("agency", who)), "%s: link cut: %.*s", who, (int)reason.size,
                     (const char *)reason.data);
    }
}

/* Of a link that was open; one that never got so far is no news. */
static void link_down(struct engine *engine, uint32_t number, struct bytes reason) {
    struct gossip_link_view view;
    log_debug("link %u is down: %.*s", number, (int)reason.size, (const char *)reason.data);
    for (size_t i = 0; i < gossip_link_count(engine->gossip); i++) {
        gossip_link_view(engine->gossip, i, &view);
        if (view.link != number || !view.open) continue;
        const char *who = engine_agency_name(engine, view.agency_id);
        engine_tell(engine, LOG_LINK_DOWN,
                    LOG_FIELDS(LOG_TEXT("agency", who), LOG_NUMBER("seconds", (clock_monotonic_ms() - view.since_ms) / 1000)),
                    "the link with %s ended: %.*s", who, (int)reason.size, (const char *)reason.data);
    }
}

void engine_on_net(struct engine *engine, const struct frame *frame) {
    struct event event = {0};
    struct cursor cursor = cursor_of(frame->body);
    switch (frame->type) {
    case FRAME_NET_UP:
        event.kind = EVENT_LINK_UP;
        event.link_up.link = (uint32_t)frame->tag;
        event.link_up.outbound = cursor_u8(&cursor) != 0;
        cursor_copy(&cursor, event.link_up.curve_public, CURVE_KEY_BYTES);
        if (cursor.failed) return;
        break;
    case FRAME_NET_DOWN:
        event.kind = EVENT_LINK_DOWN;
        event.link.link = (uint32_t)frame->tag;
        link_down(engine, event.link.link, frame->body);
        break;
    case FRAME_NET_MESSAGE:
        event.kind = EVENT_MESSAGE;
        event.message.link = (uint32_t)frame->tag;
        event.message.bytes = frame->body;
        break;
    case FRAME_NET_LOSSY:
        event.kind = EVENT_LINK_LOSSY;
        event.link.link = (uint32_t)frame->tag;
        break;
    case FRAME_NET_SENT:
        event.kind = EVENT_SENT;
        event.sent.link = (uint32_t)frame->tag;
        event.sent.bytes = cursor_u32(&cursor);
        break;
    case FRAME_NET_COUNTS:
        engine->net_refused = cursor_u64(&cursor), engine->net_cut = cursor_u64(&cursor);
        engine->net_bytes_in = cursor_u64(&cursor), engine->net_bytes_out = cursor_u64(&cursor);
        return;
    case FRAME_NET_CUT: link_cut(engine, (uint32_t)frame->tag, frame->body); return;
    default: return;
    }
    engine_must_step(engine, &event);
}

void engine_on_key(struct engine *engine, const struct frame *frame) {
    enum key_tag purpose = (enum key_tag)(frame->tag >> 56);
    uint64_t which = frame->tag & ((1ull << 56) - 1);
    bool refused = frame->type == FRAME_KEY_REFUSED;
    enum err why = refused && frame->body.size == 2 ? (enum err)get_be16(frame->body.data) : OK;
    const uint8_t *data = refused ? NULL : frame->body.data;
    if (frame->type == FRAME_KEY_FILE) {
        upkeep_key_file(engine, frame->body);
        return;
    }
    if (frame->type == FRAME_KEY_SIGNED && frame->body.size != SIGN_BYTES) return;
    if (frame->type == FRAME_KEY_OPENED && frame->body.size != EPOCH_SECRET_BYTES) return;
    struct event event = {.kind = EVENT_SIGNED, .signed_ = {.ticket = which, .signature = data}};
    switch (purpose) {
    case KEY_TAG_LINK: engine_must_step(engine, &event); break;
    case KEY_TAG_EPOCH: epochs_opened(engine, which, data, why); break;
    case KEY_TAG_ENTRY: publisher_signed(engine, which, data); break;
    case KEY_TAG_PREKEY:
        if (frame->type == FRAME_KEY_NEW_PREKEY)
            upkeep_new_prekey(engine, frame->body);
        else
            engine->prekey_asked = false;
        break;
    case KEY_TAG_LEDGER: ledger_signed(engine, data); break;
    case KEY_TAG_RENEW: own_renewed(engine, refused ? bytes_of(NULL, 0) : frame->body); break;
    }
    if (frame->type == FRAME_KEY_OPENED) channel_wipe(&engine->child.peers[ROLE_KEY]);
}

/* The network process is new: all links are gone, and it must learn who may connect. */
static void net_restarted(struct engine *engine) {
    struct event event = {.kind = EVENT_LINK_DOWN};
    struct gossip_link_view view;
    while (gossip_link_count(engine->gossip) > 0) {
        gossip_link_view(engine->gossip, 0, &view);
        event.link.link = view.link;
        link_down(engine, view.link, bytes_of_text("the network process was started again"));
        engine_must_step(engine, &event);
    }
    size_t count = 0;
    const uint8_t(*keys)[CURVE_KEY_BYTES] = gossip_allowed(engine->gossip, &count);
    engine_to_net(engine, FRAME_NET_ALLOW, 0, bytes_of(keys, count * CURVE_KEY_BYTES));
}

static void on_resolved(struct engine *engine, const struct frame *frame) {
    struct cursor cursor = cursor_of(frame->body);
    struct bytes endpoint = cursor_take(&cursor, cursor_u8(&cursor));
    struct buf body = {0};
    if (cursor.failed || endpoint.size == 0) {
        struct event event = {.kind = EVENT_LINK_DOWN};
        event.link.link = (uint32_t)frame->tag;
        engine_must_step(engine, &event);
        return;
    }
    const uint8_t *key = gossip_dial_key(engine->gossip, (uint32_t)frame->tag);
    if (!key) return; /* given up meanwhile */
    buf_put_raw(&body, key, CURVE_KEY_BYTES);
    buf_put(&body, endpoint);
    if (!body.failed) engine_to_net(engine, FRAME_NET_DIAL, frame->tag, bytes_of_buf(&body));
    buf_free(&body);
}

static void on_restarts(struct engine *engine, struct bytes body) {
    struct cursor cursor = cursor_of(body);
    while (cursor.left > 0 && !cursor.failed) {
        uint8_t role = cursor_u8(&cursor);
        uint64_t count = cursor_u64(&cursor);
        if (!cursor.failed && role < ROLE_COUNT) engine->tallies.restarts[role] = count;
    }
    engine->tallies.restarted_ms = clock_monotonic_ms();
}

void engine_on_parent(struct engine *engine, const struct frame *frame) {
    switch (frame->type) {
    case FRAME_STOP: engine->stopping = true; break;
    case FRAME_RESTARTS: on_restarts(engine, frame->body); break;
    case FRAME_RELOADED: hooks_reloaded(engine, frame); break;
    case FRAME_RESOLVED: on_resolved(engine, frame); break;
    case FRAME_PEER:
        switch (proc_child_peer(&engine->child, frame)) {
        case ROLE_NET: net_restarted(engine); break;
        case ROLE_KEY:
            engine->prekey_asked = engine->renew_asked = false;
            engine_must_step(engine, &(struct event){.kind = EVENT_SIGNER_LOST});
            publisher_key_restarted(engine);
            epochs_key_restarted(engine);
            ledger_key_restarted(engine);
            break;
        default: break;
        }
        break;
    default: break;
    }
}
