/* membership: what a member of a hidden group believes of it, and what single admins told that too few others have confirmed. A pure function
   of what was taken. PROTOCOL.md 5.7 */
#ifndef GOSSIP_MEMBERSHIP_H
#define GOSSIP_MEMBERSHIP_H

#include "gossip/standing.h"

/* What one admin told, and waits for others to tell it too. */
struct membership_word {
    uint8_t author[AGENCY_ID_BYTES];
    uint8_t hash[HASH_BYTES]; /* of the encoded standing: the same words give the same one */
    struct standing standing;
};

struct membership {
    struct standing
        standing; /* believed; of version 1 it is drawn from the group's first version, and names nobody but the admins */
    struct membership_word words[LIMIT_GROUP_ADMINS * LIMIT_GROUP_TOLD];
    size_t word_count;
};

/* Begins with the first version of the group, whose hash is its id: so nobody but its admins can say who comes next. ERR_CHAIN when it is no
   first version of a hidden group that names its admins and nobody else; else as roster_decode. */
enum err membership_open(struct membership *out, struct bytes first) MUST_USE;

/* Has this agency been told by enough admins that it belongs to the group, or did? */
bool membership_begun(const struct membership *membership);

/* Takes what an agency told. It is believed once as many admins of the standing believed have told the same bytes as its threshold says;
   across a gap in the versions, also as many of its own admins as its own threshold says. Of one admin LIMIT_GROUP_TOLD wait: a further one
   takes the last place. membership->standing.version tells whether another one is believed now. As standing_follows; ERR_MEMORY. */
enum err membership_take(struct membership *membership, const uint8_t author[static AGENCY_ID_BYTES],
                         const struct standing *next) MUST_USE;

/* The whole state, and back. ERR_FORMAT, ERR_VERSION and what standing_decode returns. */
enum err membership_save(struct buf *out, const struct membership *membership) MUST_USE;
enum err membership_load(struct membership *out, struct bytes saved) MUST_USE;

#endif
