#include "node/policy/policy_print.h"

#include "node/policy/policy_section.h"
#include "node/formats/yaml_tree.h"

#include <inttypes.h>

#define HOUR_MS UINT64_C(3600000)

/* --- YAML --- */

static void put_names(struct buf *out, const char *indent, const char *key, const struct policy_names *names) {
    buf_put_format(out, "%s%s: [", indent, key);
    for (size_t i = 0; i < names->count; i++) {
        if (i > 0) buf_put_text(out, ", ");
        yaml_put_quoted(out, names->names[i]);
    }
    buf_put_text(out, "]\n");
}

static const char *yes(bool value) { return value ? "yes" : "no"; }

static void put_duration(struct buf *out, uint64_t ms) {
    static const struct {
        uint64_t ms;
        const char *name;
    } units[] = {{24 * HOUR_MS, "days"}, {HOUR_MS, "hours"}, {HOUR_MS / 60, "minutes"}, {HOUR_MS / 3600, "seconds"}};
    size_t unit = 0;
    while (unit < 3 && ms % units[unit].ms != 0) unit++;
    buf_put_format(out, "%" PRIu64 " %s", ms / units[unit].ms, units[unit].name);
}

static void put_authorities(struct buf *out, const struct policy_settings *settings) {
    if (settings->authority_count > 0) buf_put_text(out, "authorities:\n");
    for (size_t i = 0; i < settings->authority_count; i++) {
        const struct policy_authority *authority = &settings->authorities[i];
        size_t known;
        buf_put_text(out, "  ");
        yaml_put_quoted(out, authority->name);
        buf_put_text(out, ":\n    levels: ");
        if (policy_levels_known(authority->name, &known)) {
            buf_put_text(out, "known # ");
            for (size_t j = 0; j < authority->level_count; j++) buf_put_format(out, "%s%s", j ? ", " : "", authority->levels[j]);
        } else {
            for (size_t j = 0; j < authority->level_count; j++) {
                buf_put_text(out, j ? ", " : "[");
                yaml_put_quoted(out, authority->levels[j]);
            }
            buf_put_text(out, "]");
        }
        buf_put_text(out, "\n");
        put_names(out, "    ", "caveats", &authority->caveats);
    }
}

static void put_agency(struct buf *out, const char *indent, const struct policy_agency *agency, bool own) {
    if (agency->nation[0]) {
        buf_put_format(out, "%snation: ", indent);
        yaml_put_quoted(out, agency->nation);
        buf_put_text(out, "\n");
    }
    buf_put_format(out, "%spolice: %s\n", indent, yes(agency->police));
    if (!own) buf_put_format(out, "%sclient: %s\n", indent, yes(agency->client));
    if (agency->label_max != TLP_NONE) buf_put_format(out, "%slabel_max: %s\n", indent, tlp_name(agency->label_max));
    if (agency->accreditation_count > 0) buf_put_format(out, "%saccreditations:\n", indent);
    for (size_t i = 0; i < agency->accreditation_count; i++) {
        buf_put_format(out, "%s  ", indent);
        yaml_put_quoted(out, agency->accreditations[i].authority);
        buf_put_text(out, ": ");
        yaml_put_quoted(out, agency->accreditations[i].level);
        buf_put_text(out, "\n");
    }
    put_names(out, indent, "caveats", &agency->caveats);
    put_names(out, indent, "purposes", &agency->purposes);
}

static void put_agencies(struct buf *out, const struct policy_settings *settings) {
    buf_put_text(out, "own:\n");
    put_agency(out, "  ", &settings->own, true);
    if (settings->agency_count > 0) buf_put_text(out, "agencies:\n");
    for (size_t i = 0; i < settings->agency_count; i++) {
        buf_put_format(out, "  %s:\n", settings->agencies[i].name);
        put_agency(out, "    ", &settings->agencies[i], false);
    }
    if (!settings->green_to_communities) {
        buf_put_text(out, "# No communities: TLP:GREEN may go to every pinned agency.\n");
        return;
    }
    buf_put_text(out, "communities:\n  all: [");
    size_t count = 0;
    for (size_t i = 0; i < settings->agency_count; i++)
        if (settings->agencies[i].community) buf_put_format(out, "%s%s", count++ ? ", " : "", settings->agencies[i].name);
    buf_put_text(out, "]\n");
}

