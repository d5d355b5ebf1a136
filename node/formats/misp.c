#include "node/formats/misp.h"

#include "node/formats/misp_put.h"
#include "node/formats/moment.h"
#include "node/formats/stix.h"
#include "node/formats/stixmarks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REASON_BYTES 256
#define LEFT_MAX     128 /* reasons of one event */

struct misp {
    const struct intake_options *options;
    struct intake_options inner; /* of the STIX that is made here: it judges it and reads its markings, as any other STIX */
    struct stix *stix;
    struct json *json;
    struct misp_reader *reader;
    struct arena arena;
    struct buf text;
    struct intake_place place; /* of the attribute under way */
    uint64_t index;
    bool refused; /* the STIX of it was */
    struct left {
        char reason[REASON_BYTES];
        uint64_t count;
    } left[LEFT_MAX];
    size_t left_count;
};

/* --- what is told --- */

static void refuse(struct misp *misp, struct bytes uuid, const char *reason) {
    char id[UUID_CHARS + 1];
    bool known = uuid_valid(uuid);
    if (known) memcpy(id, uuid.data, UUID_CHARS), id[UUID_CHARS] = 0;
    misp->options->refuse(misp->options->context, &misp->place, known ? id : NULL, reason);
}

/* `type` is of an attribute, or empty. */
static void leave_out(struct misp *misp, uint64_t count, struct bytes type, const char *reason) {
    char text[REASON_BYTES], shown[64];
    size_t size = 0, at = 0;
    for (; size < type.size && size < sizeof shown - 1; size++)
        shown[size] = type.data[size] < ' ' || type.data[size] > '~' ? '?' : (char)type.data[size];
    shown[size] = 0;
    snprintf(text, sizeof text, "%s%s%s%s", size ? "attributes of type " : "", shown, size ? ": " : "", reason);
    while (at < misp->left_count && strcmp(misp->left[at].reason, text) != 0) at++;
    if (at == LEFT_MAX) at = LEFT_MAX - 1, snprintf(misp->left[at].reason, REASON_BYTES, "several other reasons");
    if (at == misp->left_count) {
        misp->left[misp->left_count++].count = 0;
        memcpy(misp->left[at].reason, text, sizeof text);
    }
    misp->left[at].count += count;
}

static void left_tell(struct misp *misp, const struct intake_place *place) {
    for (size_t i = 0; i < misp->left_count && misp->options->leave_out; i++)
        misp->options->leave_out(misp->options->context, place, misp->left[i].reason, misp->left[i].count);
    misp->left_count = 0;
}

static void withdraw(struct misp *misp, enum misp_form form, struct bytes uuid) {
    char id[MISP_ID_BYTES];
    misp_id(id, form, uuid);
    if (misp->options->withdraw) misp->options->withdraw(misp->options->context, &misp->place, id);
}

static void withdraw_all(struct misp *misp, struct bytes uuid) {
    for (int form = 0; form < MISP_FORM_COUNT; form++) withdraw(misp, (enum misp_form)form, uuid);
}

/* --- values --- */

static uint64_t seconds(struct bytes text) {
    uint64_t value = 0;
    if (text.size == 0 || text.size > 11) return 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return 0;
        value = value * 10 + (text.data[i] - '0');
    }
    return value * 1000;
}

/* "2020-10-01T08:00:00.000000+00:00", as MISP writes it. 0: none. */
static uint64_t moment_of(struct bytes text) {
    char utc[64];
    uint64_t ms;
    size_t size = text.size;
    if (size < 20 || size >= sizeof utc) return 0;
    memcpy(utc, text.data, size);
    if (memcmp(utc + size - 6, "+00:00", 6) == 0) utc[size - 6] = 'Z', size -= 5;
    return moment_parse(&ms, bytes_of(utc, size)) ? ms : 0;
}

static uint64_t day_of(struct bytes date) {
    char text[32];
    uint64_t ms;
    if (date.size != 10) return 0;
    snprintf(text, sizeof text, "%.10sT00:00:00Z", (const char *)date.data);
    return moment_parse(&ms, bytes_of_text(text)) ? ms : 0;
}

