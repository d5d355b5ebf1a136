#include "node/sharing/groups.h"

#include "node/process/clock.h"
#include "node/engine/engine_core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT        1
#define FIELDS        10
#define ID_DIGITS_MIN 8
#define KEY_ID_BYTES  16

void group_known_free(struct group_known *known) {
    if (!known) return;
    if (known->group) group_free(known->group);
    free(known->group);
    free(known);
}

void groups_free(struct engine *engine) {
    for (size_t i = 0; i < engine->groups.count; i++) group_known_free(engine->groups.list[i]);
    engine->groups.count = 0;
    buf_free(&engine->groups.marked);
    recall_task_free(&engine->groups.purge);
    if (engine->groups.history) publisher_drop(engine, engine->groups.history);
    free(engine->groups.history);
    engine->groups.history = NULL;
}

/* --- one group --- */

const char *group_name(const struct group_known *known) {
    return known->group ? known->group->roster.name : known->membership.standing.name;
}

enum tlp group_ceiling(const struct group_known *known) {
    return known->group ? known->group->roster.ceiling : known->membership.standing.ceiling;
}

enum roster_phase group_phase(const struct group_known *known, uint64_t now_ms) {
    return known->group ? roster_phase(&known->group->roster, now_ms) : standing_phase(&known->membership.standing, now_ms);
}

enum roster_place group_standing(const struct engine *engine, const struct group_known *known,
                                 const uint8_t agency_id[static AGENCY_ID_BYTES]) {
    if (known->group) return group_place(known->group, agency_id);
    const struct standing *standing = &known->membership.standing;
    if (memcmp(agency_id, engine->agency_id, AGENCY_ID_BYTES) != 0)
        return standing_admin(standing, agency_id) ? ROSTER_MEMBER : ROSTER_NEVER;
    if (!membership_begun(&known->membership)) return ROSTER_NEVER; /* too few admins have said so */
    return standing->removed ? ROSTER_REMOVED : ROSTER_MEMBER;
}

/* --- the list --- */

enum err groups_add(struct engine *engine, struct group_known *known) {
    struct groups *groups = &engine->groups;
    size_t of_one = 0;
    for (size_t i = 0; i < groups->count; i++)
        of_one += memcmp(groups->list[i]->introducer, known->introducer, AGENCY_ID_BYTES) == 0;
    bool own = memcmp(known->introducer, engine->agency_id, AGENCY_ID_BYTES) == 0;
    if (groups->count == LIMIT_GROUPS || (!own && of_one >= GROUPS_OF_ONE_MAX)) return ERR_LIMIT;
    groups->list[groups->count++] = known;
    groups->over += known->over;
    return OK;
}

struct group_known *groups_find(const struct engine *engine, const uint8_t id[static HASH_BYTES]) {
    for (size_t i = 0; i < engine->groups.count; i++)
        if (memcmp(engine->groups.list[i]->id, id, HASH_BYTES) == 0) return engine->groups.list[i];
    return NULL;
}

static bool id_begins(const struct group_known *known, struct bytes digits) {
    char hex[2 * HASH_BYTES + 1];
    if (digits.size < ID_DIGITS_MIN || digits.size > 2 * HASH_BYTES) return false;
    hex_encode(hex, bytes_of(known->id, HASH_BYTES));
    return memcmp(hex, digits.data, digits.size) == 0;
}

enum err groups_named(const struct engine *engine, struct bytes name, struct group_known **out) {
    size_t count = 0, running = 0;
    for (size_t i = 0; i < engine->groups.count; i++) {
        struct group_known *known = engine->groups.list[i];
        if (!bytes_equal_text(name, group_name(known)) && !id_begins(known, name)) continue;
        bool over = group_phase(known, clock_wall_ms()) == ROSTER_OVER;
        running += !over;
        if (!over || running == 0) *out = known;
        count++;
    }
    if (count == 0) return ERR_NOT_FOUND;
    /* A name may be used again once its group is over. */
    return count == 1 || running == 1 ? OK : ERR_EXISTS;
}

/* --- kept --- */

