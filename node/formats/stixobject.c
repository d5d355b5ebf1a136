#include "node/formats/stixobject.h"

#include "node/formats/observable.h"
#include "node/formats/stixmarks.h"

#include <string.h>

#define TLP_EXTENSION "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"

/* What the container on a level is. */
enum where {
    OUTSIDE,
    ROOT,
    MARKING_REFS,
    GRANULARS,
    GRANULAR,
    SELECTORS,
    HASHES,
    PARTS,
    PART,
    PART_HASHES,
    DEFINITION,
    EXTENSIONS,
    TLP_EXTENDED,
    LABELS,
    ELSEWHERE
};

/* What a key below the root announces; numbers beyond those of enum stix_property. */
enum pending { NOTHING = -1, MARKING_REF = STIX_PROPERTY_COUNT, SELECTOR_LIST, LANGUAGE, TLP_WORD, TLP_EXTENSION_KEY, PART_KEY };

#define NAMED(text)                                                                                                                \
    { text, sizeof text - 1 }
static const struct name {
    const char *text;
    size_t size;
} names[STIX_PROPERTY_COUNT] = {
    [STIX_TYPE] = NAMED("type"),
    [STIX_ID] = NAMED("id"),
    [STIX_SPEC_VERSION] = NAMED("spec_version"),
    [STIX_CREATED] = NAMED("created"),
    [STIX_MODIFIED] = NAMED("modified"),
    [STIX_REVOKED] = NAMED("revoked"),
    [STIX_VALID_FROM] = NAMED("valid_from"),
    [STIX_VALID_UNTIL] = NAMED("valid_until"),
    [STIX_FIRST_SEEN] = NAMED("first_seen"),
    [STIX_LAST_SEEN] = NAMED("last_seen"),
    [STIX_FIRST_OBSERVED] = NAMED("first_observed"),
    [STIX_LAST_OBSERVED] = NAMED("last_observed"),
    [STIX_PUBLISHED] = NAMED("published"),
    [STIX_START_TIME] = NAMED("start_time"),
    [STIX_STOP_TIME] = NAMED("stop_time"),
    [STIX_PATTERN] = NAMED("pattern"),
    [STIX_PATTERN_TYPE] = NAMED("pattern_type"),
    [STIX_VALUE] = NAMED("value"),
    [STIX_NAME] = NAMED("name"),
    [STIX_KEY] = NAMED("key"),
    [STIX_DEFINITION_TYPE] = NAMED("definition_type"),
    [STIX_MARKING_REFS] = NAMED("object_marking_refs"),
    [STIX_GRANULAR_MARKINGS] = NAMED("granular_markings"),
    [STIX_HASHES] = NAMED("hashes"),
    [STIX_OBJECTS] = NAMED("objects"),
    [STIX_DEFINITION] = NAMED("definition"),
    [STIX_EXTENSIONS] = NAMED("extensions"),
    [STIX_LABELS] = NAMED("labels"),
};

const char *stix_property_name(enum stix_property property) { return names[property].text; }

static bool is(struct bytes key, enum stix_property property) {
    return names[property].size == key.size && memcmp(names[property].text, key.data, key.size) == 0;
}

