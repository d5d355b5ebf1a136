#include "tests/sim/confide.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Who is sealed to: facts for policy_decide as a node fills them, and every slot of every epoch tried afterwards. */

static uint32_t bit(size_t node) { return 1u << node; }

/* --- facts --- */

static void group_fact(const struct world *world, size_t node, const struct confide_club *club, size_t reader,
                       struct policy_group *out) {
    enum roster_place place = confide_place(world, node, club, reader);
    *out = (struct policy_group){.label_max = club->ceiling, .ends_ms = club->ends_ms, .member = place != ROSTER_NEVER};
    memcpy(out->id, club->versions[0].hash, HASH_BYTES);
    snprintf(out->name, sizeof out->name, "club-%zu", (size_t)(club - world->confide->clubs));
    if (club->known[node]) {
        out->label_max = club->known[node]->roster.ceiling;
        out->ends_ms = club->known[node]->roster.ends_ms;
        out->closed = club->known[node]->roster.closed;
    }
    if (place == ROSTER_REMOVED) out->removed_ms = 1; /* removal is not dated by the sender's clock */
}

static void agreement_fact(const struct confide *confide, size_t node, size_t reader, struct policy_agreement *out) {
    const struct confide_pact *pact = node < reader ? &confide->pacts[node][reader] : &confide->pacts[reader][node];
    enum policy_direction first = node < reader ? POLICY_OUT : POLICY_IN;
    *out = (struct policy_agreement){.id = "12345678", .signed_by_all = true, .clause_count = 1};
    out->terminated = pact->ended & bit(node);
    out->clauses[0].number = 1;
    out->clauses[0].direction = pact->one_way ? first : POLICY_BOTH;
    out->clauses[0].label_max = pact->label_max;
    if (pact->indicators) strcpy(out->clauses[0].kinds.names[out->clauses[0].kinds.count++], "indicator");
}

static void settings_of(const struct confide_rules *rules, struct policy_settings *out) {
    policy_settings_default(out);
    out->green_to_communities = rules->green_to_communities;
    for (enum tlp tlp = TLP_CLEAR; tlp <= TLP_RED; tlp++) {
        out->labels[tlp].named |= rules->named[tlp];
        out->labels[tlp].agreement = rules->agreement[tlp];
    }
}

static void refusal_hit(struct world *world, size_t node, const struct confide_object *object, const char *rule) {
    const struct confide_club *club = object->club == CONFIDE_NO_CLUB ? NULL : &world->confide->clubs[object->club];
    if (club && strcmp(rule, "group.removed") == 0) {
        world_hit(world, sealed_after_removal_refused);
        if (node != club->admins[0] && node != club->admins[1]) world_hit(world, third_party_bound);
    }
    if (strcmp(rule, "group.unknown") == 0) world_hit(world, group_unknown_refused);
    if (strcmp(rule, "group.label") == 0) world_hit(world, group_ceiling_held);
    if (strcmp(rule, "group.end") == 0) world_hit(world, group_ended);
    if (strncmp(rule, "agreement.", 10) == 0) world_hit(world, agreement_refused);
    if (strncmp(rule, "reshare.", 8) == 0) world_hit(world, reshare_refused);
}

uint32_t confide_decide(struct world *world, size_t node, const struct confide_object *object, struct confide_way way,
                        uint32_t candidates, enum carriage *carriage) {
    static struct policy_settings settings; /* large; one thread */
    static struct policy_group groups[CONFIDE_CLUBS_MAX];
    static struct policy_agreement agreement;
    const struct confide *confide = world->confide;
    const struct confide_rules *rules = &confide->rules[node];
    struct marks marks = {.handling = object->police ? MARKS_H0 : 0};
    struct policy_permission permission = {.object_id = bytes_of_text("x"), .verified = true};
    struct policy_object asked = {.tlp = object->tlp, .valid_until_ms = object->until_ms, .id = permission.object_id};
    struct policy_context context = {
        .settings = &settings, .now_ms = world_wall_ms(world, node), .permissions = &permission, .permission_count = way.permitted};
    struct verdict verdict;
    uint32_t out = 0;
    settings_of(rules, &settings);
    asked.type = bytes_of_text(object->indicator ? "indicator" : "report");
    asked.foreign = object->author != node;
    if (object->club != CONFIDE_NO_CLUB) marks.group = bytes_of(confide->clubs[object->club].versions[0].hash, MARKS_GROUP_BYTES);
    if (!marks_empty(&marks)) asked.marks = &marks;
    *carriage = CARRIAGE_RELAY;
    for (size_t reader = 0; reader < world->count; reader++) {
        struct policy_agency agency = {.label_max = rules->label_max[reader], .community = rules->community & bit(reader)};
        struct policy_reader to = {.exit = way.reshared ? POLICY_RESHARE : POLICY_PUBLISH, .named = way.named, .recipients = 1};
        if (reader == node || !(candidates & bit(reader))) continue;
        agency.client = rules->client & bit(reader), agency.police = rules->police & bit(reader);
        memcpy(to.agency_id, world->nodes[reader].identity.agency_id, AGENCY_ID_BYTES);
        memcpy(permission.to, to.agency_id, AGENCY_ID_BYTES);
        to.agency = &agency, to.groups = groups, to.agreements = &agreement;
        for (size_t i = 0; i < confide->club_count; i++)
            if (confide_knows(&confide->clubs[i], node))
                group_fact(world, node, &confide->clubs[i], reader, &groups[to.group_count++]);
        to.agreement_count = node < reader ? confide->pacts[node][reader].made : confide->pacts[reader][node].made;
        if (to.agreement_count) agreement_fact(confide, node, reader, &agreement);
        policy_decide(&verdict, &asked, &to, &context);
        if (verdict.allow) out |= bit(reader);
        if (verdict.allow && verdict.carriage == CARRIAGE_DIRECT) *carriage = CARRIAGE_DIRECT;
        if (!verdict.allow) refusal_hit(world, node, object, verdict.rule);
    }
    return out;
}

