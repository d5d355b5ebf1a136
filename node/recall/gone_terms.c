#include "node/recall/gone_terms.h"

#include "node/engine/engine_core.h"
#include "node/process/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TERMS_KEY   "gone-terms"
#define AWAITED_KEY "gone-awaited"
#define VERSION     1
#define EVERY_MS    1000
#define PAGES_MAX   4096 /* looked at for what came from a removed member; more may hold something */
#define TEXT_BYTES  200
#define AWAITED_MAX 1024 /* ids; whatever comes once there are more counts as awaited */

/* Those by which consumers are told; the others lead to agencies, or show no object. */
static bool of_consumers(int exit) { return exit >= POLICY_LOCAL && exit <= POLICY_CONSOLE; }

static unsigned all_exits(void) {
    unsigned exits = 0;
    for (int exit = 0; exit < POLICY_EXIT_END; exit++)
        if (of_consumers(exit)) exits |= 1u << exit;
    return exits;
}

/* --- the terms: version 1, how many exits 1, of each closed 1, world 1, label 1, pap 1; rest 32; agencies and groups, each after its size in bytes 4 --- */

void gone_terms_write(struct buf *out, const struct gone_terms *terms) {
    buf_put_u8(out, VERSION);
    buf_put_u8(out, POLICY_EXIT_END);
    for (int exit = 0; exit < POLICY_EXIT_END; exit++) {
        const struct policy_exit_limits *limits = &terms->exits[exit];
        buf_put_u8(out, limits->closed);
        buf_put_u8(out, limits->world);
        buf_put_u8(out, (uint8_t)limits->label_max);
        buf_put_u8(out, (uint8_t)limits->pap_max);
    }
    buf_put_raw(out, terms->rest, HASH_BYTES);
    buf_put_u32(out, (uint32_t)terms->agencies.size);
    buf_put(out, terms->agencies);
    buf_put_u32(out, (uint32_t)terms->groups.size);
    buf_put(out, terms->groups);
}

enum err gone_terms_read(struct gone_terms *out, struct bytes value) {
    struct cursor in = cursor_of(value);
    *out = (struct gone_terms){0};
    if (cursor_u8(&in) != VERSION) return ERR_FORMAT;
    unsigned exits = cursor_u8(&in);
    if (exits > POLICY_EXIT_END) return ERR_FORMAT;
    for (unsigned exit = 0; exit < exits; exit++) {
        struct policy_exit_limits *limits = &out->exits[exit];
        limits->closed = cursor_u8(&in) != 0;
        limits->world = cursor_u8(&in) != 0;
        limits->label_max = (enum tlp)cursor_u8(&in);
        limits->pap_max = (enum pap)cursor_u8(&in);
    }
    cursor_copy(&in, out->rest, HASH_BYTES);
    out->agencies = cursor_take(&in, cursor_u32(&in));
    out->groups = cursor_take(&in, cursor_u32(&in));
    bool good = cursor_done(&in) && out->agencies.size % AGENCY_ID_BYTES == 0 && out->groups.size % GONE_TERMS_GROUP_BYTES == 0;
    return good ? OK : ERR_FORMAT;
}

static bool exit_changed(const struct policy_exit_limits *before, const struct policy_exit_limits *now) {
    return now->closed != before->closed || now->world != before->world || now->label_max != before->label_max ||
           now->pap_max != before->pap_max;
}

/* The next id from *at on that stands in `ids` and not in `others`, both sorted; null: none. */
static const uint8_t *agency_lone(struct bytes ids, struct bytes others, size_t *at) {
    for (size_t low = 0; *at < ids.size;) {
        const uint8_t *id = ids.data + *at;
        while (low < others.size && memcmp(others.data + low, id, AGENCY_ID_BYTES) < 0) low += AGENCY_ID_BYTES;
        *at += AGENCY_ID_BYTES;
        if (low == others.size || memcmp(others.data + low, id, AGENCY_ID_BYTES) != 0) return id;
    }
    return NULL;
}

unsigned gone_terms_changed(const struct gone_terms *before, const struct gone_terms *now) {
    unsigned exits = 0;
    size_t at = 0;
    /* What is understood of a marking, and what this agency is accredited for, counts at every exit. What an agency passed on is shown while
       its author is pinned. */
    if (memcmp(before->rest, now->rest, HASH_BYTES) != 0 || agency_lone(before->agencies, now->agencies, &at)) return all_exits();
    for (int exit = 0; exit < POLICY_EXIT_END; exit++)
        if (of_consumers(exit) && exit_changed(&before->exits[exit], &now->exits[exit])) exits |= 1u << exit;
    return exits;
}

