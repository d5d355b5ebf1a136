#include "node/process/clock.h"
#include "node/engine/engine_core.h"
#include "node/policy/policy_context.h"
#include "node/sharing/prove.h"
#include "node/sharing/shown.h"

#include <stdlib.h>
#include <string.h>

/* Hidden groups: a member knows only the admins, and seals to them. That an object carries the group's id among its marks is its author's
   permission to pass it on to the members; each admin's node does so, with the author's proof, as shares (5.10). What several admins passed on
   is one object to its readers, by its leaf. PROTOCOL.md 5.7 */

#define PAGES_MAX 16    /* looked at in one go */
#define CLOCKS_MS 60000 /* that an admin's clock and this node's may differ by: then some get an object twice, and see it once */

struct passing {
    struct engine *engine;
    struct group_known *known;
    struct store_batch *batch;
    struct buf proof, id, type, marks, text; /* copies: making a proof moves pages */
    uint8_t readers[LIMIT_GROUP_MEMBERS][AGENCY_ID_BYTES];
    size_t reader_count;
    enum carriage carriage;
    enum tlp tlp;
    uint64_t valid_until_ms, arrived_ms;
    bool old; /* the others have it */
    struct ledger_cause cause;
};

bool groups_passes(const struct engine *engine, struct bytes group_id, const uint8_t via[static AGENCY_ID_BYTES]) {
    const struct group_known *known = group_id.size == HASH_BYTES ? groups_find(engine, group_id.data) : NULL;
    if (!known || group_standing(engine, known, engine->agency_id) != ROSTER_MEMBER) return false;
    if (known->group) return known->group->roster.hidden && roster_admin(&known->group->roster, via) >= 0;
    return standing_admin(&known->membership.standing, via);
}

/* Is it this node's part to pass on what members contribute? */
static bool passes(const struct engine *engine, const struct group_known *known) {
    return known->group && known->group->roster.hidden && roster_admin(&known->group->roster, engine->agency_id) >= 0 &&
           group_phase(known, clock_wall_ms()) == ROSTER_RUNNING;
}

/* The members, its author and this agency apart, to whom the policy lets it go: the author's mark stands for a permission. */
static void readers_find(struct passing *passing, const uint8_t *author) {
    static struct policy_facts facts;
    static struct verdict verdict;
    static struct marks marks;
    static struct item carried;
    struct engine *engine = passing->engine;
    const struct roster *roster = &passing->known->group->roster;
    struct policy_object object = {
        .tlp = passing->tlp, .valid_until_ms = passing->valid_until_ms, .marks = &marks, .foreign = true};
    object.id = bytes_of_buf(&passing->id), object.type = bytes_of_buf(&passing->type);
    if (marks_decode(&marks, bytes_of_buf(&passing->marks)) != OK) return;
    carried = (struct item){.tlp = passing->tlp, .marks = bytes_of_buf(&passing->marks)};
    passing->cause = (struct ledger_cause){0};
    ledger_cause_add(&passing->cause, &carried, NULL);
    for (size_t i = 0; i < roster->member_count; i++) {
        const uint8_t *id = roster->members[i].agency_id;
        if (passing->old && roster->members[i].since_ms + CLOCKS_MS <= passing->arrived_ms) continue;
        struct policy_permission permission = {.object_id = object.id, .verified = true};
        bool other = memcmp(id, engine->agency_id, AGENCY_ID_BYTES) != 0 && memcmp(id, author, AGENCY_ID_BYTES) != 0;
        if (!other || group_place(passing->known->group, id) != ROSTER_MEMBER || roster_admin(roster, id) >= 0) continue;
        policy_context_fill(&facts, engine, POLICY_RESHARE, id);
        policy_context_author(&facts, engine, author);
        memcpy(permission.to, id, AGENCY_ID_BYTES);
        facts.context.permissions = &permission, facts.context.permission_count = 1;
        policy_decide(&verdict, &object, &facts.reader, &facts.context);
        if (!verdict.allow) continue;
        if (verdict.carriage == CARRIAGE_DIRECT) passing->carriage = CARRIAGE_DIRECT;
        ledger_cause_add(&passing->cause, NULL, verdict.rule);
        ledger_clause_add(passing->cause.clauses, &verdict);
        memcpy(passing->readers[passing->reader_count++], id, AGENCY_ID_BYTES);
    }
}

static enum err say(struct passing *passing) {
    struct share share = {.shared_ms = clock_wall_ms(), .object = bytes_of_buf(&passing->proof)};
    enum err err = share_encode(&passing->text, &share);
    struct statement statement = {.type = SHARE_TYPE, .text = bytes_of_buf(&passing->text), .agencies = passing->readers[0]};
    statement.agency_count = passing->reader_count, statement.cause = &passing->cause;
    statement.tlp = passing->tlp, statement.carriage = passing->carriage, statement.valid_until_ms = passing->valid_until_ms;
    if (err == OK && passing->text.size > STATEMENT_TEXT_BYTES_MAX) err = ERR_TOO_BIG;
    return err == OK ? recipients_say(passing->engine, passing->batch, &statement) : err;
}

