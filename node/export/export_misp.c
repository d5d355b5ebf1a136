/* MISP core format (draft-dulaunoy-misp-core-format): as one answer, or as a feed folder with manifest.json and hashes.csv, which a MISP
   fetches by itself. What was a MISP attribute becomes the same one again, in its event, with its UUIDs, tags and object; of other objects
   there is one event for each author and label. */
#include "node/export/misp_events.h"
#include "node/formats/json_out.h"
#include "node/formats/moment.h"
#include "node/formats/observable.h"

#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* How far a label lets an event go (2.2.1.14), at most what was asked for. It is the other direction of what publishing hears. */
static unsigned distribution_of(const struct export *work, enum tlp tlp) {
    unsigned widest = tlp == TLP_CLEAR ? 3 : tlp == TLP_GREEN ? 2 : tlp == TLP_AMBER ? 1 : 0;
    unsigned wanted = export_options_of(work)->distribution;
    return wanted < widest ? wanted : widest;
}

/* --- tags --- */

static bool is_tlp(struct bytes tag) {
    while (tag.size > 0 && tag.data[0] == ' ') tag = bytes_of(tag.data + 1, tag.size - 1);
    return tag.size > 4 && strncasecmp((const char *)tag.data, "tlp:", 4) == 0;
}

static void tag_out(struct json_out *json, struct bytes name) {
    json_out_object(json);
    json_out_key(json, "name");
    json_out_string(json, name);
    json_out_object_end(json);
}

/* The label that holds, and the tags of its author that are none. */
static void tags_out(struct json_out *json, enum tlp tlp, const struct bytes *tags, size_t count) {
    json_out_key(json, "Tag");
    json_out_array(json);
    tag_out(json, bytes_of_text(misp_label_tag(tlp)));
    for (size_t i = 0; i < count; i++)
        if (tags[i].size > 0 && !is_tlp(tags[i])) tag_out(json, tags[i]);
    json_out_array_end(json);
}

static uint64_t seconds_read(struct bytes text) {
    uint64_t value = 0;
    for (size_t i = 0; i < text.size && i < 11 && text.data[i] >= '0' && text.data[i] <= '9'; i++)
        value = value * 10 + (text.data[i] - '0');
    return value;
}

/* What its author says about the event stands in each of its attributes: the newest word holds. */
static void event_learn(struct export *work, struct misp_made *event, const struct misp_back *back) {
    uint64_t said_s = seconds_read(back->event_timestamp);
    struct buf tags = {0};
    struct json_out json = json_out_of(&tags);
    if (event->info.data && said_s <= event->said_s) return;
    event->said_s = said_s;
    event->info = export_keep(work, back->event_info);
    event->date = export_keep(work, back->event_date);
    event->threat_level = export_keep(work, back->threat_level);
    event->analysis = export_keep(work, back->analysis);
    event->extends = export_keep(work, back->extends);
    json.comma = true;
    for (size_t i = back->label_count - back->event_labels; i < back->label_count; i++)
        if (back->labels[i].size > 0 && !is_tlp(back->labels[i])) tag_out(&json, back->labels[i]);
    event->tags = export_keep(work, bytes_of_buf(&tags));
    buf_free(&tags);
}

/* --- attributes --- */

struct type {
    const char *name, *category;
    bool ids; /* fit for detection */
};

static struct type type_of(enum observable_kind kind) {
    switch (kind) {
    case OBSERVABLE_IPV4:
    case OBSERVABLE_IPV6: return (struct type){"ip-dst", "Network activity", true};
    case OBSERVABLE_DOMAIN: return (struct type){"domain", "Network activity", true};
    case OBSERVABLE_URL: return (struct type){"url", "Network activity", true};
    case OBSERVABLE_EMAIL: return (struct type){"email-src", "Payload delivery", true};
    case OBSERVABLE_MD5: return (struct type){"md5", "Payload delivery", true};
    case OBSERVABLE_SHA1: return (struct type){"sha1", "Payload delivery", true};
    case OBSERVABLE_SHA256: return (struct type){"sha256", "Payload delivery", true};
    case OBSERVABLE_SHA512: return (struct type){"sha512", "Payload delivery", true};
    default: return (struct type){"text", "Other", false};
    }
}

static void seconds_out(struct json_out *json, const char *key, uint64_t ms) {
    json_out_key(json, key);
    json_out_digits(json, ms / 1000);
}

static void text_out(struct json_out *json, const char *key, struct bytes text) {
    if (text.size == 0) return;
    json_out_key(json, key);
    json_out_string(json, text);
}

