#include "gossip/policy.h"

#include "gossip/pack.h"
#include "gossip/policy_rule.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A rule that needs marks to deny is not asked of an object that has none. */
#define ANY    false
#define MARKED true

/* The rules in the order in which they are asked: the first one that denies decides. What none denies is allowed by the last word
   of allow(), which knows every exit and every label by name: anything else is denied there. */
const struct policy_rule policy_rules[] = {
    {"label.missing", rule_label_missing, LOOK_LABEL, ANY},
    {"exit.unknown", rule_exit_unknown, LOOK_EXIT, ANY},
    {"exit.metrics", rule_exit_metrics, LOOK_EXIT, ANY},
    {"marking.unknown", rule_marking_unknown, LOOK_UNKNOWN, MARKED},
    {"exit.closed", rule_exit_closed, LOOK_EXIT, ANY},
    {"publish.foreign", rule_author_own, LOOK_AUTHOR | LOOK_EXIT, ANY},
    {"reshare.own", rule_author_foreign, LOOK_AUTHOR | LOOK_EXIT, ANY},
    {"recipients.none", rule_recipients_none, LOOK_RECIPIENTS, ANY},
    {"expired", rule_expired, LOOK_VALID_UNTIL | LOOK_NOW, ANY},
    {"retain.passed", rule_retain_passed, LOOK_RETAIN | LOOK_NOW, MARKED},
    {"tlp.red.named", rule_red_named, LOOK_RECIPIENTS, ANY},
    {"label.named", rule_label_named, LOOK_RECIPIENTS, ANY},
    {"exit.world", rule_exit_world, LOOK_LABEL | LOOK_EXIT, ANY},
    {"exit.label", rule_exit_label, LOOK_LABEL | LOOK_EXIT, ANY},
    {"tlp.green.community", rule_green_community, LOOK_LABEL | LOOK_READER, ANY},
    {"reader.label", rule_reader_label, LOOK_LABEL | LOOK_READER, ANY},
    {"group.unknown", rule_group_unknown, LOOK_GROUP, MARKED},
    {"group.member", rule_group_member, LOOK_GROUP | LOOK_READER, MARKED},
    {"group.removed", rule_group_removed, LOOK_GROUP | LOOK_READER, MARKED},
    {"group.author", rule_group_author, LOOK_GROUP | LOOK_AUTHOR, MARKED},
    {"group.label", rule_group_label, LOOK_GROUP | LOOK_LABEL, MARKED},
    {"group.start", rule_group_start, LOOK_GROUP | LOOK_NOW, MARKED},
    {"group.end", rule_group_end, LOOK_GROUP | LOOK_NOW, MARKED},
    {"level.authority", rule_level_authority, LOOK_LEVELS, MARKED},
    {"level.unknown", rule_level_unknown, LOOK_LEVELS, MARKED},
    {"level.accreditation", rule_level_accreditation, LOOK_LEVELS | LOOK_ACCREDITATIONS | LOOK_AGREEMENTS, MARKED},
    {"caveat.unknown", rule_caveat_unknown, LOOK_CAVEATS, MARKED},
    {"caveat.noforn", rule_caveat_noforn, LOOK_CAVEATS | LOOK_READER, MARKED},
    {"caveat.held", rule_caveat_held, LOOK_CAVEATS | LOOK_READER, MARKED},
    {"caveat.orcon", rule_caveat_orcon, LOOK_CAVEATS | LOOK_PERMISSIONS, MARKED},
    {"level.releasable", rule_releasable, LOOK_CAVEATS | LOOK_READER, MARKED},
    {"pap.blocking", rule_pap_blocking, LOOK_PAP | LOOK_EXIT, MARKED},
    {"pap.exit", rule_pap_exit, LOOK_PAP | LOOK_EXIT, MARKED},
    {"iep.label", rule_iep_label, LOOK_IEP | LOOK_LABEL, MARKED},
    {"iep.start", rule_iep_start, LOOK_IEP | LOOK_NOW, MARKED},
    {"iep.end", rule_iep_end, LOOK_IEP | LOOK_NOW, MARKED},
    {"iep.actions", rule_iep_actions, LOOK_IEP | LOOK_EXIT, MARKED},
    {"iep.encrypt", rule_iep_encrypt, LOOK_IEP | LOOK_EXIT, MARKED},
    {"iep.attribution.must", rule_iep_attribution_must, LOOK_IEP | LOOK_EXIT, MARKED},
    {"iep.attribution.must-not", rule_iep_attribution_must_not, LOOK_IEP | LOOK_EXIT, MARKED},
    {"iep.resale", rule_iep_resale, LOOK_IEP | LOOK_EXIT, MARKED},
    {"iep.notifications", rule_iep_notify, LOOK_IEP | LOOK_EXIT, MARKED},
    {"handling.h0", rule_h0, LOOK_HANDLING | LOOK_READER, MARKED},
    {"handling.h1", rule_h1, LOOK_HANDLING | LOOK_PURPOSES | LOOK_READER, MARKED},
    {"handling.h2.named", rule_h2_named, LOOK_HANDLING | LOOK_RECIPIENTS, MARKED},
    {"handling.h2", rule_h2_permission, LOOK_HANDLING | LOOK_PERMISSIONS, MARKED},
    {"handling.h3.text", rule_h3_text, LOOK_HANDLING, MARKED},
    {"handling.h3", rule_h3_exit, LOOK_HANDLING | LOOK_EXIT, MARKED},
    {"purpose.missing", rule_purpose_missing, LOOK_DATA | LOOK_PURPOSES, MARKED},
    {"legal-basis.missing", rule_legal_basis_missing, LOOK_DATA | LOOK_LEGAL_BASIS, MARKED},
    {"retain.missing", rule_retain_missing, LOOK_DATA | LOOK_RETAIN, MARKED},
    {"purpose.unknown", rule_purpose_unknown, LOOK_PURPOSES, MARKED},
    {"legal-basis.unknown", rule_legal_basis_unknown, LOOK_LEGAL_BASIS, MARKED},
    {"purpose.reader", rule_purpose_reader, LOOK_PURPOSES | LOOK_READER, MARKED},
    {"police.reader", rule_police_reader, LOOK_DATA | LOOK_READER, MARKED},
    {"retain.max", rule_retain_max, LOOK_RETAIN | LOOK_NOW, MARKED},
    {"agreement.missing", rule_agreement_missing, LOOK_AGREEMENTS, ANY},
    {"agreement.direction", rule_agreement_direction, LOOK_AGREEMENTS, ANY},
    {"agreement.kind", rule_agreement_kind, LOOK_AGREEMENTS | LOOK_TYPE, ANY},
    {"agreement.label", rule_agreement_label, LOOK_AGREEMENTS | LOOK_LABEL, ANY},
    {"agreement.purpose", rule_agreement_purpose, LOOK_AGREEMENTS | LOOK_PURPOSES, ANY},
    {"agreement.retention", rule_agreement_retention, LOOK_AGREEMENTS | LOOK_RETAIN, ANY},
    {"agreement.reshare", rule_agreement_reshare, LOOK_AGREEMENTS | LOOK_PERMISSIONS, ANY},
    {"reshare.red", rule_reshare_red, LOOK_LABEL | LOOK_PERMISSIONS, ANY},
    {"reshare.amber-strict", rule_reshare_strict, LOOK_LABEL | LOOK_PERMISSIONS, ANY},
    {"reshare.amber", rule_reshare_amber, LOOK_LABEL | LOOK_READER | LOOK_PERMISSIONS, ANY},
};
const size_t policy_rule_count = sizeof policy_rules / sizeof *policy_rules;

