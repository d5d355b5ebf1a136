#include "gossip/links.h"

#include "crypto/hash.h"

#include <stdlib.h>
#include <string.h>

struct link *links_find(struct links *links, uint32_t number) {
    for (size_t i = 0; number != 0 && i < links->end; i++)
        if (links->numbers[i] == number && links->list[i].number == number) return &links->list[i];
    return NULL;
}

void links_take(struct links *links, struct link *link, uint32_t number) {
    link->number = number;
    links->numbers[links_slot(links, link)] = number;
    if (links->end <= links_slot(links, link)) links->end = links_slot(links, link) + 1;
}

struct link *links_new(struct links *links) {
    for (size_t i = 0; i < LIMIT_LINKS; i++) {
        if (links->list[i].number != 0) continue;
        links->list[i] = (struct link){0};
        return &links->list[i];
    }
    return NULL;
}

void link_free(struct link *link) {
    free(link->logs);
    free(link->table);
    free(link->peer_agencies);
    buf_free(&link->stream.out);
    buf_free(&link->verify_rows);
    *link = (struct link){0};
}

void link_tag(uint8_t out[static WIRE_TAG_BYTES], const struct link *link, struct bytes id) {
    uint8_t hash[HASH_BYTES];
    hash_derive(hash, link->key, "comity-tag", id);
    memcpy(out, hash, WIRE_TAG_BYTES);
}

void link_tag_agency(uint8_t out[static WIRE_TAG_BYTES], const struct link *link, const uint8_t agency_id[static AGENCY_ID_BYTES],
                     bool mine) {
    uint8_t text[AGENCY_ID_BYTES + 1];
    memcpy(text, agency_id, AGENCY_ID_BYTES);
    text[AGENCY_ID_BYTES] = link_side(link, mine);
    link_tag(out, link, bytes_of(text, sizeof text));
}

/* --- tags of logs --- */

static bool tags_make(struct link *link, const struct peers *peers) {
    if (link->table) return true;
    size_t size = 16;
    while (size < 2 * link->log_count) size *= 2;
    uint32_t *table = calloc(size, sizeof *table);
    if (!table) return false;
    for (size_t i = 0; i < link->log_count; i++) {
        link_tag(link->logs[i].tag, link, bytes_of(peers->list[i]->node->id, NODE_ID_BYTES));
        size_t at = get_be32(link->logs[i].tag);
        while (table[at & (size - 1)] != 0) at++;
        table[at & (size - 1)] = (uint32_t)i + 1;
    }
    link->table = table, link->table_size = size;
    return true;
}

const uint8_t *link_tag_of_log(struct link *link, const struct peers *peers, size_t index) {
    return index < link->log_count && tags_make(link, peers) ? link->logs[index].tag : NULL;
}

int link_log_of_tag(struct link *link, const struct peers *peers, const uint8_t tag[static WIRE_TAG_BYTES]) {
    if (!tags_make(link, peers)) return -1;
    /* Tags are hashes already; a peer cannot choose those of our logs. */
    for (size_t at = get_be32(tag);; at++) {
        uint32_t row = link->table[at & (link->table_size - 1)];
        if (row == 0) return -1;
        if (memcmp(link->logs[row - 1].tag, tag, WIRE_TAG_BYTES) == 0) return (int)row - 1;
    }
}

/* --- what is common --- */

static int pair_compare(const void *a, const void *b) {
    return memcmp(((const struct wire_pair *)a)->tag, ((const struct wire_pair *)b)->tag, WIRE_TAG_BYTES);
}

struct wire_pair *link_peer_agency(const struct link *link, const uint8_t agency_id[static AGENCY_ID_BYTES]) {
    struct wire_pair wanted = {0};
    if (link->peer_agency_count == 0) return NULL;
    link_tag_agency(wanted.tag, link, agency_id, false);
    return bsearch(&wanted, link->peer_agencies, link->peer_agency_count, sizeof wanted, pair_compare);
}

static bool mark_common(struct link *link, const struct peers *peers) {
    bool *common = calloc(peers->member_count + 1, sizeof *common);
    if (!common) return false;
    for (size_t i = 0; i < peers->member_count; i++)
        common[i] = link->same || link_peer_agency(link, peers->members[i]->agency->id) != NULL;
    for (size_t i = 0; i < peers->count; i++) link->logs[i].common = common[peers->list[i]->member];
    free(common);
    return true;
}

bool link_tables(struct link *link, const struct peers *peers) {
    struct link_log *logs = calloc(peers->count + 1, sizeof *logs);
    if (!logs) return false;
    free(link->logs), free(link->table);
    link->logs = logs, link->table = NULL;
    link->log_count = peers->count;
    link->heads_known = link->offers_taken = false;
    link->stream.active = false;
    if (link->peer_agency_count > 1) qsort(link->peer_agencies, link->peer_agency_count, sizeof *link->peer_agencies, pair_compare);
    return mark_common(link, peers);
}

bool link_burdened(const struct link *link) {
    return link->serving >= LIMIT_SERVING ||
           link->queued_bytes + (link->serving + 1ull) * LIMIT_ENTRIES_BYTES > LIMIT_LINK_CHARGE_BYTES;
}

uint64_t link_charge(const struct link *link) {
    uint64_t tables = link->log_count * sizeof *link->logs + (link->table ? link->table_size * sizeof *link->table : 0);
    return link->queued_bytes + link->stream.out.capacity + tables + link->peer_agency_count * sizeof *link->peer_agencies +
           link->serving * (uint64_t)LIMIT_ENTRIES_BYTES;
}

bool bucket_take(struct bucket *bucket, uint64_t now_ms, uint64_t amount, uint64_t per_s, uint64_t burst) {
    /* `level` counts what was used, so that a zeroed bucket is full. */
    uint64_t refill = (now_ms - bucket->at_ms) * per_s / 1000;
    if (refill > 0) {
        bucket->level = bucket->level > refill ? bucket->level - refill : 0;
        bucket->at_ms += refill * 1000 / per_s; /* what is less than one unit is not lost */
    }
    if (bucket->level + amount > burst) return false;
    bucket->level += amount;
    return true;
}
