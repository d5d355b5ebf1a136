#include "node/engine/engine.h"

#include "crypto/selftest.h"
#include "node/process/clock.h"
#include "node/engine/engine_core.h"
#include "node/policy/policy_file.h"
#include "node/recall/gone_terms.h"
#include "node/engine/engine_load.h"
#include "node/process/sandbox.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- settings --- */

void engine_settings_of_config(struct engine_settings *out, const struct config *config, const char *dir) {
    *out = (struct engine_settings){.log_level = LOG_LEVEL_INFO,
                                    .sync = config->sync,
                                    .cache_bytes = config->cache_bytes,
                                    .payload_quota_bytes = config->payload_quota_bytes};
    log_level_of(config->log_level, &out->log_level);
    snprintf(out->dir, sizeof out->dir, "%s", dir);
}

enum err engine_settings_encode(const struct engine_settings *settings, struct buf *out) {
    buf_put_u8(out, 1);
    buf_put_u8(out, (uint8_t)settings->log_level);
    buf_put_u8(out, settings->sync);
    buf_put_u64(out, settings->cache_bytes);
    buf_put_u64(out, settings->payload_quota_bytes);
    buf_put_u16(out, (uint16_t)strlen(settings->dir));
    buf_put_text(out, settings->dir);
    return buf_result(out);
}

enum err engine_settings_decode(struct bytes in, struct engine_settings *out) {
    struct cursor cursor = cursor_of(in);
    *out = (struct engine_settings){0};
    if (cursor_u8(&cursor) != 1) return ERR_VERSION;
    out->log_level = (enum log_level)cursor_u8(&cursor);
    out->sync = cursor_u8(&cursor) != 0;
    out->cache_bytes = cursor_u64(&cursor);
    out->payload_quota_bytes = cursor_u64(&cursor);
    struct bytes dir = cursor_take(&cursor, cursor_u16(&cursor));
    if (!cursor_done(&cursor) || dir.size == 0 || dir.size >= sizeof out->dir) return ERR_FORMAT;
    memcpy(out->dir, dir.data, dir.size);
    return OK;
}

/* --- what the other files use --- */

void engine_fail(struct engine *engine, int exit_code, const char *format, ...) {
    char text[512];
    va_list arguments;
    if (engine->stopping) return; /* the first reason is the one that counts */
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    engine->exit_code = proc_child_fatal(&engine->child, exit_code, "%s", text);
    engine->stopping = true;
}

static void notice_say(struct engine *engine, enum log_event event, const struct log_field *fields, const char *text, bool listed) {
    enum notices_verdict verdict = notices_judge(&engine->notices, text, clock_monotonic_ms());
    const char *more = verdict == NOTICES_SAY_LAST ? " (and more of this kind, not said for a minute)" : "";
    if (verdict == NOTICES_SILENT) {
        log_event_silent(event);
        return;
    }
    if (listed) {
        engine->notices_ms[engine->notice_count % 16] = clock_wall_ms();
        snprintf(engine->last_notices[engine->notice_count++ % 16], sizeof engine->last_notices[0], "%s", text);
    }
    log_event(event, fields, "%s%s", text, more);
}

void engine_notice(struct engine *engine, const char *format, ...) {
    char text[sizeof engine->last_notices[0]];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    notice_say(engine, LOG_EVENT_NONE, NULL, text, true);
}

void engine_event(struct engine *engine, enum log_event event, const struct log_field *fields, const char *format, ...) {
    char text[sizeof engine->last_notices[0]];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    notice_say(engine, event, fields, text, true);
}

void engine_tell(struct engine *engine, enum log_event event, const struct log_field *fields, const char *format, ...) {
    char text[sizeof engine->last_notices[0]];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    notice_say(engine, event, fields, text, false);
}

const char *engine_agency_name(const struct engine *engine, const uint8_t agency_id[static AGENCY_ID_BYTES]) {
    if (memcmp(agency_id, engine->agency_id, AGENCY_ID_BYTES) == 0) return engine->own_name;
    for (size_t i = 0; i < engine->name_count; i++)
        if (memcmp(engine->names[i].agency_id, agency_id, AGENCY_ID_BYTES) == 0) return engine->names[i].name;
    return "(no longer pinned)";
}

const struct agency *engine_agency(const struct engine *engine, const uint8_t agency_id[static AGENCY_ID_BYTES]) {
    for (size_t i = 0; i < gossip_agency_count(engine->gossip); i++)
        if (memcmp(gossip_agency(engine->gossip, i)->id, agency_id, AGENCY_ID_BYTES) == 0) return gossip_agency(engine->gossip, i);
    return NULL;
}

