#include "node/formats/stixrules.h"

#include "node/formats/moment.h"
#include "node/formats/pattern.h"
#include "node/formats/uuid.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TYPE_BYTES_MIN  3
#define SHOWN_BYTES_MAX 100 /* of a bad value in a reason */

static const struct stix_value *value_of(const struct stixobject *object, enum stix_property property) {
    return &object->values[property];
}

static bool has(const struct stixobject *object, enum stix_property property) {
    return object->values[property].form != STIX_ABSENT;
}

static bool type_is(const struct stixobject *object, const char *type) {
    return bytes_equal_text(object->values[STIX_TYPE].text, type);
}

/* Foreign text in a reason: cut, and with control characters and quotes' company made harmless. */
static void shown(char out[static SHOWN_BYTES_MAX + 8], struct bytes text) {
    size_t size = text.size < SHOWN_BYTES_MAX ? text.size : SHOWN_BYTES_MAX;
    while (size > 0 && size < text.size && (text.data[size] & 0xc0) == 0x80) size--;
    for (size_t i = 0; i < size; i++) out[i] = text.data[i] < ' ' || text.data[i] == 0x7f ? '?' : (char)text.data[i];
    strcpy(out + size, size < text.size ? "..." : "");
}

__attribute__((format(printf, 2, 3))) static bool refuse(char *reason, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, STIXRULES_REASON_BYTES, format, arguments);
    va_end(arguments);
    return false;
}

static bool refuse_value(char *reason, enum stix_property property, struct bytes value, const char *what) {
    char text[SHOWN_BYTES_MAX + 8];
    shown(text, value);
    return refuse(reason, "%s: \"%s\" %s", stix_property_name(property), text, what);
}

static bool need_string(const struct stixobject *object, enum stix_property property, char *reason) {
    enum stix_form form = object->values[property].form;
    if (form == STIX_STRING) return true;
    return refuse(reason, form == STIX_ABSENT ? "%s: is missing" : "%s: must be a string", stix_property_name(property));
}

static bool type_valid(struct bytes type) {
    if (type.size < TYPE_BYTES_MIN || type.size > ITEM_TYPE_BYTES_MAX) return false;
    for (size_t i = 0; i < type.size; i++) {
        uint8_t c = type.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')) return false;
    }
    return true;
}

static bool identity(const struct stixobject *object, char *reason) {
    if (!need_string(object, STIX_TYPE, reason) || !need_string(object, STIX_ID, reason)) return false;
    struct bytes type = value_of(object, STIX_TYPE)->text, id = value_of(object, STIX_ID)->text;
    if (!type_valid(type)) return refuse_value(reason, STIX_TYPE, type, "is no STIX type (3 to 64 of a-z, 0-9 and -)");
    if (id.size != type.size + 2 + UUID_CHARS || memcmp(id.data, type.data, type.size) != 0 || id.data[type.size] != '-' ||
        id.data[type.size + 1] != '-' || !uuid_valid(bytes_of(id.data + type.size + 2, UUID_CHARS)))
        return refuse_value(reason, STIX_ID, id, "is not the type, two hyphens and a UUID");
    if (!has(object, STIX_SPEC_VERSION)) return true;
    if (!need_string(object, STIX_SPEC_VERSION, reason)) return false;
    struct bytes version = value_of(object, STIX_SPEC_VERSION)->text;
    if (bytes_equal_text(version, "2.1") || bytes_equal_text(version, "2.0")) return true;
    return refuse_value(reason, STIX_SPEC_VERSION, version, "is not 2.0 or 2.1");
}

