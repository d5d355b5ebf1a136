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
    uint8_t threshold; /* how many admins must tell the next one in the same words; 1 to admin_count */
};

/* What a member is told of this roster. */
void standing_of_roster(struct standing *out, const struct roster *roster, const uint8_t group_id[static HASH_BYTES], bool removed);

/* Appends canonical MessagePack: array of 13: format 2, the fields in the order above, the admins as one array. ERR_RANGE, ERR_UTF8. */
enum err standing_encode(struct buf *out, const struct standing *standing) MUST_USE;
/* Foreign bytes. ERR_FORMAT, ERR_VERSION, ERR_RANGE, ERR_UTF8. */
enum err standing_decode(struct standing *out, struct bytes encoded) MUST_USE;

bool standing_admin(const struct standing *standing, const uint8_t agency_id[static AGENCY_ID_BYTES]);

/* Does an agency's word count towards replacing what is known? Only an admin's, of the same group, of a newer version, and of none so far
   ahead that nobody could follow. Whether it is enough is decided in membership.h. ERR_DENIED, ERR_CHAIN, ERR_EXISTS, ERR_RANGE. */
enum err standing_follows(const struct standing *before, const struct standing *next,
                          const uint8_t author[static AGENCY_ID_BYTES]) MUST_USE;

enum roster_phase standing_phase(const struct standing *standing, uint64_t now_ms);

#endif
