#include "gossip/policy_rule.h"

#include <string.h>

/* Exits: which there are, and what each takes at most. */

static const char *const exit_names[POLICY_EXIT_END] = {
    [POLICY_PUBLISH] = "publish",  [POLICY_RESHARE] = "reshare",
    [POLICY_LOCAL] = "local",      [POLICY_SEARCH] = "search",
    [POLICY_FEED] = "feed",        [POLICY_STIX] = "export-stix",
    [POLICY_LIST] = "export-list", [POLICY_BLOCKING] = "export-blocking",
    [POLICY_TAXII] = "taxii",      [POLICY_LIVE] = "live",
    [POLICY_HOOK] = "hook",        [POLICY_CONSOLE] = "console",
    [POLICY_METRICS] = "metrics",
};

const char *policy_exit_name(enum policy_exit exit) { return (unsigned)exit < POLICY_EXIT_END ? exit_names[exit] : NULL; }

bool policy_exit_parse(enum policy_exit *out, struct bytes text) {
    for (int exit = POLICY_PUBLISH; exit < POLICY_EXIT_END; exit++) {
        if (!bytes_equal_text(text, exit_names[exit])) continue;
        *out = (enum policy_exit)exit;
        return true;
    }
    return false;
}

/* Without a file: what a node's own user and its partners could do before there was one; servers and exports up to the
   organisation's own label, since TLP:RED needs an exit that was opened for it by name. */
void policy_settings_default(struct policy_settings *out) {
    *out = (struct policy_settings){0};
    for (int exit = POLICY_PUBLISH; exit < POLICY_EXIT_END; exit++)
        out->exits[exit] = (struct policy_exit_limits){.label_max = TLP_AMBER_STRICT, .pap_max = PAP_RED};
    out->exits[POLICY_PUBLISH].label_max = TLP_RED;
    out->exits[POLICY_RESHARE].label_max = TLP_RED;
    out->exits[POLICY_LOCAL].label_max = TLP_RED;
    out->exits[POLICY_BLOCKING].pap_max = PAP_GREEN;
    out->exits[POLICY_LIST].pap_max = PAP_AMBER;
    out->exits[POLICY_HOOK].pap_max = PAP_AMBER;
    out->exits[POLICY_METRICS].closed = true;
    out->labels[TLP_RED].named = true;
}

const struct policy_agency *policy_settings_agency(const struct policy_settings *settings, const char *name) {
    for (size_t i = 0; i < settings->agency_count; i++)
        if (strcmp(settings->agencies[i].name, name) == 0) return &settings->agencies[i];
    return NULL;
}

bool policy_names_has(const struct policy_names *names, struct bytes name) {
    for (size_t i = 0; i < names->count; i++)
        if (bytes_equal_text(name, names->names[i])) return true;
    return false;
}

bool policy_to_agency(const struct policy_question *question) {
    return question->reader->exit == POLICY_PUBLISH || question->reader->exit == POLICY_RESHARE;
}

const char *policy_reader_name(const struct policy_question *question) {
    if (question->reader->name) return question->reader->name;
    const char *name = policy_exit_name(question->reader->exit);
    return name ? name : "the exit";
}

bool rule_exit_unknown(struct policy_question *question) {
    return !policy_exit_name(question->reader->exit) && policy_deny(question, "this exit is not known to the policy");
}

bool rule_exit_metrics(struct policy_question *question) {
    return question->reader->exit == POLICY_METRICS && policy_deny(question, "figures for monitoring never hold an object");
}

bool rule_exit_closed(struct policy_question *question) {
    return question->limits->closed &&
           policy_deny(question, "the policy file closes the exit %s", policy_exit_name(question->reader->exit));
}

bool rule_exit_world(struct policy_question *question) {
    return question->limits->world && question->object->tlp != TLP_CLEAR &&
           policy_deny(question, "the exit %s is open to the world, and only TLP:CLEAR is for the world",
                       policy_exit_name(question->reader->exit));
}

bool rule_exit_label(struct policy_question *question) {
    return question->object->tlp > question->limits->label_max &&
           policy_deny(
               question, "the exit %s is open for labels up to %s, and this object is %s; the policy file may open it by name",
               policy_exit_name(question->reader->exit), tlp_name(question->limits->label_max), tlp_name(question->object->tlp));
}
