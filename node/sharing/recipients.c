#include "node/sharing/recipients.h"

#include "gossip/setexpr.h"
#include "node/process/clock.h"
#include "node/engine/engine_core.h"
#include "node/sharing/withheld.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool recipients_id(const struct engine *engine, struct bytes name, uint8_t agency_id[static AGENCY_ID_BYTES]) {
    if (engine_agency_of_name(engine, name, agency_id)) return true;
    return name.size == 2 * AGENCY_ID_BYTES && hex_decode(agency_id, AGENCY_ID_BYTES, name);
}

static bool pinned(const struct engine *engine, const uint8_t *agency_id, size_t *index) {
    for (*index = 0; *index < gossip_agency_count(engine->gossip); ++*index)
        if (memcmp(gossip_agency(engine->gossip, *index)->id, agency_id, AGENCY_ID_BYTES) == 0) return true;
    return false;
}

void recipients_name_write(const struct engine *engine, struct buf *out, const uint8_t agency_id[static AGENCY_ID_BYTES]) {
    char hex[2 * AGENCY_ID_BYTES + 1];
    size_t index;
    hex_encode(hex, bytes_of(agency_id, AGENCY_ID_BYTES));
    pack_write_str(out, bytes_of_text(pinned(engine, agency_id, &index) ? engine_agency_name(engine, agency_id) : hex));
}

const char *recipients_unreachable(const struct engine *engine, const uint8_t agency_id[static AGENCY_ID_BYTES]) {
    struct audience audience = {0};
    size_t index;
    if (!pinned(engine, agency_id, &index)) return "not pinned here";
    if (index == 0) return NULL;
    enum err err = audience_add(&audience, engine->gossip, index, clock_wall_ms());
    audience_free(&audience);
    return err == OK ? NULL : err_text(err);
}

/* --- expressions --- */

/* The sets are over pinned agencies by their index, then over members of named groups who are not pinned here; the last stands for anybody
   else. */
#define ANYBODY (SETEXPR_SET_MAX - 1)
struct resolving {
    struct engine *engine;
    struct publication *publication;
    uint8_t strangers[ANYBODY - LIMIT_AGENCIES][AGENCY_ID_BYTES];
    size_t stranger_count;
    bool limits;   /* the expression leaves somebody out */
    bool supposed; /* evaluated as if everybody belonged to the publication's group */
    enum err err;
    char *problem;
};

static bool fail(struct resolving *resolving, enum err err, const char *what, struct bytes name, const char *advice) {
    resolving->err = err;
    snprintf(resolving->problem, RECIPIENTS_PROBLEM_MAX, "%s '%.*s' %s", what, (int)name.size, (const char *)name.data, advice);
    return false;
}

static bool put(struct resolving *resolving, struct setexpr_set *set, const uint8_t *agency_id) {
    size_t index, at = 0;
    if (pinned(resolving->engine, agency_id, &index)) {
        if (index > 0) setexpr_put(set, index);
        return true;
    }
    while (at < resolving->stranger_count && memcmp(resolving->strangers[at], agency_id, AGENCY_ID_BYTES) != 0) at++;
    if (at == sizeof resolving->strangers / sizeof *resolving->strangers) return false;
    if (at == resolving->stranger_count) memcpy(resolving->strangers[resolving->stranger_count++], agency_id, AGENCY_ID_BYTES);
    setexpr_put(set, LIMIT_AGENCIES + at);
    return true;
}

/* Of a hidden group only the admins are known, and they pass it on. */
static bool members_put(struct resolving *resolving, struct setexpr_set *set, const struct group_known *known) {
    if (!known->group) {
        for (size_t i = 0; i < known->membership.standing.admin_count; i++)
            if (!put(resolving, set, known->membership.standing.admins[i])) return false;
        return true;
    }
    for (size_t i = 0; i < known->group->roster.member_count; i++) {
        const uint8_t *id = known->group->roster.members[i].agency_id;
        if (group_place(known->group, id) == ROSTER_MEMBER && !put(resolving, set, id)) return false;
    }
    return true;
}

