/* Who watches: the web process learns at once what is new, and who may use it. */
#include "node/process/dir.h"
#include "node/engine/engine_core.h"
#include "node/web/tokens.h"

/* Without the file nobody has a token. */
static void tokens_send(struct engine *engine, struct client *client) {
    struct buf file = {0};
    enum err err = dir_read(&file, engine->settings.dir, DIR_TOKENS, TOKENS_FILE_BYTES_MAX);
    if (err != OK && err != ERR_NOT_FOUND)
        engine_event(engine, LOG_TOKENS_BAD, NULL, "%s cannot be read (%s): no token is accepted", DIR_TOKENS, err_text(err));
    server_answer(client, FRAME_ANSWER_TOKENS, client->watch_tag, err == OK ? bytes_of_buf(&file) : bytes_of(NULL, 0));
    buf_free(&file);
}

static void newest_send(struct engine *engine, struct client *client) {
    uint64_t cursor, added_us, end = store_cursor_end(engine->store);
    if (store_newest(engine->store, &cursor, &added_us) != OK) return;
    struct buf body = {0};
    pack_write_array(&body, 2);
    pack_write_uint(&body, cursor);
    pack_write_uint(&body, added_us);
    server_answer(client, FRAME_ANSWER_WATCH, client->watch_tag, bytes_of_buf(&body));
    buf_free(&body);
    client->watch_end = end;
}

void watch_begin(struct engine *engine, struct client *client, const struct frame *frame) {
    client->watching = true;
    client->watch_tag = frame->tag;
    tokens_send(engine, client);
    newest_send(engine, client);
    versions_begin(engine);
}

void watch_tick(struct engine *engine, struct client *client) {
    /* A slow watcher hears of the newest only. */
    if (channel_backlog(&client->channel) == 0 && store_cursor_end(engine->store) != client->watch_end) newest_send(engine, client);
}

void watch_tokens(struct engine *engine, struct client *client, const struct frame *frame) {
    struct buf body = {0};
    log_event(LOG_ADMIN_ACT, LOG_FIELDS(LOG_TEXT("act", "tokens"), LOG_NUMBER("uid", client->uid), LOG_NUMBER("pid", client->pid)),
              "user %u: tokens", (unsigned)client->uid);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (engine->clients[i].used && engine->clients[i].watching) tokens_send(engine, &engine->clients[i]);
    pack_write_array(&body, 0);
    server_answer(client, FRAME_ANSWER_DONE, frame->tag, bytes_of_buf(&body));
    buf_free(&body);
}
