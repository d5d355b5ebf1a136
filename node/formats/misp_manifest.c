#include "node/formats/misp_manifest.h"

#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    struct misp_manifest *manifest;
    size_t room, depth;
    bool timestamp; /* it comes next */
    bool bad_uuid, too_many, memory_short;
};

void misp_manifest_free(struct misp_manifest *manifest) {
    free(manifest->events);
    free(manifest->hashes);
    *manifest = (struct misp_manifest){0};
}

static struct intake_place place_at(struct bytes text, size_t offset) {
    struct intake_place place = {.byte_offset = offset, .line = 1, .column = 1};
    for (size_t i = 0; i < offset && i < text.size; i++) {
        place.column = text.data[i] == '\n' ? 1 : place.column + 1;
        place.line += text.data[i] == '\n';
    }
    return place;
}

static void uuid_lower(char out[static UUID_CHARS + 1], struct bytes uuid) {
    for (size_t i = 0; i < UUID_CHARS; i++) {
        uint8_t c = uuid.data[i];
        out[i] = (char)(c >= 'A' && c <= 'F' ? c + ('a' - 'A') : c);
    }
    out[UUID_CHARS] = 0;
}

/* --- manifest.json: {"UUID": {"timestamp": "...", ...}, ...} --- */

static void on_open(void *context, bool object) {
    struct reading *reading = context;
    (void)object;
    reading->depth++;
    reading->timestamp = false;
}

static void on_close(void *context, bool object) {
    struct reading *reading = context;
    (void)object;
    reading->depth--;
}

static void event_add(struct reading *reading, struct bytes uuid) {
    struct misp_manifest *manifest = reading->manifest;
    if (manifest->event_count == MISP_MANIFEST_EVENTS_MAX) {
        reading->too_many = true;
        return;
    }
    if (manifest->event_count == reading->room) {
        size_t room = reading->room ? 2 * reading->room : 256;
        struct misp_listed *grown = realloc(manifest->events, room * sizeof *grown);
        if (!grown) {
            reading->memory_short = true;
            return;
        }
        manifest->events = grown, reading->room = room;
    }
    struct misp_listed *event = &manifest->events[manifest->event_count++];
    event->timestamp = 0;
    uuid_lower(event->uuid, uuid);
}

static void on_key(void *context, struct bytes key) {
    struct reading *reading = context;
    reading->timestamp = reading->depth == 2 && bytes_equal_text(key, "timestamp");
    if (reading->depth != 1) return;
    if (uuid_valid(key))
        event_add(reading, key);
    else
        reading->bad_uuid = true;
}

static void value_take(struct reading *reading, struct bytes text) {
    struct misp_manifest *manifest = reading->manifest;
    uint64_t value = 0;
    if (!reading->timestamp || manifest->event_count == 0 || text.size > 11) return;
    for (size_t i = 0; i < text.size && text.data[i] >= '0' && text.data[i] <= '9'; i++) value = value * 10 + (text.data[i] - '0');
    manifest->events[manifest->event_count - 1].timestamp = value;
    reading->timestamp = false;
}

static void on_string(void *context, struct bytes value) { value_take(context, value); }

static void on_scalar(void *context, enum jsonwalk_scalar scalar, struct bytes number) {
    if (scalar == JSONWALK_NUMBER) value_take(context, number);
}

static const struct jsonwalk_events events = {
    .open = on_open, .close = on_close, .key = on_key, .string = on_string, .scalar = on_scalar};

static int event_compare(const void *a, const void *b) {
    return strcmp(((const struct misp_listed *)a)->uuid, ((const struct misp_listed *)b)->uuid);
}

static enum err manifest_fail(const struct reading *reading, char *reason) {
    if (reading->memory_short) return ERR_MEMORY;
    if (reading->too_many) snprintf(reason, INTAKE_REASON_BYTES, "more than %d events", MISP_MANIFEST_EVENTS_MAX);
    if (reading->bad_uuid) snprintf(reason, INTAKE_REASON_BYTES, "a name in it is no UUID of an event; this is no feed's manifest");
    for (size_t i = 1; i < reading->manifest->event_count && !reason[0]; i++)
        if (event_compare(&reading->manifest->events[i - 1], &reading->manifest->events[i]) == 0)
            snprintf(reason, INTAKE_REASON_BYTES, "%s stands twice", reading->manifest->events[i].uuid);
    return reason[0] ? ERR_SYNTAX : OK;
}

enum err misp_manifest_read(struct misp_manifest *out, struct bytes json, struct intake_place *place,
                            char reason[static INTAKE_REASON_BYTES]) {
    struct reading reading = {.manifest = out};
    struct jsonwalk_fault fault = {0};
    struct jsonwalk *walk = jsonwalk_new(&events);
    if (!walk) return ERR_MEMORY;
    reason[0] = 0;
    *place = (struct intake_place){.line = 1, .column = 1};
    enum err err = jsonwalk_run(walk, json, &reading, &fault);
    jsonwalk_free(walk);
    if (err == ERR_MEMORY) return err;
    if (err != OK) {
        *place = place_at(json, fault.offset);
        snprintf(reason, INTAKE_REASON_BYTES, "%s", fault.reason);
        return err;
    }
    if (out->event_count > 1) qsort(out->events, out->event_count, sizeof *out->events, event_compare);
    return manifest_fail(&reading, reason);
}

/* --- hashes.csv: one "MD5,UUID" a line --- */

static int hash_compare(const void *a, const void *b) {
    const struct misp_hash *x = a, *y = b;
    if (x->event != y->event) return x->event < y->event ? -1 : 1;
    return memcmp(x->hash, y->hash, MISP_HASH_BYTES);
}

