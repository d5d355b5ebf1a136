#include "tests/sim/confide.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is done: groups begin and change, objects are published and passed on, agreements end. */

static uint32_t bit(size_t node) { return 1u << node; }

uint64_t confide_mix(uint64_t word) {
    word += 0x9e3779b97f4a7c15ull;
    word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9ull;
    word = (word ^ word >> 27) * 0x94d049bb133111ebull;
    return word ^ word >> 31;
}

/* --- what operators wrote down and agencies signed --- */

static void rules_draw(struct confide *confide, size_t node, uint64_t draw) {
    struct confide_rules *rules = &confide->rules[node];
    draw = confide_mix(draw);
    rules->community = (uint32_t)draw | (uint32_t)(draw >> 32);
    draw = confide_mix(draw);
    rules->client = (uint32_t)draw, rules->police = (uint32_t)(draw >> 32);
    draw = confide_mix(draw);
    rules->green_to_communities = draw & 1;
    rules->named[TLP_AMBER] = draw >> 1 & draw >> 2 & 1;
    rules->named[TLP_AMBER_STRICT] = draw >> 3 & 1;
    rules->agreement[TLP_AMBER_STRICT] = draw >> 4 & draw >> 5 & 1;
    for (size_t other = 0; other < confide->nodes; other++) {
        draw = confide_mix(draw);
        if (draw % 4 == 0) rules->label_max[other] = (enum tlp)(TLP_CLEAR + (draw >> 8) % TLP_RED);
    }
}

void confide_open(struct world *world, uint64_t seed) {
    struct confide *confide = calloc(1, sizeof *confide);
    assert(confide && world->count <= CONFIDE_NODES_MAX);
    confide->nodes = world->count;
    world->confide = confide;
    for (size_t a = 0; a < world->count; a++) {
        rules_draw(confide, a, confide_mix(seed) + a);
        for (size_t b = a + 1; b < world->count; b++) {
            uint64_t draw = confide_mix(confide_mix(seed + a) + b);
            struct confide_pact *pact = &confide->pacts[a][b];
            pact->made = draw % 3 == 0;
            pact->one_way = draw >> 8 & draw >> 9 & 1;
            pact->indicators = draw >> 10 & 1;
            pact->label_max = (enum tlp)(TLP_GREEN + (draw >> 16) % 4);
        }
    }
}

void confide_close(struct world *world) {
    struct confide *confide = world->confide;
    for (size_t i = 0; i < confide->club_count; i++) {
        struct confide_club *club = &confide->clubs[i];
        for (size_t at = 0; at < club->version_count; at++) buf_free(&club->versions[at].bytes);
        for (size_t node = 0; node < confide->nodes; node++) {
            if (club->known[node]) group_free(club->known[node]);
            free(club->known[node]);
        }
    }
    free(confide->objects), free(confide->said), free(confide->epochs), free(confide);
    world->confide = NULL;
}

/* --- groups --- */

static bool ready(struct world *world, size_t node) {
    const struct world_node *self = &world->nodes[node];
    return self->gossip && self->paused_until_ms <= world->now_ms && world_may_publish(world, node);
}

static uint32_t members(const struct world *world, size_t node, const struct confide_club *club) {
    uint32_t out = 0;
    for (size_t who = 0; who < world->count; who++)
        if (confide_place(world, node, club, who) == ROSTER_MEMBER) out |= bit(who);
    return out;
}

/* A version goes to the members and to those whom it removes; of a hidden group to its admins, and everybody else hears of itself. */
static void version_say(struct world *world, size_t node, struct confide_club *club, size_t version, uint32_t before,
                        uint32_t truth_before) {
    struct confide_said said = {.author = node, .kind = CONFIDE_VERSION, .what = version};
    uint32_t now = members(world, node, club), truth = confide_truth_members(world->confide, club, node);
    uint32_t admins = bit(club->admins[0]) | bit(club->admins[1]);
    said.club = (size_t)(club - world->confide->clubs);
    if (!club->hidden) {
        confide_say(world, &said, now | before, truth | truth_before, CARRIAGE_RELAY);
        return;
    }
    confide_say(world, &said, (now | before) & admins, admins, CARRIAGE_RELAY);
    said.kind = CONFIDE_STANDING;
    for (size_t who = 0; who < world->count; who++) {
        bool changed = version == 0 || ((now ^ before) & bit(who));
        if (who != node && changed && !(admins & bit(who)) && ((now | before) & bit(who)))
            confide_say(world, &said, bit(who), (truth | truth_before) & bit(who), CARRIAGE_DIRECT);
    }
}

static struct confide_version *version_add(struct world *world, size_t node, struct confide_club *club,
                                           const struct roster *roster) {
    struct confide_version *version = &club->versions[club->version_count];
    *version = (struct confide_version){.by = node, .previous = club->version_count, .at_ms = world_wall_ms(world, node)};
    enum err err = roster_encode(&version->bytes, roster);
    assert(err == OK);
    roster_hash(version->hash, bytes_of_buf(&version->bytes));
    club->version_count++;
    return version;
}