bool engine_agency_of_name(const struct engine *engine, struct bytes name, uint8_t agency_id[static AGENCY_ID_BYTES]) {
    for (size_t i = 0; i < engine->name_count; i++) {
        if (!bytes_equal_text(name, engine->names[i].name)) continue;
        memcpy(agency_id, engine->names[i].agency_id, AGENCY_ID_BYTES);
        return true;
    }
    if (!bytes_equal_text(name, engine->own_name)) return false;
    memcpy(agency_id, engine->agency_id, AGENCY_ID_BYTES);
    return true;
}

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

static void follow_ups(struct engine *engine) {
    for (size_t i = 0; i < engine->follow_up_count && !engine->stopping; i++) {
        struct follow_up follow_up = engine->follow_ups[i];
        switch (follow_up.kind) {
        case ACTION_LOAD_ENTRIES: load_entries(engine, &follow_up); break;
        case ACTION_LOAD_PAYLOAD: load_payload(engine, &follow_up); break;
        case ACTION_SCAN: load_scan(engine, &follow_up); break;
        case ACTION_STORE_PAYLOAD: reader_refused(engine, follow_up.ticket); break;
        case ACTION_CHAIN: logs_load_known(engine, follow_up.agency_id); break;
        default: break;
        }
    }
    engine->follow_up_count = 0;
    publisher_go_on(engine);
}

enum err engine_step(struct engine *engine, struct event *event) {
    event->now_ms = clock_wall_ms();
    event->monotonic_ms = clock_monotonic_ms();
    enum err err = gossip_step(engine->gossip, event, &engine->actions);
    if (err == ERR_MEMORY) return err;
    engine_act(engine);
    return err;
}

/* --- frames from the other processes --- */

static void step_or_fail(struct engine *engine, struct event *event) {
    if (engine_step(engine, event) != OK) engine_fail(engine, 5, "out of memory in the gossip core");
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

static void on_net(struct engine *engine, const struct frame *frame) {
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
    step_or_fail(engine, &event);
}

static void on_key(struct engine *engine, const struct frame *frame) {
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
    case KEY_TAG_LINK: step_or_fail(engine, &event); break;
    case KEY_TAG_EPOCH: reader_opened(engine, which, data, why); break;
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
        step_or_fail(engine, &event);
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
        step_or_fail(engine, &event);
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

static void on_parent(struct engine *engine, const struct frame *frame) {
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
            step_or_fail(engine, &(struct event){.kind = EVENT_SIGNER_LOST});
            publisher_key_restarted(engine);
            reader_key_restarted(engine);
            ledger_key_restarted(engine);
            break;
        default: break;
        }
        break;
    default: break;
    }
}

typedef void frame_function(struct engine *engine, const struct frame *frame);

/* `fresh`: there is something to read; otherwise only what start-up left in the buffer, which no poll would tell of. */
static void serve(struct engine *engine, struct channel *channel, frame_function *handle, bool parent, bool fresh) {
    struct frame frame;
    enum err err = fresh ? channel_fill(channel) : OK;
    while (!engine->stopping && channel->fd >= 0 && channel_next(channel, &frame) == OK) {
        store_gather(engine->store, true);
        handle(engine, &frame);
        follow_ups(engine);
        store_gather(engine->store, false);
    }
    if (err == OK || channel->fd < 0) return;
    if (parent)
        engine->stopping = true;
    else
        channel_close(channel);
}

static void on_store(struct engine *engine) {
    uint64_t ticket;
    enum err err = OK;
    while (!engine->stopping && (err = store_completed(engine->store, &ticket)) == OK) {
        struct event event = {.kind = EVENT_STORED, .stored = {.ticket = ticket}};
        step_or_fail(engine, &event);
        publisher_stored(engine, ticket);
        outbox_stored(engine, ticket);
        withdraw_stored(engine, ticket);
        ledger_stored(engine, ticket);
        kept_stored(engine, ticket);
        taken_stored(engine, ticket);
        follow_ups(engine);
    }
    /* PROTOCOL.md 4.4: after a failed sync nothing more is acknowledged. */
    if (err == OK || err == ERR_NOT_FOUND || engine->stopping) return;
    log_event(LOG_STORE_FAILED, LOG_FIELDS(LOG_TEXT("why", err_text(err))), "a write to the store failed: %s",
              err == ERR_FULL ? "the disk is full" : store_why(engine->store));
    engine_fail(engine, 5, "the store failed (%s): %s", err_text(err), store_why(engine->store));
}

void engine_settle(struct engine *engine) {
    store_wait(engine->store);
    on_store(engine);
}

/* --- the loop --- */

enum { POLL_PARENT, POLL_NET, POLL_KEY, POLL_STORE, POLL_LISTENER, POLL_CLIENTS };

