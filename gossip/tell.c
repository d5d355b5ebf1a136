#include "gossip/core.h"

#include "crypto/hash.h"

#include <stdlib.h>
#include <string.h>

static struct peer *log_peer(const struct gossip *gossip, size_t index) { return gossip->peers.list[index]; }

/* --- trust --- */

#define CHAIN_FROZEN UINT64_MAX

/* XOR of one hash per agency and its records, so that no order has to be agreed on; then keyed by the link. As we say it, or as the
   peer would: nobody can send back what it heard. */
static void trust_sum(const struct gossip *gossip, const struct link *link, bool mine, uint8_t out[static WIRE_DIGEST_BYTES]) {
    uint8_t sum[HASH_BYTES], text[HASH_BYTES + 1];
    memcpy(text, gossip->peers.sum, HASH_BYTES);
    text[HASH_BYTES] = link_side(link, mine);
    hash_derive(sum, link->key, "comity-trust", bytes_of(text, sizeof text));
    memcpy(out, sum, WIRE_DIGEST_BYTES);
}

/* What TAGS tell of a chain: how many records it has, and which; and of a frozen agency that it is. */
static uint64_t chain_number(const struct link *link, const struct member *member) {
    uint8_t tag[WIRE_TAG_BYTES];
    if (member->rival) return CHAIN_FROZEN;
    link_tag(tag, link, bytes_of(member->agency->head, HASH_BYTES));
    return (uint64_t)member->agency->record_count << 32 | get_be32(tag);
}

static void tags_send(struct gossip *gossip, struct link *link) {
    size_t count = gossip->peers.member_count;
    struct wire_pair *pairs = calloc(count, sizeof *pairs);
    struct buf *message = emit_buf(gossip);
    link->generation_tags = gossip->peers.generation_told = gossip->peers.generation;
    if (!message || !pairs) {
        free(pairs);
        gossip->actions->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct agency *agency = gossip->peers.members[i]->agency;
        link_tag_agency(pairs[i].tag, link, agency->id, true);
        pairs[i].number = chain_number(link, gossip->peers.members[i]);
    }
    wire_tags(message, link->generation_tags, pairs, (uint32_t)count);
    emit_send(gossip, link, message);
    free(pairs);
}

/* Makes the tables anew. While the two differ and TAGS have not said yet in what, what was common a moment ago still is: questions are
   answered meanwhile. Without logs that went away indexes stay; with some, only if all were common. */
static bool tables_keep(struct gossip *gossip, struct link *link) {
    size_t before = link->log_count, kept = 0;
    bool *common = link->same || link->peer_agency_count > 0 ? NULL : calloc(before + 1, sizeof *common);
    for (size_t i = 0; common && i < before; i++) kept += common[i] = link->logs[i].common;
    bool made = link_tables(link, &gossip->peers);
    for (size_t i = 0; common && made && i < link->log_count; i++)
        link->logs[i].common = link->log_count < before ? kept == before : i < before && common[i];
    free(common);
    return made;
}

/* The peer's TRUST, held against ours as it is now: all is common, or both must name what they trust. */
void tell_trust_compare(struct gossip *gossip, struct link *link) {
    uint8_t sum[WIRE_DIGEST_BYTES];
    if (!link->trust_heard) return;
    trust_sum(gossip, link, false, sum);
    bool same = memcmp(sum, link->trust_sum, WIRE_DIGEST_BYTES) == 0;
    if (!same && link->generation_tags != gossip->peers.generation) tags_send(gossip, link);
    if (same) link->generation_heard = link->trust_heard;
    link->same = same;
    if (!tables_keep(gossip, link)) gossip->actions->failed = true;
}

void tell_trust(struct gossip *gossip, struct link *link) {
    uint8_t sum[WIRE_DIGEST_BYTES];
    struct buf *message = emit_buf(gossip);
    if (!message || !tables_keep(gossip, link)) {
        gossip->actions->failed = true;
        return;
    }
    trust_sum(gossip, link, true, sum);
    link->trust_due_ms = 0;
    link->trust_told_ms = gossip->monotonic_ms;
    link->generation_told = gossip->peers.generation_told = gossip->peers.generation;
    wire_trust(message, link->generation_told, sum);
    emit_send(gossip, link, message);
    tell_trust_compare(gossip, link);
    if (!link->generation_heard) return;
    tell_chains(gossip, link);
    tell_digest(gossip, link, true);
}