/* --- as they are --- */

static void text_put(struct buf *out, const char *text) {
    buf_put_text(out, text);
    buf_put_u8(out, 0);
}

static void names_put(struct buf *out, const struct policy_names *names) {
    buf_put_u32(out, (uint32_t)names->count);
    for (size_t i = 0; i < names->count; i++) text_put(out, names->names[i]);
}

void gone_terms_rest(uint8_t out[static HASH_BYTES], const struct policy_settings *policy) {
    const struct policy_agency *own = &policy->own;
    struct buf text = {0};
    buf_put_u32(&text, (uint32_t)policy->authority_count);
    for (size_t i = 0; i < policy->authority_count; i++) {
        const struct policy_authority *authority = &policy->authorities[i];
        text_put(&text, authority->name);
        buf_put_u32(&text, (uint32_t)authority->level_count);
        for (size_t j = 0; j < authority->level_count; j++) text_put(&text, authority->levels[j]);
        names_put(&text, &authority->caveats);
    }
    names_put(&text, &policy->purposes);
    names_put(&text, &policy->legal_bases);
    buf_put_u8(&text, (uint8_t)own->label_max);
    buf_put_u8(&text, own->community);
    buf_put_u8(&text, own->client);
    buf_put_u8(&text, own->police);
    text_put(&text, own->nation);
    buf_put_u32(&text, (uint32_t)own->accreditation_count);
    for (size_t i = 0; i < own->accreditation_count; i++) {
        text_put(&text, own->accreditations[i].authority);
        text_put(&text, own->accreditations[i].level);
    }
    names_put(&text, &own->caveats);
    names_put(&text, &own->purposes);
    hash_of(out, "comity-gone-terms", bytes_of_buf(&text), bytes_of(NULL, 0));
    if (text.failed) memset(out, 0, HASH_BYTES);
    buf_free(&text);
}

static int ids_compare(const void *a, const void *b) { return memcmp(a, b, AGENCY_ID_BYTES); }

static void agencies_put(const struct engine *engine, struct buf *out) {
    for (size_t i = 1; i < gossip_agency_count(engine->gossip); i++)
        buf_put_raw(out, gossip_agency(engine->gossip, i)->id, AGENCY_ID_BYTES);
    if (out->size > 0) qsort(out->data, out->size / AGENCY_ID_BYTES, AGENCY_ID_BYTES, ids_compare);
}

static void group_put(const struct engine *engine, struct buf *out, const struct group_known *known) {
    uint64_t newest_ms = 0;
    uint32_t removed = 0;
    for (size_t i = 0; known->group && i < known->group->roster.member_count; i++) {
        const struct roster_member *row = &known->group->roster.members[i];
        removed += row->removed_ms != 0;
        if (row->removed_ms > newest_ms) newest_ms = row->removed_ms;
    }
    buf_put_raw(out, known->id, HASH_BYTES);
    buf_put_u8(out, group_standing(engine, known, engine->agency_id) != ROSTER_NEVER);
    buf_put_u32(out, removed);
    buf_put_u64(out, newest_ms);
}

struct present {
    struct gone_terms terms;
    struct buf agencies, groups, written;
};

/* False: without memory. */
static bool present_make(const struct engine *engine, struct present *out) {
    *out = (struct present){0};
    memcpy(out->terms.exits, engine->policy.exits, sizeof out->terms.exits);
    gone_terms_rest(out->terms.rest, &engine->policy);
    agencies_put(engine, &out->agencies);
    for (size_t i = 0; i < engine->groups.count; i++) group_put(engine, &out->groups, engine->groups.list[i]);
    out->terms.agencies = bytes_of_buf(&out->agencies);
    out->terms.groups = bytes_of_buf(&out->groups);
    gone_terms_write(&out->written, &out->terms);
    return !out->agencies.failed && !out->groups.failed && !out->written.failed;
}

static void present_free(struct present *present) {
    buf_free(&present->agencies);
    buf_free(&present->groups);
    buf_free(&present->written);
}

/* --- groups: what a removed member had sent after its removal was shown until that was heard of --- */

static bool came_since(struct engine *engine, const uint8_t *agency_id, uint64_t since_ms) {
    uint64_t cursor = 0;
    if (store_cursor_at(engine->store, since_ms * 1000, &cursor) != OK) return true;
    for (size_t pages = 0; pages < PAGES_MAX; pages++) {
        struct page_head head;
        if (store_page_head(engine->store, cursor + 1, &head) != OK || head.cursor >= store_cursor_end(engine->store)) return false;
        cursor = head.cursor + head.item_count - 1;
        if (head.arrived_ms >= since_ms && memcmp(head.agency_id, agency_id, AGENCY_ID_BYTES) == 0) return true;
    }
    return true;
}