static bool yes(struct bytes text) { return bytes_equal_text(text, "1") || bytes_equal_text(text, "true"); }

/* --- labels and distribution --- */

static enum tlp tags_label(const struct misp_event *event, struct misp_span tags) {
    struct marks marks = {0};
    enum tlp tlp = TLP_NONE;
    for (size_t i = 0; i < tags.count; i++) {
        struct bytes name = event->tag_names[tags.first + i];
        if (name.size > 0 && !stixmarks_label(name, &marks, &tlp)) continue; /* the STIX reader refuses it by name */
    }
    return tlp;
}

/* Core format 2.2.1.14. A distribution is never widened: what is for this organisation or for a sharing group goes nowhere, because no
   audience here is known to be the same. Of the rest the narrower holds, as the label that says as much. Null: it may go. */
static const char *distribution_bar(struct bytes value, enum tlp *least) {
    if (value.size == 0 || bytes_equal_text(value, "5") || bytes_equal_text(value, "3")) return NULL;
    if (bytes_equal_text(value, "0"))
        return "distribution 0 (your organisation only): it is for nobody else; give it another one in MISP if it may be shared";
    if (bytes_equal_text(value, "4"))
        return "distribution 4 (a sharing group): its members are not known here; give it distribution 1, 2 or 3 in MISP if the "
               "audience named here may read it";
    if (bytes_equal_text(value, "1")) *least = tlp_stricter(*least, TLP_AMBER);
    if (bytes_equal_text(value, "2")) *least = tlp_stricter(*least, TLP_GREEN);
    return *least == TLP_NONE ? "distribution: this number is not known (0 to 5 are); nobody can say who may read it" : NULL;
}

/* What its tags say and, where there is a label at all, no less than its distribution. */
static const char *label_find(struct misp *misp, struct misp_put *put) {
    const struct misp_event *event = put->event;
    enum tlp least = TLP_NONE;
    const struct bytes values[] = {event->distribution, put->object ? put->object->distribution : bytes_of(NULL, 0),
                                   put->attribute->distribution};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        enum tlp one = TLP_NONE;
        const char *bar = distribution_bar(values[i], &one);
        if (bar) return bar;
        least = tlp_stricter(least, one);
    }
    put->tlp = tlp_stricter(tags_label(event, event->tags), tags_label(event, put->attribute->tags));
    if (put->object) put->tlp = tlp_stricter(put->tlp, tags_label(event, put->object->tags));
    if (put->tlp != TLP_NONE || misp->options->tlp != TLP_NONE) put->tlp = tlp_stricter(put->tlp, least);
    return NULL;
}

/* --- one object out --- */

static enum err deliver(struct misp *misp) {
    if (buf_result(&misp->text) == ERR_TOO_BIG) {
        refuse(misp, bytes_of(NULL, 0), "the object made of it has more bytes than an object may have; split it");
        buf_clear(&misp->text);
        return OK;
    }
    if (misp->text.failed) return ERR_MEMORY;
    enum err err = stix_feed(misp->stix, bytes_of_buf(&misp->text));
    buf_clear(&misp->text);
    return err;
}

static enum err on_item(void *context, const struct item *item, const struct intake_place *place) {
    struct misp *misp = context;
    (void)place;
    return misp->options->accept(misp->options->context, item, &misp->place);
}

static void on_inner_refuse(void *context, const struct intake_place *place, const char *id, const char *reason) {
    struct misp *misp = context;
    (void)place;
    misp->refused = true;
    misp->options->refuse(misp->options->context, &misp->place, id, reason);
}

static enum err sightings_take(struct misp *misp, const struct misp_put *put) {
    const struct misp_span span = put->attribute->sightings;
    enum err err = OK;
    for (size_t i = 0; i < span.count && err == OK; i++) {
        const struct misp_sighting *sighting = &put->event->sightings[span.first + i];
        uint64_t moment_ms = seconds(sighting->date);
        if (bytes_equal_text(sighting->type, "2")) continue; /* its date is the end of the object itself */
        if (moment_ms == 0 || moment_ms > misp->options->now_ms) {
            leave_out(misp, 1, bytes_of(NULL, 0), "sightings without a date, or with one to come");
            continue;
        }
        misp_put_sighting(&misp->text, put, sighting, moment_ms);
        err = deliver(misp);
    }
    return err;
}