void tell_chains(struct gossip *gossip, struct link *link) {
    for (size_t i = 0; i < gossip->peers.member_count && link->peer_agency_count > 0; i++) {
        const struct member *member = gossip->peers.members[i];
        struct wire_pair *told = link_peer_agency(link, member->agency->id);
        uint64_t number = chain_number(link, member);
        if (!told || told->number == CHAIN_FROZEN || number == told->number) continue;
        if (member->rival) {
            split_tell(gossip, link, member);
            link->chains_told = true;
            told->number = CHAIN_FROZEN;
            continue;
        }
        if (number >> 32 < told->number >> 32) continue;
        struct buf *chain = emit_buf(gossip);
        if (!chain) return;
        wire_chain(chain, member->agency->id, member->chain);
        emit_send(gossip, link, chain);
        link->chains_told = true;
        told->number = number; /* once is enough; its own TAGS say whether it took it */
    }
}

/* The first change is told at once, a burst of them together; what is common is nobody's guess meanwhile. */
void tell_trust_later(struct gossip *gossip, struct link *link, uint64_t delay_ms) {
    link->same = false; /* first of all, so that an agency that is new is not taken for a common one */
    if (!tables_keep(gossip, link)) gossip->actions->failed = true;
    if (!link->trust_told_ms || gossip->monotonic_ms - link->trust_told_ms >= delay_ms) {
        tell_trust(gossip, link);
        return;
    }
    if (!link->trust_due_ms) link->trust_due_ms = link->trust_told_ms + delay_ms;
    gossip_due(gossip, link->trust_due_ms);
}

void tell_trust_changed(struct gossip *gossip) {
    gossip->allow_dirty = true;
    gossip->paths_dirty = true;
    freeze_trust_changed(gossip);
    for (size_t i = 0; i < gossip->links.end; i++) {
        struct link *link = &gossip->links.list[i];
        const struct peer *peer = link->number ? overlay_peer(gossip, link) : NULL;
        /* A node that was revoked gets nothing more, not even the news. */
        if (peer && peer->node->revoked)
            overlay_cut(gossip, link, "revoked");
        else if (link_open(link))
            tell_trust_later(gossip, link, TRUST_DELAY_MS);
    }
}

/* --- heads --- */

uint64_t sync_claim(const struct peer *peer, const uint8_t **id) {
    bool cut = peer->node->revoked && peer->log.durable > peer->node->revoked_seq;
    if (id) *id = cut ? peer->node->revoked_hash : peer->log.durable_id;
    return cut ? peer->node->revoked_seq : peer->log.durable;
}

/* One hash a log; the link's key keeps a third party from preparing collisions. False: there is nothing to tell of this log. */
static bool log_hash(const struct gossip *gossip, const struct link *link, size_t index, uint8_t out[static HASH_BYTES]) {
    uint8_t row[NODE_ID_BYTES + 8 + HASH_BYTES];
    const struct peer *peer = log_peer(gossip, index);
    const uint8_t *id;
    uint64_t claim = sync_claim(peer, &id);
    if (!link->logs[index].common || claim == 0) return false;
    memcpy(row, peer->node->id, NODE_ID_BYTES);
    put_be64(row + NODE_ID_BYTES, claim);
    memcpy(row + NODE_ID_BYTES + 8, id, HASH_BYTES);
    hash_derive(out, link->key, "comity-digest", bytes_of(row, sizeof row));
    return true;
}

uint64_t tell_digest_of(const struct gossip *gossip, const struct link *link, uint8_t out[static WIRE_DIGEST_BYTES]) {
    uint64_t sum[WIRE_DIGEST_BYTES / 8] = {0}, part[WIRE_DIGEST_BYTES / 8], total = 0;
    uint8_t one[HASH_BYTES];
    for (size_t i = 0; i < link->log_count; i++) {
        if (!log_hash(gossip, link, i, one)) continue;
        memcpy(part, one, sizeof part);
        for (size_t j = 0; j < sizeof sum / sizeof *sum; j++) sum[j] ^= part[j];
        total += sync_claim(log_peer(gossip, i), NULL);
    }
    memcpy(out, sum, WIRE_DIGEST_BYTES);
    return total;
}

