#include "gossip/policy_rule.h"

/* Permissible actions (PAP) and the handling codes of police data. */

#define JUDICIAL "judicial-proceedings"

/* Not a setting: RED and AMBER allow nothing that an adversary could notice. */
bool rule_pap_blocking(struct policy_question *question) {
    return question->reader->exit == POLICY_BLOCKING && question->marks->pap > PAP_GREEN &&
           policy_deny(question, "%s never reaches rules that block: that is an action which the adversary sees",
                       pap_name(question->marks->pap));
}

bool rule_pap_exit(struct policy_question *question) {
    return question->marks->pap > question->limits->pap_max &&
           policy_deny(question, "the exit %s is open for actions up to %s, and this object is %s",
                       policy_exit_name(question->reader->exit), pap_name(question->limits->pap_max),
                       pap_name(question->marks->pap));
}

bool rule_h0(struct policy_question *question) {
    return (question->marks->handling & MARKS_H0) && !question->agency->police &&
           policy_deny(question, "H0: only to prevent and combat crime, and %s is not declared to do so (police: yes)",
                       policy_reader_name(question));
}

/* No exit of ours leads into a court room: what can be seen is a purpose that says so, of the object or of a reader that has no
   other. */
bool rule_h1(struct policy_question *question) {
    const struct policy_names *reader = &question->agency->purposes;
    bool court = marks_names_has(&question->marks->purposes, bytes_of_text(JUDICIAL)) ||
                 (reader->count == 1 && policy_names_has(reader, bytes_of_text(JUDICIAL)));
    return (question->marks->handling & MARKS_H1) && court && !policy_permitted(question, MARKS_H1) &&
           policy_deny(question, "H1: not in judicial proceedings without its provider's permission");
}

bool rule_h2_named(struct policy_question *question) {
    return (question->marks->handling & MARKS_H2) && policy_to_agency(question) && !question->reader->named &&
           policy_deny(question, "H2 goes to named recipients only: use --to, not --to-all");
}

bool rule_h2_permission(struct policy_question *question) {
    bool goes_on = question->reader->exit == POLICY_RESHARE || question->limits->world;
    return (question->marks->handling & MARKS_H2) && goes_on && !policy_permitted(question, MARKS_H2) &&
           policy_deny(question, "H2: not disseminated without a permission that its provider signed");
}

bool rule_h3_text(struct policy_question *question) {
    return (question->marks->handling & MARKS_H3) && question->marks->handling_text.size == 0 &&
           policy_deny(question, "H3 says that there are other restrictions, and their text is missing: give --handling-text");
}

/* The text is for people: where nobody reads it before the object goes on, it goes nowhere. */
bool rule_h3_exit(struct policy_question *question) {
    enum policy_exit exit = question->reader->exit;
    bool read = exit == POLICY_LOCAL || exit == POLICY_CONSOLE || exit == POLICY_SEARCH || exit == POLICY_STIX ||
                (policy_to_agency(question) && question->reader->named);
    return (question->marks->handling & MARKS_H3) && !read &&
           policy_deny(question, "H3: a person has to read its restrictions first: %.*s",
                       POLICY_TEXT(question->marks->handling_text));
}
