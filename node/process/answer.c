#include "node/process/answer.h"

#include "crypto/agency.h"
#include "gossip/pack.h"
#include "node/formats/json_out.h"
#include "node/process/log.h"
#include "node/formats/moment.h"
#include "node/formats/observable.h"
#include "node/formats/patternlex.h"

#include <inttypes.h>
#include <string.h>

#define TEXT_NOT_JSON "its text is no valid JSON"
#define SHOWN_BYTES   400

/* --- does the text say what the index says? --- */

enum { EXPECT_NONE, EXPECT_ID, EXPECT_TYPE, EXPECT_PATTERN };

struct agreement {
    const struct item *item;
    unsigned depth;
    int expect;
    bool id_agrees, type_agrees, conjunction;
};

static void on_open(void *context, bool object) {
    struct agreement *agreement = context;
    (void)object;
    agreement->depth++;
    agreement->expect = EXPECT_NONE;
}

static void on_close(void *context, bool object) {
    struct agreement *agreement = context;
    (void)object;
    agreement->depth--;
}

static void on_key(void *context, struct bytes key) {
    struct agreement *agreement = context;
    agreement->expect = EXPECT_NONE;
    if (agreement->depth != 1 || key.size < 2 || key.size > 7) return;
    if (bytes_equal_text(key, "id")) agreement->expect = EXPECT_ID;
    if (bytes_equal_text(key, "type")) agreement->expect = EXPECT_TYPE;
    if (bytes_equal_text(key, "pattern")) agreement->expect = EXPECT_PATTERN;
}

/* Tokens are enough to see it: whether the pattern is one was judged before it was published. */
bool answer_pattern_joins(struct bytes pattern) {
    struct patternlex lex;
    patternlex_init(&lex, pattern);
    while (lex.token != TOKEN_END && lex.token != TOKEN_BAD) {
        if (lex.token == TOKEN_AND || lex.token == TOKEN_FOLLOWEDBY || lex.token == TOKEN_NOT || lex.token == TOKEN_NEQ)
            return true;
        patternlex_next(&lex);
    }
    return lex.token == TOKEN_BAD;
}

static void on_string(void *context, struct bytes value) {
    struct agreement *agreement = context;
    if (agreement->expect == EXPECT_ID) agreement->id_agrees = bytes_equal(value, agreement->item->id);
    if (agreement->expect == EXPECT_TYPE) agreement->type_agrees = bytes_equal(value, agreement->item->type);
    if (agreement->expect == EXPECT_PATTERN) agreement->conjunction = answer_pattern_joins(value);
    agreement->expect = EXPECT_NONE;
}

static void on_scalar(void *context, enum jsonwalk_scalar scalar, struct bytes number) {
    struct agreement *agreement = context;
    (void)scalar;
    (void)number;
    agreement->expect = EXPECT_NONE;
}

static const struct jsonwalk_events events = {on_open, on_close, on_key, on_string, on_scalar};

static const char *text_problem(struct jsonwalk *walk, const struct item *item, bool *conjunction) {
    struct agreement agreement = {.item = item};
    struct jsonwalk_fault fault;
    if (jsonwalk_run(walk, item->text, &agreement, &fault) != OK) return TEXT_NOT_JSON;
    *conjunction = agreement.conjunction;
    if (!agreement.id_agrees) return "its text has another id than its author indexed";
    return agreement.type_agrees ? NULL : "its text has another type than its author indexed";
}

/* --- reading --- */

enum err answer_reader_init(struct answer_reader *reader) {
    reader->walk = jsonwalk_new(&events);
    return reader->walk ? OK : ERR_MEMORY;
}

void answer_reader_free(struct answer_reader *reader) {
    jsonwalk_free(reader->walk);
    reader->walk = NULL;
}

static void sighter_read(struct pack_reader *in, struct bytes *name, uint64_t counts[static SIGHTING_KINDS], uint64_t *opinion) {
    pack_read_array(in);
    *name = pack_read_str(in);
    for (size_t i = 0; i < SIGHTING_KINDS; i++) counts[i] = pack_read_uint(in);
    *opinion = pack_read_uint(in);
}

/* Nil, or an array: a count for each kind, then of agencies, then the agencies. */
static bool sightings_read(struct answer *answer, struct pack_reader *in) {
    answer->counted = !pack_skip_nil(in);
    if (!answer->counted) return true;
    if (pack_read_array(in) != SIGHTING_KINDS + 2) return false;
    for (size_t i = 0; i < SIGHTING_KINDS; i++) answer->sightings[i] = pack_read_uint(in);
    answer->sighters = pack_read_uint(in);
    answer->sighter_count = pack_read_array(in);
    answer->sighter_rows = *in;
    for (uint32_t i = 0; i < answer->sighter_count && !pack_failed(in); i++) {
        struct bytes name;
        uint64_t counts[SIGHTING_KINDS], opinion;
        sighter_read(in, &name, counts, &opinion);
    }
    return !pack_failed(in);
}

