/* MISP core format (draft-dulaunoy-misp-core-format): one event for each author and label, as one answer or as a feed folder with
   manifest.json and hashes.csv, which a MISP fetches by itself. */
#include "node/export/export.h"
#include "node/formats/json_out.h"
#include "node/formats/moment.h"
#include "node/formats/observable.h"
#include "node/formats/uuid.h"

#include <gnutls/crypto.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define EVENTS_MAX 512 /* authors times labels */

struct event {
    struct bytes author;
    enum tlp tlp;
    char uuid[UUID_CHARS + 1];
    struct buf attributes; /* JSON, commas between */
    struct buf hashes;     /* lines of hashes.csv */
    uint64_t newest_ms;
};
struct state {
    struct event events[EVENTS_MAX];
    size_t count;
    bool feed;
};

/* The name space of what is derived here. */
static const uint8_t space[UUID_BYTES] = {0x1d, 0x4f, 0x8c, 0x0e, 0x37, 0x55, 0x4d, 0x12,
                                          0xb6, 0xaa, 0x0f, 0x5e, 0x91, 0x60, 0x2c, 0x47};

static void uuid_of(char out[static UUID_CHARS + 1], const char *what, struct bytes a, struct bytes b) {
    struct buf name = {0};
    uint8_t uuid[UUID_BYTES];
    buf_put_text(&name, what);
    buf_put_u32(&name, (uint32_t)a.size);
    buf_put(&name, a);
    buf_put(&name, b);
    uuid_v5(uuid, space, bytes_of_buf(&name));
    uuid_text(out, uuid);
    buf_free(&name);
}

static const char *label_tag(enum tlp tlp) {
    static const char *const tags[] = {"tlp:unclear", "tlp:clear", "tlp:green", "tlp:amber", "tlp:amber+strict", "tlp:red"};
    return tags[tlp];
}

static struct event *event_of(struct state *state, const struct export_row *row) {
    for (size_t i = 0; i < state->count; i++)
        if (state->events[i].tlp == row->tlp && bytes_equal(state->events[i].author, row->author)) return &state->events[i];
    if (state->count == EVENTS_MAX) return NULL;
    struct event *event = &state->events[state->count++];
    event->author = row->author;
    event->tlp = row->tlp;
    uuid_of(event->uuid, "event", row->author, bytes_of_text(label_tag(row->tlp)));
    return event;
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
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, ms / 1000);
    json_out_key(json, key);
    json_out_text(json, text);
}

static void hash_line(struct event *event, struct bytes value) {
    uint8_t digest[16];
    char hex[33];
    if (gnutls_hash_fast(GNUTLS_DIG_MD5, value.data, value.size, digest) != 0) return;
    hex_encode(hex, bytes_of(digest, sizeof digest));
    buf_put_format(&event->hashes, "%s,%s\n", hex, event->uuid);
}

static void attribute_put(struct export *work, const struct export_row *row) {
    struct state *state = export_state(work, sizeof *state);
    struct event *event = state ? event_of(state, row) : NULL;
    struct type type = type_of(row->value.kind);
    struct buf value = {0};
    char uuid[UUID_CHARS + 1];
    if (!event) return;
    uint64_t moment_ms = row->modified_ms ? row->modified_ms : row->arrived_ms;
    if (moment_ms > event->newest_ms) event->newest_ms = moment_ms;
    observable_text(&value, row->value);
    uuid_of(uuid, type.name, row->id, bytes_of_buf(&value));
    struct json_out json = json_out_of(&event->attributes);
    json.comma = event->attributes.size > 0;
    json_out_object(&json);
    json_out_key(&json, "uuid");
    json_out_text(&json, uuid);
    json_out_key(&json, "type");
    json_out_text(&json, type.name);
    json_out_key(&json, "category");
    json_out_text(&json, type.category);
    json_out_key(&json, "to_ids");
    json_out_bool(&json, type.ids);
    json_out_key(&json, "value");
    json_out_string(&json, bytes_of_buf(&value));
    json_out_key(&json, "comment");
    json_out_string(&json, row->id);
    seconds_out(&json, "timestamp", moment_ms);
    json_out_object_end(&json);
    if (state->feed) hash_line(event, bytes_of_buf(&value));
    if (event->attributes.failed) export_out(work)->failed = true;
    buf_free(&value);
}

