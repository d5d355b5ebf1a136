#include "node/process/clock.h"
#include "node/engine/engine_core.h"

#include <stdlib.h>
#include <string.h>

/* Groups on the wire: statements of GROUPS_TYPE, whose text is [format 1, kind, ...]:
   [1, 1, first version bin (empty: the other one is the first), version bin]   a version that the author signs by publishing it
   [1, 2, first version bin, standing bin]                                      what a member of a hidden group is told */
#define FORMAT       1
#define KIND_VERSION 1
#define KIND_TOLD    2

/* --- what is told --- */

/* A set of agencies, of the own one apart. */
struct listeners {
    uint8_t ids[2 * LIMIT_GROUP_MEMBERS][AGENCY_ID_BYTES];
    size_t count;
};

static void listener_add(const struct engine *engine, struct listeners *listeners, const uint8_t *agency_id) {
    if (memcmp(agency_id, engine->agency_id, AGENCY_ID_BYTES) == 0) return;
    for (size_t i = 0; i < listeners->count; i++)
        if (memcmp(listeners->ids[i], agency_id, AGENCY_ID_BYTES) == 0) return;
    memcpy(listeners->ids[listeners->count++], agency_id, AGENCY_ID_BYTES);
}

static enum err say(struct engine *engine, struct store_batch *batch, struct bytes text, const struct listeners *listeners) {
    struct statement statement = {.type = GROUPS_TYPE, .text = text, .tlp = TLP_AMBER_STRICT, .carriage = CARRIAGE_RELAY};
    statement.agencies = listeners->ids[0];
    statement.agency_count = listeners->count;
    return recipients_say(engine, batch, &statement);
}

static enum err version_say(struct engine *engine, struct store_batch *batch, const struct group_known *known, struct bytes version,
                            const struct listeners *listeners) {
    struct buf text = {0};
    bool first = bytes_equal(version, bytes_of_buf(&known->group->first));
    pack_write_array(&text, 4);
    pack_write_uint(&text, FORMAT);
    pack_write_uint(&text, KIND_VERSION);
    pack_write_bin(&text, first ? bytes_of(NULL, 0) : bytes_of_buf(&known->group->first));
    pack_write_bin(&text, version);
    enum err err = buf_result(&text);
    if (err == OK) err = say(engine, batch, bytes_of_buf(&text), listeners);
    buf_free(&text);
    return err;
}

static enum err standing_say(struct engine *engine, struct store_batch *batch, const struct group_known *known, bool removed,
                             const struct listeners *listeners) {
    struct standing standing;
    struct buf text = {0}, part = {0};
    standing_of_roster(&standing, &known->group->roster, known->id, removed);
    enum err err = standing_encode(&part, &standing);
    pack_write_array(&text, 4);
    pack_write_uint(&text, FORMAT);
    pack_write_uint(&text, KIND_TOLD);
    pack_write_bin(&text, bytes_of_buf(&known->group->first));
    pack_write_bin(&text, bytes_of_buf(&part));
    if (err == OK) err = buf_result(&text);
    if (err == OK) err = say(engine, batch, bytes_of_buf(&text), listeners);
    buf_free(&text), buf_free(&part);
    return err;
}

/* Of a hidden group only the admins see the roster, those who have just been made or unmade admins included. */
static enum err hidden_tell(struct engine *engine, struct store_batch *batch, const struct group_known *known,
                            const struct roster *before) {
    const struct roster *roster = &known->group->roster;
    struct listeners admins = {0}, members = {0}, removed = {0};
    for (size_t i = 0; i < roster->admin_count; i++) listener_add(engine, &admins, roster->admins[i]);
    for (size_t i = 0; i < roster->member_count; i++) {
        const uint8_t *id = roster->members[i].agency_id;
        if (roster_admin(roster, id) >= 0) continue;
        if (group_place(known->group, id) == ROSTER_MEMBER)
            listener_add(engine, &members, id);
        else if (before && roster_place(before, id) == ROSTER_MEMBER)
            listener_add(engine, &removed, id);
    }
    enum err err = version_say(engine, batch, known, bytes_of_buf(&known->group->bytes), &admins);
    if (err == OK) err = standing_say(engine, batch, known, false, &members);
    return err == OK ? standing_say(engine, batch, known, true, &removed) : err;
}

