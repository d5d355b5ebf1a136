#define _GNU_SOURCE /* memmem */
#include "node/formats/misp_back.h"

#include "node/formats/misp.h"
#include "node/formats/uuid.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum where { TOP, LABELS, EXTENSIONS, EXTENSION, EVENT, ATTRIBUTE, OBJECT, ELSEWHERE };
#define LEVELS_MAX (JSON_DEPTH_MAX + 1)

struct misp_back_reader {
    struct misp_back back;
    struct jsonwalk *walk;
    struct arena arena;
    struct bytes text;
    enum where where[LEVELS_MAX];
    size_t depth;
    enum where next;
    struct bytes *target;
    bool to_ids_next, tags_next, memory_short;
};

static const struct {
    enum where in;
    const char *key;
    enum where then;
} containers[] = {
    {TOP, "labels", LABELS},     {TOP, "extensions", EXTENSIONS},     {EXTENSIONS, MISP_EXTENSION, EXTENSION},
    {EXTENSION, "event", EVENT}, {EXTENSION, "attribute", ATTRIBUTE}, {EXTENSION, "object", OBJECT},
};

#define FIELD(where, key, field)                                                                                                   \
    { where, key, offsetof(struct misp_back, field) }
static const struct {
    enum where in;
    const char *key;
    size_t offset;
} scalars[] = {
    FIELD(TOP, "description", description),
    FIELD(TOP, "pattern", pattern),
    FIELD(EVENT, "uuid", event_uuid),
    FIELD(EVENT, "info", event_info),
    FIELD(EVENT, "date", event_date),
    FIELD(EVENT, "timestamp", event_timestamp),
    FIELD(EVENT, "threat_level_id", threat_level),
    FIELD(EVENT, "analysis", analysis),
    FIELD(EVENT, "extends_uuid", extends),
    FIELD(ATTRIBUTE, "type", type),
    FIELD(ATTRIBUTE, "category", category),
    FIELD(ATTRIBUTE, "value", value),
    FIELD(ATTRIBUTE, "comment", comment),
    FIELD(ATTRIBUTE, "first_seen", first_seen),
    FIELD(ATTRIBUTE, "last_seen", last_seen),
    FIELD(ATTRIBUTE, "updated", updated),
    FIELD(OBJECT, "uuid", object_uuid),
    FIELD(OBJECT, "name", object_name),
    FIELD(OBJECT, "meta-category", meta_category),
    FIELD(OBJECT, "template_uuid", template_uuid),
    FIELD(OBJECT, "template_version", template_version),
    FIELD(OBJECT, "comment", object_comment),
    FIELD(OBJECT, "object_relation", relation),
};

static enum where here(const struct misp_back_reader *reader) {
    return reader->depth > 0 ? reader->where[reader->depth - 1] : ELSEWHERE;
}

static void forget(struct misp_back_reader *reader) {
    reader->next = ELSEWHERE;
    reader->target = NULL;
    reader->to_ids_next = reader->tags_next = false;
}

static void on_key(void *context, struct bytes key) {
    struct misp_back_reader *reader = context;
    enum where where = here(reader);
    forget(reader);
    if (where == ELSEWHERE) return;
    for (size_t i = 0; i < sizeof containers / sizeof *containers; i++)
        if (containers[i].in == where && bytes_equal_text(key, containers[i].key)) reader->next = containers[i].then;
    for (size_t i = 0; i < sizeof scalars / sizeof *scalars && !reader->target; i++)
        if (scalars[i].in == where && bytes_equal_text(key, scalars[i].key))
            reader->target = (struct bytes *)(void *)((char *)&reader->back + scalars[i].offset);
    reader->to_ids_next = where == ATTRIBUTE && bytes_equal_text(key, "to_ids");
    reader->tags_next = where == EVENT && bytes_equal_text(key, "tags");
}

static void on_open(void *context, bool object) {
    struct misp_back_reader *reader = context;
    enum where then = reader->depth == 0 ? TOP : reader->next;
    if ((then == LABELS) == object) then = ELSEWHERE;
    if (then == EXTENSION) reader->back.known = true;
    forget(reader);
    reader->where[reader->depth++] = then;
}

static void on_close(void *context, bool object) {
    struct misp_back_reader *reader = context;
    (void)object;
    reader->depth--;
    forget(reader);
}

