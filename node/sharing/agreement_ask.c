#include "node/process/clock.h"
#include "node/engine/engine_core.h"
#include "node/formats/moment.h"
#include "node/formats/document_put.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* FRAME_ASK_AGREEMENT: agreements proposed, signed, shown and ended for local clients; node/engine/control.h has the bodies. */

static void put_id(struct buf *out, const struct agreement_known *known) {
    char hex[2 * HASH_BYTES + 1];
    hex_encode(hex, bytes_of(known->id, HASH_BYTES));
    document_put_text(out, "id", hex);
}

static const char *state_of(const struct agreement_known *known) {
    return agreement_phase_name(agreement_phase(&known->state, &known->agreement, clock_wall_ms()));
}

static void put_party(const struct engine *engine, struct buf *out, const char *key, const struct agreement *agreement,
                      uint8_t party) {
    pack_write_str(out, bytes_of_text(key));
    if (party == AGREEMENT_ANY)
        pack_write_str(out, bytes_of_text("any"));
    else
        recipients_name_write(engine, out, agreement->parties[party]);
}

static void put_words(struct buf *out, const char *key, const struct bytes *words, size_t count) {
    struct buf text = {0};
    for (size_t i = 0; i < count; i++) {
        if (i > 0) buf_put_text(&text, ", ");
        buf_put(&text, words[i]);
    }
    pack_write_str(out, bytes_of_text(key));
    pack_write_str(out, count == 0 || text.failed ? bytes_of_text("all") : bytes_of_buf(&text));
    buf_free(&text);
}

static void put_clause(const struct engine *engine, struct buf *out, const struct agreement *agreement, size_t index) {
    const struct agreement_clause *clause = &agreement->clauses[index];
    char retention[40] = "";
    uint64_t hours = clause->retention_ms / (3600 * 1000);
    if (hours > 0)
        snprintf(retention, sizeof retention, "%" PRIu64 " %s", hours % 24 ? hours : hours / 24, hours % 24 ? "hours" : "days");
    pack_write_map(out, 8);
    pack_write_str(out, bytes_of_text("clause"));
    pack_write_uint(out, index + 1);
    put_party(engine, out, "from", agreement, clause->from);
    put_words(out, "kinds", clause->kinds, clause->kind_count);
    document_put_text(out, "label_max", tlp_name(clause->label_max));
    put_words(out, "purposes", clause->purposes, clause->purpose_count);
    document_put_text(out, "reshare", agreement_reshare_name(clause->reshare));
    document_put_text(out, "retention", retention);
    put_party(engine, out, "to", agreement, clause->to);
}

static void put_levels(struct buf *out, const struct agreement *agreement) {
    pack_write_str(out, bytes_of_text("equivalences"));
    pack_write_array(out, (uint32_t)agreement->level_count);
    for (size_t i = 0; i < agreement->level_count; i++) {
        const struct agreement_level *level = &agreement->levels[i];
        pack_write_map(out, 4);
        pack_write_str(out, bytes_of_text("authority")), pack_write_str(out, level->authority);
        pack_write_str(out, bytes_of_text("counts_as_authority")), pack_write_str(out, level->other_authority);
        pack_write_str(out, bytes_of_text("counts_as_level")), pack_write_str(out, level->other_level);
        pack_write_str(out, bytes_of_text("level")), pack_write_str(out, level->level);
    }
}

static void document_write(const struct engine *engine, struct buf *out, const struct agreement_known *known) {
    const struct agreement *agreement = &known->agreement;
    pack_write_map(out, 10);
    pack_write_str(out, bytes_of_text("clauses"));
    pack_write_array(out, (uint32_t)agreement->clause_count);
    for (size_t i = 0; i < agreement->clause_count; i++) put_clause(engine, out, agreement, i);
    document_put_time(out, "ended", known->state.ended_ms);
    if (known->state.ended_ms)
        put_party(engine, out, "ended_by", agreement, known->state.ended_by);
    else
        document_put_text(out, "ended_by", "");
    put_levels(out, agreement);
    document_put_time(out, "from", agreement->from_ms);
    put_id(out, known);
    pack_write_str(out, bytes_of_text("parties"));
    pack_write_array(out, (uint32_t)agreement->party_count);
    for (size_t i = 0; i < agreement->party_count; i++) {
        const char *unreachable = recipients_unreachable(engine, agreement->parties[i]);
        pack_write_map(out, 3);
        put_party(engine, out, "agency", agreement, (uint8_t)i);
        document_put_time(out, "signed", known->state.signed_ms[i]);
        document_put_text(out, "unreachable", unreachable ? unreachable : "");
    }
    document_put_text(out, "state", state_of(known));
    pack_write_str(out, bytes_of_text("title"));
    pack_write_str(out, agreement->title);
    document_put_time(out, "until", agreement->until_ms);
}

