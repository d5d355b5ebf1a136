#include "gossip/core.h"

#include "crypto/hash.h"

#include <stdlib.h>
#include <string.h>

/* PROTOCOL.md 6.7: completeness that can be shown: a peer signs where all common logs end at it, and we lay ours beside it. */

/* What is signed: the question, who asked, and the whole answer. */
static void heads_subject(struct sign_subject *out, const uint8_t agency_id[static AGENCY_ID_BYTES],
                          const uint8_t nonce[static WIRE_NONCE_VERIFY_BYTES], const uint8_t asker[static NODE_ID_BYTES],
                          uint64_t missing, struct bytes rows) {
    uint8_t head[WIRE_NONCE_VERIFY_BYTES + NODE_ID_BYTES + 8];
    memcpy(head, nonce, WIRE_NONCE_VERIFY_BYTES);
    memcpy(head + WIRE_NONCE_VERIFY_BYTES, asker, NODE_ID_BYTES);
    put_be64(head + WIRE_NONCE_VERIFY_BYTES + NODE_ID_BYTES, missing);
    *out = (struct sign_subject){.purpose = SIGN_HEADS, .type = 1, .suite = AGENCY_SUITE};
    memcpy(out->agency, agency_id, AGENCY_ID_BYTES);
    hash_of(out->hash, "comity-heads", bytes_of(head, sizeof head), rows);
}

/* --- asking --- */

enum err verify_ask(struct gossip *gossip, const struct event *event) {
    const struct member *member = peers_member_find(&gossip->peers, event->verify.agency_id);
    struct link *best = NULL;
    for (size_t i = 0; member && i < gossip->links.end; i++) {
        struct link *link = &gossip->links.list[i];
        const struct peer *peer = link_open(link) && link->generation_heard ? peers_find(&gossip->peers, link->node_id) : NULL;
        if (!peer || gossip->peers.members[peer->member] != member) continue;
        if (!best || (best->verify_number && !link->verify_number)) best = link;
    }
    if (!best) return ERR_NOT_FOUND;
    if (best->verify_number) return ERR_BUSY;
    struct buf *message = emit_buf(gossip);
    if (!message) return ERR_MEMORY;
    best->verify_number = event->verify.number;
    random_bytes(&gossip->random, best->verify_nonce, sizeof best->verify_nonce);
    wire_verify(message, best->verify_nonce);
    emit_send(gossip, best, message);
    return OK;
}

void verify_forget(struct gossip *gossip, uint64_t number) {
    for (size_t i = 0; i < gossip->links.end; i++)
        if (gossip->links.list[i].verify_number == number) gossip->links.list[i].verify_number = 0;
}

/* --- answering --- */

static int row_compare(const void *a, const void *b) { return memcmp(a, b, NODE_ID_BYTES); }

/* All common logs, by node id: also those of which nothing is here. Returns how many payloads of them are missing here. */
static uint64_t rows_write(const struct gossip *gossip, const struct link *link, struct buf *out) {
    uint64_t missing = 0;
    size_t count = 0;
    for (size_t i = 0; i < link->log_count && count < LIMIT_LOGS; i++) {
        const struct peer *peer = gossip->peers.list[i];
        const uint8_t *id;
        if (!link->logs[i].common) continue;
        uint64_t claim = sync_claim(peer, &id);
        buf_put_raw(out, peer->node->id, NODE_ID_BYTES);
        buf_put_u64(out, claim);
        buf_put_raw(out, id, HASH_BYTES);
        missing += log_missing_live(&peer->log);
        count++;
    }
    if (!out->failed && count > 1) qsort(out->data, count, WIRE_HEAD_ROW_BYTES, row_compare);
    return missing;
}

enum err recv_verify(struct gossip *gossip, struct link *link, struct message *message) {
    if (!bucket_take(&link->announcements, gossip->monotonic_ms, LIMIT_COST_HEADS, LIMIT_RATE_ANNOUNCE_PER_S,
                     LIMIT_RATE_ANNOUNCE_BURST))
        return OK;
    /* One at a time; the asker's own time-out asks again. */
    if (!link->generation_heard || link->verify_signing) return OK;
    struct question *question = question_new(gossip, QUESTION_VERIFY);
    if (!question) return OK;
    question->link = link->number;
    buf_clear(&link->verify_rows);
    link->verify_missing = rows_write(gossip, link, &link->verify_rows);
    memcpy(link->verify_nonce_peer, message->verify.nonce, sizeof link->verify_nonce_peer);
    link->verify_signing = true;
    if (link->verify_rows.failed) return ERR_MEMORY;
    struct action *action = emit(gossip, ACTION_SIGN);
    action->sign.ticket = question->ticket;
    heads_subject(&action->sign.subject, gossip->peers.members[0]->agency->id, link->verify_nonce_peer, link->node_id,
                  link->verify_missing, bytes_of_buf(&link->verify_rows));
    return OK;
}

