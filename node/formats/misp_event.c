#include "node/formats/misp_event.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What an open container is. IN_WRAP is the top and an answer's wrapping: whose keys are those of an event, too, because some tools write
   an event without {"Event": ...} around it. */
enum where {
    IN_NOTHING,
    IN_WRAP,
    IN_EVENT,
    IN_ATTRIBUTES,
    IN_ATTRIBUTE,
    IN_OBJECTS,
    IN_OBJECT,
    IN_TAGS,
    IN_TAG,
    IN_SIGHTINGS,
    IN_SIGHTING,
    IN_SIGHTER,
    IN_ORG,
    IN_ORGC,
    IN_GROUP,
    IN_COUNTED
};

#define LEVELS_MAX (JSON_DEPTH_MAX + 1)

struct misp_reader {
    struct misp_event event;
    struct jsonwalk *walk;
    struct arena arena;
    struct bytes text;
    size_t attribute_room, object_room, sighting_room, tag_room;
    enum where where[LEVELS_MAX];
    size_t depth;
    enum where next;        /* what the key announced, for a container */
    struct bytes *target;   /* and for a scalar; null: not wanted */
    enum misp_extra extra;  /* what IN_COUNTED counts */
    struct misp_span *tags; /* where tags belong now */
    bool memory_short, too_many;
};

/* --- which key is what --- */

struct container_key {
    enum where in;
    const char *key;
    enum where then;
};

static const struct container_key containers[] = {
    {IN_WRAP, "response", IN_WRAP},
    {IN_WRAP, "Event", IN_EVENT},
    {IN_EVENT, "Attribute", IN_ATTRIBUTES},
    {IN_EVENT, "Object", IN_OBJECTS},
    {IN_EVENT, "Tag", IN_TAGS},
    {IN_EVENT, "Org", IN_ORG},
    {IN_EVENT, "Orgc", IN_ORGC},
    {IN_EVENT, "SharingGroup", IN_GROUP},
    {IN_OBJECT, "Attribute", IN_ATTRIBUTES},
    {IN_ATTRIBUTE, "Tag", IN_TAGS},
    {IN_OBJECT, "Tag", IN_TAGS},
    {IN_ATTRIBUTE, "Sighting", IN_SIGHTINGS},
    {IN_SIGHTING, "Organisation", IN_SIGHTER},
};

static const struct {
    const char *key;
    enum misp_extra extra;
} counted[] = {
    {"ShadowAttribute", MISP_PROPOSALS}, {"EventReport", MISP_REPORTS}, {"ObjectReference", MISP_REFERENCES},
    {"Opinion", MISP_OPINIONS},          {"Note", MISP_OPINIONS},       {"Relationship", MISP_OPINIONS},
};

struct scalar_key {
    enum where in;
    const char *key;
    size_t offset;
};

#define EVENT(key, field)                                                                                                          \
    { IN_EVENT, key, offsetof(struct misp_event, field) }
#define ATTRIBUTE(key, field)                                                                                                      \
    { IN_ATTRIBUTE, key, offsetof(struct misp_attribute, field) }
#define OBJECT(key, field)                                                                                                         \
    { IN_OBJECT, key, offsetof(struct misp_object, field) }
#define SIGHTING(key, field)                                                                                                       \
    { IN_SIGHTING, key, offsetof(struct misp_sighting, field) }

static const struct scalar_key scalars[] = {
    ATTRIBUTE("uuid", uuid),
    ATTRIBUTE("type", type),
    ATTRIBUTE("category", category),
    ATTRIBUTE("value", value),
    ATTRIBUTE("comment", comment),
    ATTRIBUTE("timestamp", timestamp),
    ATTRIBUTE("to_ids", to_ids),
    ATTRIBUTE("deleted", deleted),
    ATTRIBUTE("distribution", distribution),
    ATTRIBUTE("first_seen", first_seen),
    ATTRIBUTE("last_seen", last_seen),
    ATTRIBUTE("object_relation", relation),
    ATTRIBUTE("sharing_group_id", sharing_group),
    OBJECT("uuid", uuid),
    OBJECT("name", name),
    OBJECT("meta-category", meta_category),
    OBJECT("template_uuid", template_uuid),
    OBJECT("template_version", template_version),
    OBJECT("timestamp", timestamp),
    OBJECT("deleted", deleted),
    OBJECT("distribution", distribution),
    OBJECT("comment", comment),
    OBJECT("first_seen", first_seen),
    OBJECT("last_seen", last_seen),
    OBJECT("sharing_group_id", sharing_group),
    SIGHTING("uuid", uuid),
    SIGHTING("type", type),
    SIGHTING("date_sighting", date),
    SIGHTING("source", source),
    {IN_SIGHTER, "name", offsetof(struct misp_sighting, organisation)},
    EVENT("uuid", uuid),
    EVENT("info", info),
    EVENT("date", date),
    EVENT("timestamp", timestamp),
    EVENT("threat_level_id", threat_level),
    EVENT("analysis", analysis),
    EVENT("distribution", distribution),
    EVENT("published", published),
    EVENT("extends_uuid", extends),
    EVENT("sharing_group_id", sharing_group),
    {IN_ORG, "name", offsetof(struct misp_event, organisation)},
    {IN_ORG, "uuid", offsetof(struct misp_event, organisation_id)},
    {IN_ORGC, "name", offsetof(struct misp_event, creator)},
    {IN_ORGC, "uuid", offsetof(struct misp_event, creator_id)},
    {IN_GROUP, "name", offsetof(struct misp_event, group_name)},
};

