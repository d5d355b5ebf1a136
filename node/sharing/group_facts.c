#include "node/process/clock.h"
#include "node/engine/engine_core.h"

#include <stdio.h>
#include <string.h>

/* Groups as the policy sees them, and the mark by which an object belongs to one. */

static void fact_of(struct policy_group *out, const struct engine *engine, const struct group_known *known, bool reads_here,
                    const uint8_t *agency_id) {
    enum roster_place place = group_standing(engine, known, agency_id);
    *out = (struct policy_group){.label_max = group_ceiling(known), .member = place != ROSTER_NEVER};
    memcpy(out->id, known->id, MARKS_GROUP_BYTES);
    snprintf(out->name, sizeof out->name, "%s", group_name(known));
    if (known->group) {
        const struct roster *roster = &known->group->roster;
        const struct roster_member *row = roster_member(roster, agency_id);
        out->starts_ms = roster->starts_ms, out->ends_ms = roster->ends_ms, out->closed = roster->closed;
        /* Contested: removed by one of two versions. */
        if (place == ROSTER_REMOVED) out->removed_ms = row && row->removed_ms ? row->removed_ms : 1;
    } else {
        const struct standing *standing = &known->membership.standing;
        out->starts_ms = standing->starts_ms, out->ends_ms = standing->ends_ms, out->closed = standing->closed;
        if (place == ROSTER_REMOVED) out->removed_ms = standing->time_ms;
    }
    /* What an agency was given while it was a member it may go on reading. Removal is not dated by the reader's clock. */
    uint64_t now_ms = clock_wall_ms();
    if (out->removed_ms > now_ms) out->removed_ms = now_ms;
    if (reads_here) out->removed_ms = 0;
}

size_t groups_facts(struct engine *engine, enum policy_exit exit, const uint8_t agency_id[static AGENCY_ID_BYTES],
                    const struct policy_group **out) {
    static struct policy_group facts[LIMIT_GROUPS]; /* one thread */
    bool reads_here = exit != POLICY_PUBLISH && exit != POLICY_RESHARE;
    for (size_t i = 0; i < engine->groups.count; i++) fact_of(&facts[i], engine, engine->groups.list[i], reads_here, agency_id);
    *out = facts;
    return engine->groups.count;
}

bool groups_shut_out(const struct engine *engine, struct bytes group_id, const uint8_t author_id[static AGENCY_ID_BYTES],
                     uint64_t arrived_ms) {
    if (group_id.size != HASH_BYTES) return false;
    const struct group_known *known = groups_find(engine, group_id.data);
    if (!known || !known->group || group_place(known->group, author_id) != ROSTER_REMOVED) return false;
    const struct roster_member *row = roster_member(&known->group->roster, author_id);
    return row && arrived_ms >= row->removed_ms;
}

struct bytes groups_mark(const struct publication *publication, struct bytes encoded, struct buf *scratch) {
    static struct item item; /* large; one thread */
    static struct marks marks;
    struct buf map = {0};
    buf_clear(scratch);
    if (!publication->group_set || item_decode(&item, encoded) != OK || marks_decode(&marks, item.marks) != OK) return encoded;
    if (marks.group.size > 0) return encoded; /* it belongs to a group already: the policy decides by that */
    marks.group = bytes_of(publication->group_id, HASH_BYTES);
    enum err err = marks_write(&map, &marks);
    item.marks = bytes_of_buf(&map);
    if (err == OK) err = item_encode(scratch, &item);
    buf_free(&map);
    return err == OK ? bytes_of_buf(scratch) : bytes_of(NULL, 0);
}
