/* behaviours_chain: lies about membership: old and broken chains, floods of records, revoked and many keys, strangers' addresses. */
#include "tests/e2e/hostile/stage.h"

#include <string.h>

static bool trust_say(struct stage *stage) { return member_tags(&stage->link, 1); }

static bool chain_send(struct stage *stage, struct bytes chain) {
    wire_chain(&stage->out, stage->member.agency.id, chain);
    return stage_send(stage);
}

/* Our chain as it was before it had a node, and the victim's own agency with somebody else's chain. */
static bool chain_old_step(struct stage *stage) {
    size_t root_bytes = 2 + (size_t)get_be16(stage->member.chain.data);
    if (!chain_send(stage, bytes_of(stage->member.chain.data, root_bytes))) return false;
    wire_chain(&stage->out, stage->member.cards[0].agency.id, bytes_of_buf(&stage->member.chain));
    return stage_send(stage);
}

/* A chain that goes on with a record nobody signed. */
static bool chain_bad_start(struct stage *stage) {
    struct member_key key;
    if (!trust_say(stage)) return false;
    if (stage->member.agency.record_count == 2) {
        member_key_make(&stage->member, &key);
        forge_node(&stage->member, &key, NULL, 0);
        stage->member.chain.data[stage->member.chain.size - 1] ^= 1;
    }
    return chain_send(stage, bytes_of_buf(&stage->member.chain));
}

/* One record more each time: a node, and then its revocation at ever other numbers. */
static bool revocations_step(struct stage *stage) {
    static const uint8_t hash[HASH_BYTES] = {1};
    if (stage->member.agency.record_count == 2) {
        member_key_make(&stage->member, &stage->keys[0]);
        forge_node(&stage->member, &stage->keys[0], NULL, 0);
    } else if (stage->member.agency.record_count < AGENCY_RECORDS_MAX) {
        forge_revoke(&stage->member, stage->keys[0].node_id, AGENCY_RECORDS_MAX - stage->member.agency.record_count, hash);
    }
    return chain_send(stage, bytes_of_buf(&stage->member.chain));
}

/* Revokes its own key, and comes back with it. */
static bool revoked_start(struct stage *stage) {
    if (!trust_say(stage)) return false;
    if (stage->member.agency.record_count == 2)
        forge_revoke(&stage->member, stage->member.key.node_id, stage->member.seq, stage->member.head_id);
    return chain_send(stage, bytes_of_buf(&stage->member.chain));
}

/* As many nodes as a chain may have, each linked twice. */
static bool keys_start(struct stage *stage) {
    static struct member_link first;
    size_t count = AGENCY_NODES_MAX - 1, open = 0;
    if (!member_open(&stage->link, &stage->member, &stage->member.key) || !trust_say(stage)) return false;
    for (size_t i = 0; i < count && stage->member.agency.record_count < 2 + count; i++) {
        member_key_make(&stage->member, &stage->keys[i]);
        forge_node(&stage->member, &stage->keys[i], NULL, 0);
    }
    if (!chain_send(stage, bytes_of_buf(&stage->member.chain))) return false;
    first = stage->link;
    for (size_t i = 0; i < 2 * count; i++) {
        struct member_link *link = &stage->links[i];
        /* The allow list follows the chain within a moment. */
        for (unsigned tries = 0; tries < 20 && !member_open(link, &stage->member, &stage->keys[i % count]); tries++)
            if (!member_drain(&first)) return false;
        if (link->open) open++, member_tags(link, 1);
    }
    say("open links %zu", open);
    return true;
}

static bool keys_step(struct stage *stage) {
    for (size_t i = 0; i < 2 * STAGE_KEYS_MAX; i++)
        if (stage->links[i].open && !member_drain(&stage->links[i])) member_close(&stage->links[i]);
    return true;
}

/* A certificate that names the addresses of strangers; then it is gone, so that the victim looks for it there. */
static bool addresses_start(struct stage *stage) {
    if (!member_open(&stage->link, &stage->member, &stage->member.key) || !trust_say(stage)) return false;
    must(stage->word_count > 0 && stage->word_count <= AGENCY_ENDPOINTS_MAX, "strangers' addresses are needed");
    if (stage->member.agency.record_count == 2) forge_node(&stage->member, &stage->member.key, stage->words, stage->word_count);
    /* It took the chain when it answers what came after. */
    struct message message;
    if (!chain_send(stage, bytes_of_buf(&stage->member.chain))) return false;
    while (member_next(&stage->link, &message, 2000) == MEMBER_MESSAGE)
        if (message.kind == MESSAGE_TAGS) break;
    member_close(&stage->link);
    return true;
}

static bool nothing_step(struct stage *stage) {
    (void)stage;
    return true;
}

const struct behaviour behaviours_chain[] = {
    {"chain-old", "replays old membership", false, 5, trust_say, chain_old_step},
    {"chain-bad", "brings a chain with a bad signature", false, 50, chain_bad_start, NULL},
    {"revocations", "floods with chains, each a revocation longer", false, 0, trust_say, revocations_step},
    {"revoked", "comes back with a key that its agency revoked", false, 50, revoked_start, NULL},
    {"keys", "links with every key that an agency may have", true, 50, keys_start, keys_step},
    {"addresses", "names strangers' addresses as its own", true, 100, addresses_start, nothing_step},
    {0},
};
