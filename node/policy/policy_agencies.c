#include "node/policy/policy_section.h"
#include "node/identity/trust_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Authorities and agencies: whose levels are understood, and what is declared about whom. */

/* --- authorities --- */

const char *const *policy_levels_known(const char *authority, size_t *count) {
    static const char *const eu[] = {"R-UE/EU-R", "C-UE/EU-C", "S-UE/EU-S", "TS-UE/EU-TS"};
    static const char *const nato[] = {"NU", "NR", "NC", "NS", "CTS"};
    static const char *const fr[] = {"NON PROTEGE", "DIFFUSION RESTREINTE", "SECRET", "TRES SECRET"};
    static const char *const de[] = {"VS-NfD", "VS-VERTRAULICH", "GEHEIM", "STRENG GEHEIM"};
    static const char *const us[] = {"U", "R", "C", "S", "TS"};
#define KNOWN(name, list)                                                                                                          \
    { name, list, sizeof list / sizeof *list }
    static const struct {
        const char *name;
        const char *const *levels;
        size_t count;
    } known[] = {KNOWN("EU", eu), KNOWN("NATO", nato), KNOWN("FR", fr), KNOWN("DE", de), KNOWN("US", us)};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].name, authority) != 0) continue;
        *count = known[i].count;
        return known[i].levels;
    }
    return NULL;
}

static bool levels_known(struct policy_reading *reading, const struct yaml_node *node, struct policy_authority *authority) {
    size_t count = 0;
    const char *const *levels = policy_levels_known(authority->name, &count);
    if (!levels)
        return yaml_tree_refuse(reading->tree, node,
                                "the levels of %s are not among the known ones (EU, NATO, FR, DE, US); list them, the lowest first",
                                authority->name);
    for (size_t i = 0; i < count; i++) snprintf(authority->levels[i], POLICY_NAME_BYTES, "%s", levels[i]);
    authority->level_count = count;
    return true;
}

static bool levels_read(struct policy_reading *reading, const struct yaml_node *node, struct policy_authority *authority) {
    size_t known;
    if (node->kind == YAML_VALUE) {
        if (strcmp(node->text, "known") == 0) return levels_known(reading, node, authority);
        return yaml_tree_refuse(reading->tree, node, "write \"known\", or a list of levels, the lowest first");
    }
    if (!yaml_tree_want(reading->tree, node, YAML_LIST)) return false;
    if (policy_levels_known(authority->name, &known))
        return yaml_tree_refuse(reading->tree, node, "the levels of %s are fixed by their publisher; write \"known\"",
                                authority->name);
    if (node->count == 0 || node->count > POLICY_LEVELS_MAX)
        return yaml_tree_refuse(reading->tree, node, "an authority has 1 to %d levels", POLICY_LEVELS_MAX);
    for (const struct yaml_node *child = node->first; child; child = child->next) {
        for (size_t i = 0; i < authority->level_count; i++)
            if (strcmp(authority->levels[i], child->text) == 0)
                return yaml_tree_refuse(reading->tree, child, "%s stands twice; leave one", child->text);
        if (!value_name(reading, child, authority->levels[authority->level_count])) return false;
        authority->level_count++;
    }
    return true;
}

static bool authority_read(struct policy_reading *reading, const struct yaml_node *node, struct policy_authority *authority) {
    static const char *const fields[] = {"levels", "caveats"};
    if (node->kind != YAML_MAP) return levels_read(reading, node, authority);
    for (const struct yaml_node *child = node->first; child; child = child->next) {
        int field = value_key(reading, child, fields, 2, "setting of an authority");
        if (field < 0) return false;
        if (field == 0 ? !levels_read(reading, child, authority) : !value_names(reading, child, &authority->caveats)) return false;
    }
    return authority->level_count > 0 || yaml_tree_refuse_key(reading->tree, node, "%s: levels are missing", node->key);
}

bool section_authorities(struct policy_reading *reading, const struct yaml_node *node) {
    struct policy_settings *settings = reading->settings;
    if (!yaml_tree_want(reading->tree, node, YAML_MAP)) return false;
    for (const struct yaml_node *child = node->first; child; child = child->next) {
        if (settings->authority_count == POLICY_AUTHORITIES_MAX)
            return yaml_tree_refuse_key(reading->tree, child, "more than %d authorities", POLICY_AUTHORITIES_MAX);
        struct policy_authority *authority = &settings->authorities[settings->authority_count];
        if (!child->key[0] || strlen(child->key) >= POLICY_NAME_BYTES)
            return yaml_tree_refuse_key(reading->tree, child, "an authority's name has 1 to %d bytes", POLICY_NAME_BYTES - 1);
        snprintf(authority->name, sizeof authority->name, "%s", child->key);
        if (!authority_read(reading, child, authority)) return false;
        settings->authority_count++;
    }
    return true;
}

/* --- agencies --- */

static const struct policy_authority *authority_find(const struct policy_settings *settings, const char *name) {
    for (size_t i = 0; i < settings->authority_count; i++)
        if (strcmp(settings->authorities[i].name, name) == 0) return &settings->authorities[i];
    return NULL;
}

