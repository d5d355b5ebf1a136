#include "gossip/core.h"

#include <string.h>

/* Said about another state of trust than today's: both will come again, so it is ignored, never punished. PROTOCOL.md 6.3 */
static bool outdated(struct link *link, uint64_t mine, uint64_t yours) {
    if (link->generation_heard == mine && link->generation_told == yours && mine != 0 && yours != 0) return false;
    link->ignored_tags++;
    return true;
}

enum err recv_digest(struct gossip *gossip, struct link *link, struct message *message) {
    uint8_t digest[WIRE_DIGEST_BYTES];
    if (outdated(link, message->digest.mine, message->digest.yours)) return OK;
    if (!bucket_take(&link->announcements, gossip->monotonic_ms, 1, LIMIT_RATE_ANNOUNCE_PER_S, LIMIT_RATE_ANNOUNCE_BURST))
        return OK;
    sync_digest_of(gossip, link, digest);
    if (memcmp(digest, message->digest.digest, WIRE_DIGEST_BYTES) != 0) {
        if (!message->digest.reply) return OK;
        if (!bucket_take(&link->announcements, gossip->monotonic_ms, LIMIT_COST_HEADS, LIMIT_RATE_ANNOUNCE_PER_S,
                         LIMIT_RATE_ANNOUNCE_BURST))
            return OK;
        sync_heads(gossip, link, true);
        return OK;
    }
    /* Equal heads are told heads: whoever lacks a payload now knows whom to ask. */
    link->heads_known = true;
    link->differ_row = 0;
    for (size_t i = 0; i < link->log_count; i++) {
        uint64_t claim = sync_claim(gossip->peers.list[i], NULL);
        if (!link->logs[i].common) continue;
        link->logs[i].told = claim;
        sync_heard(gossip, link, i, claim);
    }
    for (size_t i = 0; i < gossip->peers.count; i++) sync_pump_payloads(gossip, i);
    return OK;
}

enum err recv_heads(struct gossip *gossip, struct link *link, struct message *message) {
    struct wire_pairs pairs = message->heads.heads;
    uint8_t tag[WIRE_TAG_BYTES];
    uint64_t seq;
    if (outdated(link, message->heads.mine, message->heads.yours)) return OK;
    if (!bucket_take(&link->announcements, gossip->monotonic_ms, 1, LIMIT_RATE_ANNOUNCE_PER_S, LIMIT_RATE_ANNOUNCE_BURST))
        return OK;
    /* A whole list also says what the peer does not have: forget what we told it, so that it is told again. */
    for (size_t i = 0; message->heads.all && i < link->log_count; i++) link->logs[i].told = link->logs[i].heard = 0;
    while (wire_pair_next(&pairs, tag, &seq)) {
        int index = link_log_of_tag(link, tag);
        if (index < 0 || !link->logs[index].common) {
            link->ignored_tags++;
            continue;
        }
        if (seq > INT64_MAX) return ERR_RANGE;
        sync_heard(gossip, link, (size_t)index, seq);
        sync_pump_entries(gossip, (size_t)index);
        sync_pump_payloads(gossip, (size_t)index);
    }
    if (message->heads.all) {
        link->heads_known = true;
        for (size_t i = 0; i < gossip->peers.count; i++) sync_settle(gossip, i);
        sync_heads(gossip, link, false);
        dispute_heads(gossip, link);
    }
    return OK;
}