/* --- sealing --- */

/* Pinned, not revoked as far as the core knows, and with a prekey: what gossip/audience.c says. */
static bool sealable(struct world *world, size_t node, size_t reader) {
    const struct gossip *gossip = world->nodes[node].gossip;
    struct audience audience = {0};
    enum err err = ERR_UNKNOWN_AUTHOR;
    for (size_t i = 0; i < gossip_agency_count(gossip) && err == ERR_UNKNOWN_AUTHOR; i++)
        if (memcmp(gossip_agency(gossip, i)->id, world->nodes[reader].identity.agency_id, AGENCY_ID_BYTES) == 0)
            err = audience_add(&audience, gossip, i, world_wall_ms(world, node));
    audience_free(&audience);
    if (err != OK && world->nodes[reader].revoked) world_hit(world, revoked_not_sealed_to);
    return err == OK;
}

/* Tries the keys of every node on the slots of an epoch; each epoch once. */
static uint32_t openers(struct world *world, size_t author, const struct ledger_row *row) {
    struct confide *confide = world->confide;
    uint8_t secret[EPOCH_SECRET_BYTES];
    struct entry entry;
    for (size_t i = 0; i < confide->epoch_count; i++)
        if (memcmp(confide->epochs[i].id, row->id, HASH_BYTES) == 0) return confide->epochs[i].openers;
    if (confide->epoch_count == confide->epoch_capacity) {
        confide->epoch_capacity = confide->epoch_capacity ? 2 * confide->epoch_capacity : 64;
        confide->epochs = realloc(confide->epochs, confide->epoch_capacity * sizeof *confide->epochs);
        assert(confide->epochs);
    }
    struct confide_epoch *epoch = &confide->epochs[confide->epoch_count++];
    *epoch = (struct confide_epoch){.author = author, .seq = row->seq};
    memcpy(epoch->id, row->id, HASH_BYTES);
    enum err err = entry_parse(&entry, blob_bytes(row->entry));
    assert(err == OK);
    for (size_t node = 0; node < world->count; node++)
        if (identity_epoch_open(&world->nodes[node].identity, secret, &entry, world_wall_ms(world, node)))
            epoch->openers |= bit(node);
    return epoch->openers;
}

static uint32_t row_openers(struct world *world, size_t author, const struct ledger_row *row) {
    if (row->type == ENTRY_BLOCK) row = ledger_find(&world->ledger, author, row->body.epoch_seq);
    return row && row->type == ENTRY_EPOCH ? openers(world, author, row) : 0;
}

static void slots_check(struct world *world, size_t node, const struct ledger_row *row, uint32_t allowed) {
    uint32_t outside = row_openers(world, node, row) & ~(allowed | bit(node));
    char what[120];
    for (size_t reader = 0; reader < world->count; reader++) {
        if (!(outside & bit(reader))) continue;
        snprintf(what, sizeof what, "%s %llu can be opened by node %zu, to which the rules give nothing",
                 row->type == ENTRY_EPOCH ? "the epoch" : "the block", (unsigned long long)row->seq, reader);
        check_fail(world, "Confidential", node, what);
    }
}

static void remember(struct world *world, const struct confide_said *said, const struct ledger_row *row) {
    struct confide *confide = world->confide;
    if (confide->said_count == confide->said_capacity) {
        confide->said_capacity = confide->said_capacity ? 2 * confide->said_capacity : 64;
        confide->said = realloc(confide->said, confide->said_capacity * sizeof *confide->said);
        assert(confide->said);
    }
    struct confide_said *now = &confide->said[confide->said_count++];
    *now = *said;
    now->seq = row->seq, now->epoch_seq = row->body.epoch_seq;
    memcpy(now->id, row->id, HASH_BYTES);
    now->openers = row_openers(world, said->author, row);
    now->heard = bit(said->author);
}

void confide_say(struct world *world, const struct confide_said *said, uint32_t readers, uint32_t allowed, enum carriage carriage) {
    uint32_t list[CONFIDE_NODES_MAX];
    uint8_t previous[HASH_BYTES];
    size_t node = said->author, count = 0;
    enum err err;
    if (!world->nodes[node].gossip || !world_may_publish(world, node)) return;
    for (uint32_t reader = 0; reader < world->count; reader++)
        if (reader != node && (readers & bit(reader)) && sealable(world, node, reader)) list[count++] = reader;
    if (count == 0) return;
    uint64_t first = gossip_own_next(world->nodes[node].gossip, previous);
    uint64_t seq = world_publish_to(world, node, list, count, carriage, 120, &err);
    for (uint64_t at = first; at <= world->ledger.logs[node].count; at++) {
        const struct ledger_row *row = ledger_find(&world->ledger, node, at);
        if (row && (row->type == ENTRY_EPOCH || row->type == ENTRY_BLOCK)) slots_check(world, node, row, allowed);
    }
    const struct ledger_row *row = seq ? ledger_find(&world->ledger, node, seq) : NULL;
    if (row) remember(world, said, row);
}
