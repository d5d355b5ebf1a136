#include "gossip/core.h"

#include "crypto/hash.h"

#include <string.h>

/* PROTOCOL.md 6.1: both sides name themselves and draw a nonce; then each signs over both keys and both nonces, so that a flaw in
   the transport's authentication lets nobody in. */

static void link_key(struct link *link) {
    bool first = memcmp(link->nonce, link->nonce_peer, WIRE_NONCE_BYTES) < 0;
    hash_of(link->key, "comity-link-key", bytes_of(first ? link->nonce : link->nonce_peer, WIRE_NONCE_BYTES),
            bytes_of(first ? link->nonce_peer : link->nonce, WIRE_NONCE_BYTES));
}

/* The hash that the proof of one side signs; `dialled`: that side opened the connection. */
static void proof_subject(struct sign_subject *out, const uint8_t agency_id[static AGENCY_ID_BYTES], const uint8_t *curve_mine,
                          const uint8_t *curve_other, const uint8_t *nonce_mine, const uint8_t *nonce_other, bool dialled) {
    uint8_t text[2 * CURVE_KEY_BYTES + 2 * WIRE_NONCE_BYTES];
    memcpy(text, curve_mine, CURVE_KEY_BYTES);
    memcpy(text + CURVE_KEY_BYTES, curve_other, CURVE_KEY_BYTES);
    memcpy(text + 2 * CURVE_KEY_BYTES, nonce_mine, WIRE_NONCE_BYTES);
    memcpy(text + 2 * CURVE_KEY_BYTES + WIRE_NONCE_BYTES, nonce_other, WIRE_NONCE_BYTES);
    *out = (struct sign_subject){.purpose = SIGN_LINK, .type = dialled ? 1 : 2, .suite = AGENCY_SUITE};
    memcpy(out->agency, agency_id, AGENCY_ID_BYTES);
    hash_of(out->hash, "comity-link", bytes_of(text, sizeof text), bytes_of(NULL, 0));
}

enum err recv_hello(struct gossip *gossip, struct link *link, struct message *message) {
    const struct peer *peer = peers_find(&gossip->peers, message->hello.node_id);
    const struct member *member = peer ? gossip->peers.members[peer->member] : NULL;
    if (link->state != LINK_HELLO) return ERR_FORMAT;
    /* Of several nodes that name the link's key the one that speaks; its PROOF shows it. */
    if (!peer || peer == gossip->self || memcmp(peer->node->curve_public, link->curve_public, CURVE_KEY_BYTES) != 0 ||
        !peer_welcome(peer, gossip->now_ms, gossip->monotonic_ms))
        return ERR_DENIED;
    if (memcmp(message->hello.agency_id, member->agency->id, AGENCY_ID_BYTES) != 0) return ERR_DENIED;
    memcpy(link->node_id, peer->node->id, NODE_ID_BYTES);
    memcpy(link->nonce_peer, message->hello.nonce, WIRE_NONCE_BYTES);
    memcpy(link->instance_peer, message->hello.instance, WIRE_INSTANCE_BYTES);
    if (memcmp(link->nonce, link->nonce_peer, WIRE_NONCE_BYTES) == 0) return ERR_DENIED; /* a mirror */
    link_key(link);
    link->state = LINK_PROOF;

    struct question *question = question_new(gossip, QUESTION_SIGN);
    if (!question) return ERR_BUSY;
    question->link = link->number;
    struct action *action = emit(gossip, ACTION_SIGN);
    action->sign.ticket = question->ticket;
    proof_subject(&action->sign.subject, gossip->peers.members[0]->agency->id, gossip->self->node->curve_public, link->curve_public,
                  link->nonce, link->nonce_peer, link->outbound);
    return OK;
}

static void open_when_proved(struct gossip *gossip, struct link *link) {
    if (link->proof_sent && link->proof_verified) overlay_link_open(gossip, link);
}

void proof_signed(struct gossip *gossip, const struct question *question, const uint8_t *signature) {
    struct link *link = links_find(&gossip->links, question->link);
    if (!link) return;
    if (!signature) {
        overlay_drop(gossip, link, "the key process refused to sign");
        return;
    }
    struct buf *message = emit_buf(gossip);
    if (!message) return;
    wire_proof(message, signature);
    emit_send(gossip, link, message);
    link->proof_sent = true;
    open_when_proved(gossip, link);
}

enum err recv_proof(struct gossip *gossip, struct link *link, struct message *message) {
    const struct peer *peer = peers_find(&gossip->peers, link->node_id);
    if (link->state == LINK_HELLO) return ERR_BUSY; /* its HELLO was lost on the way: a new link, and no misdeed */
    if (link->state != LINK_PROOF || link->proof_verified || !peer) return ERR_FORMAT;
    struct sign_subject subject;
    proof_subject(&subject, gossip->peers.members[peer->member]->agency->id, link->curve_public, gossip->self->node->curve_public,
                  link->nonce_peer, link->nonce, !link->outbound);
    if (verify_signature(message->proof.signature, &subject, peer->node->sign_public) != OK) return ERR_SIGNATURE;
    link->proof_verified = true;
    open_when_proved(gossip, link);
    return OK;
}
