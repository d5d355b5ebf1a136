#define _GNU_SOURCE /* struct ucred, accept4 */

#include "node/process/clock.h"
#include "node/engine/engine_core.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The control socket's server: local clients, their publications and feeds. PROTOCOL.md has no part in it; node/engine/control.h has. */

enum err server_init(struct engine *engine) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length = snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", engine->settings.dir, CONTROL_SOCKET_NAME);
    if (length < 0 || (size_t)length >= sizeof address.sun_path) return ERR_TOO_BIG;
    unlink(address.sun_path); /* a dead engine's: the directory's lock is held by our parent */
    engine->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (engine->listener < 0) return ERR_IO;
    mode_t before = umask(0177);
    int bound = bind(engine->listener, (const struct sockaddr *)&address, sizeof address);
    umask(before);
    if (bound != 0 || listen(engine->listener, 16) != 0) return ERR_IO;
    return OK;
}

static void client_end(struct engine *engine, struct client *client) {
    publisher_drop(engine, &client->publication);
    completeness_end(engine, client);
    query_feed_end(engine, client);
    ledger_look_end(engine, client);
    buf_free(&client->look.asked);
    buf_free(&client->erase);
    query_page_end(client);
    hooks_leave(engine, client);
    take_end(client);
    channel_close(&client->channel);
    buf_free(&client->answer);
    recall_ask_leave(engine, client);
    *client = (struct client){0};
}

void server_free(struct engine *engine) {
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (engine->clients[i].used) client_end(engine, &engine->clients[i]);
    if (engine->store) ledger_sessions_end(engine);
    if (engine->listener >= 0) close(engine->listener);
}

void server_accept(struct engine *engine) {
    struct ucred peer = {0};
    socklen_t size = sizeof peer;
    int fd = accept4(engine->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || (peer.uid != geteuid() && peer.uid != 0)) {
        log_event(LOG_CONTROL_REFUSED, LOG_FIELDS(LOG_NUMBER("uid", peer.uid)),
                  "a local process of user %u was refused at the control socket", (unsigned)peer.uid);
        close(fd);
        return;
    }
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (engine->clients[i].used) continue;
        engine->clients[i] = (struct client){.used = true, .uid = peer.uid, .pid = (uint32_t)peer.pid};
        channel_init(&engine->clients[i].channel, fd);
        engine->tallies.sessions++;
        return;
    }
    log_event(LOG_CONTROL_REFUSED, LOG_FIELDS(LOG_NUMBER("uid", peer.uid)), "more than %d local clients: one was refused",
              CONTROL_CLIENTS_MAX);
    close(fd);
}

void server_answer(struct client *client, enum frame_type type, uint64_t tag, struct bytes body) {
    if (channel_queue(&client->channel, type, tag, body) != OK) client->closing = true;
}

void server_error(struct client *client, uint64_t tag, enum err err, const char *format, ...) {
    char text[512];
    struct buf body = {0};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    pack_write_array(&body, 2);
    pack_write_uint(&body, err);
    pack_write_str(&body, bytes_of_text(text));
    server_answer(client, FRAME_ANSWER_ERROR, tag, bytes_of_buf(&body));
    buf_free(&body);
}

static void answer_counts(struct client *client, uint64_t tag, const uint64_t *counts, uint32_t count) {
    struct buf body = {0};
    pack_write_array(&body, count);
    for (uint32_t i = 0; i < count; i++) pack_write_uint(&body, counts[i]);
    server_answer(client, FRAME_ANSWER_DONE, tag, bytes_of_buf(&body));
    buf_free(&body);
}

/* --- publishing --- */

