#include "node/formats/markings.h"

#include <stdlib.h>

void markings_free(struct markings *markings) {
    free(markings->entries);
    arena_free(&markings->texts);
    *markings = (struct markings){0};
}

static struct marking_entry *find(const struct markings *markings, struct bytes id) {
    for (size_t i = 0; i < markings->count; i++)
        if (bytes_equal(markings->entries[i].id, id)) return &markings->entries[i];
    return NULL;
}

const struct marking_entry *markings_find(const struct markings *markings, struct bytes id) { return find(markings, id); }

static struct marking_entry *entry_new(struct markings *markings) {
    if (markings->count == markings->capacity) {
        size_t capacity = markings->capacity ? 2 * markings->capacity : 8;
        struct marking_entry *grown = realloc(markings->entries, capacity * sizeof *grown);
        if (!grown) return NULL;
        markings->entries = grown, markings->capacity = capacity;
    }
    return &markings->entries[markings->count];
}

enum err markings_add(struct markings *markings, struct bytes id, const struct marks *marks, bool understood) {
    struct buf encoded = {0};
    enum err err = understood && !marks_empty(marks) ? marks_write(&encoded, marks) : OK;
    struct marking_entry *known = find(markings, id);
    if (err == OK && known && (known->understood != understood || !bytes_equal(known->encoded, bytes_of_buf(&encoded))))
        known->understood = false;
    if (err == OK && !known && markings->count == MARKINGS_MAX) err = ERR_LIMIT;
    if (err == OK && !known) {
        struct marking_entry *entry = entry_new(markings);
        struct bytes id_kept = arena_copy(&markings->texts, id);
        struct bytes kept = encoded.size > 0 ? arena_copy(&markings->texts, bytes_of_buf(&encoded)) : bytes_of(NULL, 0);
        if (!entry || id_kept.size == 0 || kept.size != encoded.size) {
            err = ERR_MEMORY;
        } else {
            *entry = (struct marking_entry){.id = id_kept, .encoded = kept, .understood = understood};
            markings->count++;
        }
    }
    buf_free(&encoded);
    return err;
}