static enum err open_tell(struct engine *engine, struct store_batch *batch, const struct group_known *known,
                          const struct roster *before) {
    const struct roster *roster = &known->group->roster;
    struct listeners listeners = {0};
    for (size_t i = 0; i < roster->member_count; i++) {
        const uint8_t *id = roster->members[i].agency_id;
        if (!roster->members[i].removed_ms || (before && roster_place(before, id) == ROSTER_MEMBER))
            listener_add(engine, &listeners, id);
    }
    return version_say(engine, batch, known, bytes_of_buf(&known->group->bytes), &listeners);
}

static bool signed_by_us(const struct engine *engine, const struct group *group, const uint8_t *hash) {
    for (size_t i = 0; i < group->version_count; i++) {
        const struct group_version *version = group->versions[i];
        if (memcmp(version->hash, hash, HASH_BYTES) != 0) continue;
        for (size_t k = 0; k < version->signer_count; k++)
            if (memcmp(version->signers[k], engine->agency_id, AGENCY_ID_BYTES) == 0) return true;
    }
    return false;
}

enum err group_tell(struct engine *engine, struct store_batch *batch, struct group_known *known, const struct roster *before,
                    struct bytes version) {
    struct group *group = known->group;
    uint8_t hash[HASH_BYTES];
    if (!group) return OK;
    if (version.size > 0) {
        roster_hash(hash, version);
        if (memcmp(hash, group->hash, HASH_BYTES) != 0) { /* it waits for other admins */
            struct listeners admins = {0};
            for (size_t i = 0; i < group->roster.admin_count; i++) listener_add(engine, &admins, group->roster.admins[i]);
            return version_say(engine, batch, known, version, &admins);
        }
    }
    bool ours = signed_by_us(engine, group, group->hash) ||
                (group->roster.version == 1 && memcmp(group->roster.originator, engine->agency_id, AGENCY_ID_BYTES) == 0);
    if (!ours || memcmp(known->told, group->hash, HASH_BYTES) == 0) return OK;
    memcpy(known->told, group->hash, HASH_BYTES);
    return group->roster.hidden ? hidden_tell(engine, batch, known, before) : open_tell(engine, batch, known, before);
}

/* Newcomers get what this node has signed of the past as well: so they hold what all hold, and follow the same one of two that contradict
   each other. Of a hidden group newcomers are those who have just become admins. */
static enum err past_tell(struct engine *engine, struct store_batch *batch, const struct group_known *known,
                          const struct roster *before) {
    const struct roster *roster = &known->group->roster;
    const struct group_version *versions[LIMIT_GROUP_VERSIONS];
    struct listeners newcomers = {0};
    enum err err = OK;
    for (size_t i = 0; i < roster->member_count; i++) {
        const uint8_t *id = roster->members[i].agency_id;
        bool reads = roster->hidden ? roster_admin(roster, id) >= 0 : roster_place(roster, id) == ROSTER_MEMBER;
        bool read = roster->hidden ? roster_admin(before, id) >= 0 : roster_place(before, id) == ROSTER_MEMBER;
        if (reads && !read) listener_add(engine, &newcomers, id);
    }
    size_t count = newcomers.count > 0 ? group_signed(known->group, engine->agency_id, versions) : 0;
    for (size_t i = 0; err == OK && i < count; i++)
        err = version_say(engine, batch, known, bytes_of_buf(&versions[i]->bytes), &newcomers);
    return err;
}

/* --- what follows from another roster --- */

static void notice_changes(struct engine *engine, const struct group_known *known, const struct roster *before) {
    const struct roster *roster = &known->group->roster;
    for (size_t i = 0; i < roster->member_count; i++) {
        const uint8_t *id = roster->members[i].agency_id;
        enum roster_place was = roster_place(before, id), is = roster_place(roster, id);
        if (was == is) continue;
        engine_notice(engine, "group %s: %s %s", roster->name, engine_agency_name(engine, id),
                      is == ROSTER_MEMBER ? "is a member now" : "was removed");
    }
    if (known->group->contradicted == roster->version)
        engine_notice(engine, "group %s: two of its admins contradict each other in version %llu; the one listed first is followed",
                      roster->name, (unsigned long long)roster->version);
}