static bool line_read(const struct misp_manifest *manifest, struct bytes line, struct misp_hash *out, bool *known) {
    struct misp_listed wanted;
    if (line.size != 2 * MISP_HASH_BYTES + 1 + UUID_CHARS || line.data[2 * MISP_HASH_BYTES] != ',') return false;
    struct bytes uuid = bytes_of(line.data + 2 * MISP_HASH_BYTES + 1, UUID_CHARS);
    if (!uuid_valid(uuid) || !hex_decode(out->hash, MISP_HASH_BYTES, bytes_of(line.data, 2 * MISP_HASH_BYTES))) return false;
    uuid_lower(wanted.uuid, uuid);
    const struct misp_listed *event =
        manifest->event_count ? bsearch(&wanted, manifest->events, manifest->event_count, sizeof *manifest->events, event_compare)
                              : NULL;
    *known = event != NULL;
    if (event) out->event = (uint32_t)(event - manifest->events);
    return true;
}

enum err misp_manifest_hashes(struct misp_manifest *manifest, struct bytes csv, struct intake_place *place,
                              char reason[static INTAKE_REASON_BYTES]) {
    size_t room = csv.size / (2 * MISP_HASH_BYTES + 1 + UUID_CHARS) + 1, count = 0, start = 0;
    struct misp_hash *hashes = calloc(room, sizeof *hashes);
    if (!hashes) return ERR_MEMORY;
    for (size_t i = 0; i <= csv.size; i++) {
        if (i < csv.size && csv.data[i] != '\n') continue;
        struct bytes line = bytes_of(csv.data + start, i - start);
        bool known;
        if (line.size > 0 && line.data[line.size - 1] == '\r') line.size--;
        if (line.size > 0 && !line_read(manifest, line, &hashes[count], &known)) {
            *place = place_at(csv, start);
            snprintf(reason, INTAKE_REASON_BYTES, "\"MD5,UUID\" is expected: 32 hexadecimal digits, a comma, an event's UUID");
            free(hashes);
            return ERR_SYNTAX;
        }
        count += line.size > 0 && known;
        start = i + 1;
    }
    if (count > 1) qsort(hashes, count, sizeof *hashes, hash_compare);
    free(manifest->hashes);
    manifest->hashes = hashes;
    manifest->hash_count = count;
    return OK;
}

/* --- an event --- */

struct found {
    const struct misp_hash *hashes; /* of the event, in order */
    size_t count;
    uint8_t *seen;
};

static void value_find(struct found *found, struct bytes value) {
    struct misp_hash wanted = {.event = found->hashes[0].event};
    if (gnutls_hash_fast(GNUTLS_DIG_MD5, value.data, value.size, wanted.hash) != 0) return;
    const struct misp_hash *hash = bsearch(&wanted, found->hashes, found->count, sizeof wanted, hash_compare);
    if (!hash) return;
    size_t at = (size_t)(hash - found->hashes);
    while (at > 0 && hash_compare(&found->hashes[at - 1], hash) == 0) at--;
    for (; at < found->count && hash_compare(&found->hashes[at], hash) == 0; at++) found->seen[at] = 1;
}

/* Of composite values the feed lists the parts. */
static void attribute_find(struct found *found, struct bytes value) {
    size_t start = 0;
    value_find(found, value);
    for (size_t i = 0; value.size > 0 && i <= value.size; i++) {
        if (i < value.size && value.data[i] != '|') continue;
        if (i - start < value.size) value_find(found, bytes_of(value.data + start, i - start));
        start = i + 1;
    }
}

static bool hashes_agree(const struct misp_manifest *manifest, size_t index, const struct misp_event *event, char *reason) {
    size_t first = 0, missing = 0;
    while (first < manifest->hash_count && manifest->hashes[first].event < index) first++;
    struct found found = {.hashes = manifest->hashes + first};
    while (first + found.count < manifest->hash_count && manifest->hashes[first + found.count].event == index) found.count++;
    if (found.count == 0) return true;
    found.seen = calloc(found.count, 1);
    if (!found.seen) {
        snprintf(reason, INTAKE_REASON_BYTES, "out of memory");
        return false;
    }
    for (size_t i = 0; i < event->attribute_count; i++) attribute_find(&found, event->attributes[i].value);
    for (size_t i = 0; i < found.count; i++) missing += !found.seen[i];
    if (missing > 0)
        snprintf(reason, INTAKE_REASON_BYTES,
                 "damaged: %zu of the %zu values that hashes.csv lists for it are not in it; fetch the feed again", missing,
                 found.count);
    free(found.seen);
    return missing == 0;
}

bool misp_manifest_judge(const struct misp_manifest *manifest, size_t index, const struct misp_event *event,
                         char reason[static INTAKE_REASON_BYTES]) {
    const struct misp_listed *listed = &manifest->events[index];
    char uuid[UUID_CHARS + 1];
    uint64_t timestamp = 0;
    if (event->uuid.size != UUID_CHARS) return false;
    uuid_lower(uuid, event->uuid);
    for (size_t i = 0; i < event->timestamp.size && i < 11 && event->timestamp.data[i] >= '0' && event->timestamp.data[i] <= '9';
         i++)
        timestamp = timestamp * 10 + (event->timestamp.data[i] - '0');
    if (strcmp(uuid, listed->uuid) != 0) {
        snprintf(reason, INTAKE_REASON_BYTES, "it holds event %s and not the one after which it is named", uuid);
        return false;
    }
    if (timestamp < listed->timestamp) {
        snprintf(reason, INTAKE_REASON_BYTES, "it is older than manifest.json says; fetch the feed again");
        return false;
    }
    return hashes_agree(manifest, index, event, reason);
}