static bool audience_agency(struct engine *engine, struct client *client, const struct frame *frame, size_t index,
                            struct buf *rows) {
    struct publication *publication = &client->publication;
    const struct agency *agency = gossip_agency(engine->gossip, index);
    size_t before = publication->audience.count;
    enum err err = audience_add(&publication->audience, engine->gossip, index, clock_wall_ms());
    /* An own prekey that grew too old while no entry may be written is renewed before the outbox is turned into blocks. */
    if (index == 0 && err == ERR_NO_PREKEY && outbox_takes(engine)) err = OK;
    if (err != OK) {
        server_error(client, frame->tag, err, "recipient '%s' (%s): %s; nothing was published. Ask for a current card.",
                     engine_agency_name(engine, agency->id), agency->name, err_text(err));
        return false;
    }
    buf_put_raw(&publication->agencies, agency->id, AGENCY_ID_BYTES);
    if (index == 0) return true; /* the own agency's nodes are in every audience and need no naming */
    pack_write_array(rows, 2);
    pack_write_str(rows, bytes_of_text(engine_agency_name(engine, agency->id)));
    pack_write_uint(rows, publication->audience.count - before);
    publication->recipients++, publication->rows++;
    return true;
}

static bool audience_named(struct engine *engine, struct client *client, const struct frame *frame, struct pack_reader *reader,
                           uint32_t count, struct buf *rows) {
    struct bytes expressions[LIMIT_SETEXPR_TERMS];
    char problem[RECIPIENTS_PROBLEM_MAX];
    if (count > LIMIT_SETEXPR_TERMS) return true; /* reported by the caller, as what is left of the body */
    for (uint32_t i = 0; i < count; i++) expressions[i] = pack_read_str(reader);
    if (pack_failed(reader) || count == 0) return true;
    enum err err = recipients_resolve(engine, &client->publication, expressions, count, rows, problem);
    if (err != OK) server_error(client, frame->tag, err, "%s", problem);
    return err == OK;
}

static void on_publish(struct engine *engine, struct client *client, const struct frame *frame) {
    const char *why;
    struct pack_reader reader = pack_reader_of(frame->body);
    struct publication *publication = &client->publication;
    struct buf rows = {0}, body = {0};
    publisher_drop(engine, publication);
    uint32_t fields = pack_read_array(&reader);
    uint64_t tlp = pack_read_uint(&reader);
    bool to_all = pack_read_bool(&reader);
    uint32_t names = pack_read_array(&reader);
    publication->tlp = (enum tlp)tlp;
    publication->named = !to_all;
    if (pack_failed(&reader) || fields != 3 || tlp > TLP_RED || (to_all && names > 0)) {
        server_error(client, frame->tag, ERR_FORMAT, "the request to publish is not well formed");
        goto out;
    }
    publication->lint = frame->type == FRAME_ASK_LINT;
    why = publication->lint ? NULL : publisher_barred(engine);
    if (why) {
        server_error(client, frame->tag, ERR_DENIED, "%s; nothing was published", why);
        goto out;
    }
    if (!to_all && names == 0) {
        server_error(client, frame->tag, ERR_DENIED, "no recipient was named; nothing was published");
        goto out;
    }
    if (!audience_agency(engine, client, frame, 0, &rows)) goto out;
    for (size_t i = 1; to_all && i < gossip_agency_count(engine->gossip); i++)
        if (!audience_agency(engine, client, frame, i, &rows)) goto out;
    if (!audience_named(engine, client, frame, &reader, names, &rows)) goto out;
    if (pack_done(&reader) != OK) {
        server_error(client, frame->tag, ERR_FORMAT, "the request to publish is not well formed");
        goto out;
    }
    audience_seal(&publication->audience);
    publication->open = true;
    publication->boxed = !publication->lint && outbox_takes(engine);
    pack_write_array(&body, (uint32_t)publication->rows);
    buf_put(&body, bytes_of_buf(&rows));
    server_answer(client, FRAME_ANSWER_AUDIENCE, frame->tag, bytes_of_buf(&body));
    answer_counts(client, frame->tag, NULL, 0);
out:
    if (!publication->open) publisher_drop(engine, publication);
    buf_free(&rows);
    buf_free(&body);
}

