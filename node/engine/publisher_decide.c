#include "node/process/clock.h"
#include "node/engine/engine_core.h"
#include "node/policy/policy_context.h"

#include <string.h>

/* What the policy says of an item of a publication: once for each agency that it goes to. */

#define DECISION_HOLDS_MS 500 /* far below what any time limit is meant to */

/* Objects of one publication are mostly alike in all that the policy looks at: what was decided a moment ago holds for the next. */
static bool decided_before(const struct decision *decision, const struct item *item, enum tlp tlp, uint64_t until_ms,
                           uint64_t now_ms) {
    return decision->made_ms != 0 && now_ms - decision->made_ms < DECISION_HOLDS_MS && decision->tlp == tlp &&
           decision->until_ms == until_ms && item->marks.size == decision->marks_bytes &&
           bytes_equal(item->marks, bytes_of(decision->marks, decision->marks_bytes)) &&
           bytes_equal_text(item->type, decision->type);
}

static void decision_remember(struct decision *decision, const struct item *item, enum tlp tlp, uint64_t until_ms,
                              uint64_t now_ms) {
    decision->made_ms = 0;
    if (item->marks.size > sizeof decision->marks) return;
    decision->made_ms = now_ms;
    decision->tlp = tlp;
    decision->until_ms = until_ms;
    decision->marks_bytes = item->marks.size;
    if (item->marks.size > 0) memcpy(decision->marks, item->marks.data, item->marks.size);
    memcpy(decision->type, item->type.data, item->type.size);
    decision->type[item->type.size] = 0;
}

/* One decision for each agency: the first that is refused refuses the object, and one that goes direct makes it go direct. */
static void decide_each(struct engine *engine, struct publication *publication, const struct policy_object *object,
                        struct policy_facts *facts, struct verdict *out) {
    enum carriage carriage = CARRIAGE_RELAY;
    size_t asked = 0;
    memset(publication->decision.clauses, 0, sizeof publication->decision.clauses);
    for (size_t at = 0; at < publication->agencies.size; at += AGENCY_ID_BYTES) {
        const uint8_t *id = publication->agencies.data + at;
        if (memcmp(id, engine->agency_id, AGENCY_ID_BYTES) == 0) continue;
        policy_context_fill(facts, engine, POLICY_PUBLISH, id);
        facts->reader.recipients = publication->recipients, facts->reader.named = publication->named;
        policy_decide(out, object, &facts->reader, &facts->context);
        if (facts->reader.agreement_count > 0) publication->decision.agreements = true;
        if (!out->allow) return;
        if (out->carriage == CARRIAGE_DIRECT) carriage = CARRIAGE_DIRECT;
        ledger_clause_add(publication->decision.clauses, out);
        asked++;
    }
    if (asked == 0) {
        policy_context_fill(facts, engine, POLICY_PUBLISH, NULL);
        facts->reader.recipients = 0, facts->reader.named = publication->named;
        policy_decide(out, object, &facts->reader, &facts->context);
    }
    out->carriage = carriage;
}

const struct verdict *publisher_decide(struct engine *engine, struct publication *publication, const struct item *item) {
    static struct marks marks;
    static struct policy_facts facts;
    struct decision *decision = &publication->decision;
    uint64_t now_ms = clock_wall_ms();
    struct policy_object object = {
        .tlp = item->tlp, .valid_until_ms = item->valid_until_ms, .id = item->id, .type = item->type, .marks = &marks};
    /* --tlp was merged into the item by the client; a client that did not is not believed. */
    if (publication->tlp > item->tlp && item->tlp != TLP_NONE) object.tlp = TLP_NONE;
    /* How long it is valid matters to agreements; otherwise only whether it still is. */
    uint64_t until_ms = item->valid_until_ms;
    if (!decision->agreements && until_ms > now_ms) until_ms = UINT64_MAX;
    if (decided_before(decision, item, object.tlp, until_ms, now_ms)) return &decision->verdict;
    if (marks_decode(&marks, item->marks) != OK) object.tlp = TLP_NONE; /* the item was decoded: this cannot be */
    if (item->marks.size == 0) object.marks = NULL;
    decide_each(engine, publication, &object, &facts, &decision->verdict);
    if (decision->agreements) until_ms = item->valid_until_ms;
    decision_remember(decision, item, object.tlp, until_ms, now_ms);
    return &decision->verdict;
}