/* A sentence cut in the middle of a character would be no text any more. */
void policy_text_trim(char *reason) {
    size_t size = strlen(reason);
    while (size > 0 && !pack_utf8_valid(bytes_of(reason, size))) size--;
    reason[size] = 0;
}

bool policy_deny(struct policy_question *question, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(question->verdict->reason, POLICY_REASON_BYTES, format, arguments);
    va_end(arguments);
    return true;
}

/* Granular markings: the part that made the whole so restrictive is named in every refusal. */
static void selector_name(struct policy_question *question) {
    char *reason = question->verdict->reason;
    struct bytes selector = question->marks->selector;
    size_t size = strlen(reason);
    if (selector.size > 0 && size + 1 < POLICY_REASON_BYTES)
        snprintf(reason + size, POLICY_REASON_BYTES - size, "; the part %.*s is the most restrictive and rules for all of it",
                 POLICY_TEXT(selector));
}

static void allowed(struct verdict *out, const char *rule, enum carriage carriage, const char *reason) {
    out->allow = true;
    out->rule = rule;
    out->carriage = carriage;
    memcpy(out->reason, reason, strlen(reason) + 1);
}

static void to_agency(struct verdict *out, enum tlp tlp) {
    switch (tlp) {
    case TLP_RED: allowed(out, "tlp.red", CARRIAGE_DIRECT, "TLP:RED to the named recipients, over their own links only"); break;
    case TLP_AMBER_STRICT:
        /* The label of a few: sent like RED, so that the way it travels says little. */
        allowed(out, "tlp.amber-strict", CARRIAGE_DIRECT, "TLP:AMBER+STRICT to the recipients' organisations");
        break;
    case TLP_AMBER: allowed(out, "tlp.amber", CARRIAGE_RELAY, "TLP:AMBER to the recipients and their clients"); break;
    case TLP_GREEN: allowed(out, "tlp.green", CARRIAGE_RELAY, "TLP:GREEN to the community of the recipients"); break;
    case TLP_CLEAR: allowed(out, "tlp.clear", CARRIAGE_RELAY, "TLP:CLEAR has no limit on disclosure"); break;
    case TLP_NONE: break;
    }
}

