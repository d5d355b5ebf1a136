/* shown: an object as this node may show it: an author's own, or one that another agency passed on with the author's proof. PROTOCOL.md
   5.10 */
#ifndef NODE_SHOWN_H
#define NODE_SHOWN_H

#include "gossip/share.h"
#include "node/store/store.h"

struct engine;

/* Views point into the page that holds it: until the next question about pages. */
struct shown {
    struct page_head head; /* of the page */
    uint64_t cursor;
    const uint8_t *author; /* agency id: of who wrote the object */
    const uint8_t *via;    /* agency id of who passed it on; null: its author published it to us */
    struct item item;
    struct bytes encoded;
    struct share_facts facts; /* when it was passed on */
};

/* Reads the item that stands at `cursor` of a page. ERR_REVOKED: past the cut of whom it is of, or of who passed it on. An error of
   share_verify: it was passed on, and not as its author allowed (ERR_UNKNOWN_AUTHOR: whom this node does not pin); `why` tells then. */
enum err shown_of(struct engine *engine, struct shown *out, const struct page_head *head, uint64_t cursor, struct bytes encoded,
                  const char **why) MUST_USE;
/* The same by cursor. ERR_NOT_FOUND, ERR_CORRUPT. */
enum err shown_at(struct engine *engine, struct shown *out, uint64_t cursor) MUST_USE;

/* The newest version of an object, by its author (null: any; ERR_EXISTS when there are several). A copy that its author published to us
   is taken rather than one that was passed on. ERR_NOT_FOUND. */
enum err shown_newest(struct engine *engine, struct shown *out, struct bytes id, const uint8_t *author) MUST_USE;

/* Does `other` take the place of `shown`, both versions of one object by one author? */
bool shown_superseded(const struct shown *shown, const struct shown *other);

#endif