void verify_signed(struct gossip *gossip, const struct question *question, const uint8_t *signature) {
    struct link *link = links_find(&gossip->links, question->link);
    if (!link || !link->verify_signing) return;
    struct buf *message = signature ? emit_buf(gossip) : NULL;
    link->verify_signing = false;
    if (message) {
        wire_verified(message, link->verify_nonce_peer, link->verify_missing, bytes_of_buf(&link->verify_rows), signature);
        emit_send(gossip, link, message);
    }
    buf_free(&link->verify_rows);
}

/* --- the answer beside ours --- */

static enum err rows_check(struct bytes rows) {
    for (size_t at = WIRE_HEAD_ROW_BYTES; at < rows.size; at += WIRE_HEAD_ROW_BYTES)
        if (memcmp(rows.data + at - WIRE_HEAD_ROW_BYTES, rows.data + at, NODE_ID_BYTES) >= 0) return ERR_FORMAT;
    return rows.size % WIRE_HEAD_ROW_BYTES == 0 ? OK : ERR_FORMAT;
}

static void row_add(struct gossip *gossip, struct buf *out, size_t index, const uint8_t *told) {
    const struct peer *peer = gossip->peers.list[index];
    const uint8_t *id;
    struct verified_row row;
    memset(&row, 0, sizeof row); /* its padding goes out too */
    row.told = told != NULL;
    row.missing = log_missing_live(&peer->log);
    row.frozen = peer->log.frozen;
    row.ours = sync_claim(peer, &id);
    row.looking = peer->log.scan_from != 0 || peer->log.scanning;
    memcpy(row.node_id, peer->node->id, NODE_ID_BYTES);
    if (told) row.theirs = get_be64(told + NODE_ID_BYTES);
    if (told) memcpy(row.theirs_id, told + NODE_ID_BYTES + 8, HASH_BYTES);
    row.equal = told && row.theirs == row.ours && (row.ours == 0 || memcmp(row.theirs_id, id, HASH_BYTES) == 0);
    buf_put_raw(out, &row, sizeof row);
}

enum err recv_verified(struct gossip *gossip, struct link *link, struct message *message) {
    const struct peer *peer = peers_find(&gossip->peers, link->node_id);
    struct bytes rows = message->verified.rows;
    struct sign_subject subject;
    if (!peer || !link->verify_number || memcmp(message->verified.nonce, link->verify_nonce, sizeof link->verify_nonce) != 0) {
        link->ignored_tags++; /* nobody waits for it any more */
        return OK;
    }
    if (!bucket_take(&link->signatures, gossip->monotonic_ms, 1, LIMIT_RATE_SIGNATURES_PER_S, LIMIT_RATE_SIGNATURES_BURST))
        return OK;
    if (rows_check(rows) != OK) return ERR_FORMAT;
    heads_subject(&subject, gossip->peers.members[peer->member]->agency->id, link->verify_nonce, gossip->self->node->id,
                  message->verified.missing, rows);
    if (verify_signature(message->verified.signature, &subject, peer->node->sign_public) != OK) return ERR_SIGNATURE;
    struct buf *out = emit_buf(gossip);
    if (!out) return ERR_MEMORY;
    for (size_t i = 0; i < link->log_count; i++) {
        if (!link->logs[i].common) continue;
        const uint8_t *told = rows.size == 0 ? NULL
                                             : bsearch(gossip->peers.list[i]->node->id, rows.data, rows.size / WIRE_HEAD_ROW_BYTES,
                                                       WIRE_HEAD_ROW_BYTES, row_compare);
        row_add(gossip, out, i, told);
    }
    if (out->failed) return ERR_MEMORY;
    struct action *action = emit(gossip, ACTION_VERIFIED);
    action->verified.number = link->verify_number;
    action->verified.node_id = peer->node->id;
    action->verified.missing = message->verified.missing;
    action->verified.rows = (const struct verified_row *)(const void *)out->data;
    action->verified.count = out->size / sizeof(struct verified_row);
    link->verify_number = 0;
    return OK;
}
