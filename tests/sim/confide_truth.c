#include "tests/sim/confide.h"

#include <string.h>

/* Who may read, worked out from what was done: sets of nodes and plain comparisons, and nothing of gossip/'s policy or groups. */

static uint32_t bit(size_t node) { return 1u << node; }

/* --- groups --- */

/* Of two versions that follow the same one, that of the admin in front stands, then the lower hash. */
static bool stands(const struct confide_club *club, const struct confide_version *a, const struct confide_version *b) {
    if (a->by != b->by) return a->by == club->admins[0];
    return memcmp(a->hash, b->hash, HASH_BYTES) < 0;
}

/* Walks the versions that the node has heard; who was removed by one of two that contradict each other is out until the next. */
static uint32_t walk(const struct confide_club *club, size_t node, uint64_t since_ms, uint32_t *ever) {
    size_t at = 0;
    uint32_t members = club->versions[0].members;
    *ever = club->versions[0].at_ms <= since_ms ? members : 0;
    for (;;) {
        const struct confide_version *best = NULL;
        uint32_t out = 0;
        for (size_t i = 1; i < club->version_count; i++) {
            const struct confide_version *each = &club->versions[i];
            if (each->previous != at || !(club->heard[node] & bit(i))) continue;
            out |= each->removed;
            if (!best || stands(club, each, best)) best = each;
        }
        if (!best) return members;
        at = (size_t)(best - club->versions);
        members = best->members & ~out;
        if (best->at_ms <= since_ms) *ever |= best->members;
    }
}

static bool admin(const struct confide_club *club, size_t node) { return node == club->admins[0] || node == club->admins[1]; }

uint32_t confide_truth_members(const struct confide *confide, const struct confide_club *club, size_t node) {
    uint32_t ever, told = 0;
    (void)confide;
    if (club->heard[node]) return walk(club, node, 0, &ever);
    if (club->told[node] == 0) return 0;
    for (size_t i = 0; i < CONFIDE_ADMINS; i++) told |= bit(club->admins[i]);
    return told | (club->told_member[node] ? bit(node) : 0);
}

static uint32_t club_readers(const struct world *world, size_t node, const struct confide_object *object, struct confide_way way) {
    const struct confide *confide = world->confide;
    const struct confide_club *club = &confide->clubs[object->club];
    uint32_t members = confide_truth_members(confide, club, node), ever;
    if (!club->heard[node] && club->told[node] == 0) return 0; /* a group that it does not know */
    if (object->tlp > club->ceiling) return 0;
    if (club->ends_ms && club->ends_ms <= world_wall_ms(world, node)) return 0;
    if (way.reshared && !(members & bit(object->author))) return 0;
    if (way.permitted && !(club->hidden && admin(club, node))) return 0;
    if (!club->heard[node] || club->history == ROSTER_HISTORY_ALL) return members;
    /* Newcomers get nothing of the time before them. */
    walk(club, node, object->at_ms, &ever);
    return members & ever;
}

/* --- one reader --- */

/* The node has stored the chain in which the reader's own agency revoked it. */
static bool revoked_heard(const struct world *world, size_t node, size_t reader) {
    const struct world_node *self = &world->nodes[reader];
    return self->revoked && world_chain(world, node, reader).size >= self->identity.chain.size;
}

static bool pact_lets(const struct confide *confide, size_t node, size_t reader, const struct confide_object *object) {
    const struct confide_pact *pact = node < reader ? &confide->pacts[node][reader] : &confide->pacts[reader][node];
    bool in_force = pact->made && !(pact->ended & bit(node));
    if (!in_force) return !confide->rules[node].agreement[object->tlp];
    return !(pact->one_way && node > reader) && !(pact->indicators && !object->indicator) && object->tlp <= pact->label_max;
}

static bool reader_may(const struct world *world, size_t node, size_t reader, const struct confide_object *object,
                       struct confide_way way) {
    const struct confide_rules *rules = &world->confide->rules[node];
    if (!world_pinned(world, node, reader) || revoked_heard(world, node, reader)) return false;
    if (object->tlp == TLP_GREEN && rules->green_to_communities && !(rules->community & bit(reader))) return false;
    if (rules->label_max[reader] != TLP_NONE && object->tlp > rules->label_max[reader]) return false;
    if (object->police && !(rules->police & bit(reader))) return false;
    if (way.reshared && !way.permitted) {
        if (object->tlp == TLP_RED || object->tlp == TLP_AMBER_STRICT) return false;
        if (object->tlp == TLP_AMBER && !(rules->client & bit(reader))) return false;
    }
    return pact_lets(world->confide, node, reader, object);
}

uint32_t confide_truth_readers(const struct world *world, size_t node, const struct confide_object *object,
                               struct confide_way way) {
    const struct confide_rules *rules = &world->confide->rules[node];
    uint32_t out = 0, among = ~0u;
    if (object->tlp == TLP_NONE) return 0;
    if (object->until_ms && object->until_ms <= world_wall_ms(world, node)) return 0;
    if (!way.named && (object->tlp == TLP_RED || rules->named[object->tlp])) return 0;
    if (way.reshared != (object->author != node)) return 0;
    if (object->club != CONFIDE_NO_CLUB) among = club_readers(world, node, object, way);
    for (size_t reader = 0; reader < world->count; reader++)
        if (reader != node && (among & bit(reader)) && reader_may(world, node, reader, object, way)) out |= bit(reader);
    return out;
}

/* --- the end --- */

/* What was sealed to whom was checked then. Here, over all disks: who is outside holds no direct payload, and cannot read any. */
void confide_check_end(struct world *world) {
    const struct confide *confide = world->confide;
    for (size_t i = 0; i < confide->said_count; i++) {
        const struct confide_said *said = &confide->said[i];
        const struct ledger_row *row = ledger_find(&world->ledger, said->author, said->seq);
        const uint8_t *author = world->nodes[said->author].identity.node_id;
        if (!row || memcmp(row->id, said->id, HASH_BYTES) != 0) continue;
        for (size_t node = 0; node < world->count; node++) {
            if (node == said->author || (said->openers & bit(node))) continue;
            if (row->body.carriage == CARRIAGE_DIRECT && disk_payload_here(&world->nodes[node].disk, author, said->seq))
                check_fail(world, "Confidential", node, "it holds a direct payload that is not for it");
            if (!world->plain_payloads && world_reads(world, node, said->author, said->seq))
                check_fail(world, "Confidential", node, "it reads what was not sealed to it");
        }
    }
}
