#include "node/export/misp_events.h"

#include <stdlib.h>
#include <string.h>

/* The name space of what is derived here. */
static const uint8_t space[UUID_BYTES] = {0x1d, 0x4f, 0x8c, 0x0e, 0x37, 0x55, 0x4d, 0x12,
                                          0xb6, 0xaa, 0x0f, 0x5e, 0x91, 0x60, 0x2c, 0x47};

void misp_made_uuid(char out[static UUID_CHARS + 1], const char *what, struct bytes a, struct bytes b) {
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

const char *misp_label_tag(enum tlp tlp) {
    static const char *const tags[] = {"tlp:unclear", "tlp:clear", "tlp:green", "tlp:amber", "tlp:amber+strict", "tlp:red"};
    return tags[tlp];
}

struct misp_events *misp_events_of(struct export *work) {
    struct misp_events *state = export_state(work, sizeof *state);
    if (state && !state->reader) state->reader = misp_back_new();
    if (state && !state->reader) export_out(work)->failed = true;
    return state && state->reader ? state : NULL;
}

static uint64_t hash_of_key(struct bytes key) { /* FNV-1a: the table holds at most what the node holds */
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < key.size; i++) hash = (hash ^ key.data[i]) * 0x100000001b3u;
    return hash ^ hash >> 32;
}

static bool table_grow(struct misp_events *state) {
    size_t size = state->table_size ? 2 * state->table_size : 256;
    uint32_t *table = calloc(size, sizeof *table);
    if (!table) return false;
    for (size_t i = 0; i < state->count; i++) {
        size_t at = hash_of_key(state->events[i].key) & (size - 1);
        while (table[at]) at = (at + 1) & (size - 1);
        table[at] = (uint32_t)i + 1;
    }
    free(state->table);
    state->table = table, state->table_size = size;
    return true;
}

/* The event of this key, or a new, empty one. Null without memory. */
static struct misp_made *event_find(struct export *work, struct misp_events *state, struct bytes key) {
    if (2 * (state->count + 1) > state->table_size && !table_grow(state)) return NULL;
    size_t at = hash_of_key(key) & (state->table_size - 1);
    for (; state->table[at]; at = (at + 1) & (state->table_size - 1))
        if (bytes_equal(state->events[state->table[at] - 1].key, key)) return &state->events[state->table[at] - 1];
    if (state->count == state->room) {
        size_t room = state->room ? 2 * state->room : 64;
        struct misp_made *grown = realloc(state->events, room * sizeof *grown);
        if (!grown) return NULL;
        state->events = grown, state->room = room;
    }
    struct misp_made *event = &state->events[state->count];
    *event = (struct misp_made){.key = export_keep(work, key)};
    if (event->key.size != key.size) return NULL;
    state->table[at] = (uint32_t)++state->count;
    return event;
}

/* Who came first under a UUID keeps it: nobody writes into another author's event by naming it. */
static bool uuid_taken(const struct misp_events *state, struct bytes author, const char *uuid) {
    for (size_t i = 0; i < state->count; i++)
        if (strcmp(state->events[i].uuid, uuid) == 0 && !bytes_equal(state->events[i].author, author)) return true;
    return false;
}

static void origin_set(struct export *work, struct misp_events *state, struct misp_made *event, struct bytes origin) {
    event->origin = export_keep(work, origin);
    for (size_t i = 0; i < UUID_CHARS; i++) {
        uint8_t c = origin.data[i];
        event->uuid[i] = (char)(c >= 'A' && c <= 'F' ? c + ('a' - 'A') : c);
    }
    event->derived = uuid_taken(state, event->author, event->uuid);
    if (event->derived) misp_made_uuid(event->uuid, "event of another author", event->author, origin);
}

struct misp_made *misp_made_of(struct export *work, struct misp_events *state, const struct answer *answer,
                               const struct misp_back *back) {
    struct buf key = {0};
    buf_put_u8(&key, back ? 0xff : (uint8_t)answer->tlp);
    buf_put_u32(&key, (uint32_t)answer->author.size);
    buf_put(&key, answer->author);
    if (back) buf_put(&key, back->event_uuid);
    size_t before = state->count;
    struct misp_made *event = key.failed ? NULL : event_find(work, state, bytes_of_buf(&key));
    buf_free(&key);
    if (!event) return NULL;
    if (state->count > before) {
        state->count = before; /* it is not among those that it is compared with */
        event->author = export_keep(work, answer->author);
        event->tlp = answer->tlp;
        if (back)
            origin_set(work, state, event, back->event_uuid);
        else
            misp_made_uuid(event->uuid, "event", answer->author, bytes_of_text(misp_label_tag(answer->tlp)));
        state->count = before + 1;
    }
    if (answer->tlp < event->tlp) event->tlp = answer->tlp;
    return event;
}

void misp_events_release(void *memory) {
    struct misp_events *state = memory;
    for (size_t i = 0; i < state->count; i++) {
        buf_free(&state->events[i].attributes);
        buf_free(&state->events[i].hashes);
        free(state->events[i].parts);
    }
    free(state->events);
    free(state->table);
    misp_back_free(state->reader);
}