/* The property that a key names, or NOTHING. By length first: this runs for every key of every object. */
static int property_of(struct bytes key) {
    static const struct {
        int8_t of[6]; /* ended by NOTHING */
    } by_size[] = {
        [2] = {{STIX_ID, NOTHING}},
        [3] = {{STIX_KEY, NOTHING}},
        [4] = {{STIX_TYPE, STIX_NAME, NOTHING}},
        [5] = {{STIX_VALUE, NOTHING}},
        [6] = {{STIX_HASHES, STIX_LABELS, NOTHING}},
        [7] = {{STIX_CREATED, STIX_PATTERN, STIX_REVOKED, STIX_OBJECTS, NOTHING}},
        [8] = {{STIX_MODIFIED, NOTHING}},
        [9] = {{STIX_LAST_SEEN, STIX_PUBLISHED, STIX_STOP_TIME, NOTHING}},
        [10] = {{STIX_VALID_FROM, STIX_FIRST_SEEN, STIX_START_TIME, STIX_DEFINITION, STIX_EXTENSIONS, NOTHING}},
        [11] = {{STIX_VALID_UNTIL, NOTHING}},
        [12] = {{STIX_PATTERN_TYPE, STIX_SPEC_VERSION, NOTHING}},
        [13] = {{STIX_LAST_OBSERVED, NOTHING}},
        [14] = {{STIX_FIRST_OBSERVED, NOTHING}},
        [15] = {{STIX_DEFINITION_TYPE, NOTHING}},
        [17] = {{STIX_GRANULAR_MARKINGS, NOTHING}},
        [19] = {{STIX_MARKING_REFS, NOTHING}},
    };
    if (key.size >= sizeof by_size / sizeof *by_size) return NOTHING;
    for (const int8_t *of = by_size[key.size].of; *of != NOTHING && names[*of].size == key.size; of++)
        if (is(key, (enum stix_property) * of)) return *of;
    return NOTHING;
}

void stixobject_init(struct stixobject *object, struct bytes text, struct arena *arena, struct item *item) {
    memset(object, 0, offsetof(struct stixobject, markings));
    object->depth = 0;
    object->text = text;
    object->arena = arena;
    object->item = item;
    object->where[0] = OUTSIDE;
    object->pending = NOTHING;
    object->granular_marked = object->granular_selected = false;
    item->observable_count = 0;
}

/* A string that outlives the event. */
static struct bytes held(struct stixobject *object, struct bytes value) {
    if (value.size == 0 || jsonwalk_borrowed(object->text, value)) return value;
    struct bytes copy = arena_copy(object->arena, value);
    if (copy.size == 0) object->memory_short = true;
    return copy;
}

void stixobject_observe(struct stixobject *object, struct observable observable) {
    if (object->item->observable_count == ITEM_OBSERVABLES_MAX)
        object->observables_full = true;
    else
        object->item->observables[object->item->observable_count++] = observable;
}

static void observe(struct stixobject *object, enum observable_kind kind, struct bytes text) {
    struct observable observable;
    if (observable_or_text(&observable, kind, text, object->arena) == OK) stixobject_observe(object, observable);
}

void stixobject_observe_part(struct stixobject *object, struct stix_value type, struct stix_value value, struct stix_value name,
                             struct stix_value key) {
    static const struct {
        const char *type;
        enum observable_kind kind;
    } valued[] = {
        {"ipv4-addr", OBSERVABLE_IPV4}, {"domain-name", OBSERVABLE_DOMAIN}, {"url", OBSERVABLE_URL},
        {"ipv6-addr", OBSERVABLE_IPV6}, {"email-addr", OBSERVABLE_EMAIL},   {"mac-addr", OBSERVABLE_TEXT},
    };
    if (type.form != STIX_STRING) return;
    if (value.form == STIX_STRING)
        for (size_t i = 0; i < sizeof valued / sizeof *valued; i++)
            if (bytes_equal_text(type.text, valued[i].type)) observe(object, valued[i].kind, value.text);
    if (name.form == STIX_STRING && (bytes_equal_text(type.text, "file") || bytes_equal_text(type.text, "mutex")))
        observe(object, OBSERVABLE_TEXT, name.text);
    if (key.form == STIX_STRING && bytes_equal_text(type.text, "windows-registry-key")) observe(object, OBSERVABLE_TEXT, key.text);
}

static enum where here(const struct stixobject *object) { return (enum where)object->where[object->depth]; }

