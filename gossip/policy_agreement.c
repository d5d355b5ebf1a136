#include "gossip/policy_rule.h"

#include <stdio.h>
#include <string.h>

/* Agreements. Without one in force the other rules decide alone; with one, at least one clause must cover what is sent, and the
   refusal names the clause that came closest. Each rule adds one aspect to what a clause must cover. */

bool policy_in_force(const struct policy_question *question, const struct policy_agreement *agreement) {
    uint64_t now_ms = question->context->now_ms;
    return agreement->signed_by_all && !agreement->terminated && agreement->from_ms <= now_ms &&
           (agreement->until_ms == 0 || agreement->until_ms > now_ms);
}

static bool any_in_force(const struct policy_question *question) {
    for (size_t i = 0; i < question->reader->agreement_count; i++)
        if (policy_in_force(question, &question->reader->agreements[i])) return true;
    return false;
}

bool rule_agreement_missing(struct policy_question *question) {
    return policy_to_agency(question) && question->settings->labels[question->object->tlp].agreement && !any_in_force(question) &&
           policy_deny(question, "the policy file lets %s go only where an agreement is in force, and there is none with %s",
                       tlp_name(question->object->tlp), policy_reader_name(question));
}

static bool purposes_covered(const struct policy_clause *clause, const struct marks_names *said) {
    if (clause->purposes.count == 0) return true;
    for (size_t i = 0; i < said->count; i++)
        if (!policy_names_has(&clause->purposes, said->names[i])) return false;
    return said->count > 0;
}

/* Whatever ends it first: its author's term of validity or of keeping. */
static bool retention_covered(const struct policy_question *question, const struct policy_clause *clause) {
    uint64_t until_ms = question->marks->retain_until_ms, valid_ms = question->object->valid_until_ms;
    if (clause->retention_ms == 0) return true;
    if (until_ms == 0 || (valid_ms != 0 && valid_ms < until_ms)) until_ms = valid_ms;
    return until_ms != 0 && (until_ms <= question->context->now_ms || until_ms - question->context->now_ms <= clause->retention_ms);
}

static bool covers(const struct policy_question *question, const struct policy_clause *clause, unsigned aspects) {
    const struct policy_object *object = question->object;
    if ((aspects & ASPECT_DIRECTION) && !(clause->direction & POLICY_OUT)) return false;
    if ((aspects & ASPECT_KIND) && clause->kinds.count > 0 && !policy_names_has(&clause->kinds, object->type)) return false;
    if ((aspects & ASPECT_LABEL) && object->tlp > clause->label_max) return false;
    if ((aspects & ASPECT_PURPOSE) && !purposes_covered(clause, &question->marks->purposes)) return false;
    return !(aspects & ASPECT_RETENTION) || retention_covered(question, clause);
}

/* Is there a clause that covers what was asked so far, but none that covers this aspect too? Then that clause is the refusal's. */
static bool uncovered(struct policy_question *question, enum policy_aspect aspect, const char *what, struct bytes value) {
    const struct policy_reader *reader = question->reader;
    const struct policy_agreement *named = NULL;
    const struct policy_clause *closest = NULL;
    if (!policy_to_agency(question) || !any_in_force(question)) return false;
    for (size_t i = 0; i < reader->agreement_count; i++) {
        const struct policy_agreement *agreement = &reader->agreements[i];
        if (!policy_in_force(question, agreement)) continue;
        if (!named) named = agreement;
        for (size_t j = 0; j < agreement->clause_count; j++) {
            const struct policy_clause *clause = &agreement->clauses[j];
            if (covers(question, clause, question->aspects | aspect)) {
                question->aspects |= aspect;
                /* The last aspect that is asked leaves the clause that covers all of them. */
                memcpy(question->verdict->agreement, agreement->id, sizeof agreement->id);
                question->verdict->clause = clause->number;
                return false;
            }
            if (closest || !covers(question, clause, question->aspects)) continue;
            named = agreement, closest = clause;
        }
    }
    question->aspects |= aspect;
    if (!closest)
        return policy_deny(question, "agreement %s: no clause covers what is sent to %s", named->id, policy_reader_name(question));
    return policy_deny(question, "agreement %s clause %u: %s%s%.*s is not covered", named->id, closest->number, what,
                       value.size > 0 ? " " : "", POLICY_TEXT(value));
}

bool rule_agreement_direction(struct policy_question *question) {
    return uncovered(question, ASPECT_DIRECTION, "this direction", bytes_of(NULL, 0));
}

bool rule_agreement_kind(struct policy_question *question) {
    return uncovered(question, ASPECT_KIND, "kind", question->object->type);
}

bool rule_agreement_label(struct policy_question *question) {
    return uncovered(question, ASPECT_LABEL, "label", bytes_of_text(tlp_name(question->object->tlp)));
}

bool rule_agreement_purpose(struct policy_question *question) {
    static const char *const words[] = {"an object without a purpose", "purpose", "at least one of these purposes"};
    const struct marks_names *said = &question->marks->purposes;
    return uncovered(question, ASPECT_PURPOSE, words[said->count < 2 ? said->count : 2],
                     said->count == 1 ? said->names[0] : bytes_of(NULL, 0));
}

bool rule_agreement_retention(struct policy_question *question) {
    return uncovered(question, ASPECT_RETENTION, "keeping it longer than the clause says (or saying no end)", bytes_of(NULL, 0));
}

/* What the author's agency and ours agreed about passing its objects on. */
bool rule_agreement_reshare(struct policy_question *question) {
    const struct policy_context *context = question->context;
    if (question->reader->exit != POLICY_RESHARE) return false;
    for (size_t i = 0; i < context->author_agreement_count; i++) {
        const struct policy_agreement *agreement = &context->author_agreements[i];
        for (size_t j = 0; j < agreement->clause_count && policy_in_force(question, agreement); j++) {
            const struct policy_clause *clause = &agreement->clauses[j];
            bool meant = (clause->direction & POLICY_IN) &&
                         (clause->kinds.count == 0 || policy_names_has(&clause->kinds, question->object->type));
            if (!meant || clause->reshare == POLICY_RESHARE_YES) continue;
            if (clause->reshare == POLICY_RESHARE_PERMITTED && policy_permitted(question, 0)) continue;
            return policy_deny(question, "agreement %s clause %u: its author's objects are not passed on%s", agreement->id,
                               clause->number, clause->reshare == POLICY_RESHARE_NO ? "" : " without its permission");
        }
    }
    return false;
}