static void club_open(struct world *world, const struct operation *operation) {
    struct confide *confide = world->confide;
    size_t node = operation->a;
    uint64_t draw = confide_mix(operation->by);
    if (confide->club_count == CONFIDE_CLUBS_MAX) return;
    struct confide_club *club = &confide->clubs[confide->club_count++];
    struct roster roster = {.version = 1, .time_ms = world_wall_ms(world, node), .threshold = 1, .admin_count = CONFIDE_ADMINS};
    club->admins[0] = operation->a, club->admins[1] = operation->b;
    club->ceiling = roster.ceiling = draw % 3 == 0 ? TLP_RED : (enum tlp)(TLP_GREEN + (draw >> 8) % 3);
    club->hidden = roster.hidden = draw >> 16 & draw >> 17 & 1;
    club->history = roster.history = draw >> 18 & 1 ? ROSTER_HISTORY_ALL : ROSTER_HISTORY_NONE;
    if ((draw >> 20) % 4 == 0) club->ends_ms = roster.ends_ms = roster.time_ms + 10000 + draw % 60000;
    snprintf(roster.name, sizeof roster.name, "club-%zu", confide->club_count);
    memcpy(roster.salt, &operation->by, sizeof operation->by);
    uint32_t chosen = (uint32_t)(draw >> 32) | bit(operation->a) | bit(operation->b), in = 0;
    for (size_t who = 0; who < world->count; who++) {
        if (!(chosen & bit(who))) continue;
        enum err err = roster_add(&roster, world->nodes[who].identity.agency_id);
        assert(err == OK);
        in |= bit(who);
    }
    for (size_t i = 0; i < CONFIDE_ADMINS; i++)
        memcpy(roster.admins[i], world->nodes[club->admins[i]].identity.agency_id, AGENCY_ID_BYTES);
    memcpy(roster.originator, roster.admins[0], AGENCY_ID_BYTES);
    memcpy(roster.lead, roster.admins[0], AGENCY_ID_BYTES);
    version_add(world, node, club, &roster)->members = in;
    confide_take(world, node, club, 0);
    version_say(world, node, club, 0, 0, 0);
}

static size_t version_in_force(const struct confide_club *club, size_t node) {
    size_t at = 0;
    while (memcmp(club->versions[at].hash, club->known[node]->hash, HASH_BYTES) != 0) at++;
    return at;
}

/* An admin adds or removes somebody, as it knows the group. */
static void club_change(struct world *world, const struct operation *operation) {
    struct confide *confide = world->confide;
    uint64_t draw = confide_mix(operation->by);
    struct roster next;
    if (confide->club_count == 0) return;
    struct confide_club *club = &confide->clubs[draw % confide->club_count];
    size_t node = club->admins[draw >> 8 & 1], who = (draw >> 16) % world->count;
    if (club->version_count == CONFIDE_VERSIONS_MAX || who == club->admins[0] || who == club->admins[1] || !ready(world, node))
        return;
    confide_hear(world, node);
    if (!club->known[node]) return;
    uint32_t before = members(world, node, club), truth_before = confide_truth_members(confide, club, node);
    size_t previous = version_in_force(club, node);
    group_next(club->known[node], &next, world_wall_ms(world, node));
    if (roster_phase(&next, world_wall_ms(world, node)) != ROSTER_RUNNING) return;
    const uint8_t *id = world->nodes[who].identity.agency_id;
    bool leaves = roster_place(&next, id) == ROSTER_MEMBER;
    enum err err = leaves ? roster_remove(&next, id) : roster_add(&next, id);
    assert(err == OK);
    struct confide_version *version = version_add(world, node, club, &next);
    version->previous = previous;
    version->members = club->versions[previous].members & ~bit(who);
    version->removed = club->versions[previous].removed & ~bit(who);
    *(leaves ? &version->removed : &version->members) |= bit(who);
    size_t index = club->version_count - 1;
    confide_take(world, node, club, index);
    if (!leaves && club->history == ROSTER_HISTORY_ALL) world_hit(world, member_added_with_history);
    version_say(world, node, club, index, before, truth_before);
}

/* --- objects --- */

static void object_say(struct world *world, size_t node, size_t index, struct confide_way way, uint32_t candidates) {
    const struct confide_object *object = &world->confide->objects[index];
    struct confide_said said = {.author = node, .kind = CONFIDE_OBJECT, .what = index};
    enum carriage carriage;
    uint32_t readers = confide_decide(world, node, object, way, candidates, &carriage);
    uint32_t truth = confide_truth_readers(world, node, object, way);
    /* The other half: a policy that lets nothing go keeps every secret, and is of no use. */
    if (truth & candidates & ~readers) check_fail(world, "Reach", node, "it keeps back what the rules let go");
    if (readers == 0) return;
    if (object->club != CONFIDE_NO_CLUB) world_hit(world, group_published);
    if (way.permitted) world_hit(world, hidden_passed_on);
    confide_say(world, &said, readers, truth, carriage);
}

