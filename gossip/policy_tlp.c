#include "gossip/policy_rule.h"

#include <string.h>

/* TLP 2.0, who may publish what, and what an author's permission lifts. */

bool rule_label_missing(struct policy_question *question) {
    enum tlp tlp = question->object->tlp;
    return (tlp < TLP_CLEAR || tlp > TLP_RED) && policy_deny(question, "no TLP label: give --tlp or mark the object");
}

bool rule_marking_unknown(struct policy_question *question) {
    return question->marks->unknown.size > 0 &&
           policy_deny(question, "the marking %.*s is not understood here: what it forbids cannot be known",
                       POLICY_TEXT(question->marks->unknown));
}

bool rule_recipients_none(struct policy_question *question) {
    return policy_to_agency(question) && question->reader->recipients == 0 &&
           policy_deny(question, "no recipient is left: nothing is sealed to nobody");
}

bool rule_red_named(struct policy_question *question) {
    return policy_to_agency(question) && question->object->tlp == TLP_RED && !question->reader->named &&
           policy_deny(question, "TLP:RED goes to named recipients only: use --to, not --to-all");
}

bool rule_label_named(struct policy_question *question) {
    return policy_to_agency(question) && question->settings->labels[question->object->tlp].named && !question->reader->named &&
           policy_deny(question, "the policy file lets %s go to named recipients only: use --to, not --to-all",
                       tlp_name(question->object->tlp));
}

bool rule_green_community(struct policy_question *question) {
    return policy_to_agency(question) && question->object->tlp == TLP_GREEN && question->settings->green_to_communities &&
           !question->agency->community &&
           policy_deny(question, "%s is in no community of the policy file, and TLP:GREEN stays in the community",
                       policy_reader_name(question));
}

bool rule_reader_label(struct policy_question *question) {
    enum tlp most = question->agency->label_max;
    return most != TLP_NONE && question->object->tlp > most &&
           policy_deny(question, "%s may have labels up to %s, and this object is %s", policy_reader_name(question), tlp_name(most),
                       tlp_name(question->object->tlp));
}

bool rule_author_own(struct policy_question *question) {
    return question->reader->exit == POLICY_PUBLISH && question->object->foreign &&
           policy_deny(question, "another agency is its author: it can be re-shared, not published");
}

bool rule_author_foreign(struct policy_question *question) {
    return question->reader->exit == POLICY_RESHARE && !question->object->foreign &&
           policy_deny(question, "this agency is its author: publish it, nothing is re-shared");
}

bool policy_permitted(const struct policy_question *question, unsigned handling) {
    const struct policy_context *context = question->context;
    for (size_t i = 0; i < context->permission_count; i++) {
        const struct policy_permission *permission = &context->permissions[i];
        if (!permission->verified || (permission->handling & handling) != handling) continue;
        if (permission->until_ms != 0 && permission->until_ms <= context->now_ms) continue;
        if (!bytes_equal(permission->object_id, question->object->id)) continue;
        if (memcmp(permission->to, question->reader->agency_id, AGENCY_ID_BYTES) == 0) return true;
    }
    return false;
}

static bool reshared(const struct policy_question *question, enum tlp tlp) {
    return question->reader->exit == POLICY_RESHARE && question->object->tlp == tlp;
}

bool rule_reshare_red(struct policy_question *question) {
    return reshared(question, TLP_RED) && !policy_permitted(question, 0) &&
           policy_deny(question, "TLP:RED was for those whom its author named: ask it for a permission to re-share with %s",
                       policy_reader_name(question));
}

bool rule_reshare_strict(struct policy_question *question) {
    return reshared(question, TLP_AMBER_STRICT) && !policy_permitted(question, 0) &&
           policy_deny(question, "TLP:AMBER+STRICT stops at this agency: ask its author for a permission to re-share with %s",
                       policy_reader_name(question));
}

bool rule_reshare_amber(struct policy_question *question) {
    return reshared(question, TLP_AMBER) && !question->agency->client && !policy_permitted(question, 0) &&
           policy_deny(question,
                       "TLP:AMBER goes on to this agency's declared clients only, and %s is none: ask its author for a "
                       "permission",
                       policy_reader_name(question));
}
