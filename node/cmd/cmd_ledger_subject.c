/* comity ledger subject, erase: what is held and was disclosed about a value, and its removal. */
#include "node/cmd/cmd_ledger.h"

#include "gossip/item.h"
#include "gossip/marks.h"
#include "gossip/pack.h"
#include "node/process/answer.h"
#include "node/ledger/ledger_details.h"
#include "node/formats/moment.h"
#include "node/formats/observable.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CANDIDATES_MAX (OBSERVABLE_CANDIDATES_MAX + 1)
#define REASON_MAX     1000

/* An object that is held, or the block that brought it. */
struct held {
    uint64_t cursor, seq, arrived_ms;
    uint8_t node_id[NODE_ID_BYTES];
    char author[TRUST_NAME_BYTES_MAX + 1];
    bool personal; /* marked as personal or police data */
    struct buf encoded;
};

/* A row that has to do with the value, as one line. */
struct found {
    uint64_t number;
    enum disclosure_kind kind;
    bool details; /* they are there */
    struct buf line;
};

struct subject {
    const struct invocation *invocation;
    const char *value;
    struct arena arena;
    struct observable candidates[CANDIDATES_MAX];
    size_t candidate_count;
    struct ledger_source source;
    struct ledger_names names;
    struct held *held;
    size_t held_count, held_capacity;
    struct found *found;
    size_t found_count, found_capacity;
    bool more; /* held than were handed out */
    bool memory_failed;
};

/* --- the question --- */

/* What the value may stand for: an observable of some kind, plain text, or an object's id (kind 0). */
static bool candidates_guess(struct subject *subject) {
    struct bytes text = bytes_of_text(subject->value);
    subject->candidate_count = observable_guess(subject->candidates, text, &subject->arena);
    if (subject->candidate_count == 0) return false;
    if (text.size <= ITEM_ID_BYTES_MAX)
        subject->candidates[subject->candidate_count++] = (struct observable){.kind = (enum observable_kind)0, .value = text};
    return true;
}

static void candidates_pack(struct buf *out, const struct subject *subject) {
    pack_write_array(out, (uint32_t)subject->candidate_count);
    for (size_t i = 0; i < subject->candidate_count; i++) {
        pack_write_array(out, 2);
        pack_write_uint(out, subject->candidates[i].kind);
        pack_write_bin(out, subject->candidates[i].value);
    }
}

static bool personal_is(struct bytes encoded) {
    static struct item item;
    static struct marks marks;
    return item_decode(&item, encoded) == OK && marks_decode(&marks, item.marks) == OK && (marks.personal || marks.police);
}

/* Personal data first, then by age. */
static int held_compare(const void *a, const void *b) {
    const struct held *x = a, *y = b;
    if (x->personal != y->personal) return x->personal ? -1 : 1;
    return x->cursor < y->cursor ? -1 : x->cursor > y->cursor;
}

static void held_take(struct subject *subject, struct bytes body) {
    struct pack_reader reader = pack_reader_of(body);
    if (subject->held_count == subject->held_capacity) {
        size_t capacity = subject->held_capacity ? 2 * subject->held_capacity : 16;
        struct held *grown = realloc(subject->held, capacity * sizeof *grown);
        subject->memory_failed |= !grown;
        if (!grown) return;
        subject->held = grown, subject->held_capacity = capacity;
    }
    struct held *held = &subject->held[subject->held_count];
    *held = (struct held){0};
    uint32_t fields = pack_read_array(&reader);
    held->cursor = pack_read_uint(&reader);
    struct bytes author = pack_read_str(&reader), agency = pack_read_bin(&reader), node = pack_read_bin(&reader);
    held->seq = pack_read_uint(&reader);
    held->arrived_ms = pack_read_uint(&reader);
    struct bytes encoded = pack_read_bin(&reader);
    if (pack_done(&reader) != OK || fields != 7 || node.size != NODE_ID_BYTES || agency.size != AGENCY_ID_BYTES) return;
    for (size_t i = 0; i < subject->held_count; i++)
        if (subject->held[i].cursor == held->cursor) return; /* under another meaning of the value */
    memcpy(held->node_id, node.data, NODE_ID_BYTES);
    snprintf(held->author, sizeof held->author, "%.*s", (int)author.size, (const char *)author.data);
    buf_put(&held->encoded, encoded);
    held->personal = personal_is(encoded);
    subject->memory_failed |= held->encoded.failed;
    subject->held_count++;
}

