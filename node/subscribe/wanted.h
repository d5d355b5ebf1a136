/* wanted: which objects a question is about: the filters of a subscription and of the question itself, both of which must take it, and the
   labels that the asker may see. */
#ifndef NODE_WANTED_H
#define NODE_WANTED_H

#include "node/formats/filter.h"
#include "node/recall/gone.h"
#include "node/sharing/shown.h"
#include "node/subscribe/subscriptions.h"

struct wanted {
    struct filter *own, *asked; /* the subscription's and the question's; null: takes all */
    unsigned labels;            /* bit n: enum tlp n */
};

/* Bits of all labels up to this one; TLP_NONE: all. */
unsigned wanted_labels(enum tlp tlp_max);
/* Null subscription and empty text: everything. False: the client was told what is wrong with the filter. */
bool wanted_read(struct wanted *out, struct client *client, uint64_t tag, const struct subscription *subscription,
                 struct bytes text);
void wanted_free(struct wanted *wanted);

/* Do the filters take it? Its label is another question. */
bool wanted_matches(struct engine *engine, const struct wanted *wanted, const struct shown *shown, uint64_t now_ms);
static inline bool wanted_label(const struct wanted *wanted, enum tlp tlp) { return (wanted->labels >> tlp) & 1; }
/* Might the filters have taken what is gone? */
bool wanted_may_match(struct engine *engine, const struct wanted *wanted, const struct gone_row *row, uint64_t now_ms);

/* The subscription of this name, or null, and the client was told. */
struct subscription *wanted_subscription(struct engine *engine, struct client *client, uint64_t tag, struct bytes name);

#endif
