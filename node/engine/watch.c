/* Who watches: the web process and the live feed's learn at once what is new, and who may use them. */
#include "node/process/clock.h"
#include "node/process/dir.h"
#include "node/engine/engine_core.h"
#include "node/live/live_clients.h"
#include "node/web/tokens.h"

#include <stdio.h>

#define ACT_BYTES_MAX 128
#define FILES_MS      8000 /* less than the command line waits */

/* Without the file nobody may come in. */
static void file_send(struct engine *engine, struct client *client, enum frame_type type, const char *name, size_t bytes_max) {
    struct buf file = {0};
    enum err err = dir_read(&file, engine->settings.dir, name, bytes_max);
    if (err != OK && err != ERR_NOT_FOUND)
        engine_event(engine, LOG_TOKENS_BAD, NULL, "%s cannot be read (%s): nobody who stands in it is let in", name,
                     err_text(err));
    server_answer(client, type, client->watch_tag, err == OK ? bytes_of_buf(&file) : bytes_of(NULL, 0));
    buf_free(&file);
    client->watch_unsaid += (client->watch_files & CONTROL_WATCH_SAYS) != 0;
}

static void files_send(struct engine *engine, struct client *client, unsigned files) {
    if (files & client->watch_files & CONTROL_WATCH_TOKENS)
        file_send(engine, client, FRAME_ANSWER_TOKENS, DIR_TOKENS, TOKENS_FILE_BYTES_MAX);
    if (files & client->watch_files & CONTROL_WATCH_CLIENTS)
        file_send(engine, client, FRAME_ANSWER_CLIENTS, DIR_CLIENTS, LIVE_CLIENTS_FILE_BYTES_MAX);
}

/* The objects that can be read, and the withdrawals that can be heard of. */
static void newest_send(struct engine *engine, struct client *client) {
    uint64_t cursor, added_us, end = store_cursor_end(engine->store), gone = engine->gone.last;
    if (store_newest(engine->store, &cursor, &added_us) != OK) return;
    struct buf body = {0};
    pack_write_array(&body, 3);
    pack_write_uint(&body, cursor);
    pack_write_uint(&body, added_us);
    pack_write_uint(&body, gone);
    server_answer(client, FRAME_ANSWER_WATCH, client->watch_tag, bytes_of_buf(&body));
    buf_free(&body);
    client->watch_end = end;
    client->watch_gone = gone;
}

void watch_begin(struct engine *engine, struct client *client, const struct frame *frame) {
    struct pack_reader reader = pack_reader_of(frame->body);
    uint32_t fields = pack_read_array(&reader);
    client->watching = true;
    client->watch_files = fields > 0 ? (unsigned)pack_read_uint(&reader) : CONTROL_WATCH_TOKENS;
    client->watch_tag = frame->tag;
    files_send(engine, client, CONTROL_WATCH_TOKENS | CONTROL_WATCH_CLIENTS);
    newest_send(engine, client);
    versions_begin(engine);
}

void watch_tick(struct engine *engine, struct client *client) {
    /* A slow watcher hears of the newest only. */
    bool news = store_cursor_end(engine->store) != client->watch_end || engine->gone.last != client->watch_gone;
    if (channel_backlog(&client->channel) == 0 && news) newest_send(engine, client);
}

static void done(struct client *client, uint64_t tag) {
    static const uint8_t nothing = 0x90; /* an empty array */
    server_answer(client, FRAME_ANSWER_DONE, tag, bytes_of(&nothing, 1));
}

/* Who removed somebody is answered when that somebody is refused. */
static void files_again(struct engine *engine, struct client *client, const struct frame *frame, unsigned files) {
    log_event(LOG_ADMIN_ACT, LOG_FIELDS(LOG_TEXT("act", "tokens"), LOG_NUMBER("uid", client->uid), LOG_NUMBER("pid", client->pid)),
              "user %u: tokens", (unsigned)client->uid);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (engine->clients[i].used && engine->clients[i].watching) files_send(engine, &engine->clients[i], files);
    client->files_wait = true;
    client->files_tag = frame->tag;
    client->files_due_ms = clock_monotonic_ms() + FILES_MS;
}

void watch_held(struct client *client) { client->watch_unsaid -= client->watch_unsaid > 0; }

void watch_files_go_on(struct engine *engine, struct client *client) {
    bool unsaid = false, due = clock_monotonic_ms() >= client->files_due_ms;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        unsaid |= engine->clients[i].used && engine->clients[i].watching && engine->clients[i].watch_unsaid > 0;
    if (unsaid && !due) return;
    client->files_wait = false;
    if (unsaid)
        server_error(client, client->files_tag, ERR_BUSY, "a process that lets clients in has not said that it holds the change");
    else
        done(client, client->files_tag);
}

void watch_tokens(struct engine *engine, struct client *client, const struct frame *frame) {
    files_again(engine, client, frame, CONTROL_WATCH_TOKENS);
}

void watch_clients(struct engine *engine, struct client *client, const struct frame *frame) {
    struct pack_reader reader = pack_reader_of(frame->body);
    char about[ACT_BYTES_MAX];
    uint32_t fields = pack_read_array(&reader);
    if (fields == CONTROL_LIVE_COUNT) {
        for (size_t i = 0; i < CONTROL_LIVE_COUNT; i++) client->live.counts[i] = pack_read_uint(&reader);
        client->live.told = pack_done(&reader) == OK;
        done(client, frame->tag);
        return;
    }
    struct bytes act = fields == 1 ? pack_read_str(&reader) : bytes_of(NULL, 0);
    if (fields != 1 || pack_done(&reader) != OK || act.size >= sizeof about) {
        server_error(client, frame->tag, ERR_FORMAT, "the question is not well formed");
        return;
    }
    snprintf(about, sizeof about, "%.*s", (int)act.size, (const char *)act.data);
    ledger_act(engine, NULL, client, "live client", about);
    files_again(engine, client, frame, CONTROL_WATCH_CLIENTS);
}