static enum where here(const struct misp_reader *reader) { return reader->depth > 0 ? reader->where[reader->depth - 1] : IN_WRAP; }

/* Where a scalar of this container is kept; null: nowhere. */
static void *base_of(struct misp_reader *reader, enum where where) {
    struct misp_event *event = &reader->event;
    switch (where) {
    case IN_EVENT:
    case IN_ORG:
    case IN_ORGC:
    case IN_GROUP: return event;
    case IN_ATTRIBUTE: return &event->attributes[event->attribute_count - 1];
    case IN_OBJECT: return &event->objects[event->object_count - 1];
    case IN_SIGHTING:
    case IN_SIGHTER: return &event->sightings[event->sighting_count - 1];
    default: return NULL;
    }
}

static void on_key(void *context, struct bytes key) {
    struct misp_reader *reader = context;
    enum where where = here(reader), kind = where == IN_WRAP ? IN_EVENT : where;
    reader->next = IN_NOTHING;
    reader->target = NULL;
    if (where == IN_NOTHING) return;
    for (size_t i = 0; i < sizeof containers / sizeof *containers; i++)
        if ((containers[i].in == where || containers[i].in == kind) && bytes_equal_text(key, containers[i].key))
            reader->next = containers[i].then;
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++)
        if ((kind == IN_EVENT || where == IN_ATTRIBUTE || where == IN_OBJECT) && bytes_equal_text(key, counted[i].key))
            reader->next = IN_COUNTED, reader->extra = counted[i].extra;
    if (where == IN_TAG && bytes_equal_text(key, "name")) reader->target = &reader->event.tag_names[reader->event.tag_count - 1];
    for (size_t i = 0; i < sizeof scalars / sizeof *scalars && !reader->target; i++)
        if (scalars[i].in == kind && bytes_equal_text(key, scalars[i].key))
            reader->target = (struct bytes *)(void *)((char *)base_of(reader, kind) + scalars[i].offset);
}

/* --- containers --- */

/* Room for one more, zeroed. Null: there is none. */
static void *grow(struct misp_reader *reader, void **array, size_t *count, size_t *room, size_t size, size_t most) {
    if (*count == most) {
        reader->too_many = true;
        return NULL;
    }
    if (*count == *room) {
        size_t larger = *room ? 2 * *room : 64;
        void *grown = realloc(*array, larger * size);
        if (!grown) {
            reader->memory_short = true;
            return NULL;
        }
        *array = grown, *room = larger;
    }
    void *one = (char *)*array + (*count)++ * size;
    memset(one, 0, size);
    return one;
}

#define GROW(reader, array, count, room, most)                                                                                     \
    grow(reader, (void **)&(reader)->event.array, &(reader)->event.count, &(reader)->room, sizeof *(reader)->event.array, most)

static enum where attribute_open(struct misp_reader *reader) {
    struct misp_event *event = &reader->event;
    bool of_object = reader->depth >= 2 && reader->where[reader->depth - 2] == IN_OBJECT;
    struct misp_attribute *attribute = GROW(reader, attributes, attribute_count, attribute_room, MISP_ATTRIBUTES_MAX);
    if (!attribute) return IN_NOTHING;
    attribute->object = of_object ? event->object_count : 0;
    attribute->sightings.first = event->sighting_count;
    attribute->tags.first = event->tag_count;
    return IN_ATTRIBUTE;
}

static enum where sighting_open(struct misp_reader *reader) {
    struct misp_event *event = &reader->event;
    if (!GROW(reader, sightings, sighting_count, sighting_room, MISP_TAGS_MAX)) return IN_NOTHING;
    event->attributes[event->attribute_count - 1].sightings.count++;
    return IN_SIGHTING;
}

static enum where tag_open(struct misp_reader *reader) {
    struct misp_event *event = &reader->event;
    enum where owner = reader->depth >= 2 ? reader->where[reader->depth - 2] : IN_NOTHING;
    struct misp_span *tags = owner == IN_ATTRIBUTE ? &event->attributes[event->attribute_count - 1].tags
                             : owner == IN_OBJECT  ? &event->objects[event->object_count - 1].tags
                                                   : &event->tags;
    if (!GROW(reader, tag_names, tag_count, tag_room, MISP_TAGS_MAX)) return IN_NOTHING;
    if (tags->count++ == 0) tags->first = event->tag_count - 1;
    return IN_TAG;
}

