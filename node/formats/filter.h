/* filter: which objects somebody wants, as a text: `kind = domain and confidence >= 70 and not label = benign`. One language for
   subscriptions, feeds, exports and recalls; FILTER.md has its grammar. Pure, but for memory: the moment comes with the question. */
#ifndef NODE_FILTER_H
#define NODE_FILTER_H

#include "crypto/agency.h"
#include "gossip/item.h"

#define FILTER_BYTES_MAX 4096
#define FILTER_NODES_MAX 512 /* tests and joints */
#define FILTER_DEPTH_MAX 32  /* parentheses and `not`, one inside the other */

struct filter;

/* What is wrong with a text, and where; `text` says what was found and what is possible. */
struct filter_problem {
    unsigned line, column; /* from 1; a column is a byte */
    char text[400];
};

/* The empty text takes everything. ERR_SYNTAX, ERR_UTF8, ERR_LIMIT with *problem; ERR_MEMORY. The text is copied. */
enum err filter_parse(struct filter **out, struct bytes text, struct filter_problem *problem) MUST_USE;
void filter_free(struct filter *filter);
bool filter_empty(const struct filter *filter); /* it takes everything */

/* An object that is asked about. Views are borrowed for the call. */
struct filter_subject {
    const struct item *item;
    struct bytes author; /* the local name of its author; and its id in hexadecimal is understood too */
    const uint8_t *author_id;
    struct bytes group; /* the local name of the group it was published to; empty: none is known */
    uint64_t arrived_ms, now_ms;
    bool partial;  /* only id, type and label of the item are known, of something that is gone; */
    bool nameless; /* and not under which name its author was known when it was shown */
};

/* MAYBE: only of a partial subject, when what is not known decides. */
enum filter_verdict { FILTER_NO, FILTER_MAYBE, FILTER_YES };
enum filter_verdict filter_ask(struct filter *filter, const struct filter_subject *subject);
static inline bool filter_takes(struct filter *filter, const struct filter_subject *subject) {
    return filter_ask(filter, subject) != FILTER_NO;
}

/* Must every object that it takes have this id; or tell of one of these values (at most FILTER_REQUIRED_MAX; returns how many)? Then an
   index finds them, and the filter still has to be asked of each. Views live as long as the filter. */
#define FILTER_REQUIRED_MAX 4
bool filter_requires_id(const struct filter *filter, struct bytes *id);
bool filter_asks_group(const struct filter *filter); /* does some test look at the group? */
bool filter_asks_age(const struct filter *filter);   /* or at the time that has passed? Then its answer changes by itself */
size_t filter_requires_value(const struct filter *filter, struct observable *out);

#endif
