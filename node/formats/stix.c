#include "node/formats/stix.h"

#include "gossip/pack.h"
#include "node/formats/marking.h"
#include "node/formats/markings.h"
#include "node/formats/stixmarks.h"
#include "node/formats/stixrules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An object that refers to a marking-definition which has not come yet: it waits for the end of the stream. */
struct waiting {
    size_t offset, size;
    struct intake_place place;
};
#define WAITING_BYTES_MAX (64 * 1024 * 1024)

struct stix {
    const struct intake_options *options;
    struct json *json;
    struct jsonwalk *walk;
    struct stixmarks *reader;
    struct arena arena;
    struct stixobject object;
    struct item item;
    struct markings markings;
    struct marks marks; /* of the object under way */
    struct buf encoded; /* the same */
    struct buf waiting_texts;
    struct waiting *waiting;
    size_t waiting_count, waiting_capacity;
    bool last; /* nothing more will come: what is not there is not known */
};

static void refuse(struct stix *stix, const struct intake_place *place, const char *reason) {
    char id[ITEM_ID_BYTES_MAX + 1];
    const struct stix_value *value = &stix->object.values[STIX_ID];
    bool known = value->form == STIX_STRING && value->text.size > 0 && value->text.size < sizeof id;
    for (size_t i = 0; known && i < value->text.size; i++) known = value->text.data[i] > ' ' && value->text.data[i] <= '~';
    if (known) {
        memcpy(id, value->text.data, value->text.size);
        id[value->text.size] = 0;
    }
    stix->options->refuse(stix->options->context, place, known ? id : NULL, reason);
}

/* Reads a text into stix->object. Malformed JSON ends everything; what is merely not taken here, is refused (*taken false). */
static enum err read_object(struct stix *stix, struct bytes text, bool *taken) {
    struct jsonwalk_fault fault;
    arena_reset(&stix->arena);
    stixobject_init(&stix->object, text, &stix->arena, &stix->item);
    enum err error = jsonwalk_run(stix->walk, text, &stix->object, &fault);
    *taken = error == OK;
    if (error == OK || error == ERR_MEMORY) return error;
    struct intake_place place = json_locate(stix->json, fault.offset);
    refuse(stix, &place, fault.reason);
    return fault.malformed ? error : OK;
}

/* --- markings --- */

/* What a marking-definition of this stream says is kept for those that refer to it. */
static enum err definition_learn(struct stix *stix) {
    const struct stixobject *object = &stix->object;
    struct marks marks;
    struct bytes what, type = object->values[STIX_DEFINITION_TYPE].text;
    enum stixmarks_result result = stixmarks_read(stix->reader, object->text, &type, &stix->arena, &marks, &what);
    if (result == STIXMARKS_NO_MEMORY) return ERR_MEMORY;
    enum err err = markings_add(&stix->markings, object->values[STIX_ID].text, &marks, result == STIXMARKS_GOOD);
    return err == ERR_LIMIT ? OK : err; /* one too many is not known, like one that never came */
}

static void marks_add(struct stix *stix, const struct marks *more) {
    if (!marking_merge(&stix->marks, more)) stix->marks = (struct marks){.unknown = bytes_of_text(MARKING_CONTRADICTION)};
}

static void marks_unknown(struct stix *stix, struct bytes what) {
    struct marks unknown = {.unknown = bytes_of(what.data, what.size < MARKS_NAME_BYTES_MAX ? what.size : MARKS_NAME_BYTES_MAX)};
    while (unknown.unknown.size > 0 && !pack_utf8_valid(unknown.unknown)) unknown.unknown.size--;
    for (size_t i = 0; i < unknown.unknown.size; i++)
        if (unknown.unknown.data[i] < ' ' || unknown.unknown.data[i] == 0x7f)
            unknown.unknown = bytes_of_text("with control characters");
    if (unknown.unknown.size == 0) unknown.unknown = bytes_of_text("of no name");
    marks_add(stix, &unknown);
}

/* The selector is told where the part's marking is what makes the whole so restrictive. */
static void selector_set(struct stix *stix, struct bytes selector) {
    struct marks part = {.selector = selector};
    if (selector.size == 0 || selector.size > MARKS_TEXT_BYTES_MAX) part.selector = bytes_of_text("of a granular marking");
    marks_add(stix, &part);
}