/* An element of a list, by what the list is. */
static enum where element_open(struct misp_reader *reader, enum where list) {
    struct misp_event *event = &reader->event;
    switch (list) {
    case IN_ATTRIBUTES: return attribute_open(reader);
    case IN_OBJECTS: return GROW(reader, objects, object_count, object_room, MISP_ATTRIBUTES_MAX) ? IN_OBJECT : IN_NOTHING;
    case IN_SIGHTINGS: return sighting_open(reader);
    case IN_TAGS: return tag_open(reader);
    case IN_COUNTED: event->extras[reader->extra]++; return IN_NOTHING;
    case IN_WRAP: return IN_WRAP;
    default: return IN_NOTHING;
    }
}

static void on_open(void *context, bool object) {
    struct misp_reader *reader = context;
    enum where around = here(reader), then = reader->next;
    reader->next = IN_NOTHING;
    reader->target = NULL;
    bool keyed = then != IN_NOTHING;
    if (reader->depth == 0) {
        then = IN_WRAP;
    } else if (!keyed && object) {
        then = element_open(reader, around);
    }
    /* A list where one object belongs, or the other way round, is not looked into. */
    bool list = then == IN_ATTRIBUTES || then == IN_OBJECTS || then == IN_TAGS || then == IN_SIGHTINGS || then == IN_COUNTED;
    if (then != IN_WRAP && list == object) then = IN_NOTHING;
    if (then == IN_EVENT) reader->event.event_count++;
    reader->where[reader->depth++] = then; /* jsonwalk ends before it is too deep */
}

static void on_close(void *context, bool object) {
    struct misp_reader *reader = context;
    (void)object;
    reader->depth--;
    reader->next = IN_NOTHING;
    reader->target = NULL;
}

/* --- scalars --- */

static void keep(struct misp_reader *reader, struct bytes value) {
    struct misp_event *event = &reader->event;
    bool borrowed = jsonwalk_borrowed(reader->text, value);
    if (here(reader) == IN_ATTRIBUTE && borrowed && event->attributes[event->attribute_count - 1].offset == 0)
        event->attributes[event->attribute_count - 1].offset = (size_t)(value.data - reader->text.data);
    if (!reader->target) return;
    *reader->target = borrowed || value.size == 0 ? value : arena_copy(&reader->arena, value);
    if (reader->target->size != value.size) reader->memory_short = true;
    reader->target = NULL;
}

static void on_string(void *context, struct bytes value) { keep(context, value); }

static void on_scalar(void *context, enum jsonwalk_scalar scalar, struct bytes number) {
    struct misp_reader *reader = context;
    static const char *const words[] = {"", "false", "true"};
    if (scalar == JSONWALK_NUMBER) {
        keep(reader, number);
    } else if (reader->target) {
        *reader->target = bytes_of_text(words[scalar]);
        reader->target = NULL;
    }
}

/* --- the reader --- */

static const struct jsonwalk_events events = {
    .open = on_open, .close = on_close, .key = on_key, .string = on_string, .scalar = on_scalar};

struct misp_reader *misp_reader_new(void) {
    struct misp_reader *reader = calloc(1, sizeof *reader);
    if (!reader) return NULL;
    reader->walk = jsonwalk_new(&events);
    if (reader->walk) return reader;
    free(reader);
    return NULL;
}

void misp_reader_free(struct misp_reader *reader) {
    if (!reader) return;
    free(reader->event.attributes);
    free(reader->event.objects);
    free(reader->event.sightings);
    free(reader->event.tag_names);
    arena_free(&reader->arena);
    jsonwalk_free(reader->walk);
    free(reader);
}

const struct misp_event *misp_reader_event(const struct misp_reader *reader) { return &reader->event; }

enum err misp_reader_run(struct misp_reader *reader, struct bytes text, struct jsonwalk_fault *fault) {
    struct misp_event *event = &reader->event;
    *event = (struct misp_event){
        .attributes = event->attributes, .objects = event->objects, .sightings = event->sightings, .tag_names = event->tag_names};
    arena_reset(&reader->arena);
    reader->text = text;
    reader->depth = 0;
    reader->next = IN_NOTHING;
    reader->target = NULL;
    reader->memory_short = reader->too_many = false;
    enum err err = jsonwalk_run(reader->walk, text, reader, fault);
    if (err != OK) return err;
    if (reader->memory_short) return ERR_MEMORY;
    if (!reader->too_many) return OK;
    *fault = (struct jsonwalk_fault){0};
    snprintf(fault->reason, sizeof fault->reason, "more than %d attributes, objects, sightings or tags in one event; split it",
             MISP_ATTRIBUTES_MAX);
    return ERR_TOO_BIG;
}