static bool group_differs(struct engine *engine, struct bytes before, struct bytes now) {
    struct cursor was = cursor_of(before), is = cursor_of(now);
    struct bytes id = cursor_take(&was, HASH_BYTES);
    cursor_take(&is, HASH_BYTES);
    bool member_before = cursor_u8(&was) != 0, member = cursor_u8(&is) != 0;
    if (member_before && !member) return true;
    uint32_t removed_before = cursor_u32(&was), removed = cursor_u32(&is);
    uint64_t newest_before_ms = cursor_u64(&was), newest_ms = cursor_u64(&is);
    const struct group_known *known = groups_find(engine, id.data);
    if (removed < removed_before) return true; /* one of them is a member again, and what it sent meanwhile is shown */
    if (!known || !known->group || (removed == removed_before && newest_ms <= newest_before_ms)) return false;
    for (size_t i = 0; i < known->group->roster.member_count; i++) {
        const struct roster_member *row = &known->group->roster.members[i];
        bool fresh = row->removed_ms > newest_before_ms || (row->removed_ms != 0 && newest_ms <= newest_before_ms);
        if (fresh && came_since(engine, row->agency_id, row->removed_ms)) return true;
    }
    return false;
}

static struct bytes group_of(struct bytes groups, const uint8_t *id) {
    for (size_t i = 0; i < groups.size; i += GONE_TERMS_GROUP_BYTES)
        if (memcmp(groups.data + i, id, HASH_BYTES) == 0) return bytes_of(groups.data + i, GONE_TERMS_GROUP_BYTES);
    return bytes_of(NULL, 0);
}

static bool group_member(struct bytes group) { return group.size > 0 && group.data[HASH_BYTES] != 0; }

/* What belongs to a group that is not known is shown nobody. */
static bool groups_differ(struct engine *engine, struct bytes before, struct bytes now) {
    for (size_t i = 0; i < before.size; i += GONE_TERMS_GROUP_BYTES) {
        struct bytes was = bytes_of(before.data + i, GONE_TERMS_GROUP_BYTES), is = group_of(now, was.data);
        if (is.size == 0 || (!bytes_equal(was, is) && group_differs(engine, was, is))) return true;
    }
    return false;
}

/* --- what is held and shown nobody until an agency is pinned, or a group is heard of --- */

/* Where it stands; SIZE_MAX: it is not awaited. */
static size_t awaited_at(const struct buf *awaited, const uint8_t *id) {
    for (size_t i = 0; i < awaited->size; i += HASH_BYTES)
        if (memcmp(awaited->data + i, id, HASH_BYTES) == 0) return i;
    return SIZE_MAX;
}

void gone_terms_await(struct engine *engine, struct store_batch *batch, const uint8_t id[static HASH_BYTES]) {
    struct buf *awaited = &engine->gone.awaited;
    if (awaited->size == (size_t)AWAITED_MAX * HASH_BYTES || awaited_at(awaited, id) != SIZE_MAX) return;
    buf_put_raw(awaited, id, HASH_BYTES);
    if (awaited->failed)
        engine_fail(engine, 5, "out of memory for what waits for an agency or a group");
    else
        store_batch_meta(batch, AWAITED_KEY, bytes_of_buf(awaited));
}

void gone_terms_arrived(struct engine *engine, struct store_batch *batch, struct bytes marks) {
    static struct marks read;
    if (marks.size < HASH_BYTES || marks_decode(&read, marks) != OK || read.group.size != HASH_BYTES) return;
    const struct group_known *known = groups_find(engine, read.group.data);
    if (!known || group_standing(engine, known, engine->agency_id) == ROSTER_NEVER)
        gone_terms_await(engine, batch, read.group.data);
}

/* It came. Was anything waiting for it? */
static bool awaited_take(struct engine *engine, struct store_batch *batch, const uint8_t *id) {
    struct buf *awaited = &engine->gone.awaited;
    size_t at = awaited_at(awaited, id);
    if (at == SIZE_MAX) return awaited->size == (size_t)AWAITED_MAX * HASH_BYTES;
    memmove(awaited->data + at, awaited->data + at + HASH_BYTES, awaited->size - at - HASH_BYTES);
    awaited->size -= HASH_BYTES;
    store_batch_meta(batch, AWAITED_KEY, bytes_of_buf(awaited));
    return true;
}

