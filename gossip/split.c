#include "gossip/core.h"

#include <string.h>

/* PROTOCOL.md 3.8: two valid chains of one agency that hold different ROOTs of one generation freeze it: nobody can tell which of the two
   speaks for it, so nothing is sealed to it and its links are refused until an operator pins it anew. */

void split_tell(struct gossip *gossip, struct link *link, const struct member *member) {
    struct bytes chains[2] = {member->chain, bytes_of_buf(&member->rival->chain)};
    for (size_t i = 0; i < 2; i++) {
        struct buf *message = emit_buf(gossip);
        if (!message) return;
        wire_chain(message, member->agency->id, chains[i]);
        emit_send(gossip, link, message);
    }
}

enum err split_take(struct gossip *gossip, struct bytes chain, bool *frozen) {
    struct member *member = NULL;
    enum err err = peers_rival(&gossip->peers, chain, &member);
    *frozen = member != NULL;
    if (err != OK || !member) return err;
    struct action *action = emit(gossip, ACTION_SPLIT);
    action->chain.agency_id = member->agency->id;
    action->chain.chain = bytes_of_buf(&member->rival->chain);
    emit_notice(gossip, NOTICE_SPLIT, NULL, member->agency->node_count > 0 ? member->agency->nodes[0].id : NULL, 0, ERR_SPLIT);
    gossip->overlay_due_ms = gossip->monotonic_ms;
    gossip_due(gossip, gossip->overlay_due_ms);
    tell_trust_changed(gossip);
    return OK;
}
