/* leveltag: MISP machine tags that say a national or an alliance's classification (taxonomies nato, fr-classif, de-vs, dni-ism), as the levels
   of gossip/marks.h; and tags of exchange policies, which no tag says in full. */
#ifndef NODE_LEVELTAG_H
#define NODE_LEVELTAG_H

#include "gossip/marks.h"

enum leveltag { LEVELTAG_OTHER, LEVELTAG_GOOD, LEVELTAG_UNKNOWN };

/* GOOD: its level was added to the marks (static texts). UNKNOWN: of one of these taxonomies, and not understood. OTHER: another tag. */
enum leveltag leveltag_read(struct bytes tag, struct marks *marks) MUST_USE;

#endif
