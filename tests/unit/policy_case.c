#include "tests/unit/policy_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS (24ll * 3600 * 1000)

static const uint8_t reader_id[AGENCY_ID_BYTES] = {7}, other_id[AGENCY_ID_BYTES] = {8};
static const uint8_t group_id[MARKS_GROUP_BYTES] = {9};

/* --- values --- */

/* "+3d", "-1d", "+2h": from now; "30d": a length. */
static uint64_t time_of(const char *text) {
    char *end;
    bool relative = *text == '+' || *text == '-';
    long long number = strtoll(text, &end, 10) * (*end == 'h' ? 3600 * 1000 : DAY_MS);
    return (uint64_t)((relative ? (long long)POLICY_CASE_NOW_MS : 0) + number);
}

static enum tlp label_of(const char *text) {
    enum tlp tlp = TLP_NONE;
    if (strcmp(text, "strict") == 0) return TLP_AMBER_STRICT;
    if (strcmp(text, "none") != 0 && !tlp_parse(&tlp, bytes_of_text(text))) abort();
    return tlp;
}

/* A name has no blank in a line of words: "_" stands for it. */
static char *name_of(char *text) {
    for (char *at = text; *at; at++)
        if (*at == '_') *at = ' ';
    return text;
}

static void names_of(struct policy_names *out, char *text) {
    for (char *name = strtok(text, ","); name; name = strtok(NULL, ","))
        snprintf(out->names[out->count++], POLICY_NAME_BYTES, "%s", name_of(name));
}

static void views_of(struct marks_names *out, char *text) {
    for (char *name = strtok(text, ","); name; name = strtok(NULL, ","))
        if (marks_names_add(out, bytes_of_text(name_of(name))) != OK) abort();
}

static unsigned codes_of(const char *text) {
    unsigned codes = 0;
    for (; *text; text++)
        if (*text >= '0' && *text <= '3') codes |= 1u << (*text - '0');
    return codes;
}

/* "EU:S-UE/EU-S" in two. */
static const char *split(char *text) {
    char *colon = strchr(text, ':');
    if (!colon) abort();
    *colon = 0;
    name_of(colon + 1);
    return colon + 1;
}

static enum iep_word iep_word_of(const char *text) {
    return strcmp(text, "may") == 0 ? IEP_MAY : strcmp(text, "must") == 0 ? IEP_MUST : IEP_MUST_NOT;
}

/* --- words, by what they tell of --- */

#define WORD(text) (strcmp(key, text) == 0)
#define THEN(does) return (does), true

static bool word_of_object(struct policy_case *c, const char *key, char *value) {
    if (WORD("foreign")) THEN(c->object.foreign = true);
    if (WORD("author-removed")) THEN(c->object.author_removed = true);
    if (WORD("type")) THEN(c->object.type = bytes_of_text(value));
    if (WORD("until")) THEN(c->object.valid_until_ms = time_of(value));
    if (WORD("unknown")) THEN(c->marks.unknown = bytes_of_text(value));
    if (WORD("selector")) THEN(c->marks.selector = bytes_of_text(value));
    if (WORD("pap")) return pap_parse(&c->marks.pap, bytes_of_text(value));
    if (WORD("codes")) THEN(c->marks.handling = codes_of(value));
    if (WORD("codes-text")) THEN(c->marks.handling_text = bytes_of_text(name_of(value)));
    if (WORD("purpose")) THEN(views_of(&c->marks.purposes, value));
    if (WORD("basis")) THEN(c->marks.legal_basis = bytes_of_text(value));
    if (WORD("keep")) THEN(c->marks.retain_until_ms = time_of(value));
    if (WORD("personal")) THEN(c->marks.personal = true);
    if (WORD("police-data")) THEN(c->marks.police = true);
    if (WORD("group")) THEN(c->marks.group = bytes_of(group_id, sizeof group_id));
    return false;
}

static bool word_of_level(struct policy_case *c, const char *key, char *value) {
    struct marks_level *level = &c->marks.levels[c->marks.level_count ? c->marks.level_count - 1 : 0];
    if (WORD("level")) {
        level = &c->marks.levels[c->marks.level_count++];
        level->level = bytes_of_text(split(value));
        THEN(level->authority = bytes_of_text(value));
    }
    if (WORD("caveat")) THEN(views_of(&level->caveats, value));
    if (WORD("releasable")) THEN(views_of(&level->releasable_to, value));
    return false;
}

static bool word_of_iep(struct policy_case *c, const char *key, char *value) {
    static const char *const actions[] = {"none", "contact", "internal", "indirect", "direct"};
    static const char *const labels[] = {"white", "green", "amber", "red"};
    struct marks_iep *iep = &c->marks.iep;
    if (strncmp(key, "iep-", 4) != 0) return false;
    key += 4;
    iep->id = bytes_of_text("8f4b0e9c-1d6a-4c55-9a2b-4f0f8f8f2f11");
    for (size_t i = 0; WORD("label") && i < 4; i++)
        if (strcmp(value, labels[i]) == 0) THEN(iep->tlp = (enum iep_tlp)(i + 1));
    for (size_t i = 0; WORD("actions") && i < 5; i++)
        if (strcmp(value, actions[i]) == 0) THEN(iep->actions = (enum iep_actions)(i + 1));
    if (WORD("encrypt")) THEN(iep->encrypt = iep_word_of(value));
    if (WORD("attribution")) THEN(iep->attribution = iep_word_of(value));
    if (WORD("resale")) THEN(iep->resale = iep_word_of(value));
    if (WORD("notify")) THEN(iep->notify = iep_word_of(value));
    if (WORD("start")) THEN(iep->start_ms = time_of(value));
    if (WORD("end")) THEN(iep->end_ms = time_of(value));
    return false;
}

