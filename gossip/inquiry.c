#include "gossip/inquiry.h"

#include "gossip/pack.h"

#include <string.h>

#define INQUIRY_VERSION 1
#define INQUIRY_FIELDS  12
#define NEWS_FIELDS     6

static const char *const KIND_NAMES[INQUIRY_KIND_LAST + 1] = {
#define KIND_NAME(number, name) [number] = name,
    INQUIRY_KINDS(KIND_NAME)
#undef KIND_NAME
};
static const char *const URGENCY_NAMES[] = {
    [INQUIRY_NORMAL] = "normal", [INQUIRY_URGENT] = "urgent", [INQUIRY_IMMEDIATE] = "immediate"};
static const char *const STATE_NAMES[INQUIRY_STATES] = {"draft",           "sent",     "acknowledged", "in-work",
                                                        "partly-answered", "answered", "refused",      "expired"};

const char *inquiry_kind_name(uint8_t kind) { return kind <= INQUIRY_KIND_LAST ? KIND_NAMES[kind] : NULL; }

uint8_t inquiry_kind_of(struct bytes name) {
    for (uint8_t kind = 1; kind <= INQUIRY_KIND_LAST; kind++)
        if (bytes_equal_text(name, KIND_NAMES[kind])) return kind;
    return 0;
}

const char *inquiry_urgency_name(enum inquiry_urgency urgency) {
    return urgency >= INQUIRY_NORMAL && urgency <= INQUIRY_IMMEDIATE ? URGENCY_NAMES[urgency] : NULL;
}

bool inquiry_urgency_of(enum inquiry_urgency *out, struct bytes name) {
    for (int urgency = INQUIRY_NORMAL; urgency <= INQUIRY_IMMEDIATE; urgency++) {
        *out = (enum inquiry_urgency)urgency;
        if (bytes_equal_text(name, URGENCY_NAMES[urgency])) return true;
    }
    return false;
}

const char *inquiry_state_name(enum inquiry_state state) { return (unsigned)state < INQUIRY_STATES ? STATE_NAMES[state] : NULL; }

bool inquiry_follows(enum inquiry_state before, enum inquiry_state after) {
    return after > before && before < INQUIRY_ANSWERED && after <= INQUIRY_REFUSED;
}

/* --- the question --- */

static bool text_valid(struct bytes text, size_t bytes_max) { return text.size <= bytes_max && pack_utf8_valid(text); }

static bool valid(const struct inquiry *inquiry) {
    return inquiry->kind >= 1 && inquiry->kind <= INQUIRY_KIND_LAST && inquiry_urgency_name(inquiry->urgency) &&
           inquiry->asked_ms > 0 && inquiry->deadline_ms > inquiry->asked_ms && (unsigned)inquiry->about <= INQUIRY_ABOUT_VALUE &&
           (inquiry->about == INQUIRY_ABOUT_NOTHING) == (inquiry->about_text.size == 0) &&
           text_valid(inquiry->about_text, ITEM_VALUE_BYTES_MAX) && text_valid(inquiry->legal_basis, INQUIRY_WORD_BYTES_MAX) &&
           text_valid(inquiry->purpose, INQUIRY_WORD_BYTES_MAX) && text_valid(inquiry->text, INQUIRY_TEXT_BYTES_MAX);
}

enum err inquiry_encode(struct buf *out, const struct inquiry *inquiry) {
    if (!valid(inquiry)) return ERR_RANGE;
    pack_write_array(out, INQUIRY_FIELDS);
    pack_write_uint(out, INQUIRY_VERSION);
    pack_write_bin(out, bytes_of(inquiry->id, INQUIRY_ID_BYTES));
    pack_write_uint(out, inquiry->kind);
    pack_write_uint(out, inquiry->urgency);
    pack_write_uint(out, inquiry->asked_ms);
    pack_write_uint(out, inquiry->deadline_ms);
    pack_write_uint(out, inquiry->about);
    pack_write_str(out, inquiry->about_text);
    pack_write_str(out, inquiry->legal_basis);
    pack_write_str(out, inquiry->purpose);
    pack_write_str(out, inquiry->text);
    pack_write_bin(out, bytes_of(inquiry->asked, AGENCY_ID_BYTES));
    return buf_result(out);
}