/* --- events --- */

static void event_facts(struct json_out *json, const struct event *event) {
    struct buf info = {0};
    char date[MOMENT_TEXT_BYTES], organisation[UUID_CHARS + 1];
    moment_text(date, event->newest_ms);
    date[10] = 0;
    buf_put_format(&info, "Indicators of %.*s, %s (Comity)", (int)event->author.size, (const char *)event->author.data,
                   tlp_name(event->tlp));
    uuid_of(organisation, "organisation", event->author, bytes_of(NULL, 0));
    json_out_key(json, "info");
    json_out_string(json, bytes_of_buf(&info));
    json_out_key(json, "date");
    json_out_text(json, date);
    seconds_out(json, "timestamp", event->newest_ms);
    json_out_key(json, "threat_level_id");
    json_out_text(json, "4");
    json_out_key(json, "analysis");
    json_out_text(json, "2");
    json_out_key(json, "Orgc");
    json_out_object(json);
    json_out_key(json, "name");
    json_out_string(json, event->author);
    json_out_key(json, "uuid");
    json_out_text(json, organisation);
    json_out_object_end(json);
    json_out_key(json, "Tag");
    json_out_array(json);
    json_out_object(json);
    json_out_key(json, "name");
    json_out_text(json, label_tag(event->tlp));
    json_out_object_end(json);
    json_out_array_end(json);
    buf_free(&info);
}

static void event_put(struct export *work, struct event *event) {
    struct json_out json = json_out_of(export_out(work));
    json_out_object(&json);
    json_out_key(&json, "Event");
    json_out_object(&json);
    json_out_key(&json, "uuid");
    json_out_text(&json, event->uuid);
    json_out_key(&json, "distribution");
    json_out_text(&json, "0"); /* this organisation only: nothing spreads further by itself */
    json_out_key(&json, "published");
    json_out_bool(&json, false);
    event_facts(&json, event);
    json_out_key(&json, "Attribute");
    json_out_array(&json);
    json_out_raw(&json, bytes_of_buf(&event->attributes));
    json_out_array_end(&json);
    json_out_object_end(&json);
    json_out_object_end(&json);
    json_out_line(&json);
}

static void state_release(void *memory) {
    struct state *state = memory;
    for (size_t i = 0; i < state->count; i++) {
        buf_free(&state->events[i].attributes);
        buf_free(&state->events[i].hashes);
    }
}

static void answer_tail(struct export *work) {
    struct state *state = export_state(work, sizeof *state);
    buf_put_text(export_out(work), "{\"response\":[");
    for (size_t i = 0; state && i < state->count; i++) {
        if (i > 0) buf_put_u8(export_out(work), ',');
        event_put(work, &state->events[i]);
    }
    buf_put_text(export_out(work), "]}\n");
}

const struct export_format export_misp = {
    .name = "misp",
    .summary = "MISP events, one for each author and label",
    .kinds = EXPORT_ALL_KINDS,
    .row = attribute_put,
    .tail = answer_tail,
    .release = state_release,
};

/* --- feed --- */

static void feed_head(struct export *work) {
    struct state *state = export_state(work, sizeof *state);
    if (state) state->feed = true;
}

/* Events first: the manifest tells of nothing that is not there. */
static void feed_tail(struct export *work) {
    struct state *state = export_state(work, sizeof *state);
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
    .head = feed_head,
    .row = attribute_put,
    .tail = feed_tail,
    .release = state_release,
};
