/* pattern: reads STIX patterns (2.0 and 2.1): is it one, where is it wrong, and what does it compare with what. */
#ifndef NODE_PATTERN_H
#define NODE_PATTERN_H

#include "gossip/item.h"
#include "node/formats/arena.h"

#define PATTERN_DEPTH_MAX 64
#define PATTERN_STEPS_MAX 12 /* further steps of a path are read and not told */

enum pattern_operator {
    PATTERN_EQUAL,
    PATTERN_NOT_EQUAL,
    PATTERN_LESS,
    PATTERN_LESS_EQUAL,
    PATTERN_GREATER,
    PATTERN_GREATER_EQUAL,
    PATTERN_IN, /* told once for each value of the set */
    PATTERN_LIKE,
    PATTERN_MATCHES,
    PATTERN_ISSUBSET,
    PATTERN_ISSUPERSET,
    PATTERN_EXISTS /* has no value */
};

enum pattern_literal { PATTERN_NONE, PATTERN_STRING, PATTERN_NUMBER, PATTERN_BOOL, PATTERN_TIMESTAMP, PATTERN_HEX, PATTERN_BINARY };

/* object:steps[0].steps[1]... ; an index step ("[2]", "[*]") is told as its text between the brackets, with `index` set. */
struct pattern_path {
    struct bytes object;
    struct pattern_step {
        struct bytes name;
        bool index;
    } steps[PATTERN_STEPS_MAX];
    size_t step_count; /* of those told */
};

struct pattern_comparison {
    struct pattern_path path;
    enum pattern_operator relation;
    bool negated; /* NOT in front of the operator */
    enum pattern_literal literal;
    struct bytes value; /* strings unescaped; others as written between their quotes */
};

enum pattern_version { PATTERN_20, PATTERN_21 };

struct pattern_fault {
    size_t offset; /* in the pattern */
    char reason[160];
};

/* Called while reading: a pattern may turn out wrong after comparisons were told. Views live as long as text and arena. */
typedef void pattern_told(void *context, const struct pattern_comparison *comparison);

/* `text` is valid UTF-8. ERR_SYNTAX with *fault; ERR_LIMIT beyond PATTERN_DEPTH_MAX, with *fault too; ERR_MEMORY. `told` may be
   null. */
enum err pattern_read(struct bytes text, enum pattern_version version, struct arena *arena, pattern_told *told, void *context,
                      struct pattern_fault *fault) MUST_USE;

/* The observable that a comparison asks for by equality (=, IN, and ISSUBSET for networks; nothing negated). False: none. */
bool pattern_observable(struct observable *out, const struct pattern_comparison *comparison, struct arena *arena);

#endif