static enum outcome held_ask(struct subject *subject) {
    struct client *client = &subject->source.client;
    struct buf body = {0};
    struct frame frame;
    candidates_pack(&body, subject);
    enum err err = buf_result(&body);
    if (err == OK) err = client_ask(client, FRAME_ASK_SUBJECT, bytes_of_buf(&body));
    buf_free(&body);
    while (err == OK && (err = client_answer(client, &frame, -1)) == OK) {
        if (frame.type == FRAME_ANSWER_ERROR) return client_refused(client, frame.body);
        if (frame.type == FRAME_ANSWER_HELD) {
            held_take(subject, frame.body);
            continue;
        }
        struct pack_reader reader = pack_reader_of(frame.body);
        if (frame.type != FRAME_ANSWER_DONE || pack_read_array(&reader) != 2) break;
        (void)pack_read_uint(&reader);
        subject->more = pack_read_uint(&reader) != 0;
        if (subject->held_count > 1) qsort(subject->held, subject->held_count, sizeof *subject->held, held_compare);
        return OUTCOME_SUCCESS;
    }
    return client_lost(client, err == OK ? ERR_FORMAT : err);
}

/* --- its rows --- */

static bool row_concerns(const struct subject *subject, const struct disclosure_row *row, const struct disclosure_record *record) {
    struct bytes details = bytes_of_buf(&record->details);
    if (row->kind == DISCLOSURE_LOOK || row->kind == DISCLOSURE_ERASE) {
        for (size_t i = 0; i < subject->candidate_count; i++)
            if (ledger_details_asked(details, record->salt, (uint8_t)subject->candidates[i].kind, subject->candidates[i].value))
                return true;
        return false;
    }
    if (row->kind != DISCLOSURE_OUT && row->kind != DISCLOSURE_IN) return false;
    uint64_t seq = ledger_details_uint(details, "seq");
    struct bytes node = ledger_details_bin(details, "node");
    for (size_t i = 0; i < subject->held_count; i++)
        if (subject->held[i].seq == seq && bytes_equal(node, bytes_of(subject->held[i].node_id, NODE_ID_BYTES))) return true;
    return false;
}

static void found_line(struct subject *subject, struct buf *out, const struct disclosure_row *row,
                       const struct disclosure_record *record) {
    if (!subject->invocation->json) {
        ledger_row_line(out, row, record, &subject->names);
        return;
    }
    struct json_out json = json_out_of(out);
    ledger_put_row(&json, row);
    json_out_key(&json, "details");
    ledger_put_details(&json, record);
    json_out_object_end(&json);
}

static bool row_visit(void *context, uint64_t number, const struct disclosure_record *record) {
    struct subject *subject = context;
    struct disclosure_row row;
    (void)number;
    if (record->row_state != DISCLOSURE_GOOD || record->details_state != DISCLOSURE_GOOD) return true;
    if (disclosure_row_read(&row, bytes_of(record->row, sizeof record->row)) != OK || !row_concerns(subject, &row, record))
        return true;
    if (subject->found_count == subject->found_capacity) {
        size_t capacity = subject->found_capacity ? 2 * subject->found_capacity : 16;
        struct found *grown = realloc(subject->found, capacity * sizeof *grown);
        subject->memory_failed |= !grown;
        if (!grown) return false;
        subject->found = grown, subject->found_capacity = capacity;
    }
    struct found *found = &subject->found[subject->found_count++];
    *found = (struct found){.number = row.number, .kind = row.kind};
    found_line(subject, &found->line, &row, record);
    subject->memory_failed |= found->line.failed;
    return true;
}

/* --- the answer --- */

static void rows_json(struct json_out *json, const struct subject *subject, const char *key, unsigned kinds) {
    json_out_key(json, key);
    json_out_array(json);
    for (size_t i = 0; i < subject->found_count; i++)
        if (kinds >> subject->found[i].kind & 1) json_out_raw(json, bytes_of_buf(&subject->found[i].line));
    json_out_array_end(json);
}

/* Why personal data is held, and for how long. */
static void marks_json(struct json_out *json, struct bytes encoded) {
    static struct marks marks;
    if (marks_decode(&marks, encoded) != OK) return;
    json_out_key(json, "purposes");
    json_out_array(json);
    for (size_t i = 0; i < marks.purposes.count; i++) json_out_string(json, marks.purposes.names[i]);
    json_out_array_end(json);
    json_out_key(json, "legal_basis");
    json_out_string(json, marks.legal_basis);
    json_out_key(json, "retain_until");
    marks.retain_until_ms ? json_out_time(json, marks.retain_until_ms) : json_out_null(json);
}

