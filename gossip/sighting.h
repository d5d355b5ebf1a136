/* sighting: how often a reader met what an object tells of: a running total, so that a repeated or lost statement changes nothing in the
   end; and what a reader thinks of it, of which the latest counts. PROTOCOL.md 5.11 */
#ifndef GOSSIP_SIGHTING_H
#define GOSSIP_SIGHTING_H

#include "gossip/entry.h"
#include "gossip/item.h"

#define SIGHTING_TYPE      "comity-sighting"
#define SIGHTING_TOLD_TYPE "comity-sighting-told"
#define SIGHTING_COUNT_MAX (1ull << 53) /* what every reader of JSON takes exactly */

/* Kinds below SIGHTING_KINDS are counted. */
enum sighting_kind {
    SIGHTING_SEEN = 0,
    SIGHTING_FALSE_POSITIVE = 1,
    SIGHTING_EXPIRED = 2,
    SIGHTING_KINDS = 3,
    SIGHTING_OPINION = 3 /* the total is one of enum opinion */
};

/* STIX 2.1's opinion-ov, section 10.17. */
enum opinion {
    OPINION_STRONGLY_DISAGREE = 1,
    OPINION_DISAGREE = 2,
    OPINION_NEUTRAL = 3,
    OPINION_AGREE = 4,
    OPINION_STRONGLY_AGREE = 5
};

/* "strongly-disagree" ...; null for another number. */
const char *opinion_name(uint64_t opinion);
bool opinion_parse(uint64_t *out, struct bytes text);

/* Array of 7: version 1 (of an opinion 2), object id str, author's agency bin 32, kind uint, total uint, first uint, last uint (ms since 1970). */
struct sighting {
    struct bytes object_id;
    uint8_t author[AGENCY_ID_BYTES]; /* of the object */
    enum sighting_kind kind;
    uint64_t total; /* 1 to SIGHTING_COUNT_MAX: all that this node counted so far */
    uint64_t first_ms, last_ms;
};

/* "seen", "false-positive", "expired"; null for another number. */
const char *sighting_kind_name(enum sighting_kind kind);

/* Does `later`, of the same node, object and kind, take the place of `held`? Counts only grow; of opinions the latest counts. */
bool sighting_follows(const struct sighting *held, const struct sighting *later);

enum err sighting_encode(struct buf *out, const struct sighting *sighting) MUST_USE;
/* Foreign bytes: exactly one canonical text. ERR_FORMAT, ERR_VERSION, ERR_RANGE. Views are borrowed. */
enum err sighting_decode(struct sighting *out, struct bytes text) MUST_USE;

/* What an author tells its audience of one reader, where the object's marks say so. Array of 4: version 1, agency bin 32, node bin 16, the text
   of that node's sighting bin. */
struct sighting_told {
    uint8_t agency_id[AGENCY_ID_BYTES], node_id[NODE_ID_BYTES]; /* who met it */
    struct sighting sighting;
};
enum err sighting_told_encode(struct buf *out, const struct sighting_told *told) MUST_USE;
enum err sighting_told_decode(struct sighting_told *out, struct bytes text) MUST_USE;

#endif
