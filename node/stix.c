#include "node/stix.h"

#include "node/stixrules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct stix {
    const struct intake_options *options;
    struct json *json;
    struct jsonwalk *walk;
    struct arena arena;
    struct stixobject object;
    struct item item;
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

static enum err on_value(void *context, struct bytes text, const struct intake_place *place) {
    struct stix *stix = context;
    char reason[STIXRULES_REASON_BYTES];
    bool taken;
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
    stix->item.tlp = tlp_stricter(stix->item.tlp, stix->options->tlp);
    item_sort_observables(&stix->item);
    return stix->options->accept(stix->options->context, &stix->item, place);
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
    if (stix->json != NULL && stix->walk != NULL) return stix;
    stix_free(stix);
    return NULL;
}

void stix_free(struct stix *stix) {
    if (stix == NULL) return;
    json_free(stix->json);
    jsonwalk_free(stix->walk);
    arena_free(&stix->arena);
    free(stix);
}

enum err stix_feed(struct stix *stix, struct bytes chunk) { return json_feed(stix->json, chunk); }

enum err stix_finish(struct stix *stix) { return json_finish(stix->json); }