static void history_owe(struct engine *engine, struct group_known *known, const struct roster *before) {
    const struct roster *roster = &known->group->roster;
    size_t before_count = known->newcomer_count;
    group_history_again(engine, known);
    for (size_t i = 0; i < roster->member_count && roster->history == ROSTER_HISTORY_ALL; i++) {
        const uint8_t *id = roster->members[i].agency_id;
        bool own = memcmp(id, engine->agency_id, AGENCY_ID_BYTES) == 0;
        if (!own && roster_place(roster, id) == ROSTER_MEMBER && roster_place(before, id) != ROSTER_MEMBER)
            group_history_add(known, id);
    }
    /* What was passed on is passed on again, to who was not there. */
    if (known->newcomer_count == before_count || !roster->hidden || roster_admin(roster, engine->agency_id) < 0) return;
    if (known->pass_cursor > known->pass_old_until) known->pass_old_until = known->pass_cursor;
    known->pass_cursor = 1;
}

void group_changed(struct engine *engine, struct store_batch *batch, struct group_known *known, const struct roster *before) {
    notice_changes(engine, known, before);
    history_owe(engine, known, before);
    server_publications_group(engine, known->id);
    server_decisions_again(engine);
    outbox_again(engine);
    if (past_tell(engine, batch, known, before) != OK || group_tell(engine, batch, known, before, bytes_of(NULL, 0)) != OK)
        engine_notice(engine, "group %s: its members cannot be told of a change: too much waits", group_name(known));
}

/* --- what is heard --- */

static struct group_known *known_new(const struct statement_seen *seen) {
    struct group_known *known = calloc(1, sizeof *known);
    if (known) memcpy(known->introducer, seen->agency_id, AGENCY_ID_BYTES);
    if (known) known->pass_cursor = 1;
    return known;
}

static enum err keep_new(struct engine *engine, struct store_batch *batch, struct group_known *known) {
    enum err err = group_keep(batch, known);
    if (err == OK) err = groups_add(engine, known);
    if (err == OK)
        engine_notice(engine, "group %s was made known by %s", group_name(known), engine_agency_name(engine, known->introducer));
    return err;
}

/* In the roster in force, or in a version that waits for further signatures. */
static bool names_us(const struct engine *engine, const struct group *group, struct bytes version) {
    struct roster roster;
    if (roster_place(&group->roster, engine->agency_id) != ROSTER_NEVER) return true;
    return roster_decode(&roster, version) == OK && roster_place(&roster, engine->agency_id) != ROSTER_NEVER;
}

/* A group that was not known: with its first version, and perhaps a later one, by an agency that both name as an admin. */
static enum err roster_begin(struct engine *engine, struct store_batch *batch, const struct statement_seen *seen,
                             struct bytes first, struct bytes version) {
    struct group_known *known = known_new(seen);
    enum err err = known && (known->group = calloc(1, sizeof *known->group)) ? OK : ERR_MEMORY;
    if (err == OK) err = group_open(known->group, first.size > 0 ? first : version);
    if (err == OK) {
        memcpy(known->id, known->group->id, HASH_BYTES);
        if (first.size > 0)
            err = group_take(known->group, seen->agency_id, version);
        else if (memcmp(known->group->roster.originator, seen->agency_id, AGENCY_ID_BYTES) != 0)
            err = ERR_DENIED;
    }
    if (err == OK && roster_admin(&known->group->roster, seen->agency_id) < 0) err = ERR_DENIED;
    if (err == OK && !names_us(engine, known->group, version)) err = ERR_NOT_READER;
    if (err == OK) err = keep_new(engine, batch, known);
    if (err != OK) group_known_free(known);
    return err;
}

/* Who becomes an admin of a hidden group learns its roster, in place of what it was told. Not by one admin's word where several must agree. */
static enum err standing_replace(struct engine *engine, struct store_batch *batch, const struct statement_seen *seen,
                                 struct group_known *told, struct bytes first, struct bytes version) {
    struct groups *groups = &engine->groups;
    const struct standing *standing = &told->membership.standing;
    if (!standing_admin(standing, seen->agency_id) || standing->threshold > 1) return ERR_DENIED;
    enum err err = roster_begin(engine, batch, seen, first, version);
    if (err != OK) return err;
    group_history_again(engine, told);
    if (groups->purging == told) groups->purging = NULL;
    for (size_t i = 0; i < groups->count; i++) {
        if (groups->list[i] != told) continue;
        groups->list[i] = groups->list[--groups->count];
        break;
    }
    group_known_free(told);
    return OK;
}

