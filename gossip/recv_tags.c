#include "gossip/core.h"

#include <stdlib.h>
#include <string.h>

/* PROTOCOL.md 6.2: which agencies both trust, without telling those that only one does. Unknown tags are ignored and counted. */
enum err recv_tags(struct gossip *gossip, struct link *link, struct message *message) {
    struct wire_pairs pairs = message->tags.agencies;
    if (pairs.count > LIMIT_AGENCIES || message->tags.generation == 0) return ERR_FORMAT;
    struct wire_pair *told = calloc(pairs.count + 1, sizeof *told);
    if (!told) return ERR_MEMORY;
    size_t count = 0;
    while (wire_pair_next(&pairs, told[count].tag, &told[count].number)) count++;
    free(link->peer_agencies);
    link->peer_agencies = told;
    link->peer_agency_count = count;
    link->generation_heard = message->tags.generation;
    if (!link_tables(link, &gossip->peers)) return ERR_MEMORY;

    for (size_t i = 0; i < count; i++) {
        int index = link_member_of_tag(link, told[i].tag);
        if (index < 0) {
            link->ignored_tags++;
            continue;
        }
        const struct member *member = gossip->peers.members[index];
        if (member->agency.record_count <= told[i].number) continue;
        struct buf *chain = emit_buf(gossip);
        if (!chain) return ERR_MEMORY;
        wire_chain(chain, member->agency.id, bytes_of_buf(&member->chain));
        emit_send(gossip, link, chain);
    }
    if (link->generation_told) sync_digest(gossip, link, true);
    return OK;
}

/* An agency's chain, longer than ours: any node may bring it in. PROTOCOL.md 3 */
enum err recv_chain(struct gossip *gossip, struct link *link, struct message *message) {
    bool changed = false;
    (void)link;
    struct member *member = peers_member_find(&gossip->peers, message->chain.agency_id);
    if (!member) return OK; /* trust sets differ: no fault of the peer's */
    enum err err = peers_trust(&gossip->peers, message->chain.chain, &changed);
    if (err == ERR_CHAIN) return OK; /* a parted chain is the operators' matter, not this link's */
    if (err != OK) return err;
    if (!changed) return OK;
    struct action *action = emit(gossip, ACTION_CHAIN);
    action->chain.agency_id = member->agency.id;
    action->chain.chain = bytes_of_buf(&member->chain);
    sync_trust_changed(gossip);
    return OK;
}
