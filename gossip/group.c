#include "gossip/group.h"

#include "gossip/pack.h"

#include <stdlib.h>
#include <string.h>

#define FORMAT 1

static void version_free(struct group_version *version) {
    if (!version) return;
    buf_free(&version->bytes);
    free(version);
}

void group_free(struct group *group) {
    for (size_t i = 0; i < group->version_count; i++) version_free(group->versions[i]);
    buf_free(&group->first);
    buf_free(&group->base);
    buf_free(&group->bytes);
    *group = (struct group){0};
}

static enum err buf_set(struct buf *out, struct bytes bytes) {
    buf_clear(out);
    buf_put(out, bytes);
    return buf_result(out);
}

/* --- which version is in force --- */

/* How the signers of a version stand with a list of admins: their number, and the place of the first of them. */
struct vote {
    size_t votes;
    int first;
};

static struct vote vote_of(const struct group_version *version, const struct roster *roster) {
    struct vote vote = {.first = LIMIT_GROUP_ADMINS};
    for (size_t i = 0; i < version->signer_count; i++) {
        int place = roster_admin(roster, version->signers[i]);
        if (place < 0) continue;
        vote.votes++;
        if (place < vote.first) vote.first = place;
    }
    return vote;
}

/* The members of the winner whom the loser removed: nothing is sealed to them until the admins have spoken again. */
static void contest(struct group *group, const struct roster *winner, const struct roster *loser) {
    for (size_t i = 0; i < loser->member_count; i++) {
        const struct roster_member *row = &loser->members[i];
        if (!row->removed_ms || roster_place(winner, row->agency_id) != ROSTER_MEMBER) continue;
        if (group->contested_count == LIMIT_GROUP_ADMINS) return;
        memcpy(group->contested[group->contested_count++], row->agency_id, AGENCY_ID_BYTES);
    }
}

/* The best version that follows the one in force; null when none does. */
static struct group_version *follower(struct group *group) {
    struct roster roster, best_roster;
    struct group_version *best = NULL;
    int best_first = 0;
    group->contested_count = 0;
    for (size_t i = 0; i < group->version_count; i++) {
        struct group_version *version = group->versions[i];
        if (version->version != group->roster.version + 1) continue;
        if (roster_decode(&roster, bytes_of_buf(&version->bytes)) != OK) continue;
        if (roster_follows(&group->roster, group->hash, &roster) != OK) continue;
        struct vote vote = vote_of(version, &group->roster);
        if (vote.votes < group->roster.threshold) continue;
        bool better =
            !best || vote.first < best_first || (vote.first == best_first && memcmp(version->hash, best->hash, HASH_BYTES) < 0);
        if (best) {
            group->contradicted = version->version;
            contest(group, better ? &roster : &best_roster, better ? &best_roster : &roster);
        }
        if (!better) continue;
        best = version, best_first = vote.first;
        best_roster = roster;
    }
    return best;
}

/* A later version whose predecessors never came, signed by enough admins of its own, of the first one, and of the one that is held: who was
   removed cannot leap over its removal. The earliest of them. */
static struct group_version *anchor(const struct group *group) {
    struct roster first, roster;
    struct group_version *best = NULL;
    if (roster_decode(&first, bytes_of_buf(&group->first)) != OK) return NULL;
    for (size_t i = 0; i < group->version_count; i++) {
        struct group_version *version = group->versions[i];
        if (version->version <= group->roster.version) continue;
        /* Something follows directly: the chain is not unknown, only not agreed on yet. */
        if (version->version == group->roster.version + 1) return NULL;
        if (best && (version->version > best->version ||
                     (version->version == best->version && memcmp(version->hash, best->hash, HASH_BYTES) > 0)))
            continue;
        if (roster_decode(&roster, bytes_of_buf(&version->bytes)) != OK) continue;
        if (roster_continues(&group->roster, &roster) != OK) continue;
        if (vote_of(version, &roster).votes < roster.threshold || vote_of(version, &first).votes < first.threshold) continue;
        if (vote_of(version, &group->roster).votes < group->roster.threshold) continue;
        best = version;
    }
    return best;
}