/* --- one attribute --- */

static uint64_t expiry_of(const struct misp_event *event, struct misp_span span) {
    uint64_t until_ms = 0;
    for (size_t i = 0; i < span.count; i++) {
        const struct misp_sighting *sighting = &event->sightings[span.first + i];
        uint64_t moment_ms = bytes_equal_text(sighting->type, "2") ? seconds(sighting->date) : 0;
        if (moment_ms > 0 && (until_ms == 0 || moment_ms < until_ms)) until_ms = moment_ms;
    }
    return until_ms;
}

static void times_read(const struct misp *misp, struct misp_put *put) {
    const struct misp_attribute *attribute = put->attribute;
    uint64_t event_ms = seconds(put->event->timestamp);
    put->stated_ms = seconds(attribute->timestamp);
    if (put->stated_ms == 0) put->stated_ms = event_ms;
    if (put->stated_ms == 0) put->stated_ms = misp->options->now_ms;
    put->modified_ms = event_ms > put->stated_ms ? event_ms : put->stated_ms;
    put->created_ms = day_of(put->event->date);
    if (put->created_ms == 0 || put->created_ms > put->stated_ms) put->created_ms = put->stated_ms;
    put->seen_first_ms = moment_of(attribute->first_seen);
    put->seen_last_ms = moment_of(attribute->last_seen);
    put->until_ms = expiry_of(put->event, attribute->sightings);
    uint64_t from_ms = put->seen_first_ms ? put->seen_first_ms : put->stated_ms;
    if (put->until_ms > 0 && put->until_ms <= from_ms) put->until_ms = from_ms + 1;
}

/* Which object it becomes; MISP_FORM_COUNT: none, and why was told. */
static enum err form_of(struct misp *misp, struct misp_put *put, enum misp_form *form) {
    const struct misp_attribute *attribute = put->attribute;
    char reason[REASON_BYTES];
    const char *why;
    struct buf probe = {0};
    *form = MISP_FORM_COUNT;
    if (!put->type || misp_type_use(put->type) == MISP_USE_CONTEXT || misp_type_use(put->type) == MISP_USE_PRIVATE) {
        leave_out(misp, 1, attribute->type,
                  !put->type                                     ? "it is not known here"
                  : misp_type_use(put->type) == MISP_USE_PRIVATE ? "data of persons and victims are not taken from events"
                                                                 : "nothing to match or search by");
        return OK;
    }
    if (misp_type_use(put->type) == MISP_USE_RULE) {
        if (put->to_ids) *form = MISP_INDICATOR;
        if (!put->to_ids)
            leave_out(misp, 1, attribute->type, "without to_ids it is no indicator, and STIX has no observable for it");
        return OK;
    }
    enum err err = misp_type_value(&put->value, put->type, attribute->value, &misp->arena, &why);
    if (err == ERR_MEMORY) return err;
    if (err != OK) {
        snprintf(reason, sizeof reason, "\"%.*s\" as %.*s: %s", (int)(attribute->value.size < 60 ? attribute->value.size : 60),
                 attribute->value.size ? (const char *)attribute->value.data : "",
                 (int)(attribute->type.size < 40 ? attribute->type.size : 40), (const char *)attribute->type.data, why);
        refuse(misp, attribute->uuid, reason);
        return OK;
    }
    if (put->to_ids) {
        *form = MISP_INDICATOR;
    } else if (misp_type_observables(&probe, put->type, &put->value)) {
        *form = MISP_OBSERVED;
    } else {
        leave_out(misp, 1, attribute->type, "without to_ids it is no indicator, and STIX has no observable for it");
    }
    buf_free(&probe);
    return OK;
}