static bool group_put(struct resolving *resolving, struct setexpr_set *set, struct bytes name) {
    struct publication *publication = resolving->publication;
    struct group_known *known = NULL;
    enum err err = groups_named(resolving->engine, name, &known);
    if (err == ERR_EXISTS)
        return fail(resolving, ERR_DENIED, "several groups are called", name,
                    "here: write group: and the first digits of one's id");
    if (err != OK) return fail(resolving, ERR_NOT_FOUND, "group", name, "is not known here: `comity group list` shows them");
    if (resolving->supposed && memcmp(publication->group_id, known->id, HASH_BYTES) == 0) {
        memset(set, 0xff, sizeof *set);
        return true;
    }
    enum roster_place place = group_standing(resolving->engine, known, resolving->engine->agency_id);
    if (place == ROSTER_NEVER)
        return fail(resolving, ERR_DENIED, "group", name,
                    "does not count this agency as a member until more of its admins have said so [group.member]");
    if (place != ROSTER_MEMBER)
        return fail(resolving, ERR_DENIED, "group", name, "does not count this agency as a member any more [group.removed]");
    enum roster_phase phase = group_phase(known, clock_wall_ms());
    if (phase != ROSTER_RUNNING)
        return fail(resolving, ERR_DENIED, "group", name,
                    phase == ROSTER_OVER ? "is over [group.ended]" : "has not begun yet [group.not-yet]");
    /* Its admins pass on to every member what carries the group's mark: whom this node leaves out, they would not. */
    if (!known->group && resolving->limits)
        return fail(resolving, ERR_DENIED, "group", name,
                    "is hidden: its admins pass on to all members, so that nobody can be left out with '-' or '&'");
    if (!members_put(resolving, set, known))
        return fail(resolving, ERR_LIMIT, "group", name, "has too many members that are not pinned");
    if (!publication->group_set) memcpy(publication->group_id, known->id, HASH_BYTES);
    if (!publication->group_set || group_ceiling(known) < publication->ceiling) publication->ceiling = group_ceiling(known);
    publication->group_set = true;
    return true;
}

static bool atom(void *context, const struct setexpr_step *step, struct setexpr_set *set) {
    struct resolving *resolving = context;
    struct engine *engine = resolving->engine;
    uint8_t id[AGENCY_ID_BYTES];
    size_t index;
    if (step->kind == SETEXPR_GROUP) return group_put(resolving, set, step->name);
    if (step->kind == SETEXPR_ALL) {
        for (size_t i = 1; i < gossip_agency_count(engine->gossip); i++) setexpr_put(set, i);
        return true;
    }
    if (!engine_agency_of_name(engine, step->name, id))
        return fail(resolving, ERR_NOT_FOUND, "recipient", step->name, "is not pinned here; `comity trust list` shows who is");
    if (!pinned(engine, id, &index))
        return fail(resolving, ERR_NOT_FOUND, "recipient", step->name, "has a card that was not taken");
    return put(resolving, set, id);
}

static void row(struct publication *publication, struct buf *rows, struct bytes name, uint64_t nodes) {
    pack_write_array(rows, 2);
    pack_write_str(rows, name);
    pack_write_uint(rows, nodes);
    publication->rows++;
}

/* The agencies of the set become readers; members of a group that nobody here can seal to are named, with no node. */
static enum err readers_add(struct resolving *resolving, const struct setexpr_set *set, struct buf *rows) {
    struct engine *engine = resolving->engine;
    struct publication *publication = resolving->publication;
    for (size_t i = 1; i < gossip_agency_count(engine->gossip); i++) {
        const struct agency *agency = gossip_agency(engine->gossip, i);
        size_t before = publication->audience.count;
        if (!setexpr_has(set, i)) continue;
        enum err err = audience_add(&publication->audience, engine->gossip, i, clock_wall_ms());
        if (err != OK) {
            snprintf(resolving->problem, RECIPIENTS_PROBLEM_MAX,
                     "recipient '%s' (%s): %s; nothing was published. Ask for a current card.",
                     engine_agency_name(engine, agency->id), agency->name, err_text(err));
            return err;
        }
        buf_put_raw(&publication->agencies, agency->id, AGENCY_ID_BYTES);
        row(publication, rows, bytes_of_text(engine_agency_name(engine, agency->id)), publication->audience.count - before);
        publication->recipients++;
    }
    for (size_t i = 0; i < resolving->stranger_count; i++) {
        char text[96], hex[17];
        if (!setexpr_has(set, LIMIT_AGENCIES + i)) continue;
        hex_encode(hex, bytes_of(resolving->strangers[i], 8));
        snprintf(text, sizeof text, "%s... (a member, not pinned here: it gets nothing)", hex);
        row(publication, rows, bytes_of_text(text), 0);
    }
    return OK;
}

