#include "node/recall/gone_terms.h"

#include "node/engine/engine_core.h"
#include "node/process/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TERMS_KEY  "gone-terms"
#define VERSION    1
#define EVERY_MS   1000
#define PAGES_MAX  4096 /* looked at for what came from a removed member; more may hold something */
#define TEXT_BYTES 200

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

static bool exit_narrowed(const struct policy_exit_limits *before, const struct policy_exit_limits *now) {
    return (now->closed && !before->closed) || (now->world && !before->world) || now->label_max < before->label_max ||
           now->pap_max < before->pap_max;
}

/* Both are sorted. */
static bool agency_gone(struct bytes before, struct bytes now) {
    size_t at = 0;
    for (size_t i = 0; i < before.size; i += AGENCY_ID_BYTES) {
        while (at < now.size && memcmp(now.data + at, before.data + i, AGENCY_ID_BYTES) < 0) at += AGENCY_ID_BYTES;
        if (at == now.size || memcmp(now.data + at, before.data + i, AGENCY_ID_BYTES) != 0) return true;
    }
    return false;
}

unsigned gone_terms_narrowed(const struct gone_terms *before, const struct gone_terms *now) {
    unsigned exits = 0;
    /* What is understood of a marking, and what this agency is accredited for, counts at every exit; which way it changed is not looked at.
       What an agency passed on is shown while its author is pinned. */
    if (memcmp(before->rest, now->rest, HASH_BYTES) != 0 || agency_gone(before->agencies, now->agencies)) return all_exits();
    for (int exit = 0; exit < POLICY_EXIT_END; exit++)
        if (of_consumers(exit) && exit_narrowed(&before->exits[exit], &now->exits[exit])) exits |= 1u << exit;
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

static void rest_hash(uint8_t out[static HASH_BYTES], const struct policy_settings *policy) {
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
    rest_hash(out->terms.rest, &engine->policy);
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

static bool group_narrowed(struct engine *engine, struct bytes before, struct bytes now) {
    struct cursor was = cursor_of(before), is = cursor_of(now);
    struct bytes id = cursor_take(&was, HASH_BYTES);
    cursor_take(&is, HASH_BYTES);
    bool member_before = cursor_u8(&was) != 0, member = cursor_u8(&is) != 0;
    if (member_before && !member) return true;
    uint32_t removed_before = cursor_u32(&was), removed = cursor_u32(&is);
    uint64_t newest_before_ms = cursor_u64(&was), newest_ms = cursor_u64(&is);
    const struct group_known *known = groups_find(engine, id.data);
    if (!known || !known->group || (removed <= removed_before && newest_ms <= newest_before_ms)) return false;
    for (size_t i = 0; i < known->group->roster.member_count; i++) {
        const struct roster_member *row = &known->group->roster.members[i];
        bool fresh = row->removed_ms > newest_before_ms || (row->removed_ms != 0 && newest_ms <= newest_before_ms);
        if (fresh && came_since(engine, row->agency_id, row->removed_ms)) return true;
    }
    return false;
}

/* What belongs to a group that is not known is shown nobody. */
static bool groups_narrowed(struct engine *engine, struct bytes before, struct bytes now) {
    for (size_t i = 0; i < before.size; i += GONE_TERMS_GROUP_BYTES) {
        struct bytes was = bytes_of(before.data + i, GONE_TERMS_GROUP_BYTES), is = {0};
        for (size_t j = 0; j < now.size && is.size == 0; j += GONE_TERMS_GROUP_BYTES)
            if (memcmp(now.data + j, was.data, HASH_BYTES) == 0) is = bytes_of(now.data + j, GONE_TERMS_GROUP_BYTES);
        if (is.size == 0 || (!bytes_equal(was, is) && group_narrowed(engine, was, is))) return true;
    }
    return false;
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

/* Which exits became narrower since consumers were last told. */
static unsigned narrowed(struct engine *engine, struct bytes told, const struct gone_terms *now) {
    struct gone_terms before;
    if (gone_terms_read(&before, told) != OK) return all_exits(); /* of another version: nothing is known */
    return groups_narrowed(engine, before.groups, now->groups) ? all_exits() : gone_terms_narrowed(&before, now);
}

static void tell(struct engine *engine, struct present *present) {
    struct gone *gone = &engine->gone;
    struct bytes told = bytes_of_buf(&gone->terms);
    char text[TEXT_BYTES];
    unsigned exits = told.size > 0 ? narrowed(engine, told, &present->terms) : 0; /* at first nobody was told anything */
    struct store_batch *batch = store_batch_new(engine->store);
    if (!batch) return;
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
        "less may be shown than before (%s): who was told of objects there is told to forget them, and gets what it may have",
        text);
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
