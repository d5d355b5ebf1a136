#include "node/sharing/agreements.h"

#include "node/process/clock.h"
#include "node/engine/engine_core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* On the wire: statements of AGREEMENTS_TYPE, whose text is [format 1, word uint, text of the agreement bin, time uint]. Each carries the
   whole text, so that it does not matter which of them comes first, or whose node has which card. */
#define FORMAT        1
#define WIRE_FIELDS   4
#define KEPT_FIELDS   6
#define ID_DIGITS_MIN 8
#define KEY_ID_BYTES  16

static void known_free(struct agreement_known *known) {
    if (!known) return;
    buf_free(&known->text);
    free(known);
}

void agreements_free(struct engine *engine) {
    for (size_t i = 0; i < engine->agreements.count; i++) known_free(engine->agreements.list[i]);
    engine->agreements.count = 0;
}

enum err agreements_named(const struct engine *engine, struct bytes digits, struct agreement_known **out) {
    size_t count = 0;
    for (size_t i = 0; i < engine->agreements.count; i++) {
        char hex[2 * HASH_BYTES + 1];
        hex_encode(hex, bytes_of(engine->agreements.list[i]->id, HASH_BYTES));
        if (digits.size < ID_DIGITS_MIN || digits.size > 2 * HASH_BYTES || memcmp(hex, digits.data, digits.size) != 0) continue;
        *out = engine->agreements.list[i];
        count++;
    }
    return count == 0 ? ERR_NOT_FOUND : count == 1 ? OK : ERR_EXISTS;
}

/* --- kept --- */

static enum err known_new(struct agreement_known **out, struct bytes text, const uint8_t *introducer) {
    struct agreement_known *known = calloc(1, sizeof *known);
    if (!known) return ERR_MEMORY;
    buf_put(&known->text, text);
    enum err err = buf_result(&known->text);
    if (err == OK) err = agreement_decode(&known->agreement, bytes_of_buf(&known->text));
    agreement_id(known->id, text);
    memcpy(known->introducer, introducer, AGENCY_ID_BYTES);
    if (err == OK)
        *out = known;
    else
        known_free(known);
    return err;
}

static enum err list_add(struct engine *engine, struct agreement_known *known) {
    struct agreements *agreements = &engine->agreements;
    size_t of_one = 0;
    for (size_t i = 0; i < agreements->count; i++)
        of_one += memcmp(agreements->list[i]->introducer, known->introducer, AGENCY_ID_BYTES) == 0;
    bool own = memcmp(known->introducer, engine->agency_id, AGENCY_ID_BYTES) == 0;
    if (agreements->count == LIMIT_AGREEMENTS || (!own && of_one >= AGREEMENTS_OF_ONE_MAX)) return ERR_LIMIT;
    agreements->list[agreements->count++] = known;
    return OK;
}

static enum err keep(struct store_batch *batch, const struct agreement_known *known) {
    char key[STORE_META_KEY_BYTES_MAX + 1], hex[2 * KEY_ID_BYTES + 1];
    struct buf value = {0};
    pack_write_array(&value, KEPT_FIELDS);
    pack_write_uint(&value, FORMAT);
    pack_write_bin(&value, bytes_of(known->introducer, AGENCY_ID_BYTES));
    pack_write_bin(&value, bytes_of_buf(&known->text));
    pack_write_array(&value, (uint32_t)known->agreement.party_count);
    for (size_t i = 0; i < known->agreement.party_count; i++) pack_write_uint(&value, known->state.signed_ms[i]);
    pack_write_uint(&value, known->state.ended_ms);
    pack_write_uint(&value, known->state.ended_by);
    enum err err = buf_result(&value);
    hex_encode(hex, bytes_of(known->id, KEY_ID_BYTES));
    snprintf(key, sizeof key, AGREEMENTS_PREFIX "%s", hex);
    if (err == OK) store_batch_meta(batch, key, bytes_of_buf(&value));
    buf_free(&value);
    return err;
}

static enum err kept_read(struct agreement_known **out, struct bytes value) {
    struct pack_reader reader = pack_reader_of(value);
    if (pack_read_array(&reader) != KEPT_FIELDS || pack_read_uint(&reader) != FORMAT) return ERR_FORMAT;
    struct bytes introducer = pack_read_bin(&reader), text = pack_read_bin(&reader);
    if (pack_failed(&reader) || introducer.size != AGENCY_ID_BYTES) return ERR_FORMAT;
    enum err err = known_new(out, text, introducer.data);
    if (err != OK) return err;
    struct agreement_known *known = *out;
    bool sound = pack_read_array(&reader) == known->agreement.party_count;
    for (size_t i = 0; sound && i < known->agreement.party_count; i++) known->state.signed_ms[i] = pack_read_uint(&reader);
    known->state.ended_ms = pack_read_uint(&reader);
    uint64_t ended_by = pack_read_uint(&reader);
    known->state.ended_by = (uint8_t)ended_by;
    if (sound && pack_done(&reader) == OK && ended_by < known->agreement.party_count) return OK;
    known_free(known);
    return ERR_FORMAT;
}

struct loading {
    struct engine *engine;
    enum err err;
};

static bool load_one(void *context, const char *key, struct bytes value) {
    struct loading *loading = context;
    struct agreement_known *known = NULL;
    (void)key;
    loading->err = kept_read(&known, value);
    if (loading->err != OK) return false;
    loading->err = list_add(loading->engine, known);
    if (loading->err != OK) known_free(known);
    return loading->err == OK;
}