static void poll_channel(struct pollfd *out, const struct channel *channel) {
    *out = (struct pollfd){.fd = channel->fd, .events = POLLIN};
    if (channel_backlog(channel) > 0) out->events |= POLLOUT;
}

#define STORE_PENDING_MAX 8 /* commits under way; beyond, nothing more is taken from the network */

static void poll_fill(struct engine *engine, struct pollfd *fds) {
    poll_channel(&fds[POLL_PARENT], &engine->child.parent);
    poll_channel(&fds[POLL_NET], &engine->child.peers[ROLE_NET]);
    if (store_pending(engine->store) > STORE_PENDING_MAX) fds[POLL_NET].events &= ~POLLIN;
    poll_channel(&fds[POLL_KEY], &engine->child.peers[ROLE_KEY]);
    fds[POLL_STORE] = (struct pollfd){.fd = store_fd(engine->store), .events = POLLIN};
    fds[POLL_LISTENER] = (struct pollfd){.fd = engine->listener, .events = POLLIN};
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        const struct client *client = &engine->clients[i];
        fds[POLL_CLIENTS + i] = (struct pollfd){.fd = -1};
        if (!client->used) continue;
        poll_channel(&fds[POLL_CLIENTS + i], &client->channel);
        if (ledger_look_holds(engine, client)) fds[POLL_CLIENTS + i].events &= ~POLLOUT;
        if (client->stalled || channel_backlog(&client->channel) > 1024 * 1024) fds[POLL_CLIENTS + i].events &= ~POLLIN;
    }
}

static void flush(struct channel *channel) {
    if (channel->fd >= 0 && channel_backlog(channel) > 0 && channel_flush(channel) != OK) channel_close(channel);
}

/* True when a client took all at once of so much that whoever answers it may have stopped for that: nothing would tell us to go on,
   as a channel with nothing to send is not asked whether it can. */
static bool flush_all(struct engine *engine) {
    bool emptied = false;
    flush(&engine->child.peers[ROLE_KEY]);
    flush(&engine->child.peers[ROLE_NET]);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct channel *channel = &engine->clients[i].channel;
        if (!engine->clients[i].used || ledger_look_holds(engine, &engine->clients[i])) continue;
        bool full = channel_backlog(channel) >= CLIENT_FULL_BYTES;
        flush(channel);
        emptied = emptied || (full && channel_backlog(channel) == 0);
    }
    return emptied;
}

static void poll_handle(struct engine *engine, struct pollfd *fds) {
    const short ready = POLLIN | POLLHUP | POLLERR;
    if (fds[POLL_PARENT].revents & ready) serve(engine, &engine->child.parent, on_parent, true, true);
    if (fds[POLL_STORE].revents & ready) on_store(engine);
    if (fds[POLL_KEY].revents & ready && fds[POLL_KEY].fd == engine->child.peers[ROLE_KEY].fd)
        serve(engine, &engine->child.peers[ROLE_KEY], on_key, false, true);
    if (fds[POLL_NET].revents & ready && fds[POLL_NET].fd == engine->child.peers[ROLE_NET].fd)
        serve(engine, &engine->child.peers[ROLE_NET], on_net, false, true);
    if (fds[POLL_LISTENER].revents & ready) server_accept(engine);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX && !engine->stopping; i++) {
        struct client *client = &engine->clients[i];
        if (client->used && fds[POLL_CLIENTS + i].fd == client->channel.fd && fds[POLL_CLIENTS + i].revents)
            server_client(engine, client, fds[POLL_CLIENTS + i].revents);
    }
    server_progress(engine);
}

static void loop(struct engine *engine) {
    struct pollfd fds[POLL_CLIENTS + CONTROL_CLIENTS_MAX];
    bool go_on = false;
    serve(engine, &engine->child.parent, on_parent, true, false);
    serve(engine, &engine->child.peers[ROLE_KEY], on_key, false, false);
    serve(engine, &engine->child.peers[ROLE_NET], on_net, false, false);
    versions_start(engine);
    while (!engine->stopping) {
        poll_fill(engine, fds);
        uint64_t now = clock_monotonic_ms(), due = gossip_deadline(engine->gossip);
        if (engine->upkeep_due_ms < due) due = engine->upkeep_due_ms;
        if (engine->recalls.due_ms < due) due = engine->recalls.due_ms;
        if (go_on || query_page_busy(engine) || take_busy(engine) || versions_busy(engine)) due = now;
        if (engine->ledger.due_ms < due) due = engine->ledger.due_ms;
        if (engine->ledger.sessions_due_ms < due) due = engine->ledger.sessions_due_ms;
        int timeout = due <= now ? 0 : (due - now > 60000 ? 60000 : (int)(due - now));
        if (poll(fds, sizeof fds / sizeof *fds, timeout) < 0) continue;
        poll_handle(engine, fds);
        if (!engine->stopping && gossip_deadline(engine->gossip) <= clock_monotonic_ms()) {
            struct event event = {.kind = EVENT_TICK};
            step_or_fail(engine, &event);
        }
        follow_ups(engine);
        if (!engine->stopping) reader_resume(engine);
        if (!engine->stopping) upkeep_tick(engine);
        if (!engine->stopping) withdraw_pump(engine);
        if (!engine->stopping) expiry_pump(engine);
        if (!engine->stopping) recall_ask_pump(engine);
        if (!engine->stopping) groups_pump(engine);
        if (!engine->stopping) gone_revoked_pump(engine);
        if (!engine->stopping) gone_terms_pump(engine);
        if (!engine->stopping) share_pump(engine);
        if (!engine->stopping) sightings_pump(engine);
        go_on = flush_all(engine);
    }
}