static void item_counted(struct engine *engine, struct client *client, const struct item_verdict *verdict) {
    struct publication *publication = &client->publication;
    if (publication->lint) return;
    if (verdict->err == OK)
        engine->tallies.published++;
    else if (verdict->err == ERR_EXISTS)
        engine->tallies.known++;
    else
        tallies_refused(&engine->tallies, verdict->rule);
    if (verdict->err != OK && verdict->err != ERR_EXISTS && !publication->refused_rule[0])
        snprintf(publication->refused_rule, sizeof publication->refused_rule, "%s", verdict->rule ? verdict->rule : "");
}

static void item_told(struct client *client, const struct item_verdict *verdict) {
    pack_write_array(&client->answer, 4);
    pack_write_uint(&client->answer, client->item_index);
    pack_write_uint(&client->answer, verdict->err);
    pack_write_str(&client->answer, bytes_of_text(verdict->rule));
    pack_write_str(&client->answer, bytes_of_text(verdict->reason));
    client->answer_count++;
    if (verdict->err == ERR_EXISTS)
        client->frame_known++;
    else if (verdict->err != OK)
        client->frame_refused++;
}

static void items_done(struct engine *engine, struct client *client) {
    struct publication *publication = &client->publication;
    enum err err = publication->boxed ? outbox_put(engine, publication) : OK;
    if (err != OK) {
        server_error(client, client->frame.tag, err, "the outbox takes no more until a peer can be reached: %s", err_text(err));
        client->closing = true;
        return;
    }
    uint64_t counts[3] = {client->frame_accepted, client->frame_known, client->frame_refused};
    struct buf body = {0};
    publication->accepted += counts[0], publication->known += counts[1], publication->refused += counts[2];
    pack_write_array(&body, client->answer_count);
    buf_put(&body, bytes_of_buf(&client->answer));
    server_answer(client, FRAME_ANSWER_ITEMS, client->frame.tag, bytes_of_buf(&body));
    answer_counts(client, client->frame.tag, counts, 3);
    buf_free(&body);
    client->stalled = false;
}

static enum err item_take(struct engine *engine, struct publication *publication, struct bytes encoded, unsigned flags,
                          struct item_verdict *verdict) {
    if (publication->lint) {
        publisher_lint(engine, publication, encoded, verdict);
        return OK;
    }
    return publication->boxed ? outbox_item(engine, publication, encoded, flags, verdict)
                              : publisher_item(engine, publication, encoded, flags, verdict);
}

/* Takes items until the frame ends or no draft is free: then the client stalls, and its socket is not read. */
static void items_go_on(struct engine *engine, struct client *client) {
    while (client->items.left > 0) {
        struct cursor before = client->items;
        struct item_verdict verdict;
        unsigned flags = cursor_u8(&client->items);
        struct bytes encoded = cursor_take(&client->items, cursor_u32(&client->items));
        if (client->items.failed) {
            server_error(client, client->frame.tag, ERR_FORMAT, "the items are not well formed");
            client->closing = true;
            return;
        }
        encoded = groups_mark(&client->publication, encoded, &engine->groups.marked);
        enum err err = item_take(engine, &client->publication, encoded, flags, &verdict);
        const char *why = err == ERR_BUSY ? publisher_barred(engine) : NULL;
        if (err == ERR_BUSY && !why) {
            client->items = before;
            client->stalled = true;
            return;
        }
        if (err != OK) {
            server_error(client, client->frame.tag, why ? ERR_DENIED : err, "publishing stopped: %s", why ? why : err_text(err));
            client->closing = true;
            return;
        }
        item_counted(engine, client, &verdict);
        if (verdict.err == OK) client->frame_accepted++;
        if (verdict.err != OK || client->publication.lint) item_told(client, &verdict);
        client->item_index++;
    }
    items_done(engine, client);
}