static bool word_of_reader(struct policy_case *c, const char *key, char *value) {
    struct policy_agency *agency = &c->agency;
    if (WORD("all")) THEN(c->reader.named = false);
    if (WORD("nobody")) THEN(c->reader.recipients = 0);
    if (WORD("undeclared")) THEN(c->reader.agency = NULL);
    if (WORD("up-to")) THEN(agency->label_max = label_of(value));
    if (WORD("community")) THEN(agency->community = true);
    if (WORD("client")) THEN(agency->client = true);
    if (WORD("police")) THEN(agency->police = true);
    if (WORD("nation")) THEN(snprintf(agency->nation, sizeof agency->nation, "%s", value));
    if (WORD("holds")) THEN(names_of(&agency->caveats, value));
    if (WORD("works-for")) THEN(names_of(&agency->purposes, value));
    if (WORD("accredited")) {
        struct policy_accreditation *held = &agency->accreditations[agency->accreditation_count++];
        snprintf(held->level, sizeof held->level, "%s", split(value));
        THEN(snprintf(held->authority, sizeof held->authority, "%s", value));
    }
    return false;
}

static bool word_of_group(struct policy_case *c, const char *key, char *value) {
    struct policy_group *group = &c->group;
    if (strncmp(key, "group-", 6) != 0) return false;
    key += 6;
    c->reader.groups = group, c->reader.group_count = 1;
    if (WORD("member")) THEN(group->member = true);
    if (WORD("stranger")) THEN(group->member = false);
    if (WORD("removed")) THEN((group->member = true, group->removed_ms = time_of(value)));
    if (WORD("up-to")) THEN(group->label_max = label_of(value));
    if (WORD("starts")) THEN(group->starts_ms = time_of(value));
    if (WORD("ends")) THEN(group->ends_ms = time_of(value));
    if (WORD("closed")) THEN(group->closed = true);
    return false;
}

static bool word_of_clause(struct policy_agreement *agreement, const char *key, char *value) {
    if (WORD("clause")) {
        struct policy_clause *next = &agreement->clauses[agreement->clause_count++];
        *next = (struct policy_clause){.direction = POLICY_BOTH, .label_max = TLP_RED};
        THEN(next->number = (unsigned)agreement->clause_count);
    }
    if (WORD("unsigned")) THEN(agreement->signed_by_all = false);
    if (WORD("terminated")) THEN(agreement->terminated = true);
    if (WORD("from")) THEN(agreement->from_ms = time_of(value));
    if (WORD("until")) THEN(agreement->until_ms = time_of(value));
    if (WORD("equal")) {
        struct policy_equivalence *row = &agreement->equivalences[agreement->equivalence_count++];
        char *holder = strchr(value, '=');
        *holder++ = 0;
        snprintf(row->level, sizeof row->level, "%s", split(value));
        snprintf(row->authority, sizeof row->authority, "%s", value);
        snprintf(row->holder_level, sizeof row->holder_level, "%s", split(holder));
        THEN(snprintf(row->holder_authority, sizeof row->holder_authority, "%s", holder));
    }
    if (agreement->clause_count == 0) return false;
    struct policy_clause *clause = &agreement->clauses[agreement->clause_count - 1];
    if (WORD("out")) THEN(clause->direction = POLICY_OUT);
    if (WORD("in")) THEN(clause->direction = POLICY_IN);
    if (WORD("up-to")) THEN(clause->label_max = label_of(value));
    if (WORD("kinds")) THEN(names_of(&clause->kinds, value));
    if (WORD("purposes")) THEN(names_of(&clause->purposes, value));
    if (WORD("keep")) THEN(clause->retention_ms = time_of(value));
    if (WORD("reshare")) THEN(clause->reshare = POLICY_RESHARE_YES);
    if (WORD("reshare-permitted")) THEN(clause->reshare = POLICY_RESHARE_PERMITTED);
    return false;
}

static bool word_of_agreement(struct policy_case *c, const char *key, char *value) {
    if (strncmp(key, "treaty-", 7) == 0) {
        c->reader.agreements = &c->agreement, c->reader.agreement_count = 1;
        return word_of_clause(&c->agreement, key + 7, value);
    }
    if (strncmp(key, "author-treaty-", 14) != 0) return false;
    c->context.author_agreements = &c->author_agreement, c->context.author_agreement_count = 1;
    return word_of_clause(&c->author_agreement, key + 14, value);
}