static void held_json(struct json_out *json, const struct held *held) {
    static struct item item;
    if (item_decode(&item, bytes_of_buf(&held->encoded)) != OK) return;
    json_out_object(json);
    json_out_key(json, "cursor");
    json_out_uint(json, held->cursor);
    json_out_key(json, "author");
    json_out_text(json, held->author);
    json_out_key(json, "node");
    json_out_hex(json, bytes_of(held->node_id, NODE_ID_BYTES));
    json_out_key(json, "seq");
    json_out_uint(json, held->seq);
    json_out_key(json, "arrived");
    json_out_time(json, held->arrived_ms);
    json_out_key(json, "tlp");
    json_out_text(json, tlp_name(item.tlp));
    json_out_key(json, "personal");
    json_out_bool(json, held->personal);
    if (held->personal) marks_json(json, item.marks);
    json_out_key(json, "id");
    json_out_string(json, item.id);
    json_out_key(json, "text"); /* as its author wrote it, whatever that is */
    json_out_string(json, item.text);
    json_out_object_end(json);
}

#define KINDS_BLOCK (1u << DISCLOSURE_OUT | 1u << DISCLOSURE_IN)
#define KINDS_LOOK  (1u << DISCLOSURE_LOOK)
#define KINDS_ERASE (1u << DISCLOSURE_ERASE)

static void answer_put_json(struct buf *out, const struct subject *subject) {
    struct json_out json = json_out_of(out);
    json_out_object(&json);
    json_out_key(&json, "value");
    json_out_text(&json, subject->value);
    json_out_key(&json, "held");
    json_out_array(&json);
    for (size_t i = 0; i < subject->held_count; i++) held_json(&json, &subject->held[i]);
    json_out_array_end(&json);
    json_out_key(&json, "more");
    json_out_bool(&json, subject->more);
    rows_json(&json, subject, "blocks", KINDS_BLOCK);
    rows_json(&json, subject, "looked", KINDS_LOOK);
    rows_json(&json, subject, "erased", KINDS_ERASE);
    json_out_object_end(&json);
    json_out_line(&json);
}

static void rows_text(struct buf *out, const struct subject *subject, const char *head, unsigned kinds) {
    buf_put_format(out, "%s\n", head);
    for (size_t i = 0; i < subject->found_count; i++) {
        if (!(kinds >> subject->found[i].kind & 1)) continue;
        buf_put_text(out, "  ");
        buf_put(out, bytes_of_buf(&subject->found[i].line));
        buf_put_text(out, "\n");
    }
}

static void answer_put_text(struct buf *out, const struct subject *subject) {
    static struct item item;
    char moment[MOMENT_TEXT_BYTES];
    buf_put_format(out, "held: %zu\n", subject->held_count);
    for (size_t i = 0; i < subject->held_count; i++) {
        const struct held *held = &subject->held[i];
        if (item_decode(&item, bytes_of_buf(&held->encoded)) != OK) continue;
        moment_text(moment, held->arrived_ms);
        buf_put_format(out, "  %s%.*s\t%s\t%s\t%s, entry %" PRIu64 "\n", held->personal ? "PERSONAL " : "", (int)item.id.size,
                       (const char *)item.id.data, tlp_name(item.tlp), moment, held->author, held->seq);
    }
    if (subject->more) buf_put_text(out, "  and more: erase, and ask again\n");
    rows_text(out, subject, "blocks that carried it:", KINDS_BLOCK);
    rows_text(out, subject, "who looked for it:", KINDS_LOOK);
    rows_text(out, subject, "erased before:", KINDS_ERASE);
}

/* --- both commands --- */

static enum outcome subject_open(struct subject *subject, const struct invocation *invocation, const char *value) {
    *subject = (struct subject){.invocation = invocation, .value = value};
    subject->source.lock = subject->source.client.channel.fd = -1;
    if (!candidates_guess(subject))
        return command_usage(invocation, "this is no value: it is empty, or longer than %d bytes", ITEM_VALUE_BYTES_MAX);
    enum outcome outcome = ledger_source_open(&subject->source, invocation, true);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    ledger_names_read(&subject->names, &subject->source);
    outcome = held_ask(subject);
    if (outcome == OUTCOME_SUCCESS) outcome = ledger_source_rows(&subject->source, 1, 0, row_visit, subject);
    if (outcome == OUTCOME_SUCCESS && subject->memory_failed)
        outcome = command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
    return outcome;
}

