/* audience: agencies -> the reader nodes of a publication, with the keys to seal to. PROTOCOL.md 5.1 */
#ifndef GOSSIP_AUDIENCE_H
#define GOSSIP_AUDIENCE_H

#include "crypto/epoch.h"
#include "gossip/gossip.h"

/* Never empty once resolved; sorted by node id; unique. */
struct audience {
    struct epoch_reader *readers;
    size_t count, capacity;
    uint8_t key[HASH_BYTES]; /* names the set of nodes: hash_of("comity-audience", node ids) */
};

void audience_free(struct audience *audience);

/* Adds every valid node of an agency (index as in gossip_agency) that has a usable prekey. ERR_NO_PREKEY when none has one: the
   agency is refused by name, never left out in silence. ERR_EXPIRED when all certificates are past their dates (of other agencies than
   the own one), ERR_SPLIT when the agency is frozen, ERR_LIMIT. */
enum err audience_add(struct audience *audience, const struct gossip *gossip, size_t agency_index, uint64_t now_ms) MUST_USE;

/* After the last addition: sorts and names the set. */
void audience_seal(struct audience *audience);

/* Is every reader of the audience among these node ids (one after the other)? */
bool audience_covered(const struct audience *audience, struct bytes node_ids);

#endif