/* Half of the time whoever comes to the user's mind is named, members or not; an object may also carry the mark of a group that is not
   known here. */
static void object_publish(struct world *world, const struct operation *operation) {
    struct confide *confide = world->confide;
    uint64_t draw = confide_mix(operation->by);
    size_t node = operation->a, club = (size_t)(draw % (CONFIDE_CLUBS_MAX + 1));
    struct confide_way way = {.named = draw >> 8 & 3};
    if (!ready(world, node)) return;
    confide_hear(world, node);
    if (confide->object_count == confide->object_capacity) {
        confide->object_capacity = confide->object_capacity ? 2 * confide->object_capacity : 64;
        confide->objects = realloc(confide->objects, confide->object_capacity * sizeof *confide->objects);
        assert(confide->objects);
    }
    struct confide_object *object = &confide->objects[confide->object_count++];
    *object = (struct confide_object){.author = node, .club = club < confide->club_count ? club : CONFIDE_NO_CLUB};
    object->at_ms = world_wall_ms(world, node);
    object->tlp = (draw >> 10) % 16 == 0 ? TLP_NONE : (enum tlp)(TLP_CLEAR + (draw >> 16) % TLP_RED);
    object->indicator = draw >> 20 & 1;
    object->police = (draw >> 21) % 8 == 0;
    if ((draw >> 24) % 4 == 0) object->until_ms = object->at_ms + (draw >> 28) % 20000;
    uint32_t candidates = (uint32_t)(draw >> 32);
    if (object->club != CONFIDE_NO_CLUB && draw >> 29 & 1) candidates = members(world, node, &confide->clubs[club]);
    object_say(world, node, confide->object_count - 1, way, candidates);
}

/* PROTOCOL.md 5.7: a group without history gives newcomers nothing of the time before them. */
static uint32_t newcomers_drop(struct world *world, size_t node, const struct confide_object *object, uint32_t candidates) {
    const struct confide_club *club = &world->confide->clubs[object->club];
    for (size_t who = 0; who < world->count && club->known[node]; who++) {
        const struct roster_member *row = roster_member(&club->known[node]->roster, world->nodes[who].identity.agency_id);
        if (!(candidates & bit(who)) || !row || row->since_ms <= object->at_ms) continue;
        if (club->history == ROSTER_HISTORY_ALL) {
            world_hit(world, history_given);
        } else {
            world_hit(world, history_withheld);
            candidates &= ~bit(who);
        }
    }
    return candidates;
}

/* Some object that the node wrote or heard goes on: to newcomers, through an admin of a hidden group, or as somebody's re-share. */
static void object_pass(struct world *world, const struct operation *operation) {
    struct confide *confide = world->confide;
    uint64_t draw = confide_mix(operation->by);
    size_t node = operation->a;
    if (!ready(world, node) || confide->said_count == 0) return;
    confide_hear(world, node);
    size_t at = (size_t)(draw % confide->said_count), tries = confide->said_count;
    while (tries > 0 && (confide->said[at].kind != CONFIDE_OBJECT || !(confide->said[at].heard & bit(node))))
        at = (at + 1) % confide->said_count, tries--;
    if (tries == 0) return;
    size_t index = confide->said[at].what;
    const struct confide_object *object = &confide->objects[index];
    struct confide_way way = {.named = true, .reshared = object->author != node};
    uint32_t candidates = (uint32_t)(draw >> 32);
    if (object->club != CONFIDE_NO_CLUB) {
        const struct confide_club *club = &confide->clubs[object->club];
        if (confide_place(world, node, club, object->author) != ROSTER_MEMBER) return;
        bool admin = node == club->admins[0] || node == club->admins[1];
        way.permitted = way.reshared && club->hidden && admin;
        candidates = newcomers_drop(world, node, object, way.permitted ? members(world, node, club) : candidates);
    }
    object_say(world, node, index, way, candidates);
}

static void pact_end(struct world *world, const struct operation *operation) {
    struct confide *confide = world->confide;
    size_t node = operation->a, other = operation->b;
    struct confide_pact *pact = node < other ? &confide->pacts[node][other] : &confide->pacts[other][node];
    struct confide_said said = {.author = node, .kind = CONFIDE_END, .what = other};
    if (!pact->made || (pact->ended & bit(node)) || !ready(world, node)) return;
    pact->ended |= bit(node);
    world_hit(world, agreement_ended);
    confide_say(world, &said, bit(other), bit(other), CARRIAGE_DIRECT);
}

void confide_do(struct world *world, const struct operation *operation) {
    switch (operation->kind) {
    case OPERATION_club_open: club_open(world, operation); break;
    case OPERATION_club_change: club_change(world, operation); break;
    case OPERATION_object_publish: object_publish(world, operation); break;
    case OPERATION_object_pass: object_pass(world, operation); break;
    default: pact_end(world, operation);
    }
}