static void on_items(struct engine *engine, struct client *client, const struct frame *frame) {
    if (!client->publication.open) {
        server_error(client, frame->tag, ERR_FORMAT, "no publication is open on this connection");
        return;
    }
    client->frame = *frame;
    client->items = cursor_of(frame->body);
    client->item_index = client->frame_accepted = client->frame_known = client->frame_refused = 0;
    client->answer_count = 0;
    buf_clear(&client->answer);
    items_go_on(engine, client);
}

static void commit_go_on(struct engine *engine, struct client *client) {
    struct publication *publication = &client->publication;
    enum err err = publisher_flush(engine, publication);
    const char *why = err == ERR_BUSY ? publisher_barred(engine) : NULL;
    if (err == ERR_BUSY && !why) return;
    if (err != OK) {
        server_error(client, publication->commit_tag, why ? ERR_DENIED : err, "publishing stopped: %s", why ? why : err_text(err));
        publication->committing = false;
        return;
    }
    if (publication->boxed && !outbox_durable(engine, publication)) return;
    if (publication->last_seq > engine->publisher.durable && engine->publisher.count > 0) return;
    if (publication->last_seq > engine->publisher.durable) {
        server_error(client, publication->commit_tag, ERR_FORK, "publishing stopped: %s", err_text(ERR_FORK));
        publication->committing = false;
        return;
    }
    if (publication->refused > 0)
        log_event(LOG_POLICY_REFUSED,
                  LOG_FIELDS(LOG_NUMBER("refused", publication->refused), LOG_NUMBER("published", publication->accepted),
                             LOG_TEXT("rule", publication->refused_rule), LOG_NUMBER("uid", client->uid)),
                  "%llu of %llu objects of user %u were refused, the first by the rule %s",
                  (unsigned long long)publication->refused,
                  (unsigned long long)(publication->accepted + publication->known + publication->refused), (unsigned)client->uid,
                  publication->refused_rule);
    publication->refused_rule[0] = 0;
    uint64_t counts[4] = {publication->accepted, publication->known, publication->refused, last_cursor(engine)};
    answer_counts(client, publication->commit_tag, counts, 4);
    publication->committing = false;
    publication->accepted = publication->known = publication->refused = 0;
}

static void on_commit(struct engine *engine, struct client *client, const struct frame *frame) {
    if (!client->publication.open) {
        server_error(client, frame->tag, ERR_FORMAT, "no publication is open on this connection");
        return;
    }
    client->publication.committing = true;
    client->publication.commit_tag = frame->tag;
    commit_go_on(engine, client);
}

void server_publications_end(struct engine *engine, const char *why) {
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct client *other = &engine->clients[i];
        if (!other->used || !other->publication.open) continue;
        server_error(other, other->stalled ? other->frame.tag : other->publication.commit_tag, ERR_CLOSED, "%s", why);
        other->closing = true;
    }
}

void server_decisions_again(struct engine *engine) {
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) engine->clients[i].publication.decision.made_ms = 0;
    engine->outbox.publication.decision.made_ms = 0;
}

void server_publications_group(struct engine *engine, const uint8_t group_id[static HASH_BYTES]) {
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct client *other = &engine->clients[i];
        if (!other->used || !other->publication.open || !other->publication.group_set) continue;
        if (memcmp(other->publication.group_id, group_id, HASH_BYTES) != 0) continue;
        server_error(other, other->stalled ? other->frame.tag : other->publication.commit_tag, ERR_CLOSED,
                     "the group's roster changed while publishing: publish the rest again");
        other->closing = true;
    }
}