static bool word_of_permission(struct policy_case *c, const char *key, char *value) {
    struct policy_permission *permission = &c->permission;
    if (strncmp(key, "permission", 10) != 0) return false;
    key += 10;
    c->context.permissions = permission, c->context.permission_count = 1;
    if (WORD("")) return true;
    if (WORD("-codes")) THEN(permission->handling = codes_of(value));
    if (WORD("-until")) THEN(permission->until_ms = time_of(value));
    if (WORD("-unverified")) THEN(permission->verified = false);
    if (WORD("-of-another-object")) THEN(permission->object_id = bytes_of_text("indicator--2"));
    if (WORD("-for-another")) THEN(memcpy(permission->to, other_id, sizeof other_id));
    return false;
}

static bool word_of_settings(struct policy_case *c, const char *key, char *value) {
    struct policy_exit_limits *limits = &c->settings.exits[c->reader.exit];
    struct policy_label *label = &c->settings.labels[c->object.tlp];
    if (WORD("exit-up-to")) THEN(limits->label_max = label_of(value));
    if (WORD("exit-closed")) THEN(limits->closed = true);
    if (WORD("exit-world")) THEN(limits->world = true);
    if (WORD("exit-pap")) return pap_parse(&limits->pap_max, bytes_of_text(value));
    if (WORD("green-to-communities")) THEN(c->settings.green_to_communities = true);
    if (WORD("label-named")) THEN(label->named = true);
    if (WORD("label-agreement")) THEN(label->agreement = true);
    if (WORD("label-keep")) THEN(label->retention_max_ms = time_of(value));
    if (WORD("known-purposes")) THEN(names_of(&c->settings.purposes, value));
    if (WORD("known-bases")) THEN(names_of(&c->settings.legal_bases, value));
    return false;
}

/* --- the line --- */

static void authority(struct policy_settings *settings, const char *name, const char *levels, const char *caveats) {
    struct policy_authority *out = &settings->authorities[settings->authority_count++];
    char text[256];
    snprintf(out->name, sizeof out->name, "%s", name);
    snprintf(text, sizeof text, "%s", levels);
    for (char *level = strtok(text, ","); level; level = strtok(NULL, ","))
        snprintf(out->levels[out->level_count++], POLICY_NAME_BYTES, "%s", level);
    snprintf(text, sizeof text, "%s", caveats);
    names_of(&out->caveats, text);
}

static void start(struct policy_case *out) {
    memset(out, 0, sizeof *out);
    policy_settings_default(&out->settings);
    authority(&out->settings, "EU", "R-UE/EU-R,C-UE/EU-C,S-UE/EU-S,TS-UE/EU-TS", "ATOMAL");
    authority(&out->settings, "FR", "DIFFUSION RESTREINTE,SECRET,TRES SECRET", "");
    authority(&out->settings, "US", "U,R,C,S,TS", "");
    out->object =
        (struct policy_object){.id = bytes_of_text("indicator--1"), .type = bytes_of_text("indicator"), .marks = &out->marks};
    out->reader = (struct policy_reader){.name = "bravo", .recipients = 1, .named = true, .agency = &out->agency};
    memcpy(out->reader.agency_id, reader_id, sizeof reader_id);
    out->context = (struct policy_context){.settings = &out->settings, .now_ms = POLICY_CASE_NOW_MS};
    snprintf(out->group.name, sizeof out->group.name, "nightfall");
    memcpy(out->group.id, group_id, sizeof group_id);
    out->agreement.signed_by_all = out->author_agreement.signed_by_all = true;
    snprintf(out->agreement.id, sizeof out->agreement.id, "3f2a");
    snprintf(out->author_agreement.id, sizeof out->author_agreement.id, "90c1");
    out->permission.verified = true;
    out->permission.object_id = out->object.id;
    memcpy(out->permission.to, reader_id, sizeof reader_id);
}

static bool word_read(struct policy_case *c, char *word) {
    char *value = strchr(word, '=');
    static char nothing[1];
    if (value) *value++ = 0;
    if (!value) value = nothing;
    return word_of_object(c, word, value) || word_of_level(c, word, value) || word_of_iep(c, word, value) ||
           word_of_reader(c, word, value) || word_of_group(c, word, value) || word_of_agreement(c, word, value) ||
           word_of_permission(c, word, value) || word_of_settings(c, word, value);
}

bool policy_case_read(struct policy_case *out, const char *line, const char **word) {
    char *next = out->text, *at;
    start(out);
    snprintf(out->text, sizeof out->text, "%s", line);
    for (size_t i = 0; (at = strsep(&next, " \n")) != NULL; i++) {
        *word = at;
        if (!*at) {
            i--;
            continue;
        }
        if (i == 0)
            out->object.tlp = label_of(at);
        else if (i == 1 && strcmp(at, "nowhere") == 0)
            out->reader.exit = (enum policy_exit)0;
        else if (i == 1 ? !policy_exit_parse(&out->reader.exit, bytes_of_text(at)) : !word_read(out, at))
            return false;
    }
    if (!policy_to_agency(&(struct policy_question){.reader = &out->reader})) out->reader.name = NULL;
    return out->reader.exit >= 0;
}
