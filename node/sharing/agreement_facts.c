#include "node/process/clock.h"
#include "node/engine/engine_core.h"

#include <string.h>

/* Agreements as the policy sees them: those in force between the own agency and another one, turned so that "out" is away from here. A
   clause that would not fit was refused when the agreement was taken (gossip/limits.h). */
_Static_assert(LIMIT_AGREEMENT_CLAUSES <= POLICY_CLAUSES_MAX && LIMIT_AGREEMENT_WORDS <= POLICY_NAMES_MAX &&
                   LIMIT_AGREEMENT_LEVELS <= POLICY_LEVELS_MAX && AGREEMENT_LEVEL_BYTES < POLICY_NAME_BYTES,
               "an agreement fits into the policy's facts");

static void name_copy(char out[static POLICY_NAME_BYTES], struct bytes text) {
    size_t size = text.size < POLICY_NAME_BYTES ? text.size : POLICY_NAME_BYTES - 1;
    if (size > 0) memcpy(out, text.data, size);
    out[size] = 0;
}

static void names_copy(struct policy_names *out, const struct bytes *words, size_t count) {
    for (out->count = 0; out->count < count; out->count++) name_copy(out->names[out->count], words[out->count]);
}

/* False: it speaks of neither direction between the two. */
static bool clause_turn(struct policy_clause *out, const struct agreement_clause *clause, unsigned number, int own, int other) {
    bool away = agreement_clause_meets(clause, own, other), here = agreement_clause_meets(clause, other, own);
    if (!away && !here) return false;
    out->number = number;
    out->direction = (enum policy_direction)((away ? POLICY_OUT : 0) | (here ? POLICY_IN : 0));
    out->label_max = clause->label_max;
    names_copy(&out->kinds, clause->kinds, clause->kind_count);
    names_copy(&out->purposes, clause->purposes, clause->purpose_count);
    out->retention_ms = clause->retention_ms;
    out->reshare = clause->reshare == AGREEMENT_RESHARE_YES          ? POLICY_RESHARE_YES
                   : clause->reshare == AGREEMENT_RESHARE_PERMISSION ? POLICY_RESHARE_PERMITTED
                                                                     : POLICY_RESHARE_NO;
    return true;
}

/* Each row of the table holds both ways. */
static void levels_copy(struct policy_agreement *out, const struct agreement *agreement) {
    for (size_t i = 0; i < agreement->level_count; i++) {
        const struct agreement_level *level = &agreement->levels[i];
        struct policy_equivalence *row = &out->equivalences[out->equivalence_count++];
        name_copy(row->authority, level->authority), name_copy(row->level, level->level);
        name_copy(row->holder_authority, level->other_authority), name_copy(row->holder_level, level->other_level);
    }
}

static void fact_of(struct policy_agreement *out, const struct agreement_known *known, int own, int other) {
    const struct agreement *agreement = &known->agreement;
    memset(out, 0, sizeof *out);
    hex_encode(out->id, bytes_of(known->id, 4));
    out->signed_by_all = true;
    out->from_ms = agreement->from_ms, out->until_ms = agreement->until_ms;
    for (size_t i = 0; i < agreement->clause_count; i++)
        out->clause_count += clause_turn(&out->clauses[out->clause_count], &agreement->clauses[i], (unsigned)i + 1, own, other);
    levels_copy(out, agreement);
}

size_t agreements_facts(struct engine *engine, unsigned slot, const uint8_t agency_id[static AGENCY_ID_BYTES],
                        const struct policy_agreement **out) {
    static struct policy_agreement facts[2][AGREEMENTS_OF_PAIR_MAX]; /* large; one thread */
    uint64_t now_ms = clock_wall_ms();
    size_t count = 0;
    for (size_t i = 0; i < engine->agreements.count && count < AGREEMENTS_OF_PAIR_MAX; i++) {
        const struct agreement_known *known = engine->agreements.list[i];
        int own = agreement_party(&known->agreement, engine->agency_id), other = agreement_party(&known->agreement, agency_id);
        if (own < 0 || other < 0 || own == other) continue;
        if (agreement_phase(&known->state, &known->agreement, now_ms) != AGREEMENT_IN_FORCE) continue;
        fact_of(&facts[slot & 1][count++], known, own, other);
    }
    *out = facts[slot & 1];
    return count;
}
