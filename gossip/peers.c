#include "gossip/peers.h"

#include "gossip/limits.h"

#include <stdlib.h>
#include <string.h>

/* Something changed. A start with a thousand agencies is one change to everybody else, and small numbers are short on the wire. */
static void generation_rise(struct peers *peers) {
    if (peers->generation == peers->generation_told) peers->generation++;
}

static struct agencies *agencies_of(struct peers *peers) { return peers->shared ? peers->shared : &peers->agencies; }

static void member_free(struct peers *peers, struct member *member) {
    if (!member) return;
    agencies_release(agencies_of(peers), member->rival);
    agencies_release(agencies_of(peers), member->held);
    free(member);
}

/* Takes the member's share into the sum, or out of it. */
static void sum_toggle(struct peers *peers, const struct member *member) {
    for (size_t i = 0; i < HASH_BYTES; i++) peers->sum[i] ^= member->part[i];
}

static void member_set(struct peers *peers, struct member *member, struct agency_held *held) {
    uint8_t records[4 + HASH_BYTES];
    if (member->held) sum_toggle(peers, member);
    agencies_release(agencies_of(peers), member->held);
    member->held = held;
    member->agency = &held->agency;
    member->chain = bytes_of_buf(&held->chain);
    put_be32(records, held->agency.record_count);
    memcpy(records + 4, held->agency.head, HASH_BYTES);
    hash_of(member->part, "comity-trust", bytes_of(held->agency.id, AGENCY_ID_BYTES), bytes_of(records, sizeof records));
    sum_toggle(peers, member);
}

static void peer_free(struct peer *peer) {
    if (!peer) return;
    log_free(&peer->log);
    free(peer);
}

void peers_free(struct peers *peers) {
    for (size_t i = 0; i < peers->member_count; i++) member_free(peers, peers->members[i]);
    for (size_t i = 0; i < peers->count; i++) peer_free(peers->list[i]);
    free(peers->members);
    free(peers->list);
    free(peers->table);
    agencies_free(&peers->agencies);
    *peers = (struct peers){0};
}

struct member *peers_member_find(const struct peers *peers, const uint8_t agency_id[static AGENCY_ID_BYTES]) {
    for (size_t i = 0; i < peers->member_count; i++)
        if (memcmp(peers->members[i]->agency->id, agency_id, AGENCY_ID_BYTES) == 0) return peers->members[i];
    return NULL;
}

struct peer *peers_find(const struct peers *peers, const uint8_t node_id[static NODE_ID_BYTES]) {
    /* Node ids are hashes already. */
    for (size_t at = get_be32(node_id); peers->table_size > 0; at++) {
        uint32_t row = peers->table[at & (peers->table_size - 1)];
        if (row == 0) break;
        if (memcmp(peers->list[row - 1]->node->id, node_id, NODE_ID_BYTES) == 0) return peers->list[row - 1];
    }
    return NULL;
}

static void table_put(struct peers *peers, const struct peer *peer) {
    size_t at = get_be32(peer->node->id);
    while (peers->table[at & (peers->table_size - 1)] != 0) at++;
    peers->table[at & (peers->table_size - 1)] = peer->index + 1;
}

/* Numbers the list anew and fills the table with it. */
static void table_fill(struct peers *peers) {
    memset(peers->table, 0, peers->table_size * sizeof *peers->table);
    for (size_t i = 0; i < peers->count; i++) {
        peers->list[i]->index = (uint32_t)i;
        table_put(peers, peers->list[i]);
    }
}

/* Room for one more peer; false without memory (the old table then stays). */
static bool table_room(struct peers *peers) {
    size_t size = peers->table_size ? peers->table_size : 16;
    while (size < 2 * (peers->count + 1)) size *= 2;
    if (size == peers->table_size) return true;
    uint32_t *table = calloc(size, sizeof *table);
    if (!table) return false;
    free(peers->table);
    peers->table = table, peers->table_size = size;
    table_fill(peers);
    return true;
}

struct peer *peers_find_curve(const struct peers *peers, const uint8_t curve_public[static CURVE_KEY_BYTES]) {
    for (size_t i = 0; i < peers->count; i++)
        if (memcmp(peers->list[i]->node->curve_public, curve_public, CURVE_KEY_BYTES) == 0) return peers->list[i];
    return NULL;
}

size_t peers_index(const struct peers *peers, const struct peer *peer) {
    return peer->index < peers->count && peers->list[peer->index] == peer ? peer->index : peers->count;
}

