/* web_kept: status resources that outlive this process and the node: it may open no file, so the engine keeps them among its records. */
#include "gossip/pack.h"
#include "node/engine/control.h"
#include "node/web/web_state.h"

#include <string.h>

/* Asks, reads until the answer's end, and appends a document that comes with it. */
static enum err ask(struct web *web, enum frame_type type, const struct buf *body, struct buf *out) {
    struct frame frame = {.type = FRAME_ANSWER_KEPT};
    enum err err = buf_result(body), told = OK;
    if (err != OK) return err;
    struct web_link *link = web_link_take(web);
    err = web_link_ask(link, type, bytes_of_buf(body));
    while (err == OK && frame.type == FRAME_ANSWER_KEPT) {
        err = web_link_answer(link, &frame);
        if (err != OK || frame.type == FRAME_ANSWER_DONE) continue;
        struct pack_reader in = pack_reader_of(frame.body);
        if (frame.type == FRAME_ANSWER_KEPT && out && pack_read_array(&in) == 1) {
            buf_put(out, pack_read_bin(&in));
            err = pack_done(&in);
        } else if (frame.type == FRAME_ANSWER_ERROR && pack_read_array(&in) == 2) {
            uint64_t code = pack_read_uint(&in);
            told = !pack_failed(&in) && code > OK && code < ERR_COUNT ? (enum err)code : ERR_INTERNAL;
        } else {
            err = ERR_FORMAT;
        }
    }
    if (err != OK) web_break(web, err_text(err));
    web_link_give(web, link);
    return err != OK ? err : told;
}

enum err web_kept_put(struct web *web, const char *user, const char *id, uint64_t asked_ms, struct bytes document) {
    struct buf body = {0};
    pack_write_array(&body, 4);
    pack_write_str(&body, bytes_of_text(user));
    pack_write_str(&body, bytes_of_text(id));
    pack_write_uint(&body, asked_ms);
    pack_write_bin(&body, document);
    enum err err = ask(web, FRAME_ASK_KEEP, &body, NULL);
    buf_free(&body);
    return err;
}

enum err web_kept_get(struct web *web, const char *user, const char *id, struct buf *out) {
    struct buf body = {0};
    if (!uuid_valid(bytes_of_text(id))) return ERR_NOT_FOUND; /* such as the engine is never asked for */
    pack_write_array(&body, 2);
    pack_write_str(&body, bytes_of_text(user));
    pack_write_str(&body, bytes_of_text(id));
    enum err err = ask(web, FRAME_ASK_KEPT, &body, out);
    buf_free(&body);
    return err == OK ? buf_result(out) : err;
}