static enum err adopt(struct group *group, struct bytes bytes) {
    enum err err = roster_decode(&group->roster, bytes);
    roster_hash(group->hash, bytes);
    return err == OK ? buf_set(&group->bytes, bytes) : err;
}

static enum err walk(struct group *group) {
    struct group_version *next;
    group->contradicted = 0;
    for (size_t i = 0; i < group->version_count; i++) group->versions[i]->in_force = false;
    enum err err = adopt(group, bytes_of_buf(&group->base));
    while (err == OK) {
        uint8_t contested[sizeof group->contested];
        size_t contested_count = group->contested_count;
        memcpy(contested, group->contested, sizeof contested);
        next = follower(group);
        if (!next) {
            /* What stood in dispute at the last step stays so. */
            memcpy(group->contested, contested, sizeof contested);
            group->contested_count = contested_count;
            next = anchor(group);
            if (next) group->contested_count = 0;
        }
        if (!next) break;
        next->in_force = true;
        err = adopt(group, bytes_of_buf(&next->bytes));
    }
    return err;
}

/* --- taking versions --- */

static enum err begin(struct group *out, struct bytes first, struct bytes base) {
    *out = (struct group){0};
    roster_hash(out->id, first);
    enum err err = roster_decode(&out->roster, first);
    if (err == OK && out->roster.version != 1) err = ERR_CHAIN;
    if (err == OK) err = buf_set(&out->first, first);
    if (err == OK) err = buf_set(&out->base, base);
    if (err == OK) err = adopt(out, base);
    if (err == OK && out->roster.version > 1 && memcmp(out->roster.group_id, out->id, HASH_BYTES) != 0) err = ERR_CHAIN;
    if (err != OK) group_free(out);
    return err;
}

enum err group_open(struct group *out, struct bytes first) { return begin(out, first, first); }

/* Room for one more: versions that lie far enough behind the one in force are settled for good. */
static enum err settle(struct group *group) {
    uint64_t until = group->roster.version > LIMIT_GROUP_SETTLED ? group->roster.version - LIMIT_GROUP_SETTLED : 0;
    enum err err = OK;
    for (size_t i = 0; i < group->version_count && err == OK; i++)
        if (group->versions[i]->in_force && group->versions[i]->version == until)
            err = buf_set(&group->base, bytes_of_buf(&group->versions[i]->bytes));
    if (err != OK) return err;
    struct roster base;
    err = roster_decode(&base, bytes_of_buf(&group->base));
    for (size_t i = 0; i < group->version_count;) {
        if (group->versions[i]->version > base.version) {
            i++;
            continue;
        }
        version_free(group->versions[i]);
        group->versions[i] = group->versions[--group->version_count];
    }
    return err;
}

static size_t waiting_of(const struct group *group, const uint8_t *author) {
    size_t count = 0;
    for (size_t i = 0; i < group->version_count; i++)
        count += !group->versions[i]->in_force && memcmp(group->versions[i]->signers[0], author, AGENCY_ID_BYTES) == 0;
    return count;
}

/* Which of two versions of one author goes first when it has published too many: what lost already, then the later, then the higher hash.
   So those that could still win stay, whatever order they came in. */
static bool goes_before(const struct group *group, const struct group_version *a, uint64_t version, const uint8_t *hash) {
    bool a_lost = a->version <= group->roster.version, lost = version <= group->roster.version;
    if (a_lost != lost) return a_lost;
    if (a->version != version) return a->version > version;
    return memcmp(a->hash, hash, HASH_BYTES) > 0;
}