static void on_key(void *context, struct bytes key) {
    struct stixobject *object = context;
    object->pending = NOTHING;
    switch (here(object)) {
    case ROOT:
    case PART:
        if (key.size > 0) object->pending = property_of(key);
        break;
    case GRANULAR:
        if (bytes_equal_text(key, "marking_ref")) object->pending = MARKING_REF;
        if (bytes_equal_text(key, "selectors")) object->pending = SELECTOR_LIST;
        if (bytes_equal_text(key, "lang")) object->pending = LANGUAGE;
        break;
    case HASHES:
    case PART_HASHES: object->pending_name = held(object, key); break;
    case DEFINITION:
        if (bytes_equal_text(key, "tlp")) object->pending = TLP_WORD;
        break;
    case EXTENSIONS:
        if (bytes_equal_text(key, TLP_EXTENSION)) object->pending = TLP_EXTENSION_KEY;
        if (bytes_equal_text(key, STIXMARKS_EXTENSION)) object->extended = true;
        break;
    case TLP_EXTENDED:
        if (bytes_equal_text(key, "tlp_2_0")) object->pending = TLP_WORD;
        break;
    case PARTS: object->pending = PART_KEY; break;
    default: break;
    }
}

/* A marking is told by id only; both that it is one, and which label it is. */
static enum tlp marking(struct stixobject *object, struct bytes id) {
    static const char prefix[] = "marking-definition--";
    size_t size = sizeof prefix - 1;
    if (object->marking_bad.data == NULL && (id.size != size + 36 || memcmp(id.data, prefix, size) != 0))
        object->marking_bad = id.size == 0 ? bytes_of_text("") : held(object, id);
    return tlp_of_marking(id);
}

static void marking_add(struct stixobject *object, struct bytes id, struct bytes selector) {
    if (object->marking_count == STIX_MARKINGS_MAX)
        object->markings_full = true;
    else
        object->markings[object->marking_count++] = (struct stix_marking){id, selector};
}

static void marking_of_object(struct stixobject *object, struct bytes id) {
    enum tlp tlp = marking(object, id);
    object->tlp_object = tlp_stricter(object->tlp_object, tlp);
    if (tlp == TLP_NONE) marking_add(object, held(object, id), bytes_of(NULL, 0));
}

static void marking_of_part(struct stixobject *object, struct bytes id) {
    object->granular_tlp = marking(object, id);
    object->granular_id = object->granular_tlp == TLP_NONE ? held(object, id) : bytes_of(NULL, 0);
}

/* One granular marking is complete: its marking, and the first part that it stands on. */
static void part_marked(struct stixobject *object) {
    if (!object->granular_marked || !object->granular_selected) object->marking_malformed = true;
    if (object->granular_id.size > 0) marking_add(object, object->granular_id, object->granular_selector);
    if (object->granular_tlp <= object->tlp_granular) return;
    object->tlp_granular = object->granular_tlp;
    object->tlp_selector = object->granular_selector;
}

static void label(struct stixobject *object, struct bytes text) {
    if (!stixmarks_label(text, &object->label_marks, &object->label_tlp) && object->label_bad.size == 0)
        object->label_bad = held(object, text);
}

/* The place of a property of the root or of a part; null: of no interest. */
static struct stix_value *slot(struct stixobject *object) {
    if (object->pending < 0 || object->pending >= STIX_PROPERTY_COUNT) return NULL;
    if (here(object) == ROOT) return &object->values[object->pending];
    if (here(object) != PART) return NULL;
    switch (object->pending) {
    case STIX_TYPE: return &object->part_type;
    case STIX_VALUE: return &object->part_value;
    case STIX_NAME: return &object->part_name;
    case STIX_KEY: return &object->part_key;
    default: return NULL;
    }
}

static void on_string(void *context, struct bytes value) {
    struct stixobject *object = context;
    struct stix_value *into = slot(object);
    if (into != NULL) *into = (struct stix_value){STIX_STRING, held(object, value)};
    switch (here(object)) {
    case MARKING_REFS: marking_of_object(object, value); break;
    case LABELS: label(object, value); break;
    case GRANULAR:
        if (object->pending == MARKING_REF) marking_of_part(object, value);
        if (object->pending == MARKING_REF || object->pending == LANGUAGE) object->granular_marked = true;
        break;
    case SELECTORS:
        if (object->granular_selector.size == 0) object->granular_selector = held(object, value);
        object->granular_selected = true;
        break;
    case GRANULARS: object->marking_malformed = true; break;
    case HASHES:
    case PART_HASHES: observe(object, observable_kind_of_hash(object->pending_name), held(object, value)); break;
    case DEFINITION:
    case TLP_EXTENDED:
        if (object->pending != TLP_WORD) break;
        enum tlp tlp = TLP_NONE;
        if (!tlp_parse(&tlp, value) || (object->tlp_defined != TLP_NONE && object->tlp_defined != tlp))
            object->tlp_defined_bad = true;
        object->tlp_defined = tlp;
        object->tlp_extended |= here(object) == TLP_EXTENDED;
        break;
    default: break;
    }
}