/* Default deny: what is not named here is not allowed. */
static void allow(struct verdict *out, const struct policy_object *object, const struct policy_reader *reader) {
    static const char nothing[] = "no rule allows it";
    memcpy(out->reason, nothing, sizeof nothing);
    switch (reader->exit) {
    case POLICY_PUBLISH:
    case POLICY_RESHARE: to_agency(out, object->tlp); break;
    case POLICY_LOCAL: allowed(out, "local", CARRIAGE_RELAY, "a local user of a node that may read it"); break;
    case POLICY_SEARCH:
    case POLICY_FEED:
    case POLICY_STIX:
    case POLICY_LIST:
    case POLICY_BLOCKING:
    case POLICY_TAXII:
    case POLICY_LIVE:
    case POLICY_HOOK:
    case POLICY_CONSOLE:
        allowed(out, policy_exit_name(reader->exit), CARRIAGE_RELAY, "within what this exit is open for, and nothing forbids it");
        break;
    case POLICY_METRICS:
    case POLICY_EXIT_END: break;
    }
}

void policy_decide_without(struct verdict *out, const struct policy_object *object, const struct policy_reader *reader,
                           const struct policy_context *context, size_t rule) {
    static const struct marks no_marks;
    static const struct policy_agency no_agency;
    static const struct policy_exit_limits shut = {.closed = true};
    struct policy_question question = {.object = object,
                                       .marks = object->marks ? object->marks : &no_marks,
                                       .reader = reader,
                                       .agency = reader->agency ? reader->agency : &no_agency,
                                       .context = context,
                                       .settings = context->settings,
                                       .limits = &shut,
                                       .verdict = out};
    if (reader->exit > 0 && reader->exit < POLICY_EXIT_END) question.limits = &context->settings->exits[reader->exit];
    out->allow = false;
    out->rule = "default";
    out->looked = 0;
    out->agreement[0] = 0;
    out->clause = 0;
    out->carriage = CARRIAGE_DIRECT;
    for (size_t i = 0; i < policy_rule_count; i++) {
        if (i == rule || (policy_rules[i].marked && !object->marks)) continue;
        out->looked |= policy_rules[i].looks;
        if (!policy_rules[i].denies(&question)) continue;
        out->rule = policy_rules[i].name;
        out->agreement[0] = 0;
        out->clause = 0;
        selector_name(&question);
        policy_text_trim(out->reason);
        return;
    }
    allow(out, object, reader);
}

void policy_decide(struct verdict *out, const struct policy_object *object, const struct policy_reader *reader,
                   const struct policy_context *context) {
    policy_decide_without(out, object, reader, context, SIZE_MAX);
}
