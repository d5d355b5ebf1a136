#include "gossip/core.h"

#include <string.h>

/* Said about another state of trust than today's: both will come again, so it is ignored, never punished. On a link that keeps the
   order a newer generation than was told means a message that was lost, and so does one that stays old: ERR_BUSY renews the link.
   PROTOCOL.md 6.3 */
static enum err generations(struct gossip *gossip, struct link *link, uint64_t mine, uint64_t yours, bool *outdated) {
    *outdated = link->generation_heard != mine || link->generation_told != yours || mine == 0 || yours == 0;
    if (!*outdated) {
        link->outdated_ms = 0;
        return OK;
    }
    link->ignored_tags++;
    if (mine > link->trust_heard) return ERR_BUSY;
    if (link->outdated_ms == 0) link->outdated_ms = gossip->monotonic_ms;
    return gossip->monotonic_ms - link->outdated_ms > SYNC_OUTDATED_MS ? ERR_BUSY : OK;
}

static void told_first(struct gossip *gossip, struct link *link) {
    if (link->offers_taken) return;
    link->offers_taken = true;
    sync_offers(gossip, link);
    push_direct(gossip, link);
}

/* Equal heads are told heads: whoever lacks a payload now knows whom to ask. */
static void digest_equal(struct gossip *gossip, struct link *link) {
    link->heads_known = true;
    own_claim_over(gossip, link);
    link->differ_row = 0;
    link->digest_due_ms = 0;
    for (size_t i = 0; i < link->log_count; i++) {
        uint64_t claim = sync_claim(gossip->peers.list[i], NULL);
        if (!link->logs[i].common) continue;
        link->logs[i].told = claim;
        if (link->logs[i].heard < claim) sync_heard(gossip, link, i, claim);
    }
    own_told(gossip, link);
    told_first(gossip, link);
    for (size_t k = 0; k < gossip->active_count; k++) sync_pump_payloads(gossip, gossip->active[k]);
}

enum err recv_digest(struct gossip *gossip, struct link *link, struct message *message) {
    uint8_t digest[WIRE_DIGEST_BYTES];
    bool outdated;
    enum err err = generations(gossip, link, message->digest.mine, message->digest.yours, &outdated);
    if (err != OK || outdated) return err;
    if (!bucket_take(&link->announcements, gossip->monotonic_ms, LIMIT_COST_HEADS, LIMIT_RATE_ANNOUNCE_PER_S,
                     LIMIT_RATE_ANNOUNCE_BURST))
        return OK;
    uint64_t total = tell_digest_of(gossip, link, digest);
    if (memcmp(digest, message->digest.digest, WIRE_DIGEST_BYTES) == 0) {
        digest_equal(gossip, link);
        return OK;
    }
    link->useful = true;
    if (!message->digest.reply || link->queued_bytes > LIMIT_LINK_QUEUE_BYTES) return OK;
    if (!bucket_take(&link->announcements, gossip->monotonic_ms, LIMIT_COST_HEADS, LIMIT_RATE_ANNOUNCE_PER_S,
                     LIMIT_RATE_ANNOUNCE_BURST))
        return OK;
    /* PROTOCOL.md 6.3: of many logs the side that is behind tells its heads, so the one ahead asks for them by bucket. */
    if (link->log_count <= SYNC_LOGS_PLAIN)
        tell_heads(gossip, link, WIRE_BUCKETS_ALL, 0);
    else if (total >= message->digest.total)
        tell_sums(gossip, link);
    else
        tell_digest(gossip, link, true);
    return OK;
}

enum err recv_sums(struct gossip *gossip, struct link *link, struct message *message) {
    uint8_t sums[WIRE_BUCKETS * WIRE_SUM_BYTES];
    uint64_t differ = 0;
    bool outdated;
    enum err err = generations(gossip, link, message->sums.mine, message->sums.yours, &outdated);
    if (err != OK || outdated) return err;
    if (!bucket_take(&link->announcements, gossip->monotonic_ms, LIMIT_COST_HEADS, LIMIT_RATE_ANNOUNCE_PER_S,
                     LIMIT_RATE_ANNOUNCE_BURST))
        return OK;
    if (link->queued_bytes > LIMIT_LINK_QUEUE_BYTES) return OK; /* a reader that never drains */
    tell_sums_of(gossip, link, sums);
    for (size_t i = 0; i < WIRE_BUCKETS; i++)
        if (memcmp(sums + i * WIRE_SUM_BYTES, message->sums.sums + i * WIRE_SUM_BYTES, WIRE_SUM_BYTES) != 0) differ |= 1ull << i;
    if (!tell_bucket_has(gossip, link, gossip->self->index, differ)) {
        link->heads_known = true;
        own_claim_over(gossip, link);
        own_told(gossip, link);
    }
    /* What does not differ is told: the peer holds what we hold. */
    for (size_t i = 0; i < link->log_count; i++) {
        uint64_t claim = sync_claim(gossip->peers.list[i], NULL);
        if (!link->logs[i].common || claim == 0 || tell_bucket_has(gossip, link, i, differ)) continue;
        link->logs[i].told = claim;
        if (link->logs[i].heard < claim) sync_heard(gossip, link, i, claim);
    }
    told_first(gossip, link);
    if (differ != 0) tell_heads(gossip, link, differ, stream_credit(gossip, link));
    return OK;
}

/* A list of whole buckets also says what the peer does not have: what we told it is forgotten, so that it is told again. */
static void buckets_forget(struct gossip *gossip, struct link *link, uint64_t buckets) {
    for (size_t i = 0; buckets != 0 && i < link->log_count; i++)
        if (tell_bucket_has(gossip, link, i, buckets)) link->logs[i].told = link->logs[i].heard = 0;
}

enum err recv_heads(struct gossip *gossip, struct link *link, struct message *message) {
    struct wire_pairs pairs = message->heads.heads;
    uint64_t buckets = message->heads.buckets, seq;
    uint8_t tag[WIRE_TAG_BYTES];
    bool outdated;
    enum err err = generations(gossip, link, message->heads.mine, message->heads.yours, &outdated);
    if (err != OK || outdated) return err;
    if (!bucket_take(&link->announcements, gossip->monotonic_ms, buckets ? LIMIT_COST_HEADS : 1, LIMIT_RATE_ANNOUNCE_PER_S,
                     LIMIT_RATE_ANNOUNCE_BURST))
        return OK;
    buckets_forget(gossip, link, buckets);
    while (wire_pair_next(&pairs, tag, &seq)) {
        int index = link_log_of_tag(link, &gossip->peers, tag);
        if (index < 0 || !link->logs[index].common) {
            link->ignored_tags++;
            continue;
        }
        if (seq > INT64_MAX) return ERR_RANGE;
        sync_heard(gossip, link, (size_t)index, seq);
        sync_pump_entries(gossip, (size_t)index);
        sync_pump_payloads(gossip, (size_t)index);
    }
    if (buckets == 0) return OK;
    if (tell_bucket_has(gossip, link, gossip->self->index, buckets)) {
        link->heads_known = true;
        if (link->log_count > gossip->self->index && link->logs[gossip->self->index].heard <= gossip->self->log.head)
            own_claim_over(gossip, link);
        own_told(gossip, link);
    }
    for (size_t k = 0; k < gossip->active_count; k++) sync_settle(gossip, gossip->active[k]);
    dispute_heads(gossip, link, buckets);
    told_first(gossip, link);
    if (message->heads.credit > 0)
        stream_start(gossip, link, buckets, message->heads.credit);
    else
        tell_heads(gossip, link, 0, 0);
    return OK;
}
