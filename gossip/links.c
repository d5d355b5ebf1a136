#include "gossip/links.h"

#include "crypto/hash.h"

#include <stdlib.h>
#include <string.h>

struct link *links_find(struct links *links, uint32_t number) {
    for (size_t i = 0; number != 0 && i < LIMIT_LINKS; i++)
        if (links->list[i].number == number) return &links->list[i];
    return NULL;
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
    free(link->tags);
    free(link->agencies);
    free(link->peer_agencies);
    *link = (struct link){0};
}

void link_tag(uint8_t out[static WIRE_TAG_BYTES], const struct link *link, struct bytes id) {
    uint8_t hash[HASH_BYTES];
    hash_derive(hash, link->key, "comity-tag", id);
    memcpy(out, hash, WIRE_TAG_BYTES);
}

static int tag_compare(const void *a, const void *b) {
    return memcmp(((const struct link_tag *)a)->tag, ((const struct link_tag *)b)->tag, WIRE_TAG_BYTES);
}

static int tag_find(const struct link_tag *tags, size_t count, const uint8_t tag[static WIRE_TAG_BYTES]) {
    struct link_tag wanted;
    memcpy(wanted.tag, tag, WIRE_TAG_BYTES);
    const struct link_tag *found = count ? bsearch(&wanted, tags, count, sizeof *tags, tag_compare) : NULL;
    return found ? (int)found->peer : -1;
}

int link_log_of_tag(const struct link *link, const uint8_t tag[static WIRE_TAG_BYTES]) {
    return tag_find(link->tags, link->log_count, tag);
}

int link_member_of_tag(const struct link *link, const uint8_t tag[static WIRE_TAG_BYTES]) {
    return tag_find(link->agencies, link->agency_count, tag);
}

static void mark_common(struct link *link, const struct peers *peers) {
    for (size_t i = 0; i < link->peer_agency_count; i++) {
        int member = link_member_of_tag(link, link->peer_agencies[i].tag);
        for (size_t at = 0; member >= 0 && at < peers->count; at++)
            if (peers->list[at]->member == (uint32_t)member) link->logs[at].common = true;
    }
}

bool link_tables(struct link *link, const struct peers *peers) {
    struct link_log *logs = calloc(peers->count + 1, sizeof *logs);
    struct link_tag *tags = calloc(peers->count + 1, sizeof *tags);
    struct link_tag *agencies = calloc(peers->member_count + 1, sizeof *agencies);
    if (!logs || !tags || !agencies) {
        free(logs), free(tags), free(agencies);
        return false;
    }
    for (size_t i = 0; i < peers->count; i++) {
        link_tag(tags[i].tag, link, bytes_of(peers->list[i]->node->id, NODE_ID_BYTES));
        tags[i].peer = (uint32_t)i;
    }
    for (size_t i = 0; i < peers->member_count; i++) {
        link_tag(agencies[i].tag, link, bytes_of(peers->members[i]->agency->id, AGENCY_ID_BYTES));
        agencies[i].peer = (uint32_t)i;
    }
    qsort(tags, peers->count, sizeof *tags, tag_compare);
    qsort(agencies, peers->member_count, sizeof *agencies, tag_compare);
    free(link->logs), free(link->tags), free(link->agencies);
    link->logs = logs, link->tags = tags, link->agencies = agencies;
    link->log_count = peers->count;
    link->agency_count = peers->member_count;
    link->heads_known = false;
    mark_common(link, peers);
    return true;
}

bool link_burdened(const struct link *link) {
    return link->serving >= LIMIT_SERVING ||
           link->queued_bytes + (link->serving + 1ull) * LIMIT_ENTRIES_BYTES > LIMIT_LINK_CHARGE_BYTES;
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