/* False: a marking-definition has not come yet. */
static bool referred_add(struct stix *stix, const struct stix_marking *marking) {
    const struct marking_entry *entry = markings_find(&stix->markings, marking->id);
    struct marks marks;
    if (!entry && !stix->last) return false;
    if (!entry || !entry->understood || marks_decode(&marks, entry->encoded) != OK)
        marks_unknown(stix, marking->id);
    else
        marks_add(stix, &marks);
    if (marking->selector.size > 0 && (!entry || entry->encoded.size > 0 || !entry->understood))
        selector_set(stix, marking->selector);
    return true;
}

static enum err extension_add(struct stix *stix) {
    struct marks marks;
    struct bytes what;
    enum stixmarks_result result = stixmarks_read(stix->reader, stix->object.text, NULL, &stix->arena, &marks, &what);
    if (result == STIXMARKS_NO_MEMORY) return ERR_MEMORY;
    result == STIXMARKS_GOOD ? marks_add(stix, &marks) : marks_unknown(stix, what);
    return OK;
}

/* All marks of the object, encoded into the item. *complete is false when a marking-definition has not come yet. */
static enum err marks_collect(struct stix *stix, bool *complete) {
    struct stixobject *object = &stix->object;
    *complete = true;
    stix->item.marks = bytes_of(NULL, 0);
    if (!stix->options->marks && !object->labelled && !object->extended && object->marking_count == 0 &&
        object->tlp_granular <= object->tlp_object)
        return OK;
    stix->marks = stix->options->marks ? *stix->options->marks : (struct marks){0};
    for (size_t i = 0; i < object->marking_count; i++)
        if (!referred_add(stix, &object->markings[i])) *complete = false;
    if (!*complete) return OK;
    if (object->markings_full) marks_unknown(stix, bytes_of_text("beyond the 64th"));
    if (object->labelled) marks_add(stix, &object->label_marks);
    if (object->label_bad.size > 0) marks_unknown(stix, object->label_bad);
    if (object->tlp_granular > tlp_stricter(object->tlp_object, stix->options->tlp)) selector_set(stix, object->tlp_selector);
    bool definition = bytes_equal_text(object->values[STIX_TYPE].text, "marking-definition");
    enum err err = object->extended && !definition ? extension_add(stix) : OK;
    if (err != OK || marks_empty(&stix->marks)) return err;
    buf_clear(&stix->encoded);
    err = marks_write(&stix->encoded, &stix->marks);
    if (err == ERR_RANGE || err == ERR_TOO_BIG) {
        buf_clear(&stix->encoded);
        err = marks_write(&stix->encoded, &(struct marks){.unknown = bytes_of_text("with a value out of range")});
    }
    stix->item.marks = bytes_of_buf(&stix->encoded);
    return err;
}

/* ERR_LIMIT: there is no room for more. */
static enum err wait_for_markings(struct stix *stix, const struct intake_place *place) {
    struct bytes text = stix->object.text;
    if (stix->waiting_texts.size + text.size > WAITING_BYTES_MAX) return ERR_LIMIT;
    if (stix->waiting_count == stix->waiting_capacity) {
        size_t capacity = stix->waiting_capacity ? 2 * stix->waiting_capacity : 64;
        struct waiting *grown = realloc(stix->waiting, capacity * sizeof *grown);
        if (!grown) return ERR_MEMORY;
        stix->waiting = grown, stix->waiting_capacity = capacity;
    }
    stix->waiting[stix->waiting_count++] = (struct waiting){stix->waiting_texts.size, text.size, *place};
    buf_put(&stix->waiting_texts, text);
    return buf_result(&stix->waiting_texts);
}

/* --- objects --- */

