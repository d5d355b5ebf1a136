#include "gossip/policy_rule.h"

/* Expiry and retention. */

bool rule_expired(struct policy_question *question) {
    uint64_t until_ms = question->object->valid_until_ms;
    return until_ms != 0 && until_ms <= question->context->now_ms &&
           policy_deny(question, question->reader->exit == POLICY_PUBLISH
                                     ? "valid_until has passed: an expired object is not published"
                                     : "valid_until has passed: an expired object goes nowhere any more");
}

bool rule_retain_passed(struct policy_question *question) {
    uint64_t until_ms = question->marks->retain_until_ms;
    return until_ms != 0 && until_ms <= question->context->now_ms &&
           policy_deny(question, "the time for which it may be kept has passed: nobody may have it any more");
}

bool rule_retain_max(struct policy_question *question) {
    uint64_t most_ms = question->settings->labels[question->object->tlp].retention_max_ms;
    uint64_t until_ms = question->marks->retain_until_ms, now_ms = question->context->now_ms;
    return policy_to_agency(question) && most_ms != 0 && until_ms > now_ms && until_ms - now_ms > most_ms &&
           policy_deny(question, "the policy file lets %s be kept for %llu days at most, and its retain-until is later",
                       tlp_name(question->object->tlp), (unsigned long long)(most_ms / (24ull * 3600 * 1000)));
}
