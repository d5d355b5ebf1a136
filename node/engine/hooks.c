/* The engine's desk for the hook process: it keeps what that told last, and passes questions on. No object goes through it. A reload is asked of
   the parent, which reads the file by itself: what this process says of hooks starts no program. */
#include "node/engine/engine_core.h"

#include <string.h>

#define NO_PROCESS "this node has no hooks: write DIR/hooks.yaml (deploy/hooks.yaml.example), then `comity hook reload`"

static void answer_numbers(struct client *client, uint64_t tag, const uint64_t *number) {
    struct buf body = {0};
    pack_write_array(&body, number ? 1 : 0);
    if (number) pack_write_uint(&body, *number);
    server_answer(client, FRAME_ANSWER_DONE, tag, bytes_of_buf(&body));
    buf_free(&body);
}

static struct client *process_of(struct engine *engine) {
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (engine->clients[i].used && engine->clients[i].hooks) return &engine->clients[i];
    return NULL;
}

/* --- reload --- */

static void reload_done(struct engine *engine, bool changed) {
    struct hook_desk *desk = &engine->hooks;
    struct buf body = {0};
    pack_write_array(&body, 2);
    pack_write_uint(&body, desk->reload_count);
    pack_write_bool(&body, changed);
    if (desk->reloader) server_answer(desk->reloader, FRAME_ANSWER_DONE, desk->reload_tag, bytes_of_buf(&body));
    buf_free(&body);
    desk->reloader = NULL;
    desk->reload_waits = desk->reload_fresh = false;
}

static void reload(struct engine *engine, struct client *client, uint64_t tag) {
    struct hook_desk *desk = &engine->hooks;
    if (desk->reloader) {
        server_error(client, tag, ERR_BUSY, "the hooks are being read again already, for somebody else");
        return;
    }
    ledger_act(engine, NULL, client, "hook", "reload");
    desk->reloader = client, desk->reload_tag = tag;
    desk->reload_waits = desk->reload_fresh = false;
    if (channel_send(&engine->child.parent, FRAME_RELOAD, ++desk->reload_number, bytes_of(NULL, 0)) == OK) return;
    server_error(client, tag, ERR_CLOSED, "the node is stopping");
    desk->reloader = NULL;
}

void hooks_reloaded(struct engine *engine, const struct frame *frame) {
    struct hook_desk *desk = &engine->hooks;
    struct cursor in = cursor_of(frame->body);
    unsigned code = cursor_u16(&in);
    bool changed = cursor_u8(&in) != 0;
    desk->reload_count = cursor_u32(&in);
    struct bytes why = cursor_take(&in, in.left);
    if (in.failed || frame->tag != desk->reload_number || !desk->reloader) return;
    if (code != OK) {
        server_error(desk->reloader, desk->reload_tag, code < ERR_COUNT ? (enum err)code : ERR_INTERNAL, "%.*s", (int)why.size,
                     why.size > 0 ? (const char *)why.data : "");
        desk->reloader = NULL;
    } else if (!changed || desk->reload_count == 0) {
        reload_done(engine, changed);
    } else {
        desk->reload_waits = true;
    }
}

/* --- what the hook process says, and is asked --- */

static void tell(struct engine *engine, struct client *client, uint64_t tag, struct pack_reader *reader) {
    struct hook_desk *desk = &engine->hooks;
    struct bytes document = pack_read_bin(reader);
    uint64_t count = pack_read_uint(reader), failing = pack_read_uint(reader);
    if (!client->hooks || pack_done(reader) != OK) {
        server_error(client, tag, ERR_FORMAT, "only the hook process tells of hooks");
        return;
    }
    buf_clear(&desk->document);
    buf_put(&desk->document, document);
    desk->count = count, desk->failing = failing;
    answer_numbers(client, tag, NULL);
    if (desk->reload_fresh) reload_done(engine, true);
}

static void list(struct engine *engine, struct client *client, uint64_t tag) {
    if (engine->hooks.document.size == 0) {
        server_error(client, tag, ERR_NOT_FOUND, NO_PROCESS);
        return;
    }
    server_answer(client, FRAME_ANSWER_DOCUMENT, tag, bytes_of_buf(&engine->hooks.document));
    answer_numbers(client, tag, NULL);
}

static void run(struct engine *engine, struct client *client, uint64_t tag, struct pack_reader *reader) {
    struct client *process = process_of(engine);
    struct bytes name = pack_read_str(reader);
    if (pack_done(reader) != OK) {
        server_error(client, tag, ERR_FORMAT, "the question about a hook is not well formed");
        return;
    }
    if (!process) {
        server_error(client, tag, ERR_NOT_FOUND, NO_PROCESS);
        return;
    }
    uint64_t number = ++engine->hooks.number;
    struct buf body = {0};
    pack_write_array(&body, 2);
    pack_write_uint(&body, number);
    pack_write_str(&body, name);
    server_answer(process, FRAME_ANSWER_HOOK, process->hooks_tag, bytes_of_buf(&body));
    buf_free(&body);
    answer_numbers(client, tag, &number);
}

void hooks_ask(struct engine *engine, struct client *client, const struct frame *frame) {
    struct pack_reader reader = pack_reader_of(frame->body);
    uint32_t fields = pack_read_array(&reader);
    struct bytes verb = pack_read_str(&reader);
    if (fields == 1 && bytes_equal_text(verb, "attach")) {
        struct client *before = process_of(engine);
        if (before) before->hooks = false;
        client->hooks = true;
        client->hooks_tag = frame->tag;
        engine->hooks.reload_fresh = engine->hooks.reload_waits;
    } else if (fields == 4 && bytes_equal_text(verb, "tell")) {
        tell(engine, client, frame->tag, &reader);
    } else if (fields == 1 && bytes_equal_text(verb, "list")) {
        list(engine, client, frame->tag);
    } else if (fields == 1 && bytes_equal_text(verb, "reload")) {
        reload(engine, client, frame->tag);
    } else if (fields == 2 && bytes_equal_text(verb, "run")) {
        run(engine, client, frame->tag, &reader);
    } else {
        server_error(client, frame->tag, ERR_FORMAT, "the question about hooks is not well formed");
    }
}

void hooks_leave(struct engine *engine, struct client *client) {
    if (engine->hooks.reloader == client) engine->hooks.reloader = NULL;
    if (!client->hooks) return;
    buf_free(&engine->hooks.document);
    engine->hooks.count = engine->hooks.failing = 0;
}