/* An agreement that cannot be read would let pass what it forbids: the node does not start. */
enum err agreements_load(struct engine *engine) {
    struct loading loading = {.engine = engine};
    enum err err = store_meta_each(engine->store, AGREEMENTS_PREFIX, load_one, &loading);
    return err == OK ? loading.err : err;
}

/* --- said and heard --- */

static struct agreement_known *find(const struct engine *engine, const uint8_t *id) {
    for (size_t i = 0; i < engine->agreements.count; i++)
        if (memcmp(engine->agreements.list[i]->id, id, HASH_BYTES) == 0) return engine->agreements.list[i];
    return NULL;
}

static enum err word_take(struct agreement_known *known, const uint8_t *author, enum agreement_word word, uint64_t time_ms) {
    return word == AGREEMENT_SIGN ? agreement_sign(&known->state, &known->agreement, author, time_ms)
                                  : agreement_end(&known->state, &known->agreement, author, time_ms);
}

static enum err begin(struct engine *engine, struct store_batch *batch, const uint8_t *author, enum agreement_word word,
                      struct bytes text, uint64_t time_ms, struct agreement_known **out) {
    enum err err = known_new(out, text, author);
    if (err != OK) return err;
    if (agreement_party(&(*out)->agreement, engine->agency_id) < 0) err = ERR_DENIED;
    if (err == OK) err = word_take(*out, author, word, time_ms);
    if (err == OK) err = keep(batch, *out);
    if (err == OK) err = list_add(engine, *out);
    if (err == OK) return OK;
    known_free(*out);
    *out = NULL;
    return err;
}

enum err agreements_take(struct engine *engine, struct store_batch *batch, const uint8_t author[static AGENCY_ID_BYTES],
                         enum agreement_word word, struct bytes text, uint64_t time_ms, struct agreement_known **out) {
    uint8_t id[HASH_BYTES];
    agreement_id(id, text);
    *out = find(engine, id);
    enum err err;
    if (!*out) {
        err = begin(engine, batch, author, word, text, time_ms, out);
    } else {
        err = word_take(*out, author, word, time_ms);
        if (err == OK) err = keep(batch, *out);
    }
    /* What was decided a moment ago is decided anew. */
    if (err == OK) server_decisions_again(engine);
    return err;
}

enum err agreements_say(struct engine *engine, struct store_batch *batch, const struct agreement_known *known,
                        enum agreement_word word, uint64_t time_ms) {
    struct statement statement = {.type = AGREEMENTS_TYPE, .tlp = TLP_AMBER_STRICT, .carriage = CARRIAGE_RELAY};
    uint8_t others[LIMIT_AGREEMENT_PARTIES][AGENCY_ID_BYTES];
    struct buf text = {0};
    for (size_t i = 0; i < known->agreement.party_count; i++) {
        if (memcmp(known->agreement.parties[i], engine->agency_id, AGENCY_ID_BYTES) == 0) continue;
        memcpy(others[statement.agency_count++], known->agreement.parties[i], AGENCY_ID_BYTES);
    }
    pack_write_array(&text, WIRE_FIELDS);
    pack_write_uint(&text, FORMAT);
    pack_write_uint(&text, word);
    pack_write_bin(&text, bytes_of_buf(&known->text));
    pack_write_uint(&text, time_ms);
    statement.text = bytes_of_buf(&text);
    statement.agencies = others[0];
    enum err err = buf_result(&text);
    if (err == OK) err = recipients_say(engine, batch, &statement);
    buf_free(&text);
    return err;
}

static void notice(struct engine *engine, const struct statement_seen *seen, const struct agreement_known *known,
                   enum agreement_word word) {
    char hex[9];
    hex_encode(hex, bytes_of(known->id, 4));
    enum agreement_phase phase = agreement_phase(&known->state, &known->agreement, clock_wall_ms());
    engine_notice(engine, "agreement %s: %s %s it; it is %s", hex, engine_agency_name(engine, seen->agency_id),
                  word == AGREEMENT_SIGN ? "signed" : "ended", agreement_phase_name(phase));
}

void agreements_hear(struct engine *engine, struct store_batch *batch, const struct statement_seen *seen) {
    struct pack_reader reader = pack_reader_of(seen->item->text);
    struct agreement_known *known = NULL;
    uint32_t fields = pack_read_array(&reader);
    uint64_t format = pack_read_uint(&reader), word = pack_read_uint(&reader);
    struct bytes text = pack_read_bin(&reader);
    uint64_t time_ms = pack_read_uint(&reader);
    enum err err = ERR_FORMAT;
    if (pack_done(&reader) == OK && fields == WIRE_FIELDS && format == FORMAT && (word == AGREEMENT_SIGN || word == AGREEMENT_END))
        err = agreements_take(engine, batch, seen->agency_id, (enum agreement_word)word, text, time_ms, &known);
    bool own = memcmp(seen->agency_id, engine->agency_id, AGENCY_ID_BYTES) == 0;
    if (err == OK && !own)
        notice(engine, seen, known, (enum agreement_word)word);
    else if (err != OK && err != ERR_EXISTS)
        engine_notice(engine, "a statement of %s about an agreement was not taken: %s", engine_agency_name(engine, seen->agency_id),
                      err_text(err));
}
