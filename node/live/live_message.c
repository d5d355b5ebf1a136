#include "node/live/live_message.h"

#include "gossip/pack.h"
#include "node/live/live.h"

bool live_position_within(struct take_position a, struct take_position b) { return a.cursor <= b.cursor && a.gone <= b.gone; }

/* --- reading --- */

/* ["hello", 1, subscription, nil or [cursor, gone], credit] */
static enum err hello_read(struct live_ask *out, struct pack_reader *reader, uint32_t fields) {
    if (fields < 2) return ERR_FORMAT;
    uint64_t version = pack_read_uint(reader);
    if (!pack_failed(reader) && version != LIVE_VERSION) return ERR_VERSION;
    out->subscription = pack_read_str(reader);
    out->stored = pack_skip_nil(reader);
    if (!out->stored) {
        if (pack_read_array(reader) != 2) return ERR_FORMAT;
        out->position.cursor = pack_read_uint(reader);
        out->position.gone = pack_read_uint(reader);
    }
    out->credit = pack_read_uint(reader);
    /* Without a subscription there is no stored position. */
    bool named = out->subscription.size > 0 ? fields_name_valid(out->subscription) : !out->stored;
    return fields == 5 && !pack_failed(reader) && named ? OK : ERR_FORMAT;
}

/* ["ack", cursor, gone, credit] */
static enum err ack_read(struct live_ask *out, struct pack_reader *reader, uint32_t fields) {
    out->position.cursor = pack_read_uint(reader);
    out->position.gone = pack_read_uint(reader);
    out->credit = pack_read_uint(reader);
    return fields == 4 ? OK : ERR_FORMAT;
}

enum err live_ask_read(struct live_ask *out, struct bytes message) {
    struct pack_reader reader = pack_reader_of(message);
    uint32_t fields = pack_read_array(&reader);
    struct bytes name = fields > 0 ? pack_read_str(&reader) : bytes_of(NULL, 0);
    enum err err = fields == 1 ? OK : ERR_FORMAT;
    *out = (struct live_ask){0};
    if (message.size > LIVE_ASK_BYTES_MAX) return ERR_FORMAT;
    if (bytes_equal_text(name, "hello")) {
        out->kind = LIVE_HELLO;
        err = hello_read(out, &reader, fields);
    } else if (bytes_equal_text(name, "ack")) {
        out->kind = LIVE_ACK;
        err = ack_read(out, &reader, fields);
    } else if (bytes_equal_text(name, "still")) {
        out->kind = LIVE_STILL;
    } else if (bytes_equal_text(name, "bye")) {
        out->kind = LIVE_BYE;
    } else {
        err = ERR_FORMAT;
    }
    if (err == OK) err = pack_done(&reader);
    return err == OK && out->credit > LIVE_CREDIT_MAX ? ERR_FORMAT : err;
}

/* --- writing --- */

static void begin(struct buf *out, uint32_t fields, const char *name, struct take_position position) {
    pack_write_array(out, fields);
    pack_write_str(out, bytes_of_text(name));
    pack_write_uint(out, position.cursor);
    pack_write_uint(out, position.gone);
}

void live_write_welcome(struct buf *out, struct take_position position) {
    begin(out, 6, "welcome", position);
    pack_write_uint(out, LIVE_VERSION);
    pack_write_uint(out, LIVE_ALIVE_MS);
    pack_write_uint(out, LIVE_DEAD_MS);
}

void live_write_object(struct buf *out, const struct live_object *object) {
    begin(out, 10, "object", object->position);
    pack_write_uint(out, object->added_us);
    pack_write_str(out, bytes_of_text(tlp_name(object->tlp)));
    pack_write_str(out, object->author);
    pack_write_str(out, object->id);
    pack_write_str(out, object->type);
    pack_write_uint(out, object->versions);
    pack_write_str(out, object->text);
    /* In valid JSON a control byte is a blank between values: who prints the text has one line. */
    for (size_t i = out->size - object->text.size; !out->failed && i < out->size; i++)
        if (out->data[i] < 0x20) out->data[i] = ' ';
}

void live_write_withdrawn(struct buf *out, const struct live_withdrawn *withdrawn) {
    begin(out, 10, "withdrawn", withdrawn->position);
    pack_write_uint(out, withdrawn->moment_ms * 1000);
    pack_write_str(out, bytes_of_text(tlp_name(withdrawn->tlp)));
    pack_write_str(out, withdrawn->author);
    pack_write_str(out, withdrawn->id);
    pack_write_str(out, withdrawn->type);
    pack_write_uint(out, withdrawn->cursor);
    pack_write_str(out, withdrawn->cause);
}

void live_write_reset(struct buf *out, struct take_position position) { begin(out, 3, "reset", position); }

void live_write_still(struct buf *out, struct take_position position) { begin(out, 3, "still", position); }

void live_write_error(struct buf *out, const char *code, const char *text) {
    pack_write_array(out, 3);
    pack_write_str(out, bytes_of_text("error"));
    pack_write_str(out, bytes_of_text(code));
    pack_write_str(out, bytes_of_text(text));
}
