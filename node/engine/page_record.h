/* page_record: one object, or the news that one is gone, in the body of an ANSWER_PAGE (node/engine/control.h): the engine writes records one
   behind the other, its clients read them. Pure. */
#ifndef NODE_PAGE_RECORD_H
#define NODE_PAGE_RECORD_H

#include "crypto/bytes.h"
#include "gossip/label.h"
#include "node/engine/control.h"

struct page_record {
    uint64_t cursor, added_us; /* of a withdrawal added_us is the number of its row; 0: it has none */
    enum tlp tlp;
    unsigned versions;            /* CONTROL_VERSION_ bits */
    struct bytes author, encoded; /* the operator's name for the agency, at most 255 bytes; gossip/item.h */
};

static inline bool page_record_gone(const struct page_record *record) { return (record->versions & CONTROL_VERSION_GONE) != 0; }

size_t page_record_bytes(const struct page_record *record); /* how many it takes */
void page_record_write(struct buf *out, const struct page_record *record);
/* The next one of a body; views into it. False: this is not what the engine writes. */
bool page_record_read(struct page_record *out, struct cursor *in) MUST_USE;

#endif
