/* label: the Traffic Light Protocol 2.0 labels and their order (FIRST, August 2022). */
#ifndef GOSSIP_LABEL_H
#define GOSSIP_LABEL_H

#include "crypto/bytes.h"

/* Order matters: a larger number is more restrictive. TLP_NONE is "no label": such an object never leaves the node. */
enum tlp { TLP_NONE = 0, TLP_CLEAR = 1, TLP_GREEN = 2, TLP_AMBER = 3, TLP_AMBER_STRICT = 4, TLP_RED = 5 };

/* "TLP:AMBER+STRICT"; "none" for TLP_NONE. */
const char *tlp_name(enum tlp tlp);

/* Reads "TLP:AMBER", "amber", "TLP:WHITE" (as CLEAR), in any case. False: not a label. */
bool tlp_parse(enum tlp *out, struct bytes text);

/* The label of a STIX marking-definition id, TLP 2.0 and 1.0. TLP_NONE when the id is none of them. */
enum tlp tlp_of_marking(struct bytes marking_id);

/* The other way: the id of a label's TLP 2.0 marking-definition; null for TLP_NONE. */
const char *tlp_marking_id(enum tlp tlp);

static inline enum tlp tlp_stricter(enum tlp a, enum tlp b) { return a > b ? a : b; }

#endif
