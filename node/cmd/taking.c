#include "node/cmd/taking.h"

#include "gossip/pack.h"

#include <stdlib.h>
#include <string.h>

#define LABELS_ALL 0x3eu /* TLP:CLEAR to TLP:RED: the policy and the subscription say which */

static enum err ask(struct taking *taking) {
    struct buf body = {0};
    pack_write_array(&body, 10);
    pack_write_str(&body, bytes_of_text(taking->subscription));
    pack_write_uint(&body, taking->exit);
    pack_write_str(&body, bytes_of_text(taking->who));
    pack_write_uint(&body, LABELS_ALL);
    pack_write_uint(&body, taking->limit);
    pack_write_bool(&body, taking->stored);
    pack_write_uint(&body, taking->stored ? 0 : taking->cursor);
    pack_write_uint(&body, taking->stored ? 0 : taking->gone);
    pack_write_str(&body, bytes_of_text(taking->filter));
    pack_write_bool(&body, true);
    enum err err = buf_result(&body);
    if (err == OK) err = client_ask(taking->client, FRAME_ASK_TAKE, bytes_of_buf(&body));
    buf_free(&body);
    return err;
}

/* {"cause":"recall"}: the engine's own words. */
static struct bytes cause_of(struct bytes text) {
    static const char head[] = "{\"cause\":\"";
    size_t size = sizeof head - 1;
    if (text.size < size + 2 || memcmp(text.data, head, size) != 0) return bytes_of(NULL, 0);
    return bytes_of(text.data + size, text.size - size - 2);
}

static enum err gone_read(struct taking *taking, const struct taking_events *events, struct bytes body) {
    struct item *item = &taking->reader->answer.item;
    struct cursor in = cursor_of(body);
    while (in.left > 0) {
        struct taking_gone gone = {.cursor = cursor_u64(&in)};
        gone.number = cursor_u64(&in);
        unsigned tlp = cursor_u8(&in), versions = cursor_u8(&in);
        gone.author = cursor_take(&in, cursor_u8(&in));
        struct bytes encoded = cursor_take(&in, cursor_u32(&in));
        if (in.failed || tlp > TLP_RED || versions != CONTROL_VERSION_GONE || item_decode(item, encoded) != OK) return ERR_FORMAT;
        gone.tlp = (enum tlp)tlp;
        gone.time_ms = item->modified_ms;
        gone.type = item->type, gone.id = item->id;
        gone.cause = cause_of(item->text);
        events->gone(events->context, &gone);
    }
    return OK;
}

static enum err done_read(struct taking *taking, struct bytes body) {
    struct pack_reader in = pack_reader_of(body);
    if (pack_read_array(&in) != 5) return ERR_FORMAT;
    taking->count = pack_read_uint(&in);
    taking->cursor = pack_read_uint(&in);
    taking->gone = pack_read_uint(&in);
    taking->more = pack_read_bool(&in);
    taking->reset = pack_read_bool(&in);
    taking->stored = false;
    return pack_done(&in);
}

enum outcome taking_page(struct taking *taking, const struct taking_events *events) {
    struct frame frame;
    enum err err = ask(taking);
    while (err == OK && (err = client_answer(taking->client, &frame, -1)) == OK) {
        if (frame.type == FRAME_ANSWER_ERROR) return client_refused(taking->client, frame.body);
        if (frame.type == FRAME_ANSWER_DONE) {
            err = done_read(taking, frame.body);
            if (err == OK) return OUTCOME_SUCCESS;
        } else if (frame.type == FRAME_ANSWER_OBJECT) {
            err = answer_read(taking->reader, frame.body);
            if (err == OK) events->object(events->context, &taking->reader->answer);
        } else {
            err = frame.type == FRAME_ANSWER_PAGE ? gone_read(taking, events, frame.body) : ERR_FORMAT;
        }
    }
    return client_lost(taking->client, err);
}

enum outcome taking_taken(struct taking *taking, uint64_t delivered) {
    struct frame frame;
    struct buf body = {0};
    pack_write_array(&body, 4);
    pack_write_str(&body, bytes_of_text(taking->subscription));
    pack_write_uint(&body, taking->cursor);
    pack_write_uint(&body, taking->gone);
    pack_write_uint(&body, delivered);
    enum err err = buf_result(&body);
    if (err == OK) err = client_ask(taking->client, FRAME_ASK_TAKEN, bytes_of_buf(&body));
    buf_free(&body);
    if (err == OK) err = client_answer(taking->client, &frame, -1);
    if (err != OK) return client_lost(taking->client, err);
    return frame.type == FRAME_ANSWER_ERROR ? client_refused(taking->client, frame.body) : OUTCOME_SUCCESS;
}
