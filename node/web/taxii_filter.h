/* taxii_filter: what a TAXII client asks to see of a collection, and the `next` by which it goes on. Pure.
   A `next` holds filter, position and collection under a MAC: the server keeps no state between pages, and a client that changes or
   forgets its filters while it pages gets the pages of what it first asked for. One that comes with a `next` of another collection
   (a connector that keeps it from one collection to the next does) begins this one as if it had none. */
#ifndef NODE_TAXII_FILTER_H
#define NODE_TAXII_FILTER_H

#include "gossip/item.h"
#include "gossip/policy_facts.h"
#include "node/engine/scope.h"
#include "node/formats/uuid.h"

#define TAXII_LIMIT_DEFAULT 1000
#define TAXII_LIMIT_MAX     10000
#define TAXII_VALUES_MAX    32
#define TAXII_MOMENTS_MAX   8
#define TAXII_WHY_MAX       240
#define TAXII_KEY_BYTES     32
#define TAXII_SPEC_20       1
#define TAXII_SPEC_21       2

struct taxii_filter {
    uint64_t after_us; /* added_after; 0: from the beginning */
    uint64_t position; /* the cursor behind which to go on, from `next`; 0: from the beginning */
    uint64_t shown_us; /* when the last object of the pages before was added; without one: added_after */
    uint64_t limit;    /* 1 to TAXII_LIMIT_MAX */
    unsigned versions; /* CONTROL_VERSION_ bits; 0 with `all` or moments only */
    bool all_versions;
    enum policy_exit exit;               /* what the engine's policy is asked about: POLICY_TAXII, unless a feed or a list asks */
    uint64_t moments[TAXII_MOMENTS_MAX]; /* versions by their `modified`, microseconds */
    size_t moment_count;
    unsigned specs;     /* TAXII_SPEC_ bits; 0: any */
    const char *who;    /* whose token, for the engine's ledger; no part of a `next`, as what follows is none: */
    struct scope scope; /* of which groups */
    char types[TAXII_VALUES_MAX][ITEM_TYPE_BYTES_MAX + 1];
    size_t type_count;
    char ids[TAXII_VALUES_MAX][ITEM_ID_BYTES_MAX + 1];
    size_t id_count;
};

void taxii_filter_init(struct taxii_filter *filter);
/* One parameter of the query. ERR_SYNTAX, ERR_LIMIT with a sentence in `why`; parameters that are none of TAXII's are left alone. */
enum err taxii_filter_add(struct taxii_filter *filter, const char *key, const char *value, char why[static TAXII_WHY_MAX]) MUST_USE;
/* After the last: what holds where nothing was said. */
void taxii_filter_finish(struct taxii_filter *filter);

/* What to ask the engine: CONTROL_VERSION_ bits, or 0 for all. */
unsigned taxii_filter_ask(const struct taxii_filter *filter);
/* May a version be shown: `versions` as the engine told, and its `modified` (0: it has none)? */
bool taxii_filter_version(const struct taxii_filter *filter, unsigned versions, uint64_t modified_us);
bool taxii_filter_spec(const struct taxii_filter *filter, unsigned spec);

/* Appends the text of a `next`. */
enum err taxii_next_write(struct buf *out, const struct taxii_filter *filter, const uint8_t collection[static UUID_BYTES],
                          const uint8_t key[static TAXII_KEY_BYTES]) MUST_USE;
/* The filter that it holds, for this collection. ERR_FORMAT, ERR_SIGNATURE: it is not one of ours; ERR_NOT_FOUND: it is, and of another
   collection. */
enum err taxii_next_read(struct taxii_filter *out, const char *text, const uint8_t collection[static UUID_BYTES],
                         const uint8_t key[static TAXII_KEY_BYTES]) MUST_USE;
/* What stands in it behind its MAC: our own bytes, read as if they were not. */
bool taxii_next_plain(struct taxii_filter *out, uint8_t collection[static UUID_BYTES], struct bytes plain) MUST_USE;

#endif