static enum err item_judge(struct answer_reader *reader, struct bytes encoded) {
    static struct marks marks; /* large; one thread */
    struct answer *answer = &reader->answer;
    if (item_decode(&answer->item, encoded) != OK || marks_decode(&marks, answer->item.marks) != OK) return ERR_FORMAT;
    answer->sightings_to = marks.sightings;
    answer->conjunction = false;
    answer->problem = text_problem(reader->walk, &answer->item, &answer->conjunction);
    return OK;
}

enum err answer_read(struct answer_reader *reader, struct bytes body) {
    struct pack_reader in = pack_reader_of(body);
    struct answer *answer = &reader->answer;
    uint32_t count = pack_read_array(&in);
    answer->cursor = pack_read_uint(&in);
    answer->author = pack_read_str(&in);
    answer->agency_id = pack_read_bin(&in);
    uint64_t tlp = pack_read_uint(&in);
    answer->arrived_ms = pack_read_uint(&in);
    struct bytes encoded = pack_read_bin(&in);
    answer->via = pack_skip_nil(&in) ? bytes_of(NULL, 0) : pack_read_str(&in);
    if (!sightings_read(answer, &in)) return ERR_FORMAT;
    if (pack_done(&in) != OK || count != 8 || tlp > TLP_RED || answer->agency_id.size != AGENCY_ID_BYTES) return ERR_FORMAT;
    answer->tlp = (enum tlp)tlp;
    return item_judge(reader, encoded);
}

enum err answer_of_item(struct answer_reader *reader, uint64_t cursor, struct bytes author, enum tlp tlp, uint64_t arrived_ms,
                        struct bytes encoded) {
    struct answer *answer = &reader->answer;
    answer->cursor = cursor;
    answer->author = author;
    answer->agency_id = answer->via = bytes_of(NULL, 0);
    answer->arrived_ms = arrived_ms;
    answer->tlp = tlp;
    answer->counted = false;
    answer->sighters = 0;
    return item_judge(reader, encoded);
}

/* --- printing --- */

static bool text_is_json(const struct answer *answer) { return !answer->problem || strcmp(answer->problem, TEXT_NOT_JSON) != 0; }

/* In valid JSON a control byte is a blank between values: a line end among them would end our line. */
void answer_object(struct buf *out, const struct answer *answer) {
    if (!text_is_json(answer)) {
        struct json_out json = json_out_of(out);
        json_out_string(&json, answer->item.text);
        return;
    }
    size_t start = out->size;
    buf_put(out, answer->item.text);
    if (out->failed) return;
    /* Each byte is written, so that the compiler takes many at once. */
    for (uint8_t *at = out->data + start, *end = out->data + out->size; at < end; at++) *at = *at < 0x20 ? ' ' : *at;
}

void answer_line(struct buf *out, const struct answer *answer) {
    buf_put_format(out, "%" PRIu64 "\t", answer->cursor);
    buf_put(out, answer->author);
    buf_put_format(out, "\t%s\t", tlp_name(answer->tlp));
    answer_object(out, answer);
    buf_put_u8(out, '\n');
}

static void counts_json(struct json_out *json, const uint64_t counts[static SIGHTING_KINDS]) {
    for (int kind = 0; kind < SIGHTING_KINDS; kind++) {
        json_out_key(json, sighting_kind_name((enum sighting_kind)kind));
        json_out_uint(json, counts[kind]);
    }
}

static void sightings_json(struct json_out *json, const struct answer *answer) {
    struct pack_reader rows = answer->sighter_rows;
    json_out_key(json, "sightings");
    json_out_object(json);
    counts_json(json, answer->sightings);
    json_out_key(json, "agencies");
    json_out_uint(json, answer->sighters);
    json_out_key(json, "to");
    json_out_text(json, sightings_to_name(answer->sightings_to));
    json_out_key(json, "by");
    json_out_array(json);
    for (uint32_t i = 0; i < answer->sighter_count; i++) {
        struct bytes name;
        uint64_t counts[SIGHTING_KINDS], opinion;
        sighter_read(&rows, &name, counts, &opinion);
        json_out_object(json);
        json_out_key(json, "agency");
        json_out_string(json, name);
        counts_json(json, counts);
        json_out_key(json, "opinion");
        opinion_name(opinion) ? json_out_text(json, opinion_name(opinion)) : json_out_null(json);
        json_out_object_end(json);
    }
    json_out_array_end(json);
    json_out_object_end(json);
}