/* What the author took back, or may no longer be here. */
static bool gone(struct misp *misp, const struct misp_put *put, const char *bar) {
    const struct misp_attribute *attribute = put->attribute;
    if (yes(attribute->deleted) || (put->object && yes(put->object->deleted))) {
        leave_out(misp, 1, bytes_of(NULL, 0), "attributes deleted in MISP: withdrawn, if they were published");
    } else if (bar) {
        refuse(misp, attribute->uuid, bar);
    } else if (put->until_ms > 0 && put->until_ms <= misp->options->now_ms) {
        leave_out(misp, 1, bytes_of(NULL, 0), "attributes that a sighting says have expired: withdrawn, if they were published");
    } else {
        return false;
    }
    withdraw_all(misp, attribute->uuid);
    return true;
}

static enum err attribute_take(struct misp *misp, const struct misp_event *event, const struct misp_attribute *attribute) {
    struct misp_put put = {.event = event, .attribute = attribute, .to_ids = yes(attribute->to_ids)};
    enum misp_form form = MISP_FORM_COUNT;
    misp->index++;
    if (attribute->offset > 0) misp->place = json_locate(misp->json, attribute->offset);
    misp->place.index = misp->index;
    misp->place.converted = true;
    arena_reset(&misp->arena);
    if (attribute->object > 0) put.object = &event->objects[attribute->object - 1];
    if (!uuid_valid(attribute->uuid)) {
        refuse(misp, bytes_of(NULL, 0),
               "uuid: the attribute has none, so that nothing could tell its next version from another one");
        return OK;
    }
    put.type = misp_type_find(attribute->type);
    const char *bar = label_find(misp, &put);
    times_read(misp, &put);
    put.confidence = misp_confidence(event, attribute->tags);
    if (put.confidence < 0) put.confidence = misp_confidence(event, event->tags);
    if (gone(misp, &put, bar)) return OK;
    enum err err = form_of(misp, &put, &form);
    if (err != OK || form == MISP_FORM_COUNT) {
        if (put.type && misp_type_use(put.type) <= MISP_USE_RULE) withdraw_all(misp, attribute->uuid);
        return err;
    }
    withdraw(misp, form == MISP_INDICATOR ? MISP_OBSERVED : MISP_INDICATOR, attribute->uuid);
    misp->refused = false;
    misp_put_attribute(&misp->text, &put, form);
    err = deliver(misp);
    return err == OK && !misp->refused ? sightings_take(misp, &put) : err;
}

/* --- one event --- */

static void extras_leave(struct misp *misp, const struct misp_event *event) {
    static const char *const reasons[MISP_EXTRA_COUNT] = {
        [MISP_PROPOSALS] = "proposals (ShadowAttribute): accept them in MISP first",
        [MISP_REPORTS] = "event reports: text for people",
        [MISP_REFERENCES] = "references between objects",
        [MISP_OPINIONS] = "notes, opinions and relationships of analysts",
    };
    for (int i = 0; i < MISP_EXTRA_COUNT; i++)
        if (event->extras[i] > 0) leave_out(misp, event->extras[i], bytes_of(NULL, 0), reasons[i]);
}

/* True: it can be taken. What may not be here any more is withdrawn; a damaged event withdraws nothing. */
static bool event_judge(struct misp *misp, const struct misp_event *event) {
    char reason[INTAKE_REASON_BYTES] = "";
    enum tlp least = TLP_NONE;
    const char *bar = NULL, *narrow = distribution_bar(event->distribution, &least);
    if (event->event_count > 1)
        bar = "several events in one object; write them as a list";
    else if ((!uuid_valid(event->uuid) || (event->event_count == 0 && event->info.size == 0)) && event->attribute_count == 0)
        bar = "this is no MISP event: {\"Event\": {\"uuid\": ...}} is expected";
    else if (!uuid_valid(event->uuid))
        bar = "attributes without their event's uuid: its tags and its distribution are not known; export the event";
    else if (misp->options->misp_judge && !misp->options->misp_judge(misp->options->context, event, reason))
        bar = reason;
    for (size_t i = 0; !bar && narrow && i < event->attribute_count; i++)
        if (uuid_valid(event->attributes[i].uuid)) withdraw_all(misp, event->attributes[i].uuid);
    if (!bar) bar = narrow;
    if (bar) refuse(misp, event->uuid, bar);
    if (!bar && least != TLP_NONE && misp->options->note) {
        snprintf(reason, sizeof reason, "event %.*s has distribution %.*s: what it holds is %s, or more restrictive", UUID_CHARS,
                 (const char *)event->uuid.data, (int)event->distribution.size, (const char *)event->distribution.data,
                 tlp_name(least));
        misp->options->note(misp->options->context, &misp->place, reason);
    }
    return !bar;
}

