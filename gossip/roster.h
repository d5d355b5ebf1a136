/* roster: one version of who belongs to a group, as its admins sign it. PROTOCOL.md 5.7 */
#ifndef GOSSIP_ROSTER_H
#define GOSSIP_ROSTER_H

#include "crypto/agency.h"
#include "gossip/label.h"
#include "gossip/limits.h"

#define ROSTER_SALT_BYTES 16

/* What newcomers get of the objects that went to the group before them. Numbers are part of the protocol. */
enum roster_history { ROSTER_HISTORY_NONE = 0, ROSTER_HISTORY_ALL = 1 };

struct roster_member {
    uint8_t agency_id[AGENCY_ID_BYTES];
    uint64_t since_ms;
    uint64_t removed_ms; /* 0: it is a member; else at or after `since_ms` */
};

/* Plain data: copy and drop it freely. What stands before `admins` never changes over a group's life, but version, previous and time. */
struct roster {
    uint8_t group_id[HASH_BYTES]; /* hash of the first version; zeros in that one */
    uint64_t version;             /* from 1 */
    uint8_t previous[HASH_BYTES]; /* hash of the version before; zeros in the first */
    uint64_t time_ms;             /* when it was made, never before the version in front of it */
    uint8_t salt[ROSTER_SALT_BYTES];
    char name[LIMIT_GROUP_NAME_BYTES + 1];    /* 1 to 64 of [A-Za-z0-9._-], starting with a letter or digit */
    char purpose[LIMIT_GROUP_TEXT_BYTES + 1]; /* UTF-8 without control characters; may be empty */
    uint8_t originator[AGENCY_ID_BYTES];
    enum tlp ceiling; /* objects above it do not go to the group; TLP_RED: all may */
    uint64_t starts_ms;
    enum roster_history history;
    bool hidden; /* only the admins know the roster */

    uint8_t admins[LIMIT_GROUP_ADMINS][AGENCY_ID_BYTES]; /* in the originator's order: it settles contradictions; members all */
    size_t admin_count;                                  /* at least 1 */
    uint8_t threshold;                                   /* admins who must publish a version; 1 to admin_count */
    uint8_t lead[AGENCY_ID_BYTES];                       /* a member */
    uint64_t ends_ms;                                    /* 0: no end */
    bool closed;                                         /* for good */
    struct roster_member members[LIMIT_GROUP_MEMBERS];   /* sorted by agency, unique, never empty */
    size_t member_count;
};

/* Appends the canonical MessagePack. ERR_RANGE for a field out of its bounds, ERR_UTF8. */
enum err roster_encode(struct buf *out, const struct roster *roster) MUST_USE;
/* Foreign bytes: exactly one roster, every field in range, members sorted, admins and lead among them. Allocates nothing.
   ERR_FORMAT, ERR_VERSION, ERR_RANGE, ERR_UTF8. */
enum err roster_decode(struct roster *out, struct bytes encoded) MUST_USE;
/* Names an encoded version; that of the first one is the group's id. */
void roster_hash(uint8_t out[static HASH_BYTES], struct bytes encoded);

/* May `next` come after `before`, whose hash is given? Who signed is not looked at. ERR_CHAIN: another version or group; ERR_DENIED: the
   group is closed or over; ERR_RANGE: it changes what may not change, or rewrites the past. */
enum err roster_follows(const struct roster *before, const uint8_t before_hash[static HASH_BYTES],
                        const struct roster *next) MUST_USE;

/* May `next` come somewhere behind `before`, with versions between them that are not known? ERR_DENIED, ERR_RANGE as above. */
enum err roster_continues(const struct roster *before, const struct roster *next) MUST_USE;

enum roster_place { ROSTER_NEVER, ROSTER_MEMBER, ROSTER_REMOVED };
enum roster_place roster_place(const struct roster *roster, const uint8_t agency_id[static AGENCY_ID_BYTES]);
/* The row of an agency, or null. */
const struct roster_member *roster_member(const struct roster *roster, const uint8_t agency_id[static AGENCY_ID_BYTES]);
/* Its place in the list of admins, or -1. */
int roster_admin(const struct roster *roster, const uint8_t agency_id[static AGENCY_ID_BYTES]);

/* Is the group at work at this time? */
enum roster_phase { ROSTER_BEFORE, ROSTER_RUNNING, ROSTER_OVER };
enum roster_phase roster_phase(const struct roster *roster, uint64_t now_ms);

/* Changes for a next version whose time is set already. ERR_EXISTS: it is (or is not) a member already; ERR_LIMIT; ERR_DENIED: the last
   admin cannot be removed; ERR_NOT_FOUND. A removed admin loses that too, and the threshold falls with the number of admins; the lead
   goes to the first admin. */
enum err roster_add(struct roster *roster, const uint8_t agency_id[static AGENCY_ID_BYTES]) MUST_USE;
enum err roster_remove(struct roster *roster, const uint8_t agency_id[static AGENCY_ID_BYTES]) MUST_USE;

/* The rule of names, for groups as for pinned agencies. */
bool roster_name_valid(struct bytes name);

#endif
