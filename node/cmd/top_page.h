/* top_page: the engine's figures (node/formats/figures.h) as a screen: what there is, and how fast it changes since the figures before.
   Pure. */
#ifndef NODE_TOP_PAGE_H
#define NODE_TOP_PAGE_H

#include "crypto/bytes.h"

struct top_page {
    struct bytes now, before; /* figures; without those before there are no rates */
    uint64_t between_ms;
    uint64_t now_ms; /* wall clock */
    size_t rows;     /* of the screen: what does not fit is left out; 0: all */
};

void top_page(struct buf *out, const struct top_page *page);

#endif
