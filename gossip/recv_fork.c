#include "gossip/core.h"

/* PROTOCOL.md 4.5: a fork proof speaks for itself, so it is taken from anybody; a wrong one is a misdeed. */
enum err recv_fork(struct gossip *gossip, struct link *link, struct message *message) {
    struct fork fork;
    if (fork_read(&fork, message->fork.runs[0], message->fork.runs[1]) != OK) return ERR_FORMAT;
    const struct peer *peer = peers_find(&gossip->peers, fork.node_id);
    size_t index = peer ? peers_index(&gossip->peers, peer) : 0;
    if (!peer || index >= link->log_count || !link->logs[index].common) {
        link->ignored_tags++;
        return OK;
    }
    const struct log_fork *known = peer->log.fork;
    bool news = !known || known->message.size == 0 || fork.seq < known->seq;
    if (!news) {
        /* An earlier one of ours the peer has to learn. */
        link->logs[index].fork_told |= known->seq == fork.seq;
        return OK;
    }
    if (!bucket_take(&link->signatures, gossip->monotonic_ms, 2, LIMIT_RATE_SIGNATURES_PER_S, LIMIT_RATE_SIGNATURES_BURST))
        return OK;
    enum err err = fork_verify(&fork, gossip->peers.members[peer->member]->agency->id, peer->node->sign_public);
    if (err != OK) return err;
    link->logs[index].fork_told = true;
    return freeze_fork(gossip, index, &fork);
}
