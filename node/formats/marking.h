/* marking: marks (gossip/marks.h) put together from several sources: the stricter holds. Pure. */
#ifndef NODE_MARKING_H
#define NODE_MARKING_H

#include "gossip/marks.h"

/* What an object is marked with instead, if its marks do contradict each other: it is refused. */
#define MARKING_CONTRADICTION "(several that contradict each other, or are more than there is room for)"

/* Adds what `more` says: whoever obeys the result obeys both. False: they contradict each other, or there is no room for both; then
   *into must not be used. Views are taken over. */
bool marking_merge(struct marks *into, const struct marks *more) MUST_USE;

#endif