static struct bytes keep(struct misp_back_reader *reader, struct bytes value) {
    if (value.size == 0 || jsonwalk_borrowed(reader->text, value)) return value;
    struct bytes copy = arena_copy(&reader->arena, value);
    if (copy.size != value.size) reader->memory_short = true;
    return copy;
}

static void on_string(void *context, struct bytes value) {
    struct misp_back_reader *reader = context;
    struct misp_back *back = &reader->back;
    if (here(reader) == LABELS) {
        if (back->label_count == MISP_BACK_LABELS_MAX)
            back->labels_full = true;
        else
            back->labels[back->label_count++] = keep(reader, value);
    }
    if (reader->target) *reader->target = keep(reader, value);
    forget(reader);
}

static void on_scalar(void *context, enum jsonwalk_scalar scalar, struct bytes number) {
    struct misp_back_reader *reader = context;
    if (reader->to_ids_next) reader->back.to_ids = scalar == JSONWALK_TRUE;
    if (reader->tags_next && scalar == JSONWALK_NUMBER && number.size < 6)
        for (size_t i = 0; i < number.size && number.data[i] >= '0' && number.data[i] <= '9'; i++)
            reader->back.event_labels = reader->back.event_labels * 10 + (number.data[i] - '0');
    forget(reader);
}

static const struct jsonwalk_events events = {
    .open = on_open, .close = on_close, .key = on_key, .string = on_string, .scalar = on_scalar};

struct misp_back_reader *misp_back_new(void) {
    struct misp_back_reader *reader = calloc(1, sizeof *reader);
    if (!reader) return NULL;
    reader->walk = jsonwalk_new(&events);
    if (reader->walk) return reader;
    free(reader);
    return NULL;
}

void misp_back_free(struct misp_back_reader *reader) {
    if (!reader) return;
    jsonwalk_free(reader->walk);
    arena_free(&reader->arena);
    free(reader);
}

/* --- does it agree? --- */

static bool among(const struct item *item, enum observable_kind kind, struct bytes text, struct arena *arena) {
    struct observable wanted;
    if (observable_or_text(&wanted, kind, text, arena) != OK) return true; /* too long to be indexed */
    for (size_t i = 0; i < item->observable_count; i++)
        if (item->observables[i].kind == wanted.kind && bytes_equal(item->observables[i].value, wanted.value)) return true;
    return false;
}

/* The value that stands in the extension must be what the object says: by its pattern if it is a rule, by what was indexed else. */
static bool agrees(struct misp_back_reader *reader, const struct item *item) {
    const struct misp_back *back = &reader->back;
    const struct misp_type *type = misp_type_find(back->type);
    struct misp_value value;
    struct buf pattern = {0};
    const char *reason;
    if (!type || !uuid_valid(back->event_uuid) || (back->object_uuid.size > 0 && !uuid_valid(back->object_uuid))) return false;
    if (bytes_equal_text(item->type, "indicator") != back->to_ids) return false;
    if (misp_type_use(type) == MISP_USE_RULE) return back->to_ids && bytes_equal(back->value, back->pattern);
    if (misp_type_use(type) != MISP_USE_VALUE) return false;
    if (misp_type_value(&value, type, back->value, &reader->arena, &reason) != OK) return false;
    if (back->to_ids) {
        misp_type_pattern(&pattern, type, &value);
        bool same = !pattern.failed && bytes_equal(bytes_of_buf(&pattern), back->pattern);
        buf_free(&pattern);
        return same;
    }
    for (size_t i = 0; i < value.count; i++)
        if (value.kinds[i] < OBSERVABLE_TEXT && !among(item, value.kinds[i], value.parts[i], &reader->arena)) return false;
    return true;
}

const struct misp_back *misp_back_read(struct misp_back_reader *reader, const struct item *item) {
    struct jsonwalk_fault fault;
    struct misp_back *back = &reader->back;
    if (!memmem(item->text.data, item->text.size, MISP_EXTENSION, strlen(MISP_EXTENSION))) return NULL;
    *back = (struct misp_back){0};
    arena_reset(&reader->arena);
    reader->text = item->text;
    reader->depth = 0;
    reader->memory_short = false;
    forget(reader);
    if (jsonwalk_run(reader->walk, item->text, reader, &fault) != OK || reader->memory_short) return NULL;
    if (!back->known || back->labels_full || back->event_labels > back->label_count || !agrees(reader, item)) return NULL;
    return back;
}