void policy_print_yaml(struct buf *out, const struct policy_settings *settings) {
    buf_put_text(out, "version: 1\n");
    put_authorities(out, settings);
    put_agencies(out, settings);
    buf_put_text(out, "exits:\n");
    for (int exit = POLICY_PUBLISH; exit < POLICY_METRICS; exit++) {
        const struct policy_exit_limits *limits = &settings->exits[exit];
        buf_put_format(out, "  %s: {open: %s, label_max: %s, pap_max: %s, world: %s}\n", policy_exit_name((enum policy_exit)exit),
                       yes(!limits->closed), tlp_name(limits->label_max), pap_name(limits->pap_max), yes(limits->world));
    }
    buf_put_text(out, "labels:\n");
    for (int tlp = TLP_CLEAR; tlp <= TLP_RED; tlp++) {
        const struct policy_label *label = &settings->labels[tlp];
        buf_put_format(out, "  %s:\n    recipients: %s\n    agreement: %s\n", tlp_name((enum tlp)tlp),
                       label->named ? "named" : "any", label->agreement ? "needed" : "not-needed");
        if (label->retention_max_ms == 0) continue;
        buf_put_text(out, "    retention_max: ");
        put_duration(out, label->retention_max_ms);
        buf_put_text(out, "\n");
    }
    put_names(out, "", "purposes", &settings->purposes);
    put_names(out, "", "legal_bases", &settings->legal_bases);
}

/* --- JSON --- */

static void json_names(struct json_out *json, const char *key, const struct policy_names *names) {
    json_out_key(json, key);
    json_out_array(json);
    for (size_t i = 0; i < names->count; i++) json_out_text(json, names->names[i]);
    json_out_array_end(json);
}

static void json_flag(struct json_out *json, const char *key, bool value) {
    json_out_key(json, key);
    json_out_bool(json, value);
}

static void json_word(struct json_out *json, const char *key, const char *value) {
    json_out_key(json, key);
    value ? json_out_text(json, value) : json_out_null(json);
}

static void json_agency(struct json_out *json, const struct policy_agency *agency, bool own) {
    json_out_object(json);
    if (!own) json_word(json, "name", agency->name);
    json_word(json, "nation", agency->nation[0] ? agency->nation : NULL);
    json_flag(json, "police", agency->police);
    if (!own) {
        json_flag(json, "client", agency->client);
        json_flag(json, "community", agency->community);
        json_word(json, "label_max", agency->label_max == TLP_NONE ? NULL : tlp_name(agency->label_max));
    }
    json_out_key(json, "accreditations");
    json_out_object(json);
    for (size_t i = 0; i < agency->accreditation_count; i++)
        json_word(json, agency->accreditations[i].authority, agency->accreditations[i].level);
    json_out_object_end(json);
    json_names(json, "caveats", &agency->caveats);
    json_names(json, "purposes", &agency->purposes);
    json_out_object_end(json);
}

static void json_authorities(struct json_out *json, const struct policy_settings *settings) {
    json_out_key(json, "authorities");
    json_out_array(json);
    for (size_t i = 0; i < settings->authority_count; i++) {
        const struct policy_authority *authority = &settings->authorities[i];
        json_out_object(json);
        json_word(json, "name", authority->name);
        json_out_key(json, "levels");
        json_out_array(json);
        for (size_t j = 0; j < authority->level_count; j++) json_out_text(json, authority->levels[j]);
        json_out_array_end(json);
        json_names(json, "caveats", &authority->caveats);
        json_out_object_end(json);
    }
    json_out_array_end(json);
}

static void json_exits(struct json_out *json, const struct policy_settings *settings) {
    json_out_key(json, "exits");
    json_out_object(json);
    for (int exit = POLICY_PUBLISH; exit < POLICY_METRICS; exit++) {
        const struct policy_exit_limits *limits = &settings->exits[exit];
        json_out_key(json, policy_exit_name((enum policy_exit)exit));
        json_out_object(json);
        json_flag(json, "open", !limits->closed);
        json_word(json, "label_max", tlp_name(limits->label_max));
        json_word(json, "pap_max", pap_name(limits->pap_max));
        json_flag(json, "world", limits->world);
        json_out_object_end(json);
    }
    json_out_object_end(json);
}

static void json_labels(struct json_out *json, const struct policy_settings *settings) {
    json_out_key(json, "labels");
    json_out_object(json);
    for (int tlp = TLP_CLEAR; tlp <= TLP_RED; tlp++) {
        const struct policy_label *label = &settings->labels[tlp];
        json_out_key(json, tlp_name((enum tlp)tlp));
        json_out_object(json);
        json_flag(json, "named", label->named);
        json_flag(json, "agreement_needed", label->agreement);
        json_out_key(json, "retention_max_ms");
        label->retention_max_ms ? json_out_uint(json, label->retention_max_ms) : json_out_null(json);
        json_out_object_end(json);
    }
    json_out_object_end(json);
}

void policy_print_json(struct json_out *json, const struct policy_settings *settings) {
    json_authorities(json, settings);
    json_out_key(json, "own");
    json_agency(json, &settings->own, true);
    json_out_key(json, "agencies");
    json_out_array(json);
    for (size_t i = 0; i < settings->agency_count; i++) json_agency(json, &settings->agencies[i], false);
    json_out_array_end(json);
    json_flag(json, "green_to_communities", settings->green_to_communities);
    json_exits(json, settings);
    json_labels(json, settings);
    json_names(json, "purposes", &settings->purposes);
    json_names(json, "legal_bases", &settings->legal_bases);
}