static enum err author_room(struct group *group, const uint8_t *author, uint64_t version, const uint8_t *hash) {
    size_t worst = group->version_count;
    if (waiting_of(group, author) < LIMIT_GROUP_OF_AUTHOR) return OK;
    for (size_t i = 0; i < group->version_count; i++) {
        const struct group_version *each = group->versions[i];
        if (each->in_force || each->signer_count > 1 || memcmp(each->signers[0], author, AGENCY_ID_BYTES) != 0) continue;
        if (worst == group->version_count ||
            goes_before(group, each, group->versions[worst]->version, group->versions[worst]->hash))
            worst = i;
    }
    if (worst == group->version_count || !goes_before(group, group->versions[worst], version, hash)) return ERR_LIMIT;
    version_free(group->versions[worst]);
    group->versions[worst] = group->versions[--group->version_count];
    return OK;
}

/* What no admin of the roster in force has signed gives way to what one of them says. */
static void strangers_drop(struct group *group, const uint8_t *author) {
    if (roster_admin(&group->roster, author) < 0) return;
    for (size_t i = 0; i < group->version_count; i++) {
        struct group_version *each = group->versions[i];
        if (each->in_force || vote_of(each, &group->roster).votes > 0) continue;
        version_free(each);
        group->versions[i] = group->versions[--group->version_count];
        return;
    }
}

static enum err room(struct group *group, const uint8_t *author, uint64_t version, const uint8_t *hash) {
    enum err err = author_room(group, author, version, hash);
    if (err == OK && group->version_count == LIMIT_GROUP_VERSIONS) err = settle(group);
    if (err == OK && group->version_count == LIMIT_GROUP_VERSIONS) strangers_drop(group, author);
    return err == OK && group->version_count == LIMIT_GROUP_VERSIONS ? ERR_LIMIT : err;
}

static struct group_version *version_find(const struct group *group, const uint8_t *hash) {
    for (size_t i = 0; i < group->version_count; i++)
        if (memcmp(group->versions[i]->hash, hash, HASH_BYTES) == 0) return group->versions[i];
    return NULL;
}

static enum err version_sign(struct group_version *version, const uint8_t *author) {
    for (size_t i = 0; i < version->signer_count; i++)
        if (memcmp(version->signers[i], author, AGENCY_ID_BYTES) == 0) return ERR_EXISTS;
    if (version->signer_count == LIMIT_GROUP_SIGNERS) return ERR_LIMIT;
    memcpy(version->signers[version->signer_count++], author, AGENCY_ID_BYTES);
    return OK;
}

static enum err version_add(struct group *group, const uint8_t *author, const struct roster *roster, const uint8_t *hash,
                            struct bytes encoded) {
    struct group_version *version = calloc(1, sizeof *version);
    if (!version) return ERR_MEMORY;
    version->version = roster->version;
    memcpy(version->hash, hash, HASH_BYTES);
    memcpy(version->signers[version->signer_count++], author, AGENCY_ID_BYTES);
    enum err err = buf_set(&version->bytes, encoded);
    if (err == OK)
        group->versions[group->version_count++] = version;
    else
        version_free(version);
    return err;
}

enum err group_take(struct group *group, const uint8_t author[static AGENCY_ID_BYTES], struct bytes encoded) {
    struct roster roster, base;
    uint8_t hash[HASH_BYTES];
    enum err err = roster_decode(&roster, encoded);
    if (err == OK) err = roster_decode(&base, bytes_of_buf(&group->base));
    if (err != OK) return err;
    roster_hash(hash, encoded);
    if (memcmp(roster.version == 1 ? hash : roster.group_id, group->id, HASH_BYTES) != 0) return ERR_CHAIN;
    if (roster.version <= base.version) return ERR_EXISTS;
    struct group_version *version = version_find(group, hash);
    if (!version) err = room(group, author, roster.version, hash);
    if (err == OK) err = version ? version_sign(version, author) : version_add(group, author, &roster, hash, encoded);
    return err == OK ? walk(group) : err;
}

/* --- questions --- */