/* Whom the expressions leave out of the publication's group, whoever belongs to it one day: they are evaluated again as if everybody did.
   False without memory. */
static bool withheld_find(struct resolving *resolving, const struct bytes *expressions, size_t count) {
    static struct setexpr expression;
    struct buf *word = &resolving->publication->withheld;
    const struct engine *engine = resolving->engine;
    struct setexpr_set all = {0}, set;
    const char *what;
    size_t at;
    resolving->supposed = true;
    for (size_t i = 0; i < count; i++) {
        if (setexpr_parse(&expression, expressions[i], &at, &what) != OK) return false;
        if (!setexpr_evaluate(&expression, atom, resolving, &set)) return false;
        for (size_t k = 0; k < sizeof all.bits; k++) all.bits[k] |= set.bits[k];
    }
    resolving->supposed = false;
    bool most = setexpr_has(&all, ANYBODY);
    buf_put_u8(word, most ? WITHHELD_FROM : WITHHELD_BUT_TO);
    for (size_t i = 1; i < gossip_agency_count(engine->gossip); i++)
        if (setexpr_has(&all, i) != most) buf_put_raw(word, gossip_agency(engine->gossip, i)->id, AGENCY_ID_BYTES);
    for (size_t i = 0; i < resolving->stranger_count; i++)
        if (setexpr_has(&all, LIMIT_AGENCIES + i) != most) buf_put_raw(word, resolving->strangers[i], AGENCY_ID_BYTES);
    if (most && word->size == 1) buf_clear(word); /* nobody */
    return !word->failed;
}

enum err recipients_resolve(struct engine *engine, struct publication *publication, const struct bytes *expressions, size_t count,
                            struct buf *rows, char problem[static RECIPIENTS_PROBLEM_MAX]) {
    static struct setexpr expression; /* large; one thread */
    static struct resolving resolving;
    struct setexpr_set all = {0}, set;
    bool limits = false;
    resolving = (struct resolving){.engine = engine, .publication = publication, .problem = problem};
    for (size_t i = 0; i < count; i++) {
        const char *what;
        size_t at;
        if (setexpr_parse(&expression, expressions[i], &at, &what) != OK) {
            snprintf(problem, RECIPIENTS_PROBLEM_MAX, "--to: character %zu of '%.*s': %s; nothing was published", at + 1,
                     (int)(expressions[i].size < 200 ? expressions[i].size : 200), (const char *)expressions[i].data, what);
            return ERR_SYNTAX;
        }
        resolving.limits = false;
        for (size_t k = 0; k < expression.step_count; k++) {
            enum setexpr_kind kind = expression.steps[k].kind;
            resolving.limits = resolving.limits || kind == SETEXPR_MINUS || kind == SETEXPR_AND;
        }
        limits = limits || resolving.limits;
        if (!setexpr_evaluate(&expression, atom, &resolving, &set)) {
            size_t length = strlen(problem);
            snprintf(problem + length, RECIPIENTS_PROBLEM_MAX - length, "; nothing was published");
            return resolving.err;
        }
        if (expression.all) publication->named = false;
        for (size_t k = 0; k < sizeof all.bits; k++) all.bits[k] |= set.bits[k];
    }
    if (publication->group_set && limits && !withheld_find(&resolving, expressions, count)) {
        snprintf(problem, RECIPIENTS_PROBLEM_MAX, "%s; nothing was published", err_text(ERR_MEMORY));
        return ERR_MEMORY;
    }
    return readers_add(&resolving, &all, rows);
}

/* --- statements --- */

enum err recipients_say(struct engine *engine, struct store_batch *batch, const struct statement *statement) {
    static uint8_t now[STATEMENT_AGENCIES_MAX][AGENCY_ID_BYTES]; /* one thread */
    struct statement part = *statement;
    size_t ready = 0;
    enum err err = OK;
    for (size_t i = 0; err == OK && i < statement->agency_count; i++) {
        const uint8_t *id = statement->agencies + i * AGENCY_ID_BYTES;
        size_t index;
        if (!pinned(engine, id, &index) || index == 0) continue;
        if (!recipients_unreachable(engine, id)) {
            memcpy(now[ready++], id, AGENCY_ID_BYTES);
        } else {
            part.agencies = id, part.agency_count = 1;
            err = statement_publish(engine, batch, &part);
        }
    }
    part.agencies = now[0], part.agency_count = ready;
    return err == OK ? statement_publish(engine, batch, &part) : err;
}