/* Do objects of this type have `created` and `modified`? Cyber observables and unknown types need not. */
static bool is_domain_object(struct bytes type) {
    static const char *const types[] = {
        "indicator",
        "relationship",
        "malware",
        "identity",
        "attack-pattern",
        "campaign",
        "course-of-action",
        "grouping",
        "incident",
        "report",
        "tool",
        "infrastructure",
        "location",
        "intrusion-set",
        "note",
        "observed-data",
        "opinion",
        "sighting",
        "malware-analysis",
        "vulnerability",
        "threat-actor",
        "language-content",
        "extension-definition",
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (bytes_equal_text(type, types[i])) return true;
    return false;
}

/* Reads one timestamp; *ms stays 0 when it is absent. */
static bool moment(const struct stixobject *object, enum stix_property property, uint64_t *ms, char *reason) {
    *ms = 0;
    if (!has(object, property)) return true;
    if (!need_string(object, property, reason)) return false;
    if (moment_parse(ms, value_of(object, property)->text)) return true;
    return refuse_value(reason, property, value_of(object, property)->text, "is no valid UTC timestamp (YYYY-MM-DDThh:mm:ss.sssZ)");
}

static bool in_order(enum stix_property first, uint64_t first_ms, enum stix_property then, uint64_t then_ms, bool equal,
                     char *reason) {
    if (first_ms == 0 || then_ms == 0 || then_ms > first_ms || (equal && then_ms == first_ms)) return true;
    return refuse(reason, "%s: is %s %s", stix_property_name(then), equal ? "before" : "not after", stix_property_name(first));
}

static bool times(struct stixobject *object, char *reason) {
    uint64_t created, modified, valid_from, valid_until, other;
    struct bytes type = value_of(object, STIX_TYPE)->text;
    bool created_needed = is_domain_object(type), marking = bytes_equal_text(type, "marking-definition");
    if ((created_needed || marking) && !need_string(object, STIX_CREATED, reason)) return false;
    if (created_needed && !need_string(object, STIX_MODIFIED, reason)) return false;
    if (!moment(object, STIX_CREATED, &created, reason) || !moment(object, STIX_MODIFIED, &modified, reason)) return false;
    if (!in_order(STIX_CREATED, created, STIX_MODIFIED, modified, true, reason)) return false;
    if (!moment(object, STIX_VALID_FROM, &valid_from, reason) || !moment(object, STIX_VALID_UNTIL, &valid_until, reason))
        return false;
    if (!in_order(STIX_VALID_FROM, valid_from, STIX_VALID_UNTIL, valid_until, false, reason)) return false;
    if (created_needed)
        for (enum stix_property property = STIX_FIRST_SEEN; property <= STIX_STOP_TIME; property++)
            if (!moment(object, property, &other, reason)) return false;
    object->item->modified_ms = modified;
    object->item->valid_until_ms = valid_until;
    return true;
}

static bool markings(const struct stixobject *object, char *reason) {
    const struct stix_value *refs = value_of(object, STIX_MARKING_REFS), *granular = value_of(object, STIX_GRANULAR_MARKINGS);
    if (refs->form != STIX_ABSENT && refs->form != STIX_ARRAY) return refuse(reason, "object_marking_refs: must be a list of ids");
    if (granular->form != STIX_ABSENT && granular->form != STIX_ARRAY) return refuse(reason, "granular_markings: must be a list");
    if (object->marking_malformed)
        return refuse(
            reason,
            "%s: has an entry that is none (ids in object_marking_refs; selectors with marking_ref or lang in granular_markings)",
            granular->form == STIX_ABSENT ? "object_marking_refs" : "granular_markings");
    if (object->marking_bad.data == NULL) return true;
    char text[SHOWN_BYTES_MAX + 8];
    shown(text, object->marking_bad);
    return refuse(reason, "%s: \"%s\" is no marking-definition id",
                  granular->form == STIX_ABSENT ? "object_marking_refs" : "object_marking_refs or granular_markings", text);
}

static void on_comparison(void *context, const struct pattern_comparison *comparison) {
    struct stixobject *object = context;
    struct observable observable;
    if (pattern_observable(&observable, comparison, object->arena)) stixobject_observe(object, observable);
}

static bool indicator(struct stixobject *object, char *reason) {
    if (!need_string(object, STIX_PATTERN, reason) || !need_string(object, STIX_VALID_FROM, reason)) return false;
    bool newer = bytes_equal_text(value_of(object, STIX_SPEC_VERSION)->text, "2.1");
    if ((newer || has(object, STIX_PATTERN_TYPE)) && !need_string(object, STIX_PATTERN_TYPE, reason)) return false;
    struct bytes language = value_of(object, STIX_PATTERN_TYPE)->text, pattern = value_of(object, STIX_PATTERN)->text;
    if (has(object, STIX_PATTERN_TYPE) && language.size == 0) return refuse(reason, "pattern_type: is empty");
    if (pattern.size == 0) return refuse(reason, "pattern: is empty");
    if (has(object, STIX_PATTERN_TYPE) && !bytes_equal_text(language, "stix")) return true;
    struct pattern_fault fault;
    enum err error = pattern_read(pattern, newer ? PATTERN_21 : PATTERN_20, object->arena, on_comparison, object, &fault);
    if (error == OK) return true;
    return refuse(reason, "pattern: at character %zu: %s", fault.offset + 1, fault.reason);
}

/* The TLP marking-definitions are the same for everybody: known ones are dropped, and nobody may redefine one, or make a label of
   his own that readers' rules would not know. */
static enum stixrules_verdict marking_definition(const struct stixobject *object, char *reason) {
    struct bytes id = value_of(object, STIX_ID)->text;
    enum tlp label = tlp_of_marking(id);
    bool tlp_typed = bytes_equal_text(value_of(object, STIX_DEFINITION_TYPE)->text, "tlp");
    bool iep = bytes_equal_text(value_of(object, STIX_DEFINITION_TYPE)->text, "iep") && !object->tlp_extended;
    if (label == TLP_NONE) {
        if (iep) return STIXRULES_TAKE;
        if (object->tlp_defined == TLP_NONE && !object->tlp_defined_bad && !tlp_typed) return STIXRULES_TAKE;
        (void)refuse_value(reason, STIX_ID, id, "defines a TLP label under an id of its own; use the standard's id");
        return STIXRULES_REFUSE;
    }
    if (object->tlp_defined == label && !object->tlp_defined_bad) return STIXRULES_KNOWN;
    (void)refuse(reason, "id: %.*s is %s for everybody, and this object defines it otherwise; give yours another id", (int)id.size,
                 (const char *)id.data, tlp_name(label));
    return STIXRULES_REFUSE;
}

static bool sound(struct stixobject *object, char *reason) {
    if (!object->is_object) return refuse(reason, "a STIX object {...} is expected here");
    if (!identity(object, reason)) return false;
    if (type_is(object, "bundle")) return refuse(reason, "type: a bundle inside a bundle; publish it on its own");
    const struct stix_value *revoked = value_of(object, STIX_REVOKED);
    if (revoked->form != STIX_ABSENT && revoked->form != STIX_TRUE && revoked->form != STIX_FALSE)
        return refuse(reason, "revoked: must be true or false");
    if (!times(object, reason) || !markings(object, reason)) return false;
    if (type_is(object, "indicator") && !indicator(object, reason)) return false;
    stixobject_observe_part(object, *value_of(object, STIX_TYPE), *value_of(object, STIX_VALUE), *value_of(object, STIX_NAME),
                            *value_of(object, STIX_KEY));
    if (object->memory_short) return refuse(reason, "out of memory");
    if (object->observables_full)
        return refuse(reason, "more than %d values to index in one object; split it", ITEM_OBSERVABLES_MAX);
    if (object->text.size > ITEM_TEXT_BYTES_MAX)
        return refuse(reason, "the object has %zu bytes and at most %d are allowed; split it", object->text.size,
                      ITEM_TEXT_BYTES_MAX);
    return true;
}

enum stixrules_verdict stixrules_judge(struct stixobject *object, char reason[static STIXRULES_REASON_BYTES]) {
    if (!sound(object, reason)) return STIXRULES_REFUSE;
    if (type_is(object, "marking-definition")) {
        enum stixrules_verdict verdict = marking_definition(object, reason);
        if (verdict != STIXRULES_TAKE) return verdict;
    }
    struct item *item = object->item;
    item->type = value_of(object, STIX_TYPE)->text;
    item->id = value_of(object, STIX_ID)->text;
    item->tlp = tlp_stricter(tlp_stricter(object->tlp_object, object->tlp_granular), object->label_tlp);
    item->revoked = value_of(object, STIX_REVOKED)->form == STIX_TRUE;
    item->text = object->text;
    return STIXRULES_TAKE;
}
