/* misp_type: what each MISP attribute type (draft-dulaunoy-misp-core-format 2.3.2.3) stands for: values that can be searched, a STIX pattern,
   a STIX observable. deploy/response-teams.md has the table for people. */
#ifndef NODE_MISP_TYPE_H
#define NODE_MISP_TYPE_H

#include "node/formats/observable.h"

#define MISP_VALUES_MAX 2

enum misp_use {
    MISP_USE_VALUE,   /* a pattern over values */
    MISP_USE_RULE,    /* the value is a pattern of another language, as it stands */
    MISP_USE_CONTEXT, /* says nothing that can be matched */
    MISP_USE_PRIVATE  /* a person's data: never taken from an event by itself */
};

struct misp_type;
/* Null: the type is not known. */
const struct misp_type *misp_type_find(struct bytes name);
enum misp_use misp_type_use(const struct misp_type *type);
const char *misp_type_language(const struct misp_type *type); /* of MISP_USE_RULE: the STIX pattern_type */

/* A value of the type, taken apart. Views into the text given, or into the arena. */
struct misp_value {
    struct bytes parts[MISP_VALUES_MAX];         /* in normal form; the second may be empty */
    enum observable_kind kinds[MISP_VALUES_MAX]; /* OBSERVABLE_TEXT for what has no kind of its own */
    size_t count;
};

/* Of MISP_USE_VALUE. ERR_SYNTAX with *reason: it is no value of this type. Defanged forms are undone. */
enum err misp_type_value(struct misp_value *out, const struct misp_type *type, struct bytes text, struct arena *arena,
                         const char **reason) MUST_USE;

/* The STIX pattern of a value, appended. */
void misp_type_pattern(struct buf *out, const struct misp_type *type, const struct misp_value *value);

/* The value as STIX observables ("0":{...}), appended, comma between: what stands in observed-data. False: it has no such form. */
bool misp_type_observables(struct buf *out, const struct misp_type *type, const struct misp_value *value);

#endif