/* A list of pointers with room for one more, or null without memory (the old one then stays). */
static void *pointers_room(void *list, size_t count, size_t *capacity) {
    if (count < *capacity) return list;
    size_t wanted = *capacity ? 2 * *capacity : 8;
    void *grown = realloc(list, wanted * sizeof(void *));
    if (grown) *capacity = wanted;
    return grown;
}

static enum err peer_new(struct peers *peers, size_t member_index, const struct agency_node *node) {
    if (peers->count >= LIMIT_LOGS) return ERR_LIMIT;
    struct peer **list = pointers_room(peers->list, peers->count, &peers->capacity);
    if (!list) return ERR_MEMORY;
    peers->list = list;
    if (!table_room(peers)) return ERR_MEMORY;
    struct peer *peer = calloc(1, sizeof *peer);
    if (!peer) return ERR_MEMORY;
    peer->member = (uint32_t)member_index;
    peer->slot = -1;
    peer->node = node;
    peer->index = (uint32_t)peers->count;
    peers->list[peers->count++] = peer;
    table_put(peers, peer);
    return OK;
}

/* The nodes of a member's chain: known ones take over the new dates and endpoints (all of them, before anything can fail), new ones
   get an empty log. */
static enum err nodes_update(struct peers *peers, size_t member_index) {
    const struct agency *agency = peers->members[member_index]->agency;
    enum err err = OK;
    for (size_t i = 0; i < agency->node_count; i++) {
        struct peer *peer = peers_find(peers, agency->nodes[i].id);
        if (peer) peer->node = &agency->nodes[i];
    }
    for (size_t i = 0; i < agency->node_count && err == OK; i++)
        if (!peers_find(peers, agency->nodes[i].id)) err = peer_new(peers, member_index, &agency->nodes[i]);
    return err;
}

static enum err member_new(struct peers *peers, struct agency_held *held) {
    if (peers->member_count >= LIMIT_AGENCIES) return ERR_LIMIT;
    struct member **members = pointers_room(peers->members, peers->member_count, &peers->member_capacity);
    if (!members) return ERR_MEMORY;
    peers->members = members;
    struct member *member = calloc(1, sizeof *member);
    if (!member) return ERR_MEMORY;
    agencies_again(held);
    member_set(peers, member, held);
    peers->members[peers->member_count++] = member;
    enum err err = nodes_update(peers, peers->member_count - 1);
    if (err != OK) peers_distrust(peers, held->agency.id); /* all of it or nothing */
    return err;
}

/* A longer chain that begins with the held one; a prefix of it changes nothing. */
static enum err member_extend(struct peers *peers, struct member *member, struct agency_held *held, bool *changed) {
    struct bytes chain = bytes_of_buf(&held->chain);
    size_t common = chain.size < member->chain.size ? chain.size : member->chain.size;
    if (memcmp(chain.data, member->chain.data, common) != 0 || (member->rival && chain.size > common)) return ERR_CHAIN;
    if (chain.size <= member->chain.size) return OK;
    agencies_again(held);
    member_set(peers, member, held);
    size_t index = 0;
    while (peers->members[index] != member) index++;
    *changed = true;
    generation_rise(peers);
    return nodes_update(peers, index);
}

enum err peers_trust(struct peers *peers, struct bytes chain, bool *changed) {
    struct agency_held *held = NULL;
    *changed = false;
    enum err err = agencies_hold(agencies_of(peers), chain, &held);
    if (err != OK) return err;
    struct member *member = peers_member_find(peers, held->agency.id);
    if (member)
        err = member_extend(peers, member, held, changed);
    else if ((err = member_new(peers, held)) == OK)
        *changed = true, generation_rise(peers);
    agencies_release(agencies_of(peers), held);
    return err;
}

/* --- chains that contradict each other --- */

void peers_pinned(struct peers *peers, struct bytes chain) {
    for (size_t i = 0; i < peers->member_count; i++) {
        struct member *member = peers->members[i];
        bool part = chain.size <= member->chain.size && memcmp(chain.data, member->chain.data, chain.size) == 0;
        if (part && member->pinned_bytes < chain.size) member->pinned_bytes = chain.size;
    }
}

/* The record at `at` (a verified chain's), without its length; moves `at` behind it. */
static struct bytes record_next(struct bytes chain, size_t *at) {
    if (chain.size - *at < 2) return bytes_of(NULL, 0);
    size_t size = get_be16(chain.data + *at);
    struct bytes record = bytes_of(chain.data + *at + 2, size);
    *at += 2 + size;
    return record;
}

#define RECORD_GENERATION_AT 80 /* PROTOCOL.md 3.1 */

