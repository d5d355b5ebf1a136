#include "gossip/membership.h"

#include "gossip/pack.h"

#include <string.h>

#define FORMAT    1
#define WORDS_MAX (LIMIT_GROUP_ADMINS * LIMIT_GROUP_TOLD)

enum err membership_open(struct membership *out, struct bytes first) {
    struct roster roster;
    uint8_t id[HASH_BYTES];
    memset(out, 0, sizeof *out);
    enum err err = roster_decode(&roster, first);
    if (err != OK) return err;
    /* Admins are members: as many members as admins are the admins. */
    if (roster.version != 1 || !roster.hidden || roster.member_count != roster.admin_count) return ERR_CHAIN;
    roster_hash(id, first);
    standing_of_roster(&out->standing, &roster, id, false);
    return OK;
}

bool membership_begun(const struct membership *membership) { return membership->standing.version > 1; }

/* --- what waits --- */

static enum err word_hash(uint8_t out[static HASH_BYTES], const struct standing *standing) {
    struct buf encoded = {0};
    enum err err = standing_encode(&encoded, standing);
    if (err == OK) hash_of(out, "comity-standing", bytes_of_buf(&encoded), bytes_of(NULL, 0));
    buf_free(&encoded);
    return err;
}

/* The places of one admin are used up by itself alone. A signer's words come in the order of its log, so the first ones are those that the
   standing believed waits for, and the last one is the newest. */
static enum err word_keep(struct membership *membership, const uint8_t *author, const struct standing *next) {
    uint8_t hash[HASH_BYTES];
    struct membership_word *place = NULL;
    size_t count = 0;
    enum err err = word_hash(hash, next);
    if (err != OK) return err;
    for (size_t i = 0; i < membership->word_count; i++) {
        struct membership_word *word = &membership->words[i];
        if (memcmp(word->author, author, AGENCY_ID_BYTES) != 0) continue;
        if (memcmp(word->hash, hash, HASH_BYTES) == 0) return ERR_EXISTS;
        place = word, count++;
    }
    if (count < LIMIT_GROUP_TOLD) {
        if (membership->word_count == WORDS_MAX) return ERR_LIMIT;
        place = &membership->words[membership->word_count++];
    }
    memcpy(place->author, author, AGENCY_ID_BYTES);
    memcpy(place->hash, hash, HASH_BYTES);
    place->standing = *next;
    return OK;
}

/* --- what is believed --- */

/* How many admins named in `judge` told these words. One admin holds the same words once. */
static size_t votes_of(const struct membership *membership, const struct membership_word *word, const struct standing *judge) {
    size_t votes = 0;
    for (size_t i = 0; i < membership->word_count; i++)
        votes +=
            memcmp(membership->words[i].hash, word->hash, HASH_BYTES) == 0 && standing_admin(judge, membership->words[i].author);
    return votes;
}

static bool enough(const struct membership *membership, const struct membership_word *word) {
    const struct standing *before = &membership->standing, *next = &word->standing;
    if (votes_of(membership, word, before) < before->threshold) return false;
    return next->version == before->version + 1 || votes_of(membership, word, next) >= next->threshold;
}

/* The earliest one: who must tell the one after it stands in it. */
static const struct membership_word *word_next(const struct membership *membership) {
    const struct membership_word *best = NULL;
    for (size_t i = 0; i < membership->word_count; i++) {
        const struct membership_word *word = &membership->words[i];
        if (enough(membership, word) && (!best || word->standing.version < best->standing.version)) best = word;
    }
    return best;
}

static void words_settle(struct membership *membership) {
    size_t kept = 0;
    for (size_t i = 0; i < membership->word_count; i++) {
        const struct membership_word *word = &membership->words[i];
        if (standing_follows(&membership->standing, &word->standing, word->author) != OK) continue;
        if (kept != i) membership->words[kept] = *word;
        kept++;
    }
    membership->word_count = kept;
}

enum err membership_take(struct membership *membership, const uint8_t author[static AGENCY_ID_BYTES], const struct standing *next) {
    const struct membership_word *word;
    enum err err = standing_follows(&membership->standing, next, author);
    if (err == OK) err = word_keep(membership, author, next);
    if (err != OK) return err;
    while ((word = word_next(membership))) {
        membership->standing = word->standing;
        words_settle(membership);
    }
    return OK;
}

/* --- kept --- */

/* [format 1, standing believed bin, [author bin 32, standing bin, ...]] */
enum err membership_save(struct buf *out, const struct membership *membership) {
    struct buf part = {0};
    enum err err = standing_encode(&part, &membership->standing);
    pack_write_array(out, 3);
    pack_write_uint(out, FORMAT);
    pack_write_bin(out, bytes_of_buf(&part));
    pack_write_array(out, (uint32_t)(2 * membership->word_count));
    for (size_t i = 0; err == OK && i < membership->word_count; i++) {
        buf_clear(&part);
        err = standing_encode(&part, &membership->words[i].standing);
        pack_write_bin(out, bytes_of(membership->words[i].author, AGENCY_ID_BYTES));
        pack_write_bin(out, bytes_of_buf(&part));
    }
    buf_free(&part);
    return err == OK ? buf_result(out) : err;
}

enum err membership_load(struct membership *out, struct bytes saved) {
    struct pack_reader reader = pack_reader_of(saved);
    memset(out, 0, sizeof *out);
    if (pack_read_array(&reader) != 3) return ERR_FORMAT;
    uint64_t format = pack_read_uint(&reader);
    struct bytes part = pack_read_bin(&reader);
    uint32_t fields = pack_read_array(&reader);
    if (pack_failed(&reader) || fields % 2 != 0 || fields > 2 * WORDS_MAX) return ERR_FORMAT;
    if (format != FORMAT) return ERR_VERSION;
    enum err err = standing_decode(&out->standing, part);
    for (uint32_t i = 0; err == OK && i < fields / 2; i++) {
        struct standing standing;
        struct bytes author = pack_read_bin(&reader);
        part = pack_read_bin(&reader);
        if (author.size != AGENCY_ID_BYTES) return ERR_FORMAT;
        err = standing_decode(&standing, part);
        if (err == OK) err = standing_follows(&out->standing, &standing, author.data);
        if (err == OK) err = word_keep(out, author.data, &standing);
        if (err == OK && out->word_count != i + 1) err = ERR_FORMAT; /* more than are kept of one admin */
    }
    return err == OK ? pack_done(&reader) : err;
}
