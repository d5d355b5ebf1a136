/* filter_tree: a filter as it stands in memory: what the parser makes and the evaluation walks. Shared by the files filter*.c only. */
#ifndef NODE_FILTER_TREE_H
#define NODE_FILTER_TREE_H

#include "gossip/marks.h"
#include "node/formats/arena.h"
#include "node/formats/filter.h"
#include "node/formats/jsonwalk.h"
#include "node/formats/observable.h"

#define FILTER_VALUES_MAX 1024 /* in all lists of a filter */
#define FILTER_LABELS_MAX 128  /* of an object, that are looked at */

enum filter_field {
    FILTER_KIND,
    FILTER_TYPE,
    FILTER_ID,
    FILTER_TLP,
    FILTER_PAP,
    FILTER_AUTHOR,
    FILTER_GROUP,
    FILTER_LABEL,
    FILTER_NAME,
    FILTER_CONFIDENCE,
    FILTER_GRADING,
    FILTER_AGE,
    FILTER_MODIFIED,
    FILTER_ARRIVED,
    FILTER_AFTER,
    FILTER_BEFORE,
    FILTER_REVOKED,
    FILTER_VALUE,
    FILTER_FIELD_COUNT
};

/* As bits, for what a field can do. */
enum filter_sign {
    SIGN_EQ = 1,
    SIGN_NE = 2,
    SIGN_LT = 4,
    SIGN_LE = 8,
    SIGN_GT = 16,
    SIGN_GE = 32,
    SIGN_LIKE = 64,
    SIGN_UNLIKE = 128
};

struct filter_value {
    struct bytes text;        /* as it is compared: in small letters, but for ids; in the filter's arena */
    uint64_t number;          /* label, PAP, confidence, moment, span; of a kind: bits by enum observable_kind */
    char source, information; /* of a grading; 0: not said */
    bool suffix;              /* *.example.com: what ends in `text`, which begins with the dot */
    struct observable observables[OBSERVABLE_CANDIDATES_MAX];
    size_t observable_count;
};

enum filter_node_kind { FILTER_AND, FILTER_OR, FILTER_NOT, FILTER_TEST };

/* Joints have children, one after the other by `next`; node 0 is none. */
struct filter_node {
    enum filter_node_kind kind;
    uint16_t child, next;
    enum filter_field field;
    enum filter_sign sign;
    uint16_t value, value_count; /* any of them */
};

/* What an object's own text says, read when the first test asks. */
struct filter_text {
    bool read;
    bool confident;
    uint64_t confidence;
    struct buf strings; /* labels and name, in small letters */
    struct {
        uint32_t at, size;
    } labels[FILTER_LABELS_MAX], name;
    size_t label_count;
    /* walking */
    size_t depth;
    enum { TEXT_OTHER, TEXT_LABELS, TEXT_NAME, TEXT_CONFIDENCE } key;
};

struct filter {
    struct filter_node nodes[FILTER_NODES_MAX + 1]; /* 0 is unused */
    struct filter_value *values;
    size_t node_count, value_count, value_capacity;
    uint16_t root; /* 0: it takes everything */
    struct arena arena;
    struct jsonwalk *walk; /* made when it is needed first */
    struct filter_text text;
    struct marks marks;
    bool marks_read, marks_good;
};

/* --- filter_field.c: names, and what stands behind them --- */
const char *filter_field_name(enum filter_field field);
unsigned filter_field_signs(enum filter_field field);
/* "a, b and c": all fields, each once under its own name. */
void filter_field_list(struct buf *out);
/* By its name or another that people try. */
bool filter_field_find(enum filter_field *out, struct bytes name);
const char *filter_sign_text(enum filter_sign sign);
/* Reads a value of the field. False: it is none, and *possible says what would be one. `quoted`: it stood in quotes. */
bool filter_value_read(struct filter_value *out, enum filter_field field, enum filter_sign sign, struct bytes text, bool quoted,
                       struct arena *arena, const char **possible);
/* Does the pattern (small letters, `*` and `?`) fit all of the text, whatever the case of its letters? Work is bounded by the product. */
bool filter_glob(struct bytes pattern, struct bytes text);

/* --- filter_text.c --- */
/* Reads the labels, name and confidence of an object's JSON into filter->text. What is no JSON says nothing. */
void filter_text_read(struct filter *filter, struct bytes json);

#endif