void tell_digest(struct gossip *gossip, struct link *link, bool reply) {
    uint8_t digest[WIRE_DIGEST_BYTES];
    freeze_tell(gossip, link); /* before anything else */
    uint64_t total = tell_digest_of(gossip, link, digest);
    bool again = link->digest_ms && gossip->monotonic_ms - link->digest_ms < SYNC_DIGEST_AGAIN_MS &&
                 memcmp(digest, link->digest, sizeof digest) == 0 && link->digest_generation == link->generation_heard;
    struct buf *message = again || link->trust_due_ms ? NULL : emit_buf(gossip); /* what is common is told first */
    if (!message) return;
    memcpy(link->digest, digest, sizeof digest);
    link->digest_ms = gossip->monotonic_ms;
    link->digest_generation = link->generation_heard;
    wire_digest(message, link->generation_told, link->generation_heard, digest, reply, total);
    emit_send(gossip, link, message);
}

static unsigned bucket_of(struct gossip *gossip, struct link *link, size_t index) {
    const uint8_t *tag = link_tag_of_log(link, &gossip->peers, index);
    return tag ? tag[0] % WIRE_BUCKETS : 0;
}

bool tell_bucket_has(struct gossip *gossip, struct link *link, size_t index, uint64_t buckets) {
    return buckets == WIRE_BUCKETS_ALL || (buckets >> bucket_of(gossip, link, index) & 1);
}

void tell_sums_of(struct gossip *gossip, struct link *link, uint8_t out[static WIRE_BUCKETS * WIRE_SUM_BYTES]) {
    uint8_t one[HASH_BYTES];
    memset(out, 0, WIRE_BUCKETS * WIRE_SUM_BYTES);
    for (size_t i = 0; i < link->log_count; i++) {
        if (!log_hash(gossip, link, i, one)) continue;
        uint8_t *sum = out + bucket_of(gossip, link, i) * WIRE_SUM_BYTES;
        for (size_t j = 0; j < WIRE_SUM_BYTES; j++) sum[j] ^= one[WIRE_DIGEST_BYTES + j];
    }
}

void tell_sums(struct gossip *gossip, struct link *link) {
    uint8_t sums[WIRE_BUCKETS * WIRE_SUM_BYTES];
    struct buf *message = emit_buf(gossip);
    if (!message) return;
    tell_sums_of(gossip, link, sums);
    wire_sums(message, link->generation_told, link->generation_heard, sums);
    emit_send(gossip, link, message);
}

/* `buckets`: every common log of these, so that the peer learns where it is ahead; 0: what changed and the peer does not have. */
void tell_heads(struct gossip *gossip, struct link *link, uint64_t buckets, uint64_t credit) {
    struct wire_pair *pairs;
    uint32_t count = 0;
    link->heads_due_ms = 0;
    if (!link->generation_heard || link->trust_due_ms) return;
    pairs = calloc(link->log_count + 1, sizeof *pairs);
    for (size_t i = 0; pairs && i < link->log_count && count < LIMIT_PAIRS; i++) {
        struct link_log *log = &link->logs[i];
        uint64_t durable = sync_claim(log_peer(gossip, i), NULL);
        if (!log->common || durable == 0) continue;
        if (!buckets && (durable <= log->told || durable <= log->heard)) continue;
        if (buckets && !tell_bucket_has(gossip, link, i, buckets)) continue;
        const uint8_t *tag = link_tag_of_log(link, &gossip->peers, i);
        if (!tag) break;
        memcpy(pairs[count].tag, tag, WIRE_TAG_BYTES);
        pairs[count++].number = durable;
        log->told = durable;
    }
    struct buf *message = pairs && (count > 0 || buckets) ? emit_buf(gossip) : NULL;
    if (message) {
        wire_heads(message, link->generation_told, link->generation_heard, buckets, credit, pairs, count);
        emit_send(gossip, link, message);
    }
    free(pairs);
}

void tell_heads_due(struct gossip *gossip, struct link *link, size_t index) {
    if (link->heads_due_ms || !link->generation_heard || !link_shares(link, index)) return;
    uint64_t claim = sync_claim(log_peer(gossip, index), NULL);
    if (claim <= link->logs[index].told || claim <= link->logs[index].heard) return;
    link->heads_due_ms = gossip->monotonic_ms + HEADS_DELAY_MS;
    gossip_due(gossip, link->heads_due_ms);
}