static enum err take(struct stix *stix, struct bytes text, const struct intake_place *place) {
    char reason[STIXRULES_REASON_BYTES];
    bool taken, complete;
    enum err error = read_object(stix, text, &taken);
    if (error != OK || !taken) return error;
    /* A bundle without objects holds nothing, which is no fault. */
    if (bytes_equal_text(stix->object.values[STIX_TYPE].text, "bundle") && stix->object.values[STIX_OBJECTS].form == STIX_ABSENT)
        return OK;
    switch (stixrules_judge(&stix->object, reason)) {
    case STIXRULES_KNOWN: return OK;
    case STIXRULES_REFUSE: refuse(stix, place, reason); return OK;
    case STIXRULES_TAKE: break;
    }
    if (bytes_equal_text(stix->item.type, "marking-definition")) error = definition_learn(stix);
    if (error == OK) error = marks_collect(stix, &complete);
    if (error == OK && !complete) {
        error = wait_for_markings(stix, place);
        if (error != ERR_LIMIT) return error;
        stix->last = true;
        error = marks_collect(stix, &complete);
        stix->last = false;
    }
    if (error != OK) return error;
    stix->item.tlp = tlp_stricter(stix->item.tlp, stix->options->tlp);
    item_sort_observables(&stix->item);
    return stix->options->accept(stix->options->context, &stix->item, place);
}

static enum err on_value(void *context, struct bytes text, const struct intake_place *place) { return take(context, text, place); }

/* The stream is at its end, a good one or not: what waited is taken with what is known now. */
static enum err waiting_take(struct stix *stix) {
    enum err error = OK;
    stix->last = true;
    for (size_t i = 0; i < stix->waiting_count && error == OK; i++) {
        const struct waiting *waiting = &stix->waiting[i];
        error = take(stix, bytes_of(stix->waiting_texts.data + waiting->offset, waiting->size), &waiting->place);
    }
    stix->waiting_count = 0;
    buf_free(&stix->waiting_texts);
    return error;
}

/* Of input that cannot be read further, what stood before the fault is delivered. */
static enum err ended(struct stix *stix, enum err error, bool end) {
    bool broken = error == ERR_SYNTAX || error == ERR_UTF8 || error == ERR_LIMIT || error == ERR_TRUNCATED;
    if (!(error == OK && end) && !broken) return error;
    enum err taken = waiting_take(stix);
    return taken == OK ? error : taken;
}

/* A bundle, or a TAXII envelope (which has no type). */
static enum err on_shell(void *context, struct bytes text, const struct intake_place *place, bool complete, bool *enter) {
    struct stix *stix = context;
    bool taken;
    enum err error = read_object(stix, text, &taken);
    if (error != OK || !taken) return error;
    const struct stix_value *type = &stix->object.values[STIX_TYPE];
    bool bundle = type->form == STIX_ABSENT || (type->form == STIX_STRING && bytes_equal_text(type->text, "bundle"));
    if (complete && !bundle)
        refuse(stix, place, "type: an object with a list \"objects\" must be a bundle; its objects were read as if it were");
    *enter = bundle;
    return OK;
}

static void on_refuse(void *context, const struct intake_place *place, const char *reason) {
    struct stix *stix = context;
    stix->options->refuse(stix->options->context, place, NULL, reason);
}

struct stix *stix_new(const struct intake_options *options, uint64_t offset_first) {
    struct stix *stix = calloc(1, sizeof *stix);
    if (stix == NULL) return NULL;
    struct json_handlers handlers = {.context = stix, .value = on_value, .shell = on_shell, .refuse = on_refuse};
    size_t bytes_max = options->object_bytes_max;
    if (bytes_max == 0 || bytes_max > ITEM_TEXT_BYTES_MAX) bytes_max = ITEM_TEXT_BYTES_MAX;
    stix->options = options;
    stix->json = json_new(&handlers, bytes_max, offset_first);
    stix->walk = jsonwalk_new(&stixobject_events);
    stix->reader = stixmarks_new();
    if (stix->json != NULL && stix->walk != NULL && stix->reader != NULL) return stix;
    stix_free(stix);
    return NULL;
}

void stix_free(struct stix *stix) {
    if (stix == NULL) return;
    json_free(stix->json);
    jsonwalk_free(stix->walk);
    stixmarks_free(stix->reader);
    markings_free(&stix->markings);
    buf_free(&stix->encoded);
    buf_free(&stix->waiting_texts);
    free(stix->waiting);
    arena_free(&stix->arena);
    free(stix);
}

enum err stix_feed(struct stix *stix, struct bytes chunk) { return ended(stix, json_feed(stix->json, chunk), false); }

enum err stix_finish(struct stix *stix) { return ended(stix, json_finish(stix->json), true); }