static bool has_root(struct bytes chain, size_t from, uint32_t generation) {
    for (struct bytes record; (record = record_next(chain, &from)).size > RECORD_GENERATION_AT + 4;)
        if (record.data[1] == AGENCY_ROOT && get_be32(record.data + RECORD_GENERATION_AT) == generation) return true;
    return false;
}

/* Behind the records that both share: does any generation have a ROOT in both? */
static bool contradict(struct bytes a, struct bytes b, size_t *parted_at) {
    size_t at_a = 0, at_b = 0, from = 0;
    while (at_a < a.size && at_b < b.size && bytes_equal(record_next(a, &at_a), record_next(b, &at_b))) from = at_a;
    *parted_at = from;
    at_a = from;
    for (struct bytes record; (record = record_next(a, &at_a)).size > RECORD_GENERATION_AT + 4;)
        if (record.data[1] == AGENCY_ROOT && has_root(b, from, get_be32(record.data + RECORD_GENERATION_AT))) return true;
    return false;
}

static void freeze(struct peers *peers, struct member *member, struct agency_held *rival) {
    static const uint8_t frozen[4] = {0xff, 0xff, 0xff, 0xff};
    agencies_again(rival);
    member->rival = rival;
    /* All who know of it agree again, whichever of the two chains they hold. */
    sum_toggle(peers, member);
    hash_of(member->part, "comity-trust", bytes_of(member->agency->id, AGENCY_ID_BYTES), bytes_of(frozen, sizeof frozen));
    sum_toggle(peers, member);
    for (size_t i = 0; i < peers->count; i++)
        if (peers->members[peers->list[i]->member] == member) peers->list[i]->split = true;
    generation_rise(peers);
}

enum err peers_rival(struct peers *peers, struct bytes chain, struct member **frozen) {
    struct agency_held *held = NULL;
    size_t parted_at;
    *frozen = NULL;
    enum err err = agencies_hold(agencies_of(peers), chain, &held);
    if (err != OK) return err;
    struct member *member = peers_member_find(peers, held->agency.id);
    if (member && !member->rival && contradict(member->chain, bytes_of_buf(&held->chain), &parted_at) &&
        parted_at >= member->pinned_bytes) {
        freeze(peers, member, held);
        *frozen = member;
    }
    agencies_release(agencies_of(peers), held);
    return OK;
}

void peers_prekey_learn(struct peer *peer, const struct prekey *prekey) {
    if (peer->prekey_known && prekey->id <= peer->prekey.id) return;
    peer->prekey = *prekey;
    peer->prekey_known = true;
}

enum err peers_prekeys(struct peers *peers, struct bytes prekeys) {
    while (prekeys.size > 0) {
        struct entry entry;
        struct prekey prekey;
        enum err err = entry_parse(&entry, prekeys);
        if (err != OK) return err;
        if (entry.type != ENTRY_PREKEY) return ERR_FORMAT;
        struct peer *peer = peers_find(peers, entry.node_id);
        if (!peer) return ERR_UNKNOWN_AUTHOR;
        err = entry_verify(&entry, peer->node->sign_public);
        if (err == OK) err = prekey_read(&prekey, entry.body);
        if (err != OK) return err;
        peers_prekey_learn(peer, &prekey);
        prekeys = bytes_of(prekeys.data + entry.size, prekeys.size - entry.size);
    }
    return OK;
}

bool peers_distrust(struct peers *peers, const uint8_t agency_id[static AGENCY_ID_BYTES]) {
    size_t index = 1;
    while (index < peers->member_count && memcmp(peers->members[index]->agency->id, agency_id, AGENCY_ID_BYTES) != 0) index++;
    if (index >= peers->member_count) return false;
    size_t kept = 0;
    for (size_t i = 0; i < peers->count; i++) {
        struct peer *peer = peers->list[i];
        if (peer->member == index) {
            peer_free(peer);
            continue;
        }
        if (peer->member > index) peer->member--;
        peers->list[kept++] = peer;
    }
    peers->count = kept;
    table_fill(peers);
    sum_toggle(peers, peers->members[index]);
    member_free(peers, peers->members[index]);
    memmove(peers->members + index, peers->members + index + 1, (peers->member_count - index - 1) * sizeof *peers->members);
    peers->member_count--;
    generation_rise(peers);
    return true;
}

bool peer_welcome(const struct peer *peer, uint64_t now_ms, uint64_t monotonic_ms) {
    return !peer->node->revoked && !peer->split && now_ms < peer->node->not_after_ms &&
           now_ms + PREKEY_DAY_MS > peer->node->not_before_ms && monotonic_ms >= peer->refused_until_ms;
}