static void on_trust_reload(struct engine *engine, struct client *client, const struct frame *frame) {
    struct pack_reader reader = pack_reader_of(frame->body);
    char name[TRUST_NAME_BYTES_MAX + 1] = "";
    enum err err = OK;
    uint32_t fields = pack_read_array(&reader);
    struct bytes text = fields > 0 ? pack_read_str(&reader) : bytes_of(NULL, 0);
    if (pack_done(&reader) != OK || fields > 1 || text.size > TRUST_NAME_BYTES_MAX) {
        server_error(client, frame->tag, ERR_FORMAT, "the name is not well formed");
        return;
    }
    if (text.size > 0) memcpy(name, text.data, text.size);
    if (fields == 0)
        trust_load_all(engine);
    else
        err = trust_load_one(engine, name);
    uint8_t id[AGENCY_ID_BYTES];
    bool pinned = fields == 0 || engine_agency_of_name(engine, bytes_of_text(name), id);
    store_wait(engine->store); /* what came in before an agency was unpinned may be on its way to the disk */
    if (pinned) logs_load_known(engine, fields == 0 ? NULL : id);
    uint64_t count = gossip_agency_count(engine->gossip) - 1;
    outbox_again(engine);
    statement_again(engine);
    group_history_again(engine, NULL);
    /* Open publications were resolved under the old trust: their clients begin again. */
    server_publications_end(engine, "the list of pinned agencies changed while publishing: publish the rest again");
    ledger_act(engine, NULL, client, err == OK ? "trust" : "trust refused", name);
    if (err == OK)
        answer_counts(client, frame->tag, &count, 1);
    else
        server_error(client, frame->tag, ERR_DENIED, "the change is saved, but the running node does not take the card of '%s': %s",
                     name, err == ERR_CHAIN ? "it knows another continuation of that agency's chain" : err_text(err));
}

/* --- frames --- */

static void dispatch(struct engine *engine, struct client *client, const struct frame *frame) {
    engine->tallies.questions++;
    if (replay_refuses(engine, client, frame)) return;
    ledger_acts(engine, client, frame);
    switch (frame->type) {
    case FRAME_ASK_PUBLISH:
    case FRAME_ASK_LINT: on_publish(engine, client, frame); break;
    case FRAME_ASK_ITEMS: on_items(engine, client, frame); break;
    case FRAME_ASK_COMMIT: on_commit(engine, client, frame); break;
    case FRAME_ASK_SEARCH: query_search(engine, client, frame); break;
    case FRAME_ASK_GET: query_get(engine, client, frame); break;
    case FRAME_ASK_FEED: query_feed(engine, client, frame); break;
    case FRAME_ASK_PAGE: query_page(engine, client, frame); break;
    case FRAME_ASK_KEEP: kept_put(engine, client, frame); break;
    case FRAME_ASK_KEPT: kept_get(engine, client, frame); break;
    case FRAME_ASK_GROUPS: query_groups(engine, client, frame); break;
    case FRAME_ASK_SUBSCRIPTION: subscription_ask(engine, client, frame); break;
    case FRAME_ASK_TAKE: take_ask(engine, client, frame); break;
    case FRAME_ASK_TAKEN: taken_ask(engine, client, frame); break;
    case FRAME_ASK_WATCH: watch_begin(engine, client, frame); break;
    case FRAME_ASK_TOKENS: watch_tokens(engine, client, frame); break;
    case FRAME_ASK_CLIENTS: watch_clients(engine, client, frame); break;
    case FRAME_ASK_HELD: watch_held(client); break;
    case FRAME_ASK_HOOK: hooks_ask(engine, client, frame); break;
    case FRAME_ASK_STATUS: report_status(engine, client, frame); break;
    case FRAME_ASK_PEERS: report_peers(engine, client, frame); break;
    case FRAME_ASK_VERIFY: completeness_ask(engine, client, frame); break;
    case FRAME_ASK_TRUST_RELOAD: on_trust_reload(engine, client, frame); break;
    case FRAME_ASK_CHAIN: own_chain_ask(engine, client, frame); break;
    case FRAME_ASK_CARD: trust_card_ask(engine, client, frame); break;
    case FRAME_ASK_RECALL: recall_ask(engine, client, frame); break;
    case FRAME_ASK_RECALL_STATUS: recall_status_ask(engine, client, frame); break;
    case FRAME_ASK_WHY: why_ask(engine, client, frame); break;
    case FRAME_ASK_ENTRY_ID: own_entry_ask(engine, client, frame); break;
    case FRAME_ASK_GROUP: group_ask(engine, client, frame); break;
    case FRAME_ASK_AGREEMENT: agreement_ask(engine, client, frame); break;
    case FRAME_ASK_PERMISSION: permission_ask(engine, client, frame); break;
    case FRAME_ASK_SHARE: share_ask(engine, client, frame); break;
    case FRAME_ASK_SIGHTING: sighting_ask(engine, client, frame); break;
    case FRAME_ASK_REQUEST: inquiry_ask(engine, client, frame); break;
    case FRAME_ASK_LEDGER: ledger_ask(engine, client, frame); break;
    case FRAME_ASK_LEDGER_SIGN: ledger_ask_sign(engine, client, frame); break;
    case FRAME_ASK_ERASE: ledger_erase_ask(engine, client, frame); break;
    case FRAME_ASK_SUBJECT: ledger_ask_subject(engine, client, frame); break;
    case FRAME_ASK_FIGURES: figures_tell(engine, client, frame); break;
    case FRAME_ASK_BACKUP: backup_ask(engine, client, frame); break;
    default: client->closing = true;
    }
}