static void key_of(char out[static STORE_META_KEY_BYTES_MAX + 1], const uint8_t *id) {
    char hex[2 * KEY_ID_BYTES + 1];
    hex_encode(hex, bytes_of(id, KEY_ID_BYTES));
    snprintf(out, STORE_META_KEY_BYTES_MAX + 1, GROUPS_PREFIX "%s", hex);
}

enum err group_keep(struct store_batch *batch, const struct group_known *known) {
    char key[STORE_META_KEY_BYTES_MAX + 1];
    struct buf value = {0}, part = {0};
    enum err err = known->group ? group_save(&part, known->group) : membership_save(&part, &known->membership);
    pack_write_array(&value, FIELDS);
    pack_write_uint(&value, FORMAT);
    pack_write_bool(&value, known->group != NULL);
    pack_write_bin(&value, bytes_of(known->introducer, AGENCY_ID_BYTES));
    pack_write_bin(&value, bytes_of(known->told, HASH_BYTES));
    pack_write_bool(&value, known->over);
    pack_write_uint(&value, known->purge_from); /* a walk that is broken off begins again, and what came late lies behind */
    pack_write_uint(&value, known->pass_cursor);
    pack_write_uint(&value, known->pass_old_until);
    pack_write_bin(&value, bytes_of(known->newcomers, known->newcomer_count * AGENCY_ID_BYTES));
    pack_write_bin(&value, bytes_of_buf(&part));
    if (err == OK) err = buf_result(&value);
    key_of(key, known->id);
    if (err == OK) store_batch_meta(batch, key, bytes_of_buf(&value));
    buf_free(&value), buf_free(&part);
    return err;
}

static enum err known_read(struct group_known *out, struct bytes value) {
    struct pack_reader reader = pack_reader_of(value);
    if (pack_read_array(&reader) != FIELDS || pack_read_uint(&reader) != FORMAT) return ERR_FORMAT;
    bool roster = pack_read_bool(&reader);
    struct bytes introducer = pack_read_bin(&reader), told = pack_read_bin(&reader);
    out->over = pack_read_bool(&reader);
    out->purge_from = pack_read_uint(&reader);
    out->pass_cursor = pack_read_uint(&reader);
    out->pass_old_until = pack_read_uint(&reader);
    struct bytes newcomers = pack_read_bin(&reader), part = pack_read_bin(&reader);
    if (pack_done(&reader) != OK || introducer.size != AGENCY_ID_BYTES || told.size != HASH_BYTES) return ERR_FORMAT;
    if (newcomers.size > sizeof out->newcomers || newcomers.size % AGENCY_ID_BYTES != 0) return ERR_FORMAT;
    if (newcomers.size > 0) memcpy(out->newcomers, newcomers.data, newcomers.size);
    out->newcomer_count = newcomers.size / AGENCY_ID_BYTES;
    memcpy(out->introducer, introducer.data, AGENCY_ID_BYTES);
    memcpy(out->told, told.data, HASH_BYTES);
    if (!roster) {
        enum err err = membership_load(&out->membership, part);
        memcpy(out->id, out->membership.standing.group_id, HASH_BYTES);
        return err;
    }
    out->group = calloc(1, sizeof *out->group);
    if (!out->group) return ERR_MEMORY;
    enum err err = group_load(out->group, part);
    memcpy(out->id, out->group->id, HASH_BYTES);
    return err;
}

struct loading {
    struct engine *engine;
    enum err err;
};

static bool known_load(void *context, const char *key, struct bytes value) {
    struct loading *loading = context;
    struct group_known *known = calloc(1, sizeof *known);
    (void)key;
    loading->err = known ? known_read(known, value) : ERR_MEMORY;
    if (loading->err == OK) loading->err = groups_add(loading->engine, known);
    if (loading->err != OK) group_known_free(known);
    return loading->err == OK;
}

/* A roster that cannot be read would let in whom it shuts out: the node does not start. */
enum err groups_load(struct engine *engine) {
    struct loading loading = {.engine = engine};
    engine->groups.history = calloc(1, sizeof *engine->groups.history);
    if (!engine->groups.history) return ERR_MEMORY;
    enum err err = store_meta_each(engine->store, GROUPS_PREFIX, known_load, &loading);
    return err == OK ? loading.err : err;
}
