#include "gossip/core.h"

#include <stdlib.h>
#include <string.h>

/* PROTOCOL.md 6.2: one sum says whether both trust the same; TAGS follow where it does not. */
enum err recv_trust(struct gossip *gossip, struct link *link, struct message *message) {
    if (message->trust.generation == 0) return ERR_FORMAT;
    if (!bucket_take(&link->announcements, gossip->monotonic_ms, LIMIT_COST_TAGS, LIMIT_RATE_ANNOUNCE_PER_S,
                     LIMIT_RATE_ANNOUNCE_BURST))
        return ERR_LIMIT;
    if (message->trust.generation < link->trust_heard) return OK; /* what came late says nothing of now */
    link->trust_heard = message->trust.generation;
    memcpy(link->trust_sum, message->trust.sum, WIRE_DIGEST_BYTES);
    tell_trust_compare(gossip, link);
    if (link->same) gossip->paths_dirty = true;
    if (link->same && link->generation_told) tell_digest(gossip, link, true);
    return OK;
}

/* PROTOCOL.md 6.2: which agencies both trust, without telling those that only one does. Unknown tags are ignored and counted. */
enum err recv_tags(struct gossip *gossip, struct link *link, struct message *message) {
    struct wire_pairs pairs = message->tags.agencies;
    if (pairs.count > LIMIT_AGENCIES || message->tags.generation == 0) return ERR_FORMAT;
    if (!bucket_take(&link->announcements, gossip->monotonic_ms, LIMIT_COST_TAGS, LIMIT_RATE_ANNOUNCE_PER_S,
                     LIMIT_RATE_ANNOUNCE_BURST))
        return ERR_LIMIT;
    if (message->tags.generation < link->trust_heard || message->tags.generation < link->generation_heard) return OK;
    struct wire_pair *told = calloc(pairs.count + 1, sizeof *told);
    if (!told) return ERR_MEMORY;
    size_t count = 0;
    while (wire_pair_next(&pairs, told[count].tag, &told[count].number)) count++;
    free(link->peer_agencies);
    link->peer_agencies = told;
    link->peer_agency_count = count;
    link->generation_heard = message->tags.generation;
    link->same = false;
    if (!link_tables(link, &gossip->peers)) return ERR_MEMORY;
    gossip->paths_dirty = true;

    size_t known = 0;
    for (size_t i = 0; i < gossip->peers.member_count; i++)
        known += link_peer_agency(link, gossip->peers.members[i]->agency->id) != NULL;
    link->ignored_tags += count - (known < count ? known : count);
    tell_chains(gossip, link);
    if (link->generation_told) tell_digest(gossip, link, true);
    return OK;
}

/* An agency's chain, longer than ours: any node may bring it in. PROTOCOL.md 3 */
enum err recv_chain(struct gossip *gossip, struct link *link, struct message *message) {
    bool changed = false, frozen = false;
    struct member *member = peers_member_find(&gossip->peers, message->chain.agency_id);
    if (!member) return OK; /* trust sets differ: no fault of the peer's */
    struct bytes held = member->chain, chain = message->chain.chain;
    size_t common = chain.size < held.size ? chain.size : held.size;
    bool parted = common == 0 || memcmp(chain.data, held.data, common) != 0;
    if (member->rival || (!parted && chain.size <= held.size)) return OK;
    /* At most so many signatures are checked. Without the budget for it a new link tells it again: nobody is punished. */
    uint64_t cost = 1 + chain.size / (SIGN_PUBLIC_BYTES + SIGN_BYTES);
    if (cost > LIMIT_RATE_SIGNATURES_BURST) cost = LIMIT_RATE_SIGNATURES_BURST;
    if (!bucket_take(&link->signatures, gossip->monotonic_ms, cost, LIMIT_RATE_SIGNATURES_PER_S, LIMIT_RATE_SIGNATURES_BURST))
        return ERR_BUSY;
    /* A longer one that begins with ours is this agency's for sure; one that parts from it may freeze the agency. */
    if (parted) return split_take(gossip, chain, &frozen);
    enum err err = peers_trust(&gossip->peers, chain, &changed);
    if (!changed) return err;
    /* Taken, even if it names more nodes than there is room for: what it revokes counts. */
    struct action *action = emit(gossip, ACTION_CHAIN);
    action->chain.agency_id = member->agency->id;
    action->chain.chain = member->chain;
    tell_trust_changed(gossip);
    return err;
}