void answer_json(struct buf *out, const struct answer *answer) {
    struct json_out json = json_out_of(out);
    json_out_object(&json);
    json_out_key(&json, "author");
    json_out_string(&json, answer->author);
    json_out_key(&json, "agency");
    json_out_hex(&json, answer->agency_id);
    json_out_key(&json, "tlp");
    json_out_text(&json, tlp_name(answer->tlp));
    json_out_key(&json, "cursor");
    json_out_uint(&json, answer->cursor);
    json_out_key(&json, "arrived");
    json_out_time(&json, answer->arrived_ms);
    if (answer->via.size > 0) {
        json_out_key(&json, "via");
        json_out_string(&json, answer->via);
    }
    if (answer->counted) sightings_json(&json, answer);
    if (answer->problem) {
        json_out_key(&json, "problem");
        json_out_text(&json, answer->problem);
    }
    json_out_key(&json, "object");
    answer_object(out, answer);
    buf_put_text(out, "}\n");
}

static void put_safe(struct buf *out, const char *label, struct bytes text) {
    char safe[SHOWN_BYTES * 4 + 16];
    bool cut = text.size > SHOWN_BYTES;
    if (cut) text.size = SHOWN_BYTES;
    log_escape(safe, sizeof safe, text);
    buf_put_format(out, "%-10s%s%s\n", label, safe, cut ? "..." : "");
}

static void put_counts(struct buf *out, const uint64_t counts[static SIGHTING_KINDS]) {
    for (int kind = 0; kind < SIGHTING_KINDS; kind++)
        buf_put_format(out, "%s%s %" PRIu64, kind > 0 ? ", " : "", sighting_kind_name((enum sighting_kind)kind), counts[kind]);
}

static void put_sightings(struct buf *out, const struct answer *answer) {
    struct pack_reader rows = answer->sighter_rows;
    buf_put_format(out, "%-10s", "sightings");
    put_counts(out, answer->sightings);
    buf_put_format(out, " (by %" PRIu64 " agenc%s)\n", answer->sighters, answer->sighters == 1 ? "y" : "ies");
    for (uint32_t i = 0; i < answer->sighter_count; i++) {
        char safe[SHOWN_BYTES * 4 + 16];
        struct bytes name;
        uint64_t counts[SIGHTING_KINDS], opinion;
        sighter_read(&rows, &name, counts, &opinion);
        if (name.size > SHOWN_BYTES) name.size = SHOWN_BYTES;
        log_escape(safe, sizeof safe, name);
        buf_put_format(out, "%-10s%s: ", "", safe);
        put_counts(out, counts);
        if (opinion_name(opinion)) buf_put_format(out, ", opinion %s", opinion_name(opinion));
        buf_put_u8(out, '\n');
    }
}

void answer_block(struct buf *out, const struct answer *answer) {
    const struct item *item = &answer->item;
    char moment[MOMENT_TEXT_BYTES];
    put_safe(out, "author", answer->author);
    if (answer->via.size > 0) put_safe(out, "via", answer->via);
    put_safe(out, "label", bytes_of_text(tlp_name(answer->tlp)));
    put_safe(out, "type", item->type);
    put_safe(out, "id", item->id);
    for (size_t i = 0; i < item->observable_count; i++) {
        struct buf text = {0};
        const char *kind = observable_kind_name(item->observables[i].kind);
        if (i == 8) {
            buf_put_format(out, "%-10s... and %zu more\n", "", item->observable_count - i);
            break;
        }
        observable_text(&text, item->observables[i]);
        put_safe(out, kind ? kind : "value", bytes_of_buf(&text));
        buf_free(&text);
    }
    if (item->modified_ms) {
        moment_text(moment, item->modified_ms);
        put_safe(out, "modified", bytes_of_text(moment));
    }
    if (item->valid_until_ms) {
        moment_text(moment, item->valid_until_ms);
        put_safe(out, "until", bytes_of_text(moment));
    }
    moment_text(moment, answer->arrived_ms);
    put_safe(out, "arrived", bytes_of_text(moment));
    if (item->revoked) put_safe(out, "revoked", bytes_of_text("yes: its author withdrew it"));
    if (answer->counted && answer->sightings_to == SIGHTINGS_TO_AUDIENCE)
        put_safe(out, "told to", bytes_of_text("its audience: what is seen and thought of it, and by which agency"));
    if (answer->sighters > 0) put_sightings(out, answer);
    if (answer->problem) put_safe(out, "BEWARE", bytes_of_text(answer->problem));
    buf_put_format(out, "%-10s%" PRIu64 "\n\n", "cursor", answer->cursor);
}