static void list_write(const struct engine *engine, struct buf *out) {
    pack_write_map(out, 1);
    pack_write_str(out, bytes_of_text("agreements"));
    pack_write_array(out, (uint32_t)engine->agreements.count);
    for (size_t i = 0; i < engine->agreements.count; i++) {
        const struct agreement_known *known = engine->agreements.list[i];
        size_t count = 0;
        for (size_t k = 0; k < known->agreement.party_count; k++) count += known->state.signed_ms[k] != 0;
        pack_write_map(out, 5);
        put_id(out, known);
        pack_write_str(out, bytes_of_text("parties"));
        pack_write_uint(out, known->agreement.party_count);
        pack_write_str(out, bytes_of_text("signed"));
        pack_write_uint(out, count);
        document_put_text(out, "state", state_of(known));
        pack_write_str(out, bytes_of_text("title"));
        pack_write_str(out, known->agreement.title);
    }
}

static void document_send(struct engine *engine, struct client *client, const struct frame *frame,
                          const struct agreement_known *known) {
    static const uint8_t done = 0x90; /* an empty array */
    struct buf out = {0};
    if (known)
        document_write(engine, &out, known);
    else
        list_write(engine, &out);
    server_answer(client, FRAME_ANSWER_DOCUMENT, frame->tag, bytes_of_buf(&out));
    server_answer(client, FRAME_ANSWER_DONE, frame->tag, bytes_of(&done, 1));
    buf_free(&out);
}

static void refused(struct client *client, const struct frame *frame, enum err err) {
    if (err == ERR_DENIED)
        server_error(client, frame->tag, err, "this agency is no party of it: name it among the parties, as self");
    else if (err == ERR_EXISTS)
        server_error(client, frame->tag, ERR_DENIED,
                     "this agency has done that already, or the agreement was ended: `comity agreement show` tells");
    else
        server_error(client, frame->tag, err, "the agreement cannot be taken: %s", err_text(err));
}

static void say(struct engine *engine, struct client *client, const struct frame *frame, enum agreement_word word,
                struct bytes text) {
    struct agreement_known *known = NULL;
    const char *why = publisher_barred(engine);
    uint64_t now_ms = clock_wall_ms();
    if (why) {
        server_error(client, frame->tag, ERR_DENIED, "%s; nothing was changed", why);
        return;
    }
    struct store_batch *batch = store_batch_new(engine->store);
    enum err err = batch ? agreements_take(engine, batch, engine->agency_id, word, text, now_ms, &known) : ERR_MEMORY;
    if (err == OK) err = agreements_say(engine, batch, known, word, now_ms);
    if (err == OK) {
        store_commit(engine->store, batch, 0);
        document_send(engine, client, frame, known);
        return;
    }
    if (batch) store_batch_free(batch);
    refused(client, frame, err);
}

void agreement_ask(struct engine *engine, struct client *client, const struct frame *frame) {
    struct pack_reader reader = pack_reader_of(frame->body);
    struct agreement_known *known = NULL;
    uint32_t fields = pack_read_array(&reader);
    struct bytes verb = pack_read_str(&reader);
    bool list = bytes_equal_text(verb, "list"), propose = bytes_equal_text(verb, "propose");
    struct bytes what = list ? bytes_of(NULL, 0) : propose ? pack_read_bin(&reader) : pack_read_str(&reader);
    if (pack_done(&reader) != OK || fields != (list ? 1 : 2)) {
        server_error(client, frame->tag, ERR_FORMAT, "the request about an agreement is not well formed");
        return;
    }
    if (propose) {
        say(engine, client, frame, AGREEMENT_SIGN, what);
        return;
    }
    enum err err = list ? OK : agreements_named(engine, what, &known);
    if (err != OK) {
        server_error(
            client, frame->tag, err == ERR_EXISTS ? ERR_DENIED : ERR_NOT_FOUND, "%s '%.*s': `comity agreement list` shows them",
            err == ERR_EXISTS ? "several agreements begin with" : "no agreement's id begins with these (8 or more) digits:",
            (int)(what.size < 64 ? what.size : 64), (const char *)what.data);
        return;
    }
    if (bytes_equal_text(verb, "sign"))
        say(engine, client, frame, AGREEMENT_SIGN, bytes_of_buf(&known->text));
    else if (bytes_equal_text(verb, "terminate"))
        say(engine, client, frame, AGREEMENT_END, bytes_of_buf(&known->text));
    else
        document_send(engine, client, frame, known);
}