static void on_scalar(void *context, enum jsonwalk_scalar scalar, struct bytes number) {
    struct stixobject *object = context;
    (void)number;
    struct stix_value *into = slot(object);
    if (into != NULL) into->form = scalar == JSONWALK_TRUE ? STIX_TRUE : scalar == JSONWALK_FALSE ? STIX_FALSE : STIX_OTHER;
    if (here(object) == MARKING_REFS || here(object) == GRANULARS) object->marking_malformed = true;
}

/* What a container that opens here is. */
static enum where inside(struct stixobject *object, bool is_object) {
    switch (here(object)) {
    case OUTSIDE: return is_object ? ROOT : ELSEWHERE;
    case ROOT:
        if (is_object) {
            if (object->pending == STIX_HASHES) return HASHES;
            if (object->pending == STIX_OBJECTS) return PARTS;
            if (object->pending == STIX_DEFINITION) return DEFINITION;
            if (object->pending == STIX_EXTENSIONS) return EXTENSIONS;
        } else {
            if (object->pending == STIX_MARKING_REFS) return MARKING_REFS;
            if (object->pending == STIX_GRANULAR_MARKINGS) return GRANULARS;
            if (object->pending == STIX_LABELS) return LABELS;
        }
        return ELSEWHERE;
    case MARKING_REFS: object->marking_malformed = true; return ELSEWHERE;
    case GRANULARS:
        if (!is_object) object->marking_malformed = true;
        return is_object ? GRANULAR : ELSEWHERE;
    case GRANULAR: return !is_object && object->pending == SELECTOR_LIST ? SELECTORS : ELSEWHERE;
    case PARTS: return is_object ? PART : ELSEWHERE;
    case PART: return is_object && object->pending == STIX_HASHES ? PART_HASHES : ELSEWHERE;
    case EXTENSIONS: return is_object && object->pending == TLP_EXTENSION_KEY ? TLP_EXTENDED : ELSEWHERE;
    default: return ELSEWHERE;
    }
}

static void on_open(void *context, bool is_object) {
    struct stixobject *object = context;
    struct stix_value *into = slot(object);
    if (into != NULL) into->form = is_object ? STIX_OBJECT : STIX_ARRAY;
    enum where where = inside(object, is_object);
    if (where == ROOT) object->is_object = true;
    if (where == LABELS && !object->labelled) {
        object->labelled = true;
        object->label_marks = (struct marks){0};
    }
    if (where == GRANULAR) {
        object->granular_marked = object->granular_selected = false;
        object->granular_id = object->granular_selector = bytes_of(NULL, 0);
        object->granular_tlp = TLP_NONE;
    }
    if (where == PART) {
        struct stix_value none = {STIX_ABSENT, {NULL, 0}};
        object->part_type = object->part_value = object->part_name = object->part_key = none;
    }
    object->where[++object->depth] = (uint8_t)where;
    object->pending = NOTHING;
}

static void on_close(void *context, bool is_object) {
    struct stixobject *object = context;
    (void)is_object;
    enum where left = here(object);
    object->depth--;
    object->pending = NOTHING;
    if (left == GRANULAR) part_marked(object);
    if (left == PART) stixobject_observe_part(object, object->part_type, object->part_value, object->part_name, object->part_key);
}

const struct jsonwalk_events stixobject_events = {
    .open = on_open,
    .close = on_close,
    .key = on_key,
    .string = on_string,
    .scalar = on_scalar,
};