static enum err on_value(void *context, struct bytes text, const struct intake_place *place) {
    struct misp *misp = context;
    struct jsonwalk_fault fault;
    enum err err = misp_reader_run(misp->reader, text, &fault);
    misp->place = *place;
    if (err == ERR_MEMORY) return err;
    if (err != OK) {
        misp->place = json_locate(misp->json, fault.offset);
        refuse(misp, bytes_of(NULL, 0), fault.reason);
        return fault.malformed ? err : OK;
    }
    const struct misp_event *event = misp_reader_event(misp->reader);
    misp->left_count = 0;
    if (!event_judge(misp, event)) return OK;
    for (size_t i = 0; i < event->attribute_count && err == OK; i++) err = attribute_take(misp, event, &event->attributes[i]);
    extras_leave(misp, event);
    left_tell(misp, place);
    return err;
}

/* An answer's wrapping: its events are taken one by one. */
static enum err on_shell(void *context, struct bytes text, const struct intake_place *place, bool complete, bool *enter) {
    (void)context, (void)text, (void)place, (void)complete;
    *enter = true;
    return OK;
}

static void on_refuse(void *context, const struct intake_place *place, const char *reason) {
    struct misp *misp = context;
    misp->options->refuse(misp->options->context, place, NULL, reason);
}

/* --- the stream --- */

struct misp *misp_new(const struct intake_options *options, uint64_t offset_first) {
    struct misp *misp = calloc(1, sizeof *misp);
    if (!misp) return NULL;
    struct json_handlers handlers = {
        .context = misp, .list = "response", .value = on_value, .shell = on_shell, .refuse = on_refuse};
    misp->options = options;
    misp->inner = *options;
    misp->inner.context = misp;
    misp->inner.accept = on_item;
    misp->inner.refuse = on_inner_refuse;
    misp->inner.note = NULL;
    buf_init(&misp->text, ITEM_TEXT_BYTES_MAX);
    misp->json = json_new(&handlers, MISP_EVENT_BYTES_MAX, offset_first);
    misp->stix = stix_new(&misp->inner, 0);
    misp->reader = misp_reader_new();
    if (misp->json && misp->stix && misp->reader) return misp;
    misp_free(misp);
    return NULL;
}

void misp_free(struct misp *misp) {
    if (!misp) return;
    json_free(misp->json);
    stix_free(misp->stix);
    misp_reader_free(misp->reader);
    arena_free(&misp->arena);
    buf_free(&misp->text);
    free(misp);
}

enum err misp_feed(struct misp *misp, struct bytes chunk) { return json_feed(misp->json, chunk); }
enum err misp_finish(struct misp *misp) { return json_finish(misp->json); }

/* --- what it looks like --- */

static bool blank(uint8_t c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

bool misp_likely(struct bytes head, bool *more) {
    static const char *const keys[] = {"Event", "response"};
    size_t at = 0;
    *more = true;
    while (at < head.size && (blank(head.data[at]) || head.data[at] == '[')) at++;
    if (at == head.size) return false;
    *more = false;
    if (head.data[at++] != '{') return false;
    while (at < head.size && blank(head.data[at])) at++;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char quoted[16];
        snprintf(quoted, sizeof quoted, "\"%s\"", keys[i]);
        size_t size = strlen(quoted), left = head.size - at;
        if (memcmp(head.data + at, quoted, left < size ? left : size) != 0) continue;
        *more = left < size;
        if (left >= size) return true;
    }
    return false;
}
