/* stixobject: what of one STIX object's JSON matters to a node, collected while jsonwalk reads it; nothing is judged here but
   where a thing stands. */
#ifndef NODE_STIXOBJECT_H
#define NODE_STIXOBJECT_H

#include "gossip/marks.h"
#include "node/formats/arena.h"
#include "node/formats/jsonwalk.h"

enum stix_property {
    STIX_TYPE,
    STIX_ID,
    STIX_SPEC_VERSION,
    STIX_CREATED,
    STIX_MODIFIED,
    STIX_REVOKED,
    STIX_VALID_FROM,
    STIX_VALID_UNTIL,
    STIX_FIRST_SEEN,
    STIX_LAST_SEEN,
    STIX_FIRST_OBSERVED,
    STIX_LAST_OBSERVED,
    STIX_PUBLISHED,
    STIX_START_TIME,
    STIX_STOP_TIME,
    STIX_PATTERN,
    STIX_PATTERN_TYPE,
    STIX_VALUE,
    STIX_NAME,
    STIX_KEY,
    STIX_DEFINITION_TYPE,
    STIX_MARKING_REFS,
    STIX_GRANULAR_MARKINGS,
    STIX_HASHES,
    STIX_OBJECTS,
    STIX_DEFINITION,
    STIX_EXTENSIONS,
    STIX_LABELS,
    STIX_PROPERTY_COUNT
};

const char *stix_property_name(enum stix_property property);

enum stix_form { STIX_ABSENT, STIX_STRING, STIX_TRUE, STIX_FALSE, STIX_ARRAY, STIX_OBJECT, STIX_OTHER };

/* A property of the object itself; `text` of strings only. */
struct stix_value {
    enum stix_form form;
    struct bytes text;
};

/* A marking that is no TLP label, of the whole object or of a part. */
struct stix_marking {
    struct bytes id;
    struct bytes selector; /* the first one; empty: the whole object */
};
#define STIX_MARKINGS_MAX 64

#define STIX_WHERE_LEVELS (JSON_DEPTH_MAX + 1)

struct stixobject {
    struct bytes text;   /* the object's JSON */
    struct arena *arena; /* decoded strings go there; views live as long as text and arena */
    struct item *item;   /* receives the observables of cyber observables and of observed-data's `objects` */
    bool observables_full, memory_short;
    bool is_object; /* the value is a JSON object at all */
    struct stix_value values[STIX_PROPERTY_COUNT];
    enum tlp tlp_object;       /* the strictest TLP of object_marking_refs */
    enum tlp tlp_granular;     /* and of granular_markings */
    struct bytes tlp_selector; /* the first part that it stands on */
    size_t marking_count;
    bool markings_full;
    bool labelled;            /* it has labels at all */
    enum tlp label_tlp;       /* what they say that are markings */
    struct bytes label_bad;   /* the first that looks like a marking and is none */
    bool extended;            /* our extension is there */
    struct bytes marking_bad; /* the first marking reference that is no marking-definition id */
    bool marking_malformed;   /* a marking is of the wrong JSON form */
    enum tlp tlp_defined;     /* of a marking-definition: the label it carries, in either form */
    bool tlp_defined_bad;     /* it carries one that is none */
    bool tlp_extended;        /* in the extension of TLP 2.0: a `definition` with a tlp may be an IEP policy */

    struct stix_marking markings[STIX_MARKINGS_MAX]; /* not TLP, by id */
    struct marks label_marks;                        /* if labelled */

    /* Walking state. */
    size_t depth;
    uint8_t where[STIX_WHERE_LEVELS];
    int pending;                                                  /* what the key announced */
    struct bytes pending_name;                                    /* of a hash */
    struct stix_value part_type, part_value, part_name, part_key; /* of an object inside observed-data */
    bool granular_marked, granular_selected;
    struct bytes granular_id, granular_selector; /* of the granular marking under way; the id of no TLP label */
    enum tlp granular_tlp;
};

/* For jsonwalk_run, whose context is the stixobject. */
extern const struct jsonwalk_events stixobject_events;

/* Ready for the next object. The item's observables are emptied. */
void stixobject_init(struct stixobject *object, struct bytes text, struct arena *arena, struct item *item);

/* Appends an observable to the item; full is noted, not an error. */
void stixobject_observe(struct stixobject *object, struct observable observable);

/* The observables that a cyber observable's own value, name or key stand for. */
void stixobject_observe_part(struct stixobject *object, struct stix_value type, struct stix_value value, struct stix_value name,
                             struct stix_value key);

#endif