static bool accreditation_read(struct policy_reading *reading, const struct yaml_node *node, struct policy_agency *agency) {
    const struct policy_authority *authority = authority_find(reading->settings, node->key);
    char list[400] = "";
    if (!authority)
        return yaml_tree_refuse_key(reading->tree, node,
                                    "%s: this authority is not under \"authorities\"; accept its levels there first", node->key);
    if (!yaml_tree_want(reading->tree, node, YAML_VALUE)) return false;
    struct policy_accreditation *held = &agency->accreditations[agency->accreditation_count];
    for (size_t i = 0; i < authority->level_count; i++) {
        size_t size = strlen(list);
        snprintf(list + size, sizeof list - size, "%s %s", i ? "," : "", authority->levels[i]);
        if (strcmp(authority->levels[i], node->text) != 0) continue;
        snprintf(held->authority, sizeof held->authority, "%s", node->key);
        snprintf(held->level, sizeof held->level, "%s", node->text);
        agency->accreditation_count++;
        return true;
    }
    return yaml_tree_refuse(reading->tree, node, "%s: there is no level \"%s\"; known are%s", node->key, node->text, list);
}

static bool accreditations_read(struct policy_reading *reading, const struct yaml_node *node, struct policy_agency *agency) {
    if (!yaml_tree_want(reading->tree, node, YAML_MAP)) return false;
    for (const struct yaml_node *child = node->first; child; child = child->next)
        if (!accreditation_read(reading, child, agency)) return false;
    return true;
}

static bool agency_read(struct policy_reading *reading, const struct yaml_node *node, struct policy_agency *agency, bool own) {
    static const char *const fields[] = {"nation", "police", "accreditations", "caveats", "purposes", "label_max", "client"};
    if (!yaml_tree_want(reading->tree, node, YAML_MAP)) return false;
    for (const struct yaml_node *child = node->first; child; child = child->next) {
        bool good = false;
        switch (value_key(reading, child, fields, own ? 5 : 7, own ? "setting of the own agency" : "setting of an agency")) {
        case 0: good = value_name(reading, child, agency->nation); break;
        case 1: good = value_yes(reading, child, &agency->police); break;
        case 2: good = accreditations_read(reading, child, agency); break;
        case 3: good = value_names(reading, child, &agency->caveats); break;
        case 4: good = value_names(reading, child, &agency->purposes); break;
        case 5: good = value_label(reading, child, &agency->label_max); break;
        case 6: good = value_yes(reading, child, &agency->client); break;
        default: break;
        }
        if (!good) return false;
    }
    return true;
}

bool section_own(struct policy_reading *reading, const struct yaml_node *node) {
    return agency_read(reading, node, &reading->settings->own, true);
}

/* The agency of that name, which may be new; null after a refusal. */
static struct policy_agency *agency_get(struct policy_reading *reading, const struct yaml_node *place, const char *name) {
    struct policy_settings *settings = reading->settings;
    for (size_t i = 0; i < settings->agency_count; i++)
        if (strcmp(settings->agencies[i].name, name) == 0) return &settings->agencies[i];
    if (!trust_name_valid(name)) {
        yaml_tree_refuse(reading->tree, place, "\"%s\" is no name of a pinned agency: they are 1 to 64 of A-Z a-z 0-9 . _ -", name);
        return NULL;
    }
    if (settings->agency_count == POLICY_FILE_AGENCIES_MAX) {
        yaml_tree_refuse(reading->tree, place, "more than %d agencies", POLICY_FILE_AGENCIES_MAX);
        return NULL;
    }
    struct policy_agency *grown = realloc(settings->agencies, (settings->agency_count + 1) * sizeof *grown);
    if (!grown) {
        yaml_tree_refuse(reading->tree, place, "out of memory");
        return NULL;
    }
    settings->agencies = grown;
    struct policy_agency *agency = &grown[settings->agency_count++];
    *agency = (struct policy_agency){0};
    snprintf(agency->name, sizeof agency->name, "%s", name);
    return agency;
}

bool section_agencies(struct policy_reading *reading, const struct yaml_node *node) {
    if (!yaml_tree_want(reading->tree, node, YAML_MAP)) return false;
    for (const struct yaml_node *child = node->first; child; child = child->next) {
        struct policy_agency *agency = agency_get(reading, child, child->key);
        if (!agency || !agency_read(reading, child, agency, false)) return false;
    }
    return true;
}

static bool each_agency(struct policy_reading *reading, const struct yaml_node *list, bool community) {
    if (!yaml_tree_want(reading->tree, list, YAML_LIST)) return false;
    for (const struct yaml_node *child = list->first; child; child = child->next) {
        if (!yaml_tree_want(reading->tree, child, YAML_VALUE)) return false;
        struct policy_agency *agency = agency_get(reading, child, child->text);
        if (!agency) return false;
        if (community)
            agency->community = true;
        else
            agency->client = true;
    }
    return true;
}

/* Once there are communities, TLP:GREEN stays in them. */
bool section_communities(struct policy_reading *reading, const struct yaml_node *node) {
    reading->settings->green_to_communities = true;
    if (!yaml_tree_want(reading->tree, node, YAML_MAP)) return false;
    for (const struct yaml_node *child = node->first; child; child = child->next)
        if (!each_agency(reading, child, true)) return false;
    return true;
}

bool section_clients(struct policy_reading *reading, const struct yaml_node *node) { return each_agency(reading, node, false); }