/* One request at a time: answers come in order, and a client that waits for the disk does not run ahead of it. */
static bool waiting(const struct client *client) {
    return client->stalled || client->publication.committing || client->page.active || client->take.active ||
           client->taken_ticket != 0 || client->verify_number != 0 || client->recall.active || client->closing ||
           client->sign_waits || client->erase_waits || client->kept_ticket != 0 || client->ledger_walk.active ||
           client->files_wait || channel_backlog(&client->channel) > 1024 * 1024;
}

static void frames_go_on(struct engine *engine, struct client *client) {
    struct frame frame;
    enum err err = OK;
    while (!waiting(client) && (err = channel_next(&client->channel, &frame)) == OK) dispatch(engine, client, &frame);
    ledger_look_turn(engine, client);
    if (err != OK && err != ERR_NOT_FOUND) client->closing = true;
}

/* What no row tells of yet is not said any more. */
static void last_words(struct engine *engine, struct client *client) {
    bool said = client->channel.fd >= 0 && !ledger_look_holds(engine, client);
    if (said && channel_flush(&client->channel) != OK) log_debug("a client left before its answer");
    client_end(engine, client);
}

void server_client(struct engine *engine, struct client *client, short revents) {
    (void)revents;
    if (!client->stalled && channel_fill(&client->channel) != OK) {
        client_end(engine, client); /* what was not committed was not acknowledged */
        return;
    }
    frames_go_on(engine, client);
    if (client->closing) last_words(engine, client);
}

void server_progress(struct engine *engine) {
    outbox_drain(engine);
    statement_drain(engine);
    versions_go_on(engine);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX && !engine->stopping; i++) {
        struct client *client = &engine->clients[i];
        if (!client->used) continue;
        if (client->stalled) items_go_on(engine, client);
        if (client->publication.committing) commit_go_on(engine, client);
        if (client->recall.active) recall_ask_go_on(engine, client);
        completeness_tick(engine, client);
        if (client->feed.active) query_feed_pump(engine, client);
        if (client->erase_waits) ledger_erase_go_on(engine, client);
        if (client->ledger_walk.active) ledger_ask_pump(engine, client);
        if (client->page.active) query_page_pump(engine, client);
        if (client->take.active) take_pump(engine, client);
        if (client->watching) watch_tick(engine, client);
        if (client->files_wait) watch_files_go_on(engine, client);
        if (!waiting(client)) frames_go_on(engine, client);
        if (client->closing || client->channel.fd < 0) last_words(engine, client);
    }
}
