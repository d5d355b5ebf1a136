#include "node/formats/misp_put.h"

#include "node/formats/json_out.h"
#include "node/formats/misp.h"
#include "node/formats/moment.h"

#include <stdio.h>
#include <string.h>

/* The name space of sightings' ids. */
static const uint8_t space[UUID_BYTES] = {0x9e, 0x21, 0x4d, 0x0b, 0x6f, 0x3a, 0x4c, 0x55,
                                          0x8d, 0x10, 0x77, 0x3e, 0x02, 0xb9, 0x5a, 0xc4};

void misp_id(char out[static MISP_ID_BYTES], enum misp_form form, struct bytes uuid) {
    const char *head = form == MISP_INDICATOR ? "indicator--" : "observed-data--";
    size_t size = strlen(head);
    memcpy(out, head, size);
    for (size_t i = 0; i < uuid.size && i < UUID_CHARS; i++) {
        uint8_t c = uuid.data[i];
        out[size++] = (char)(c >= 'A' && c <= 'F' ? c + ('a' - 'A') : c);
    }
    out[size] = 0;
}

static void text_out(struct json_out *json, const char *key, struct bytes text) {
    if (text.size == 0) return;
    json_out_key(json, key);
    json_out_string(json, text);
}

static void time_out(struct json_out *json, const char *key, uint64_t ms) {
    if (ms == 0) return;
    json_out_key(json, key);
    json_out_time(json, ms);
}

/* --- tags --- */

static bool tag_among(const struct misp_event *event, struct misp_span tags, struct bytes name) {
    for (size_t i = 0; i < tags.count; i++)
        if (bytes_equal(event->tag_names[tags.first + i], name)) return true;
    return false;
}

/* The attribute's own tags and those of its object, then those of the event: how many these are stands in the extension, so that each
   comes back where it was. */
static uint64_t labels_out(struct json_out *json, const struct misp_put *put) {
    const struct misp_event *event = put->event;
    const struct misp_span spans[] = {put->attribute->tags, put->object ? put->object->tags : (struct misp_span){0}, event->tags};
    uint64_t count = 0, of_event = 0;
    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < spans[k].count; i++) {
            struct bytes name = event->tag_names[spans[k].first + i];
            if (name.size == 0 || (k < 2 && tag_among(event, event->tags, name))) continue;
            if (count++ == 0) {
                json_out_key(json, "labels");
                json_out_array(json);
            }
            json_out_string(json, name);
            of_event += k == 2;
        }
    if (count > 0) json_out_array_end(json);
    return of_event;
}

static const struct {
    const char *tag;
    int confidence;
} confidences[] = {
    {"misp:confidence-level=\"completely-confident\"", 100},
    {"misp:confidence-level=\"usually-confident\"", 75},
    {"misp:confidence-level=\"fairly-confident\"", 50},
    {"misp:confidence-level=\"rarely-confident\"", 25},
    {"misp:confidence-level=\"unconfident\"", 0},
    {"estimative-language:confidence-in-analytic-judgment=\"high\"", 95},
    {"estimative-language:confidence-in-analytic-judgment=\"moderate\"", 55},
    {"estimative-language:confidence-in-analytic-judgment=\"low\"", 0},
};

int misp_confidence(const struct misp_event *event, struct misp_span tags) {
    for (size_t i = 0; i < tags.count; i++)
        for (size_t k = 0; k < sizeof confidences / sizeof *confidences; k++)
            if (bytes_equal_text(event->tag_names[tags.first + i], confidences[k].tag)) return confidences[k].confidence;
    return -1;
}

/* --- the extension --- */

static void extension_event(struct json_out *json, const struct misp_event *event, uint64_t tags) {
    json_out_key(json, "event");
    json_out_object(json);
    text_out(json, "uuid", event->uuid);
    text_out(json, "info", event->info);
    text_out(json, "date", event->date);
    text_out(json, "timestamp", event->timestamp);
    text_out(json, "threat_level_id", event->threat_level);
    text_out(json, "analysis", event->analysis);
    text_out(json, "extends_uuid", event->extends);
    text_out(json, "orgc", event->creator);
    text_out(json, "orgc_uuid", event->creator_id);
    json_out_key(json, "tags");
    json_out_uint(json, tags);
    json_out_object_end(json);
}

static void extension_object(struct json_out *json, const struct misp_put *put) {
    const struct misp_object *object = put->object;
    json_out_key(json, "object");
    json_out_object(json);
    text_out(json, "uuid", object->uuid);
    text_out(json, "name", object->name);
    text_out(json, "meta-category", object->meta_category);
    text_out(json, "template_uuid", object->template_uuid);
    text_out(json, "template_version", object->template_version);
    text_out(json, "comment", object->comment);
    text_out(json, "object_relation", put->attribute->relation);
    json_out_object_end(json);
}

static void extension_out(struct json_out *json, const struct misp_put *put, enum misp_form form, uint64_t tags) {
    const struct misp_attribute *attribute = put->attribute;
    json_out_key(json, "extensions");
    json_out_object(json);
    json_out_key(json, MISP_EXTENSION);
    json_out_object(json);
    json_out_key(json, "extension_type");
    json_out_text(json, "property-extension");
    extension_event(json, put->event, tags);
    json_out_key(json, "attribute");
    json_out_object(json);
    text_out(json, "type", attribute->type);
    text_out(json, "category", attribute->category);
    text_out(json, "value", attribute->value);
    if (form == MISP_OBSERVED) text_out(json, "comment", attribute->comment); /* observed-data has no description */
    text_out(json, "first_seen", attribute->first_seen);
    text_out(json, "last_seen", attribute->last_seen);
    text_out(json, "updated", attribute->timestamp); /* the object's own time is also that of the event */
    json_out_key(json, "to_ids");
    json_out_bool(json, put->to_ids);
    json_out_object_end(json);
    if (put->object) extension_object(json, put);
    json_out_object_end(json);
    json_out_object_end(json);
}

