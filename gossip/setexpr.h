/* setexpr: whom a publication goes to, as an expression over names: 'group:nightfall - cert.x'. Pure. PROTOCOL.md 5.7

   expression = part { "," part }            all of them together
   part       = factor { ("+" | "-") factor }  from left to right: and these; but not those
   factor     = atom { "&" atom }            only those in both
   atom       = NAME | "group:" NAME | "all" | "(" expression ")"

   NAME is a petname: letters, digits, '.', '_', '-', starting with a letter or digit; so '-' after a name needs a blank in front of it. */
#ifndef GOSSIP_SETEXPR_H
#define GOSSIP_SETEXPR_H

#include "crypto/bytes.h"
#include "gossip/limits.h"

enum setexpr_kind { SETEXPR_NAME, SETEXPR_GROUP, SETEXPR_ALL, SETEXPR_AND, SETEXPR_PLUS, SETEXPR_MINUS };

/* In the order in which a stack evaluates them: operands before their operator. */
struct setexpr_step {
    enum setexpr_kind kind;
    struct bytes name; /* of NAME and GROUP: borrowed from the text */
};

struct setexpr {
    struct setexpr_step steps[2 * LIMIT_SETEXPR_TERMS];
    size_t step_count;
    size_t depth; /* of the stack that it needs; at most LIMIT_SETEXPR_DEPTH */
    bool all;     /* "all" stands in it */
};

/* On an error `at` is the place of the offending character in the text, from 0, and `what` says what is wrong and what to write.
   ERR_SYNTAX, ERR_TOO_BIG (text, terms or depth). */
enum err setexpr_parse(struct setexpr *out, struct bytes text, size_t *at, const char **what) MUST_USE;

/* A set of things numbered from 0. */
#define SETEXPR_SET_MAX 4096
struct setexpr_set {
    uint8_t bits[SETEXPR_SET_MAX / 8];
};
static inline bool setexpr_has(const struct setexpr_set *set, size_t index) { return set->bits[index / 8] >> index % 8 & 1; }
static inline void setexpr_put(struct setexpr_set *set, size_t index) { set->bits[index / 8] |= (uint8_t)(1u << index % 8); }

/* Fills an empty set with what a NAME, GROUP or ALL stands for; false ends the evaluation. */
typedef bool setexpr_resolve(void *context, const struct setexpr_step *step, struct setexpr_set *set);
/* False when `resolve` said so. */
bool setexpr_evaluate(const struct setexpr *expression, setexpr_resolve *resolve, void *context, struct setexpr_set *out) MUST_USE;

#endif