static void subject_close(struct subject *subject) {
    ledger_source_close(&subject->source);
    ledger_names_free(&subject->names);
    for (size_t i = 0; i < subject->held_count; i++) buf_free(&subject->held[i].encoded);
    for (size_t i = 0; i < subject->found_count; i++) buf_free(&subject->found[i].line);
    free(subject->held), free(subject->found);
    arena_free(&subject->arena);
}

enum outcome ledger_subject(const struct invocation *invocation, const char *value) {
    struct subject subject;
    struct buf out = {0};
    enum outcome outcome = subject_open(&subject, invocation, value);
    if (outcome == OUTCOME_SUCCESS) {
        (invocation->json ? answer_put_json : answer_put_text)(&out, &subject);
        command_print_buf(&out);
        if (subject.held_count == 0) outcome = OUTCOME_NOT_FOUND;
    }
    subject_close(&subject);
    buf_free(&out);
    return outcome;
}

/* How much went. */
struct erased {
    uint64_t own, others, waited, statuses;
};

/* Of the rows that have to do with the value only questions hold anything of it. */
static enum outcome erase_ask(struct subject *subject, const char *reason, struct erased *erased) {
    struct client *client = &subject->source.client;
    struct buf body = {0};
    struct frame frame;
    uint32_t rows = 0;
    for (size_t i = 0; i < subject->found_count; i++) rows += subject->found[i].kind == DISCLOSURE_LOOK;
    pack_write_array(&body, 3);
    candidates_pack(&body, subject);
    pack_write_array(&body, rows);
    for (size_t i = 0; i < subject->found_count; i++)
        if (subject->found[i].kind == DISCLOSURE_LOOK) pack_write_uint(&body, subject->found[i].number);
    pack_write_str(&body, bytes_of_text(reason));
    enum err err = buf_result(&body);
    if (err == OK) err = client_ask(client, FRAME_ASK_ERASE, bytes_of_buf(&body));
    buf_free(&body);
    while (err == OK && (err = client_answer(client, &frame, -1)) == OK) {
        struct pack_reader reader = pack_reader_of(frame.body);
        if (frame.type == FRAME_ANSWER_ERROR) return client_refused(client, frame.body);
        if (frame.type == FRAME_ANSWER_DONE) return OUTCOME_SUCCESS;
        if (frame.type == FRAME_ANSWER_LEDGER && pack_read_array(&reader) == 4) {
            erased->others = pack_read_uint(&reader);
            pack_read_uint(&reader);
            erased->waited = pack_read_uint(&reader);
            erased->statuses = pack_read_uint(&reader);
        }
        if (frame.type == FRAME_ANSWER_DOCUMENT) erased->own = ledger_details_uint(frame.body, "objects");
    }
    return client_lost(client, err);
}

enum outcome ledger_erase(const struct invocation *invocation, const char *value) {
    struct subject subject;
    struct buf out = {0};
    const char *reason = command_value(invocation, "reason");
    struct erased erased = {0};
    uint64_t rows = 0;
    if (!reason || !*reason || strlen(reason) > REASON_MAX || !pack_utf8_valid(bytes_of_text(reason)))
        return command_usage(invocation, "give --reason TEXT, of at most %d bytes: it stays in the ledger", REASON_MAX);
    enum outcome outcome = subject_open(&subject, invocation, value);
    for (size_t i = 0; i < subject.found_count; i++) rows += subject.found[i].kind == DISCLOSURE_LOOK;
    if (outcome == OUTCOME_SUCCESS) outcome = erase_ask(&subject, reason, &erased);
    if (outcome == OUTCOME_SUCCESS && invocation->json)
        buf_put_format(&out,
                       "{\"own\":%" PRIu64 ",\"others\":%" PRIu64 ",\"rows\":%" PRIu64 ",\"statuses\":%" PRIu64
                       ",\"waited\":%" PRIu64 "}\n",
                       erased.own, erased.others, rows, erased.statuses, erased.waited);
    else if (outcome == OUTCOME_SUCCESS)
        buf_put_format(&out,
                       "%" PRIu64 " own objects recalled, %" PRIu64 " taken out of the outbox, %" PRIu64
                       " of others erased here, details of %" PRIu64 " rows erased, %" PRIu64
                       " rows taken out of what clients are told of their posts\n",
                       erased.own, erased.waited, erased.others, rows, erased.statuses);
    command_print_buf(&out);
    subject_close(&subject);
    buf_free(&out);
    return outcome;
}