static enum err version_hear(struct engine *engine, struct store_batch *batch, const struct statement_seen *seen,
                             struct bytes first, struct bytes version) {
    uint8_t id[HASH_BYTES], hash[HASH_BYTES];
    roster_hash(id, first.size > 0 ? first : version);
    struct group_known *known = groups_find(engine, id);
    if (known && !known->group) return standing_replace(engine, batch, seen, known, first, version);
    if (!known) return roster_begin(engine, batch, seen, first, version);
    struct roster *before = malloc(sizeof *before);
    if (!before) return ERR_MEMORY;
    *before = known->group->roster;
    memcpy(hash, known->group->hash, HASH_BYTES);
    enum err err = group_take(known->group, seen->agency_id, version);
    if (err == OK) {
        /* A sister node has told the members already. */
        if (memcmp(seen->agency_id, engine->agency_id, AGENCY_ID_BYTES) == 0) memcpy(known->told, known->group->hash, HASH_BYTES);
        if (memcmp(hash, known->group->hash, HASH_BYTES) != 0) group_changed(engine, batch, known, before);
        err = group_keep(batch, known);
    }
    free(before);
    return err == ERR_EXISTS ? OK : err;
}

/* A hidden group that was not known, by an agency that its first version names as an admin. */
static enum err standing_begin(const struct engine *engine, const struct statement_seen *seen, struct bytes first,
                               struct group_known **out) {
    if (memcmp(seen->agency_id, engine->agency_id, AGENCY_ID_BYTES) == 0) return ERR_DENIED;
    struct group_known *known = *out = known_new(seen);
    enum err err = known ? membership_open(&known->membership, first) : ERR_MEMORY;
    if (err == OK) memcpy(known->id, known->membership.standing.group_id, HASH_BYTES);
    return err;
}

/* Too few admins have told it: nothing changes yet. */
static void standing_changed(struct engine *engine, const struct group_known *known, enum roster_place before) {
    enum roster_place place = group_standing(engine, known, engine->agency_id);
    if (place != before && place != ROSTER_NEVER)
        engine_notice(engine, "group %s: this agency %s", group_name(known),
                      place == ROSTER_REMOVED ? "was removed" : "is a member");
    server_publications_group(engine, known->id);
    server_decisions_again(engine);
}

static enum err standing_hear(struct engine *engine, struct store_batch *batch, const struct statement_seen *seen,
                              struct bytes first, struct bytes told) {
    struct standing standing;
    uint8_t id[HASH_BYTES];
    enum err err = standing_decode(&standing, told);
    if (err != OK) return err;
    roster_hash(id, first);
    if (memcmp(id, standing.group_id, HASH_BYTES) != 0) return ERR_CHAIN;
    struct group_known *known = groups_find(engine, id), *fresh = NULL;
    if (known && known->group) return OK; /* more is known already, or the own statement */
    if (!known) err = standing_begin(engine, seen, first, &fresh);
    if (fresh) known = fresh;
    enum roster_place before = ROSTER_NEVER;
    uint64_t version = 0;
    if (err == OK) {
        before = group_standing(engine, known, engine->agency_id), version = known->membership.standing.version;
        err = membership_take(&known->membership, seen->agency_id, &standing);
    }
    if (err == OK) err = fresh ? keep_new(engine, batch, known) : group_keep(batch, known);
    if (err == OK && known->membership.standing.version != version) standing_changed(engine, known, before);
    if (err != OK) group_known_free(fresh);
    return err == ERR_EXISTS ? OK : err;
}

void group_hear(struct engine *engine, struct store_batch *batch, const struct statement_seen *seen) {
    struct pack_reader reader = pack_reader_of(seen->item->text);
    enum err err = ERR_FORMAT;
    uint32_t fields = pack_read_array(&reader);
    uint64_t format = pack_read_uint(&reader), kind = pack_read_uint(&reader);
    struct bytes one = pack_read_bin(&reader), two = pack_read_bin(&reader);
    if (fields == 4 && pack_done(&reader) == OK && format == FORMAT) {
        if (kind == KIND_VERSION) err = version_hear(engine, batch, seen, one, two);
        if (kind == KIND_TOLD) err = standing_hear(engine, batch, seen, one, two);
    }
    bool own = memcmp(seen->agency_id, engine->agency_id, AGENCY_ID_BYTES) == 0;
    if (err != OK && !own)
        engine_notice(engine, "a statement of %s about a group was not taken: %s", engine_agency_name(engine, seen->agency_id),
                      err_text(err));
}