static void hash_line(struct misp_made *event, struct bytes value) {
    uint8_t digest[16];
    char hex[33];
    if (gnutls_hash_fast(GNUTLS_DIG_MD5, value.data, value.size, digest) != 0) return;
    hex_encode(hex, bytes_of(digest, sizeof digest));
    buf_put_text(&event->hashes, hex);
    buf_put_u8(&event->hashes, ',');
    buf_put_text(&event->hashes, event->uuid);
    buf_put_u8(&event->hashes, '\n');
}

/* Of composite values, a line for each part, as MISP does. */
static void hash_lines(const struct misp_events *state, struct misp_made *event, struct bytes type, struct bytes value) {
    bool composite = (type.size > 0 && memchr(type.data, '|', type.size)) || bytes_equal_text(type, "malware-sample");
    if (!state->feed) return;
    if (!composite) hash_line(event, value);
    for (size_t i = 0, start = 0; composite && i <= value.size; i++) {
        if (i < value.size && value.data[i] != '|') continue;
        hash_line(event, bytes_of(value.data + start, i - start));
        start = i + 1;
    }
}

static uint64_t moment_of(const struct answer *answer) {
    return answer->item.modified_ms ? answer->item.modified_ms : answer->arrived_ms;
}

static void attribute_start(struct json_out *json, const char *uuid, struct bytes type, struct bytes category, bool ids,
                            struct bytes value) {
    json_out_object(json);
    json_out_key(json, "uuid");
    json_out_text(json, uuid);
    json_out_key(json, "type");
    json_out_string(json, type);
    json_out_key(json, "category");
    json_out_string(json, category);
    json_out_key(json, "to_ids");
    json_out_bool(json, ids);
    json_out_key(json, "value");
    json_out_string(json, value);
}

/* 5: as the event. */
static void attribute_end(struct export *work, struct json_out *json, enum tlp tlp, uint64_t moment_ms, struct bytes comment) {
    unsigned own = distribution_of(work, tlp), widest = export_options_of(work)->distribution;
    json_out_key(json, "comment");
    json_out_string(json, comment);
    json_out_key(json, "distribution");
    json_out_text(json, own == widest ? "5" : own == 2 ? "2" : own == 1 ? "1" : "0");
    seconds_out(json, "timestamp", moment_ms);
}

static void value_put(struct export *work, struct misp_events *state, struct misp_made *event, const struct answer *answer,
                      struct observable observable) {
    struct type type = type_of(observable.kind);
    struct buf value = {0};
    char uuid[UUID_CHARS + 1];
    bool indicator = !bytes_equal_text(answer->item.type, "observed-data") && !answer->conjunction;
    observable_text(&value, observable);
    misp_made_uuid(uuid, type.name, answer->item.id, bytes_of_buf(&value));
    struct json_out json = json_out_of(&event->attributes);
    json.comma = event->attributes.size > 0;
    attribute_start(&json, uuid, bytes_of_text(type.name), bytes_of_text(type.category), type.ids && indicator,
                    bytes_of_buf(&value));
    attribute_end(work, &json, answer->tlp, moment_of(answer), answer->item.id);
    json_out_object_end(&json);
    hash_lines(state, event, bytes_of_text(type.name), bytes_of_buf(&value));
    buf_free(&value);
    export_written(work);
}

static void values_put(struct export *work, struct misp_events *state, const struct answer *answer) {
    unsigned wanted = export_options_of(work)->kinds_wanted;
    for (size_t i = 0; i < answer->item.observable_count; i++) {
        if (wanted && !(wanted & EXPORT_KIND(answer->item.observables[i].kind))) continue;
        struct misp_made *event = misp_made_of(work, state, answer, NULL);
        if (!event) {
            export_out(work)->failed = true;
            return;
        }
        if (moment_of(answer) > event->newest_ms) event->newest_ms = moment_of(answer);
        value_put(work, state, event, answer, answer->item.observables[i]);
        if (event->attributes.failed || event->hashes.failed) export_out(work)->failed = true;
    }
}

/* --- attributes that were some before --- */

/* In an event that had to get another UUID, everything gets one. */
static void uuid_again(char out[static UUID_CHARS + 1], const struct misp_made *event, struct bytes uuid) {
    if (event->derived) {
        misp_made_uuid(out, "within the event of another author", event->author, uuid);
    } else {
        memcpy(out, uuid.data, UUID_CHARS);
        out[UUID_CHARS] = 0;
    }
}

