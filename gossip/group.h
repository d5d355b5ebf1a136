/* group: the versions of one roster that its admins published, and which of them is in force. A pure function of what was taken: whoever
   took the same versions, in whatever order, holds the same roster. PROTOCOL.md 5.7 */
#ifndef GOSSIP_GROUP_H
#define GOSSIP_GROUP_H

#include "gossip/roster.h"

/* One version, and who published it. */
struct group_version {
    struct buf bytes;
    uint8_t hash[HASH_BYTES];
    uint64_t version;
    uint8_t signers[LIMIT_GROUP_SIGNERS][AGENCY_ID_BYTES]; /* never empty */
    size_t signer_count;
    bool in_force; /* it, or one that follows from it */
};

struct group {
    uint8_t id[HASH_BYTES];
    struct buf first; /* the first version: its hash is the id */
    struct buf base;  /* where the walk begins: the first one, or a later one behind which nothing is looked at again */
    struct group_version *versions[LIMIT_GROUP_VERSIONS]; /* those after the base */
    size_t version_count;

    /* What follows from the above: */
    struct roster roster; /* in force */
    uint8_t hash[HASH_BYTES];
    struct buf bytes;
    uint64_t contradicted;                                  /* the last version of which there are two good ones; 0: none */
    uint8_t contested[LIMIT_GROUP_ADMINS][AGENCY_ID_BYTES]; /* members in force whom the losing one of the newest version removed */
    size_t contested_count;
};

/* Begins with a first version, which its originator published (the caller has checked that author). ERR_FORMAT and others as
   roster_decode; ERR_CHAIN when it is no first version. */
enum err group_open(struct group *out, struct bytes first) MUST_USE;
void group_free(struct group *group);

/* Takes a version that an agency published; group->hash tells whether another one is in force now. A version needs as many admins of the
   one before it as that one's threshold; of two good ones that contradict each other the one wins whose signers stand first in that list
   of admins, then the lower hash. A version whose predecessors never came is believed when admins of its own list, of the first one and
   of the one in force signed it, in the numbers that each of them asks for: so newcomers begin.
   ERR_EXISTS: known already, or older than what is looked at again. ERR_CHAIN: another group's. ERR_LIMIT. Else as roster_decode. */
enum err group_take(struct group *group, const uint8_t author[static AGENCY_ID_BYTES], struct bytes encoded) MUST_USE;

/* Begins the next version: the one in force with number, hash and time set. */
void group_next(const struct group *group, struct roster *next, uint64_t now_ms);

/* The place that counts: who was removed by one of two versions that contradict each other counts as removed. */
enum roster_place group_place(const struct group *group, const uint8_t agency_id[static AGENCY_ID_BYTES]);

/* How many admins published a version that is not in force yet; `needed` is the threshold. 0: unknown. */
size_t group_votes(const struct group *group, const uint8_t hash[static HASH_BYTES], size_t *needed);

/* The versions that an agency has signed, but the one in force: what its node says again to newcomers, so that they hold what all hold.
   Borrowed; returns how many. */
size_t group_signed(const struct group *group, const uint8_t agency_id[static AGENCY_ID_BYTES],
                    const struct group_version *out[static LIMIT_GROUP_VERSIONS]);

/* The whole state, and back. ERR_FORMAT and what roster_decode returns. */
enum err group_save(struct buf *out, const struct group *group) MUST_USE;
enum err group_load(struct group *out, struct bytes saved) MUST_USE;

#endif