static void passing_clear(struct passing *passing) {
    buf_clear(&passing->proof), buf_clear(&passing->id), buf_clear(&passing->type);
    buf_clear(&passing->marks), buf_clear(&passing->text);
    passing->reader_count = 0;
    passing->carriage = CARRIAGE_RELAY;
}

/* One object of the group. ERR_FULL: not now. */
static enum err object_pass(struct passing *passing, uint64_t cursor) {
    static struct shown shown;
    struct engine *engine = passing->engine;
    const struct group *group = passing->known->group;
    struct proof_facts facts;
    uint8_t author[AGENCY_ID_BYTES];
    if (shown_at(engine, &shown, cursor) != OK || shown.via || statement_is(shown.item.type)) return OK;
    if (retention_over(engine, &shown.head, &shown.item, clock_wall_ms())) return OK;
    memcpy(author, shown.author, AGENCY_ID_BYTES);
    /* Admins seal to the members themselves; who is no member has no part in it. */
    if (group_place(group, author) != ROSTER_MEMBER || roster_admin(&group->roster, author) >= 0) return OK;
    passing_clear(passing);
    buf_put(&passing->id, shown.item.id), buf_put(&passing->type, shown.item.type), buf_put(&passing->marks, shown.item.marks);
    passing->old = cursor < passing->known->pass_old_until, passing->arrived_ms = shown.head.arrived_ms;
    passing->tlp = shown.item.tlp, passing->valid_until_ms = shown.item.valid_until_ms;
    readers_find(passing, author);
    if (passing->reader_count == 0) return OK;
    enum err err = prove_item(engine, cursor, &passing->proof, &facts);
    if (err == OK) err = say(passing);
    if (err == ERR_FULL || err == ERR_MEMORY) return err;
    if (err != OK)
        engine_notice(engine, "group %s: an object of %s cannot be passed on: %s", group_name(passing->known),
                      engine_agency_name(engine, author), err_text(err));
    return OK;
}

static enum err page_pass(struct passing *passing, const struct page *page) {
    struct recall marked;
    uint64_t first = page->head.cursor;
    uint32_t index = page->head.item_first, count = page->head.item_count;
    if (memcmp(page->head.agency_id, passing->engine->agency_id, AGENCY_ID_BYTES) == 0) return OK;
    if (!group_page_marks(page, passing->known->id, &marked)) return OK;
    for (uint32_t i = 0; i < count; i++) {
        if (!recall_marked(&marked, index + i) || first + i < passing->known->pass_cursor) continue;
        enum err err = object_pass(passing, first + i);
        if (err != OK) return err;
        passing->known->pass_cursor = first + i + 1;
    }
    return OK;
}

static void walk(struct passing *passing) {
    struct engine *engine = passing->engine;
    struct group_known *known = passing->known;
    uint64_t before = known->pass_cursor;
    enum err err = OK;
    for (size_t pages = 0; err == OK && pages < PAGES_MAX && !engine->stopping; pages++) {
        struct page page;
        err = store_page_from(engine->store, known->pass_cursor, &page);
        uint64_t end = page.head.cursor + page.head.item_count;
        if (err == ERR_CORRUPT && page.head.item_count > 0)
            err = OK;
        else if (err == OK)
            err = page_pass(passing, &page);
        if (err == OK) known->pass_cursor = end;
    }
    if (known->pass_cursor == before) return;
    enum err kept = group_keep(passing->batch, known);
    if (kept != OK) engine_fail(engine, 5, "a group cannot be kept: %s", err_text(kept));
    store_commit(engine->store, passing->batch, 0);
    passing->batch = NULL;
}

bool group_pass_pump(struct engine *engine) {
    struct groups *groups = &engine->groups;
    uint64_t next = store_cursor_next(engine->store);
    bool more = false;
    for (size_t i = 0; i < groups->count && !more; i++) {
        struct group_known *known = groups->list[i];
        if (known->pass_cursor >= next || !passes(engine, known) || store_pending(engine->store) > 4) continue;
        struct passing *passing = calloc(1, sizeof *passing);
        if (!passing) return false;
        uint64_t before = known->pass_cursor;
        passing->engine = engine, passing->known = known, passing->batch = store_batch_new(engine->store);
        if (passing->batch) walk(passing);
        if (passing->batch) store_batch_free(passing->batch);
        buf_free(&passing->proof), buf_free(&passing->id), buf_free(&passing->type), buf_free(&passing->marks),
            buf_free(&passing->text);
        free(passing);
        more = known->pass_cursor != before;
    }
    return more;
}