static bool part_add(struct export *work, struct misp_made *event, const struct misp_back *back, struct bytes attribute) {
    struct buf head = {0};
    struct json_out json = json_out_of(&head);
    char uuid[UUID_CHARS + 1];
    if (event->part_count == event->part_room) {
        size_t room = event->part_room ? 2 * event->part_room : 16;
        struct misp_part *grown = realloc(event->parts, room * sizeof *grown);
        if (!grown) return false;
        event->parts = grown, event->part_room = room;
    }
    uuid_again(uuid, event, back->object_uuid);
    json_out_key(&json, "uuid");
    json_out_text(&json, uuid);
    json_out_key(&json, "name");
    json_out_string(&json, back->object_name);
    text_out(&json, "meta-category", back->meta_category);
    text_out(&json, "template_uuid", back->template_uuid);
    text_out(&json, "template_version", back->template_version);
    text_out(&json, "comment", back->object_comment);
    struct misp_part *part = &event->parts[event->part_count];
    *part = (struct misp_part){.object = export_keep(work, back->object_uuid),
                               .head = export_keep(work, bytes_of_buf(&head)),
                               .attribute = export_keep(work, attribute),
                               .index = event->part_count};
    bool kept = !head.failed && part->head.size == head.size && part->attribute.size == attribute.size;
    buf_free(&head);
    event->part_count += kept;
    return kept;
}

static bool attribute_put(struct export *work, struct misp_events *state, const struct answer *answer,
                          const struct misp_back *back) {
    struct misp_made *event = misp_made_of(work, state, answer, back);
    struct bytes id = answer->item.id;
    struct buf text = {0};
    struct json_out json = json_out_of(&text);
    char uuid[UUID_CHARS + 1];
    /* The object's own time is also that of what its event said last. */
    uint64_t updated_ms = seconds_read(back->updated) * 1000;
    if (!event || id.size <= UUID_CHARS) return false;
    event_learn(work, event, back);
    if (moment_of(answer) > event->newest_ms) event->newest_ms = moment_of(answer);
    uuid_again(uuid, event, bytes_of(id.data + id.size - UUID_CHARS, UUID_CHARS));
    attribute_start(&json, uuid, back->type, back->category, back->to_ids, back->value);
    attribute_end(work, &json, answer->tlp, updated_ms ? updated_ms : moment_of(answer),
                  back->description.size ? back->description : back->comment);
    text_out(&json, "first_seen", back->first_seen);
    text_out(&json, "last_seen", back->last_seen);
    if (back->object_uuid.size > 0) text_out(&json, "object_relation", back->relation);
    tags_out(&json, answer->tlp, back->labels, back->label_count - back->event_labels);
    json_out_object_end(&json);
    bool put = !text.failed;
    if (put && back->object_uuid.size > 0) {
        put = part_add(work, event, back, bytes_of_buf(&text));
    } else if (put) {
        if (event->attributes.size > 0) buf_put_u8(&event->attributes, ',');
        buf_put(&event->attributes, bytes_of_buf(&text));
        put = !event->attributes.failed;
    }
    buf_free(&text);
    hash_lines(state, event, back->type, back->value);
    export_written(work);
    return put && !event->hashes.failed;
}

static bool kind_wanted(const struct export *work, const struct item *item) {
    unsigned wanted = export_options_of(work)->kinds_wanted;
    for (size_t i = 0; wanted && i < item->observable_count; i++)
        if (wanted & EXPORT_KIND(item->observables[i].kind)) return true;
    return !wanted;
}

static void object_put(struct export *work, const struct answer *answer) {
    struct misp_events *state = misp_events_of(work);
    if (!state) return;
    const struct misp_back *back = misp_back_read(state->reader, &answer->item);
    if (!back)
        values_put(work, state, answer);
    else if (kind_wanted(work, &answer->item) && !attribute_put(work, state, answer, back))
        export_out(work)->failed = true;
}

/* --- writing events --- */

static void facts_made(struct json_out *json, const struct misp_made *event) {
    struct buf info = {0};
    char date[MOMENT_TEXT_BYTES];
    moment_text(date, event->newest_ms);
    date[10] = 0;
    buf_put_format(&info, "Indicators of %.*s, %s (Comity)", (int)event->author.size, (const char *)event->author.data,
                   tlp_name(event->tlp));
    json_out_key(json, "info");
    json_out_string(json, event->info.size ? event->info : bytes_of_buf(&info));
    json_out_key(json, "date");
    json_out_string(json, event->date.size ? event->date : bytes_of_text(date));
    json_out_key(json, "threat_level_id");
    json_out_string(json, event->threat_level.size ? event->threat_level : bytes_of_text("4"));
    json_out_key(json, "analysis");
    json_out_string(json, event->analysis.size ? event->analysis : bytes_of_text("2"));
    buf_free(&info);
}

/* The organisation that made it is the agency whose node signed it, whatever the event said about itself. */
static void event_facts(struct json_out *json, const struct misp_made *event) {
    char organisation[UUID_CHARS + 1];
    uint64_t newest_ms = event->said_s * 1000 > event->newest_ms ? event->said_s * 1000 : event->newest_ms;
    facts_made(json, event);
    seconds_out(json, "timestamp", newest_ms);
    misp_made_uuid(organisation, "organisation", event->author, bytes_of(NULL, 0));
    json_out_key(json, "Orgc");
    json_out_object(json);
    json_out_key(json, "name");
    json_out_string(json, event->author);
    json_out_key(json, "uuid");
    json_out_text(json, organisation);
    json_out_object_end(json);
    json_out_key(json, "Tag");
    json_out_array(json);
    tag_out(json, bytes_of_text(misp_label_tag(event->tlp)));
    buf_put(json->out, event->tags);
    json_out_array_end(json);
}