/* --- objects --- */

static void start(struct json_out *json, const char *type, const char *id, uint64_t created_ms, uint64_t modified_ms) {
    json_out_object(json);
    json_out_key(json, "type");
    json_out_text(json, type);
    json_out_key(json, "spec_version");
    json_out_text(json, "2.1");
    json_out_key(json, "id");
    json_out_text(json, id);
    json_out_key(json, "created");
    json_out_time(json, created_ms);
    json_out_key(json, "modified");
    json_out_time(json, modified_ms);
}

static void marking_out(struct json_out *json, enum tlp tlp) {
    if (tlp == TLP_NONE) return;
    json_out_key(json, "object_marking_refs");
    json_out_array(json);
    json_out_text(json, tlp_marking_id(tlp));
    json_out_array_end(json);
}

static void pattern_out(struct json_out *json, const struct misp_put *put) {
    struct buf pattern = {0};
    bool rule = misp_type_use(put->type) == MISP_USE_RULE;
    if (!rule) misp_type_pattern(&pattern, put->type, &put->value);
    if (pattern.failed) json->out->failed = true;
    json_out_key(json, "pattern");
    json_out_string(json, rule ? put->attribute->value : bytes_of_buf(&pattern));
    json_out_key(json, "pattern_type");
    json_out_text(json, rule ? misp_type_language(put->type) : "stix");
    time_out(json, "valid_from", put->seen_first_ms ? put->seen_first_ms : put->stated_ms);
    time_out(json, "valid_until", put->until_ms);
    buf_free(&pattern);
}

static void observed_out(struct json_out *json, const struct misp_put *put) {
    uint64_t first = put->seen_first_ms ? put->seen_first_ms : put->stated_ms;
    struct buf objects = {0};
    (void)misp_type_observables(&objects, put->type, &put->value);
    if (objects.failed) json->out->failed = true;
    time_out(json, "first_observed", first);
    time_out(json, "last_observed", put->seen_last_ms > first ? put->seen_last_ms : first);
    json_out_key(json, "number_observed");
    json_out_uint(json, 1);
    json_out_key(json, "objects");
    json_out_object(json);
    json_out_raw(json, bytes_of_buf(&objects));
    json_out_object_end(json);
    buf_free(&objects);
}

void misp_put_attribute(struct buf *out, const struct misp_put *put, enum misp_form form) {
    struct json_out json = json_out_of(out);
    char id[MISP_ID_BYTES];
    misp_id(id, form, put->attribute->uuid);
    start(&json, form == MISP_INDICATOR ? "indicator" : "observed-data", id, put->created_ms, put->modified_ms);
    if (form == MISP_INDICATOR) text_out(&json, "description", put->attribute->comment);
    form == MISP_INDICATOR ? pattern_out(&json, put) : observed_out(&json, put);
    if (put->confidence >= 0) {
        json_out_key(&json, "confidence");
        json_out_uint(&json, (uint64_t)put->confidence);
    }
    uint64_t tags = labels_out(&json, put);
    marking_out(&json, put->tlp);
    extension_out(&json, put, form, tags);
    json_out_object_end(&json);
}

void misp_put_sighting(struct buf *out, const struct misp_put *put, const struct misp_sighting *sighting, uint64_t moment_ms) {
    struct json_out json = json_out_of(out);
    bool wrong = bytes_equal_text(sighting->type, "1");
    uint8_t uuid[UUID_BYTES];
    char id[MISP_ID_BYTES], of[MISP_ID_BYTES], text[UUID_CHARS + 1];
    struct buf name = {0};
    /* Sources and organisations name who saw it; they stay here, but tell two sightings of one second apart. */
    const struct bytes parts[] = {put->attribute->uuid, sighting->uuid,   sighting->date,
                                  sighting->type,       sighting->source, sighting->organisation};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        buf_put_u32(&name, (uint32_t)parts[i].size);
        buf_put(&name, parts[i]);
    }
    if (name.failed) out->failed = true;
    uuid_v5(uuid, space, bytes_of_buf(&name));
    uuid_text(text, uuid);
    snprintf(id, sizeof id, "%s--%s", wrong ? "opinion" : "sighting", text);
    misp_id(of, put->to_ids ? MISP_INDICATOR : MISP_OBSERVED, put->attribute->uuid);
    /* Its labels are the event's, whose later word is another version of it. */
    start(&json, wrong ? "opinion" : "sighting", id, moment_ms, put->modified_ms > moment_ms ? put->modified_ms : moment_ms);
    if (wrong) {
        json_out_key(&json, "opinion");
        json_out_text(&json, "strongly-disagree");
        json_out_key(&json, "explanation");
        json_out_text(&json, "a false positive");
        json_out_key(&json, "object_refs");
        json_out_array(&json);
        json_out_text(&json, of);
        json_out_array_end(&json);
    } else {
        json_out_key(&json, "sighting_of_ref");
        json_out_text(&json, of);
        time_out(&json, "first_seen", moment_ms);
        time_out(&json, "last_seen", moment_ms);
        json_out_key(&json, "count");
        json_out_uint(&json, 1);
    }
    (void)labels_out(&json, put);
    marking_out(&json, put->tlp);
    json_out_object_end(&json);
    buf_free(&name);
}