/* Agencies and groups that came since, for which something was waiting; those that went are awaited from now on. */
static bool came(struct engine *engine, struct store_batch *batch, const struct gone_terms *before, const struct gone_terms *now) {
    const uint8_t *id;
    bool any = false;
    for (size_t at = 0; (id = agency_lone(now->agencies, before->agencies, &at));) any |= awaited_take(engine, batch, id);
    for (size_t at = 0; (id = agency_lone(before->agencies, now->agencies, &at));) gone_terms_await(engine, batch, id);
    for (size_t i = 0; i < now->groups.size; i += GONE_TERMS_GROUP_BYTES) {
        struct bytes is = bytes_of(now->groups.data + i, GONE_TERMS_GROUP_BYTES), was = group_of(before->groups, is.data);
        if (group_member(is) && !group_member(was)) any |= awaited_take(engine, batch, is.data);
        if (!group_member(is) && group_member(was)) gone_terms_await(engine, batch, is.data);
    }
    return any;
}

/* --- the fence --- */

static void exits_text(char out[static TEXT_BYTES], unsigned exits) {
    size_t used = 0;
    out[0] = 0;
    if (exits == all_exits()) {
        snprintf(out, TEXT_BYTES, "all exits");
        return;
    }
    for (int exit = 0; exit < POLICY_EXIT_END; exit++) {
        if (((exits >> exit) & 1) == 0 || used >= TEXT_BYTES) continue;
        int size = snprintf(out + used, TEXT_BYTES - used, "%s%s", used > 0 ? ", " : "", policy_exit_name((enum policy_exit)exit));
        used += size > 0 ? (size_t)size : 0;
    }
}

/* Which exits show something else than when consumers were last told. */
static unsigned changed(struct engine *engine, struct store_batch *batch, struct bytes told, const struct gone_terms *now) {
    struct gone_terms before;
    if (gone_terms_read(&before, told) != OK) return all_exits(); /* of another version: nothing is known */
    if (came(engine, batch, &before, now) || groups_differ(engine, before.groups, now->groups)) return all_exits();
    return gone_terms_changed(&before, now);
}

static void tell(struct engine *engine, struct present *present) {
    struct gone *gone = &engine->gone;
    struct bytes told = bytes_of_buf(&gone->terms);
    char text[TEXT_BYTES];
    struct store_batch *batch = store_batch_new(engine->store);
    if (!batch) return;
    unsigned exits = told.size > 0 ? changed(engine, batch, told, &present->terms) : 0; /* at first nobody was told anything */
    store_batch_meta(batch, TERMS_KEY, bytes_of_buf(&present->written));
    buf_free(&gone->terms);
    gone->terms = present->written;
    present->written = (struct buf){0};
    if (exits == 0) {
        store_commit(engine->store, batch, 0);
        return;
    }
    gone_fence(engine, batch, exits);
    withdraw_commit(engine, batch);
    engine_settle(engine); /* who reads of it finds it so */
    exits_text(text, exits);
    engine_event(
        engine, LOG_CONSUMERS_ANEW, LOG_FIELDS(LOG_TEXT("exits", text)),
        "what may be shown has changed (%s): who was told of objects there is told to forget them, and gets what it may have",
        text);
}

enum err gone_terms_load(struct engine *engine) {
    struct buf *awaited = &engine->gone.awaited;
    enum err err = store_meta(engine->store, AWAITED_KEY, awaited);
    if (err == OK && (awaited->size % HASH_BYTES != 0 || awaited->size > (size_t)AWAITED_MAX * HASH_BYTES)) err = ERR_CORRUPT;
    return err == ERR_NOT_FOUND ? OK : err;
}

/* What stands on disk, once. */
static bool told_read(struct engine *engine) {
    struct gone *gone = &engine->gone;
    if (gone->terms_read) return true;
    enum err err = store_meta(engine->store, TERMS_KEY, &gone->terms);
    gone->terms_read = err == OK || err == ERR_NOT_FOUND;
    if (!gone->terms_read) engine_fail(engine, 5, "under which terms consumers were told cannot be read: %s", err_text(err));
    return gone->terms_read;
}

void gone_terms_pump(struct engine *engine) {
    struct gone *gone = &engine->gone;
    uint64_t now = clock_monotonic_ms();
    struct present present;
    if (now >= gone->terms_due_ms && !engine->recalls.writing && told_read(engine)) {
        gone->terms_due_ms = now + EVERY_MS;
        if (present_make(engine, &present) && !bytes_equal(bytes_of_buf(&gone->terms), bytes_of_buf(&present.written)))
            tell(engine, &present);
        present_free(&present);
    }
    if (engine->recalls.due_ms > gone->terms_due_ms) engine->recalls.due_ms = gone->terms_due_ms;
}