void group_next(const struct group *group, struct roster *next, uint64_t now_ms) {
    *next = group->roster;
    next->version++;
    memcpy(next->group_id, group->id, HASH_BYTES);
    memcpy(next->previous, group->hash, HASH_BYTES);
    if (now_ms > next->time_ms) next->time_ms = now_ms;
}

enum roster_place group_place(const struct group *group, const uint8_t agency_id[static AGENCY_ID_BYTES]) {
    for (size_t i = 0; i < group->contested_count; i++)
        if (memcmp(group->contested[i], agency_id, AGENCY_ID_BYTES) == 0) return ROSTER_REMOVED;
    return roster_place(&group->roster, agency_id);
}

size_t group_votes(const struct group *group, const uint8_t hash[static HASH_BYTES], size_t *needed) {
    const struct group_version *version = version_find(group, hash);
    *needed = group->roster.threshold;
    return version ? vote_of(version, &group->roster).votes : 0;
}

size_t group_signed(const struct group *group, const uint8_t agency_id[static AGENCY_ID_BYTES],
                    const struct group_version *out[static LIMIT_GROUP_VERSIONS]) {
    size_t count = 0;
    for (size_t i = 0; i < group->version_count; i++) {
        const struct group_version *version = group->versions[i];
        bool ours = false;
        for (size_t k = 0; k < version->signer_count; k++)
            ours = ours || memcmp(version->signers[k], agency_id, AGENCY_ID_BYTES) == 0;
        if (ours && memcmp(version->hash, group->hash, HASH_BYTES) != 0) out[count++] = version;
    }
    return count;
}

/* --- kept --- */

enum err group_save(struct buf *out, const struct group *group) {
    pack_write_array(out, 4);
    pack_write_uint(out, FORMAT);
    pack_write_bin(out, bytes_of_buf(&group->first));
    pack_write_bin(out, bytes_of_buf(&group->base));
    pack_write_array(out, (uint32_t)group->version_count);
    for (size_t i = 0; i < group->version_count; i++) {
        const struct group_version *version = group->versions[i];
        pack_write_array(out, 2);
        pack_write_bin(out, bytes_of_buf(&version->bytes));
        pack_write_bin(out, bytes_of(version->signers, version->signer_count * AGENCY_ID_BYTES));
    }
    return buf_result(out);
}

static enum err version_load(struct group *group, struct pack_reader *reader) {
    struct roster roster;
    uint8_t hash[HASH_BYTES];
    if (pack_read_array(reader) != 2) return ERR_FORMAT;
    struct bytes encoded = pack_read_bin(reader), signers = pack_read_bin(reader);
    if (pack_failed(reader) || signers.size == 0 || signers.size % AGENCY_ID_BYTES != 0) return ERR_FORMAT;
    enum err err = roster_decode(&roster, encoded);
    if (err != OK) return err;
    roster_hash(hash, encoded);
    if (memcmp(roster.group_id, group->id, HASH_BYTES) != 0 || version_find(group, hash)) return ERR_CHAIN;
    err = version_add(group, signers.data, &roster, hash, encoded);
    for (size_t at = AGENCY_ID_BYTES; err == OK && at < signers.size; at += AGENCY_ID_BYTES)
        err = version_sign(group->versions[group->version_count - 1], signers.data + at);
    return err;
}

enum err group_load(struct group *out, struct bytes saved) {
    struct pack_reader reader = pack_reader_of(saved);
    *out = (struct group){0};
    if (pack_read_array(&reader) != 4 || pack_read_uint(&reader) != FORMAT) return ERR_FORMAT;
    struct bytes first = pack_read_bin(&reader), base = pack_read_bin(&reader);
    uint32_t count = pack_read_array(&reader);
    if (pack_failed(&reader) || count > LIMIT_GROUP_VERSIONS) return ERR_FORMAT;
    enum err err = begin(out, first, base);
    for (uint32_t i = 0; err == OK && i < count; i++) err = version_load(out, &reader);
    if (err == OK) err = pack_done(&reader);
    if (err == OK) err = walk(out);
    if (err != OK) group_free(out);
    return err;
}
