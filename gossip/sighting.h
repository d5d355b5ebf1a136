/* sighting: how often a reader met what an object tells of: a running total, so that a repeated or lost statement changes nothing in the
   end. PROTOCOL.md 5.11 */
#ifndef GOSSIP_SIGHTING_H
#define GOSSIP_SIGHTING_H

#include "gossip/entry.h"
#include "gossip/item.h"

#define SIGHTING_TYPE      "comity-sighting"
#define SIGHTING_COUNT_MAX (1ull << 53) /* what every reader of JSON takes exactly */

enum sighting_kind { SIGHTING_SEEN = 0, SIGHTING_FALSE_POSITIVE = 1, SIGHTING_EXPIRED = 2, SIGHTING_KINDS = 3 };

/* Array of 7: version 1, object id str, author's agency bin 32, kind uint, total uint, first uint, last uint (ms since 1970). */
struct sighting {
    struct bytes object_id;
    uint8_t author[AGENCY_ID_BYTES]; /* of the object */
    enum sighting_kind kind;
    uint64_t total; /* 1 to SIGHTING_COUNT_MAX: all that this node counted so far */
    uint64_t first_ms, last_ms;
};

/* "seen", "false-positive", "expired"; null for another number. */
const char *sighting_kind_name(enum sighting_kind kind);

enum err sighting_encode(struct buf *out, const struct sighting *sighting) MUST_USE;
/* Foreign bytes: exactly one canonical text. ERR_FORMAT, ERR_VERSION, ERR_RANGE. Views are borrowed. */
enum err sighting_decode(struct sighting *out, struct bytes text) MUST_USE;

#endif