static int part_compare(const void *a, const void *b) {
    const struct misp_part *x = a, *y = b;
    int order = bytes_compare(x->object, y->object);
    return order ? order : x->index < y->index ? -1 : 1;
}

static void objects_out(struct json_out *json, struct misp_made *event) {
    if (event->part_count == 0) return;
    qsort(event->parts, event->part_count, sizeof *event->parts, part_compare);
    json_out_key(json, "Object");
    json_out_array(json);
    for (size_t i = 0; i < event->part_count; i++) {
        bool first = i == 0 || !bytes_equal(event->parts[i].object, event->parts[i - 1].object);
        bool last = i + 1 == event->part_count || !bytes_equal(event->parts[i].object, event->parts[i + 1].object);
        if (first) {
            json_out_object(json);
            json_out_raw(json, event->parts[i].head);
            json_out_key(json, "distribution");
            json_out_text(json, "5");
            seconds_out(json, "timestamp", event->newest_ms);
            json_out_key(json, "Attribute");
            json_out_array(json);
        }
        json_out_raw(json, event->parts[i].attribute);
        if (!last) continue;
        json_out_array_end(json);
        json_out_object_end(json);
    }
    json_out_array_end(json);
}

static void event_put(struct export *work, struct misp_made *event) {
    struct json_out json = json_out_of(export_out(work));
    char distribution[2] = {(char)('0' + distribution_of(work, event->tlp)), 0};
    json_out_object(&json);
    json_out_key(&json, "Event");
    json_out_object(&json);
    json_out_key(&json, "uuid");
    json_out_text(&json, event->uuid);
    json_out_key(&json, "distribution");
    json_out_text(&json, distribution); /* 0 unless asked for: nothing spreads further by itself */
    json_out_key(&json, "published");
    json_out_bool(&json, false);
    text_out(&json, "extends_uuid", event->extends);
    event_facts(&json, event);
    json_out_key(&json, "Attribute");
    json_out_array(&json);
    export_put_long(work, bytes_of_buf(&event->attributes));
    json_out_array_end(&json);
    objects_out(&json, event);
    json_out_object_end(&json);
    json_out_object_end(&json);
    json_out_line(&json);
}

static void answer_tail(struct export *work) {
    struct misp_events *state = export_state(work, sizeof *state);
    buf_put_text(export_out(work), "{\"response\":[");
    for (size_t i = 0; state && i < state->count; i++) {
        if (i > 0) buf_put_u8(export_out(work), ',');
        event_put(work, &state->events[i]);
    }
    buf_put_text(export_out(work), "]}\n");
}

const struct export_format export_misp = {
    .name = "misp",
    .summary = "MISP events: those that were published as such, and one for each author and label",
    .kinds = EXPORT_ALL_KINDS,
    .values = true,
    .object = object_put,
    .tail = answer_tail,
    .release = misp_events_release,
};

/* --- feed --- */

static void feed_head(struct export *work) {
    struct misp_events *state = export_state(work, sizeof *state);
    if (state) state->feed = true;
}

/* Events first: the manifest tells of nothing that is not there. */
static void feed_tail(struct export *work) {
    struct misp_events *state = export_state(work, sizeof *state);
    char name[UUID_CHARS + 8];
    for (size_t i = 0; state && i < state->count; i++) {
        snprintf(name, sizeof name, "%s.json", state->events[i].uuid);
        export_file(work, name);
        event_put(work, &state->events[i]);
    }
    export_file(work, "hashes.csv");
    for (size_t i = 0; state && i < state->count; i++) buf_put(export_out(work), bytes_of_buf(&state->events[i].hashes));
    export_file(work, "manifest.json");
    struct json_out json = json_out_of(export_out(work));
    json_out_object(&json);
    for (size_t i = 0; state && i < state->count; i++) {
        json_out_key(&json, state->events[i].uuid);
        json_out_object(&json);
        event_facts(&json, &state->events[i]);
        json_out_object_end(&json);
    }
    json_out_object_end(&json);
    json_out_line(&json);
}

const struct export_format export_misp_feed = {
    .name = "misp-feed",
    .summary = "a MISP feed folder: events, manifest.json, hashes.csv",
    .kinds = EXPORT_ALL_KINDS,
    .folder = true,
    .values = true,
    .head = feed_head,
    .object = object_put,
    .tail = feed_tail,
    .release = misp_events_release,
};
