#include "node/engine/engine.h"

#include "crypto/selftest.h"
#include "node/process/clock.h"
#include "node/engine/engine_core.h"
#include "node/policy/policy_file.h"
#include "node/recall/gone_terms.h"
#include "node/engine/engine_load.h"
#include "node/process/sandbox.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

void engine_must_step(struct engine *engine, struct event *event) {
    if (engine_step(engine, event) != OK) engine_fail(engine, 5, "out of memory in the gossip core");
}

/* --- what comes in --- */

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
        engine_must_step(engine, &event);
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
    if (fds[POLL_PARENT].revents & ready) serve(engine, &engine->child.parent, engine_on_parent, true, true);
    if (fds[POLL_STORE].revents & ready) on_store(engine);
    if (fds[POLL_KEY].revents & ready && fds[POLL_KEY].fd == engine->child.peers[ROLE_KEY].fd)
        serve(engine, &engine->child.peers[ROLE_KEY], engine_on_key, false, true);
    if (fds[POLL_NET].revents & ready && fds[POLL_NET].fd == engine->child.peers[ROLE_NET].fd)
        serve(engine, &engine->child.peers[ROLE_NET], engine_on_net, false, true);
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
    serve(engine, &engine->child.parent, engine_on_parent, true, false);
    serve(engine, &engine->child.peers[ROLE_KEY], engine_on_key, false, false);
    serve(engine, &engine->child.peers[ROLE_NET], engine_on_net, false, false);
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
            engine_must_step(engine, &event);
        }
        follow_ups(engine);
        if (!engine->stopping) epochs_resume(engine);
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
    if (!engine->codec || !engine->names || epochs_init(engine) != OK || reader_init(engine) != OK || publisher_init(engine) != OK)
        return 5;
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
    consumers_free(engine);
    gone_free(engine);
    recalls_free(engine);
    kept_free(engine);
    publisher_free(engine);
    reader_free(engine);
    epochs_free(engine);
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