static enum err begin(struct pack_reader *reader, uint8_t id[static INQUIRY_ID_BYTES], struct bytes text, uint32_t fields) {
    *reader = pack_reader_of(text);
    if (pack_read_array(reader) != fields) return ERR_FORMAT;
    uint64_t version = pack_read_uint(reader);
    if (pack_failed(reader)) return ERR_FORMAT;
    if (version != INQUIRY_VERSION) return ERR_VERSION;
    struct bytes bytes = pack_read_bin(reader);
    if (bytes.size != INQUIRY_ID_BYTES) return ERR_FORMAT;
    memcpy(id, bytes.data, INQUIRY_ID_BYTES);
    return OK;
}

enum err inquiry_decode(struct inquiry *out, struct bytes text) {
    struct pack_reader reader;
    *out = (struct inquiry){0};
    enum err err = begin(&reader, out->id, text, INQUIRY_FIELDS);
    if (err != OK) return err;
    uint64_t kind = pack_read_uint(&reader), urgency = pack_read_uint(&reader);
    out->asked_ms = pack_read_uint(&reader);
    out->deadline_ms = pack_read_uint(&reader);
    uint64_t about = pack_read_uint(&reader);
    out->about_text = pack_read_str(&reader);
    out->legal_basis = pack_read_str(&reader);
    out->purpose = pack_read_str(&reader);
    out->text = pack_read_str(&reader);
    struct bytes asked = pack_read_bin(&reader);
    if (pack_done(&reader) != OK || asked.size != AGENCY_ID_BYTES) return ERR_FORMAT;
    if (kind > INQUIRY_KIND_LAST || urgency > INQUIRY_IMMEDIATE || about > INQUIRY_ABOUT_VALUE) return ERR_RANGE;
    out->kind = (uint8_t)kind;
    out->urgency = (enum inquiry_urgency)urgency;
    out->about = (enum inquiry_about)about;
    memcpy(out->asked, asked.data, AGENCY_ID_BYTES);
    return valid(out) ? OK : ERR_RANGE;
}

/* --- what became of it --- */

bool inquiry_object_next(struct bytes *rest, struct bytes *id) {
    struct pack_reader reader = pack_reader_of(*rest);
    if (rest->size == 0) return false;
    *id = pack_read_str(&reader);
    if (pack_failed(&reader)) return false;
    *rest = bytes_of(reader.cursor.at, reader.cursor.left);
    return true;
}

static bool object_id_valid(struct bytes id) {
    for (size_t i = 0; i < id.size; i++)
        if (id.data[i] <= ' ' || id.data[i] > '~') return false;
    return id.size > 0 && id.size <= ITEM_ID_BYTES_MAX;
}

static bool news_valid(const struct inquiry_news *news) {
    struct bytes rest = news->objects, id;
    uint32_t count = 0;
    while (inquiry_object_next(&rest, &id)) {
        if (!object_id_valid(id)) return false;
        count++;
    }
    return rest.size == 0 && count == news->object_count && count <= INQUIRY_OBJECTS_MAX && news->at_ms > 0 &&
           news->state >= INQUIRY_ACKNOWLEDGED && news->state <= INQUIRY_REFUSED &&
           text_valid(news->reason, INQUIRY_WORD_BYTES_MAX) && (news->state != INQUIRY_REFUSED || news->reason.size > 0);
}

enum err inquiry_news_encode(struct buf *out, const struct inquiry_news *news) {
    if (!news_valid(news)) return ERR_RANGE;
    pack_write_array(out, NEWS_FIELDS);
    pack_write_uint(out, INQUIRY_VERSION);
    pack_write_bin(out, bytes_of(news->id, INQUIRY_ID_BYTES));
    pack_write_uint(out, news->state);
    pack_write_uint(out, news->at_ms);
    pack_write_str(out, news->reason);
    pack_write_array(out, news->object_count);
    buf_put(out, news->objects);
    return buf_result(out);
}

enum err inquiry_news_decode(struct inquiry_news *out, struct bytes text) {
    struct pack_reader reader;
    *out = (struct inquiry_news){0};
    enum err err = begin(&reader, out->id, text, NEWS_FIELDS);
    if (err != OK) return err;
    uint64_t state = pack_read_uint(&reader);
    out->at_ms = pack_read_uint(&reader);
    out->reason = pack_read_str(&reader);
    out->object_count = pack_read_array(&reader);
    if (pack_failed(&reader) || state >= INQUIRY_STATES) return ERR_FORMAT;
    out->state = (enum inquiry_state)state;
    out->objects = bytes_of(reader.cursor.at, reader.cursor.left); /* to the end: news_valid reads every one */
    return news_valid(out) ? OK : ERR_RANGE;
}
