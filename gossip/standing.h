/* standing: what a member of a hidden group is told: that it may contribute, to whom, and until when. PROTOCOL.md 5.7 */
#ifndef GOSSIP_STANDING_H
#define GOSSIP_STANDING_H

#include "gossip/roster.h"

struct standing {
    uint8_t group_id[HASH_BYTES];
    uint64_t version; /* of the roster that it was drawn from */
    uint64_t time_ms;
    char name[LIMIT_GROUP_NAME_BYTES + 1];
    char purpose[LIMIT_GROUP_TEXT_BYTES + 1];
    enum tlp ceiling;
    uint64_t starts_ms, ends_ms; /* ends 0: no end */
    bool closed, removed;        /* the reader of this is no member any more */
    uint8_t admins[LIMIT_GROUP_ADMINS][AGENCY_ID_BYTES];
    size_t admin_count;
};

/* What a member is told of this roster. */
void standing_of_roster(struct standing *out, const struct roster *roster, const uint8_t group_id[static HASH_BYTES], bool removed);

/* Appends canonical MessagePack: array of 13: format 1, the fields in the order above, nil. ERR_RANGE, ERR_UTF8. */
enum err standing_encode(struct buf *out, const struct standing *standing) MUST_USE;
/* Foreign bytes. ERR_FORMAT, ERR_VERSION, ERR_RANGE, ERR_UTF8. */
enum err standing_decode(struct standing *out, struct bytes encoded) MUST_USE;

/* May an agency's word replace what is known? Only an admin's, of the same group, and a newer one. ERR_DENIED, ERR_CHAIN, ERR_EXISTS. */
enum err standing_follows(const struct standing *before, const struct standing *next,
                          const uint8_t author[static AGENCY_ID_BYTES]) MUST_USE;

enum roster_phase standing_phase(const struct standing *standing, uint64_t now_ms);

#endif