/* --- start and end --- */

/* Before the sandbox closes, and before the first foreign byte. */
static bool policy_load(struct engine *engine, char why[static 256]) {
    char message[POLICY_FILE_ERROR_MAX];
    bool found;
    enum err err = policy_file_read_dir(&engine->policy, engine->settings.dir, &found, message);
    if (err != OK) snprintf(why, 256, "the policy file is refused: %.200s", message);
    if (err == OK && found) ledger_policy(engine);
    return err == OK;
}

static int start(struct engine *engine, char why[static 256]) {
    const char *what = "libsodium";
    snprintf(why, 256, "its settings are not understood");
    if (engine_settings_decode(bytes_of(engine->child.settings, engine->child.settings_bytes), &engine->settings) != OK) return 5;
    proc_child_settings_free(&engine->child);
    log_open("engine", engine->settings.log_level);
    if (selftest_run(&what) != OK) return snprintf(why, 256, "the cryptographic self-test '%s' failed", what), 5;
    if (policy_selftest(&what) != OK) return snprintf(why, 256, "the self-test of the policy failed at '%s'", what), 5;
    if (!policy_load(engine, why)) return 3;
    random_init_kernel(&engine->random);
    engine->codec = block_codec_new();
    engine->names = calloc(TRUST_FILES_MAX + 1, sizeof *engine->names);
    snprintf(why, 256, "out of memory");
    if (!engine->codec || !engine->names || reader_init(engine) != OK || publisher_init(engine) != OK) return 5;
    snprintf(why, 256, "the control socket cannot be bound in its directory (is the path too long?)");
    if (server_init(engine) != OK) return 5;
    engine->landlock_abi = sandbox_landlock_abi();
    if (sandbox_enter(ROLE_ENGINE, engine->settings.dir, why) != OK) return 5;
    engine->started_ms = clock_wall_ms();
    engine->started_monotonic_ms = clock_monotonic_ms();
    enum err err = upkeep_open(engine, why);
    if (err != OK) return err == ERR_BUSY || err == ERR_KEY ? 3 : 5;
    publisher_key_restarted(engine); /* tells the key process how far the own log reaches */
    return 0;
}

static void end(struct engine *engine) {
    server_free(engine);
    outbox_free(engine);
    statement_free(engine);
    groups_free(engine);
    agreements_free(engine);
    dealings_free(engine);
    subscriptions_free(engine);
    gone_free(engine);
    recalls_free(engine);
    kept_free(engine);
    publisher_free(engine);
    reader_free(engine);
    gossip_close(engine->gossip);
    if (engine->store) store_close(engine->store);
    actions_free(&engine->actions);
    block_codec_free(engine->codec);
    labelmap_free(&engine->labels);
    idset_free(&engine->ids);
    buf_free(&engine->scratch), buf_free(&engine->scratch_entry), buf_free(&engine->scratch_page), buf_free(&engine->own_prekeys),
        buf_free(&engine->renew_draft);
    free(engine->names), free(engine->follow_ups);
    policy_file_free(&engine->policy);
    random_wipe(&engine->random);
    proc_child_end(&engine->child);
}

int engine_main(int parent_fd) {
    struct engine *engine = calloc(1, sizeof *engine);
    char why[256] = "";
    if (!engine) return 5;
    engine->listener = -1;
    if (proc_child_start(&engine->child, ROLE_ENGINE, parent_fd) != OK) {
        free(engine);
        return 1;
    }
    int code = start(engine, why);
    if (code != 0) {
        engine->exit_code = proc_child_fatal(&engine->child, code, "the engine cannot start: %s", why);
    } else if (proc_child_ready(&engine->child) == OK) {
        loop(engine);
    }
    end(engine);
    code = engine->exit_code;
    free(engine);
    return code;
}
