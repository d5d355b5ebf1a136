/* labelmap: which labels stand where in the order of arrival, in memory: a byte for each LABELMAP_SPAN cursors, so that who looks for a
   rare label passes over what has none of it. It learns from what is stored and from what is looked at, and may only say too much. */
#ifndef NODE_LABELMAP_H
#define NODE_LABELMAP_H

#include "gossip/label.h"

#define LABELMAP_SPAN      64
#define LABELMAP_BYTES_MAX (64 * 1024 * 1024) /* four thousand million items; what is beyond is looked at */

struct labelmap {
    uint8_t *spans; /* bits of enum tlp; LABELMAP_KNOWN: all items of the span were noted */
    size_t count;
};

void labelmap_free(struct labelmap *map);
/* An item stands here. Without memory nothing is noted, and nothing will be passed over there. */
void labelmap_note(struct labelmap *map, uint64_t cursor, enum tlp tlp);
/* All items from `first` on and before `end` were noted. */
void labelmap_known(struct labelmap *map, uint64_t first, uint64_t end);
/* The first cursor from `cursor` on, and at most `end`, whose span may hold one of these labels (bits of enum tlp). */
uint64_t labelmap_skip(const struct labelmap *map, uint64_t cursor, uint64_t end, unsigned labels);

#endif
