#include "gossip/policy_rule.h"

/* FIRST IEP 2.0. Its own tlp is older than TLP 2.0: the two are kept apart, and a contradiction is refused. */

static bool contradicts(enum iep_tlp iep, enum tlp tlp) {
    switch (iep) {
    case IEP_TLP_WHITE: return tlp != TLP_CLEAR;
    case IEP_TLP_GREEN: return tlp != TLP_GREEN;
    case IEP_TLP_AMBER: return tlp != TLP_AMBER && tlp != TLP_AMBER_STRICT;
    case IEP_TLP_RED: return tlp != TLP_RED;
    }
    return false; /* it says nothing */
}

bool rule_iep_label(struct policy_question *question) {
    static const char *const names[] = {"nothing", "white", "green", "amber", "red"};
    enum iep_tlp said = question->marks->iep.tlp;
    return contradicts(said, question->object->tlp) &&
           policy_deny(question, "its IEP policy says tlp %s, and its label is %s: its author must say which holds", names[said],
                       tlp_name(question->object->tlp));
}

bool rule_iep_start(struct policy_question *question) {
    return question->marks->iep.start_ms > question->context->now_ms &&
           policy_deny(question, "its IEP policy is not in force yet (start_date)");
}

bool rule_iep_end(struct policy_question *question) {
    uint64_t end_ms = question->marks->iep.end_ms;
    return end_ms != 0 && end_ms <= question->context->now_ms && policy_deny(question, "its IEP policy has ended (end_date)");
}

/* Blocking is an action that outsiders see; a program that is called may look things up. */
bool rule_iep_actions(struct policy_question *question) {
    static const char *const names[] = {"nothing",
                                        "none",
                                        "contact-for-instruction",
                                        "internally-visible-actions",
                                        "externally-visible-indirect-actions",
                                        "externally-visible-direct-actions"};
    enum iep_actions given = question->marks->iep.actions, needed = IEP_NONE;
    if (question->reader->exit == POLICY_BLOCKING) needed = IEP_DIRECT;
    if (question->reader->exit == POLICY_HOOK || question->reader->exit == POLICY_LIST) needed = IEP_INTERNAL;
    return given != 0 && given < needed &&
           policy_deny(question, "its IEP policy permits %s, and the exit %s needs %s", names[given],
                       policy_exit_name(question->reader->exit), names[needed]);
}

/* Files and programs carry it where this node encrypts nothing. */
bool rule_iep_encrypt(struct policy_question *question) {
    enum policy_exit exit = question->reader->exit;
    bool open = exit == POLICY_STIX || exit == POLICY_LIST || exit == POLICY_BLOCKING || exit == POLICY_HOOK;
    return question->marks->iep.encrypt == IEP_MUST && open &&
           policy_deny(question, "its IEP policy wants encryption in transit, and what leaves by %s is not encrypted",
                       policy_exit_name(exit));
}

bool rule_iep_attribution_must(struct policy_question *question) {
    enum policy_exit exit = question->reader->exit;
    bool nameless = exit == POLICY_LIST || exit == POLICY_BLOCKING;
    return question->marks->iep.attribution == IEP_MUST && nameless &&
           policy_deny(question, "its IEP policy wants its author named, and a list of values names nobody");
}

/* Re-sharing carries the author's proof. */
bool rule_iep_attribution_must_not(struct policy_question *question) {
    return question->marks->iep.attribution == IEP_MUST_NOT && question->reader->exit == POLICY_RESHARE &&
           policy_deny(question, "its IEP policy forbids to name its author, and re-sharing proves the author");
}

bool rule_iep_resale(struct policy_question *question) {
    return question->marks->iep.resale == IEP_MUST_NOT && question->reader->exit == POLICY_RESHARE &&
           policy_deny(question, "its IEP policy forbids to pass it on unmodified");
}

bool rule_iep_notify(struct policy_question *question) {
    return question->marks->iep.notify == IEP_MUST_NOT && question->reader->exit == POLICY_HOOK &&
           policy_deny(question, "its IEP policy forbids to notify those affected, and nobody can tell what a program does");
}
