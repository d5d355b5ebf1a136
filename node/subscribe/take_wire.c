#include "node/subscribe/take_wire.h"

#include "node/formats/filter.h"
#include "node/subscribe/subscriptions.h"

#include <string.h>

/* --- the question --- */

void take_question_write(struct buf *out, const struct take_question *question) {
    const struct take_position nowhere = {0}, *at = question->stored ? &nowhere : &question->at;
    pack_write_array(out, 16);
    pack_write_str(out, question->subscription);
    pack_write_uint(out, question->exit);
    pack_write_str(out, question->who);
    pack_write_uint(out, question->labels);
    pack_write_uint(out, question->limit);
    pack_write_bool(out, question->stored);
    pack_write_uint(out, at->cursor);
    pack_write_uint(out, at->gone);
    pack_write_str(out, question->filter);
    pack_write_bool(out, question->as_objects);
    scope_write(out, &question->scope);
    pack_write_bool(out, question->fresh);
    pack_write_uint(out, question->kind);
    pack_write_bin(out, question->terms);
    pack_write_bool(out, question->keeps);
}

bool take_question_read(struct take_question *out, struct bytes body) {
    struct pack_reader reader = pack_reader_of(body);
    uint32_t fields = pack_read_array(&reader);
    *out = (struct take_question){.subscription = pack_read_str(&reader)};
    uint64_t exit = pack_read_uint(&reader);
    out->who = pack_read_str(&reader);
    out->labels = (unsigned)pack_read_uint(&reader);
    out->limit = pack_read_uint(&reader);
    out->stored = pack_read_bool(&reader);
    out->at.cursor = pack_read_uint(&reader);
    out->at.gone = pack_read_uint(&reader);
    if (fields > 8) out->filter = pack_read_str(&reader);
    if (fields > 9) out->as_objects = pack_read_bool(&reader);
    out->scope.any = fields <= 10;
    bool good = fields <= 10 || (fields == 16 && scope_read(&out->scope, &reader));
    if (fields == 16) {
        out->fresh = pack_read_bool(&reader);
        uint64_t kind = pack_read_uint(&reader);
        good = good && kind < TAKE_KIND_SUBSCRIPTION;
        out->kind = good ? (enum take_kind)kind : TAKE_KIND_NONE;
        out->terms = pack_read_bin(&reader);
        out->keeps = pack_read_bool(&reader);
    }
    out->exit = exit < POLICY_EXIT_END ? (enum policy_exit)exit : (enum policy_exit)0;
    return good && fields >= 8 && pack_done(&reader) == OK && exit < POLICY_EXIT_END && out->who.size <= TOKENS_NAME_BYTES_MAX &&
           out->subscription.size <= SUBSCRIPTION_NAME_BYTES_MAX && out->filter.size <= FILTER_BYTES_MAX &&
           out->terms.size <= TAKE_TERMS_BYTES && !(out->stored && (out->subscription.size == 0 || out->fresh));
}

/* --- its end --- */

void take_end_write(struct buf *out, const struct take_end *end) {
    pack_write_array(out, end->keeps ? 7 : 5);
    pack_write_uint(out, end->count);
    pack_write_uint(out, end->at.cursor);
    pack_write_uint(out, end->at.gone);
    pack_write_bool(out, end->more);
    pack_write_bool(out, end->reset);
    if (!end->keeps) return;
    pack_write_uint(out, end->terms);
    pack_write_uint(out, end->until_ms);
}

enum err take_end_read(struct take_end *out, struct bytes body) {
    struct pack_reader in = pack_reader_of(body);
    uint32_t fields = pack_read_array(&in);
    if (fields != 5 && fields != 7) return ERR_FORMAT;
    *out = (struct take_end){.keeps = fields == 7};
    out->count = pack_read_uint(&in);
    out->at.cursor = pack_read_uint(&in);
    out->at.gone = pack_read_uint(&in);
    out->more = pack_read_bool(&in);
    out->reset = pack_read_bool(&in);
    if (out->keeps) out->terms = pack_read_uint(&in), out->until_ms = pack_read_uint(&in);
    return pack_done(&in);
}

/* --- the position --- */

void take_taken_write(struct buf *out, const struct take_taken *taken) {
    pack_write_array(out, 4);
    pack_write_str(out, taken->subscription);
    pack_write_uint(out, taken->at.cursor);
    pack_write_uint(out, taken->at.gone);
    pack_write_uint(out, taken->delivered);
}

bool take_taken_read(struct take_taken *out, struct bytes body) {
    struct pack_reader reader = pack_reader_of(body);
    uint32_t fields = pack_read_array(&reader);
    *out = (struct take_taken){.subscription = pack_read_str(&reader)};
    out->at.cursor = pack_read_uint(&reader);
    out->at.gone = pack_read_uint(&reader);
    out->delivered = pack_read_uint(&reader);
    return fields == 4 && pack_done(&reader) == OK;
}

/* --- causes --- */

static const char cause_before[] = "{\"cause\":\"", cause_after[] = "\"}";

void take_cause_write(struct buf *out, const char *cause) { buf_put_format(out, "%s%s%s", cause_before, cause, cause_after); }

struct bytes take_cause_read(struct bytes text) {
    const size_t before = sizeof cause_before - 1, around = before + sizeof cause_after - 1;
    if (text.size < around || memcmp(text.data, cause_before, before) != 0) return bytes_of(NULL, 0);
    return bytes_of(text.data + before, text.size - around);
}
