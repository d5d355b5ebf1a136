#include "gossip/policy_rule.h"

/* Purpose, legal basis and retention: personal and police data need all three. */

static bool protected_data(const struct policy_question *question) { return question->marks->personal || question->marks->police; }

bool rule_purpose_missing(struct policy_question *question) {
    return protected_data(question) && question->marks->purposes.count == 0 &&
           policy_deny(question, "it holds %s data, and no purpose is said: give --purpose",
                       question->marks->personal ? "personal" : "police");
}

bool rule_legal_basis_missing(struct policy_question *question) {
    return protected_data(question) && question->marks->legal_basis.size == 0 &&
           policy_deny(question, "it holds %s data, and no legal basis is said: give --legal-basis",
                       question->marks->personal ? "personal" : "police");
}

bool rule_retain_missing(struct policy_question *question) {
    return protected_data(question) && question->marks->retain_until_ms == 0 &&
           policy_deny(question, "it holds %s data, and nothing says how long it may be kept: give --retain-until",
                       question->marks->personal ? "personal" : "police");
}

bool rule_purpose_unknown(struct policy_question *question) {
    const struct policy_names *known = &question->settings->purposes;
    const struct marks_names *said = &question->marks->purposes;
    for (size_t i = 0; known->count > 0 && i < said->count; i++)
        if (!policy_names_has(known, said->names[i]))
            return policy_deny(question, "the policy file knows no purpose %.*s: `purposes` there lists them",
                               POLICY_TEXT(said->names[i]));
    return false;
}

bool rule_legal_basis_unknown(struct policy_question *question) {
    const struct policy_names *known = &question->settings->legal_bases;
    struct bytes said = question->marks->legal_basis;
    return known->count > 0 && said.size > 0 && !policy_names_has(known, said) &&
           policy_deny(question, "the policy file knows no legal basis %.*s: `legal_bases` there lists them", POLICY_TEXT(said));
}

bool rule_purpose_reader(struct policy_question *question) {
    const struct policy_names *held = &question->agency->purposes;
    const struct marks_names *said = &question->marks->purposes;
    if (held->count == 0 || said->count == 0) return false;
    for (size_t i = 0; i < said->count; i++)
        if (policy_names_has(held, said->names[i])) return false;
    return policy_deny(question, "it is for the purpose %.*s, and %s works for others only", POLICY_TEXT(said->names[0]),
                       policy_reader_name(question));
}

bool rule_police_reader(struct policy_question *question) {
    return question->marks->police && !question->agency->police &&
           policy_deny(question, "it holds police data, and %s is not declared to be police (police: yes)",
                       policy_reader_name(question));
}
