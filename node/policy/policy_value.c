#include "gossip/pack.h"
#include "node/policy/policy_section.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_MS    UINT64_C(3600000)
#define DAYS_MOST  36500
#define LIST_BYTES 512

static const char *key_of(const struct yaml_node *node) { return node->key ? node->key : "this"; }

static bool name_good(const char *text) {
    struct bytes name = bytes_of_text(text);
    if (name.size == 0 || name.size >= POLICY_NAME_BYTES || !pack_utf8_valid(name)) return false;
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] < ' ' || name.data[i] == 0x7f) return false;
    return true;
}

bool value_name(struct policy_reading *reading, const struct yaml_node *node, char out[static POLICY_NAME_BYTES]) {
    if (!yaml_tree_want(reading->tree, node, YAML_VALUE)) return false;
    if (!name_good(node->text))
        return yaml_tree_refuse(reading->tree, node, "%s: a name has 1 to %d bytes and no control characters", key_of(node),
                                POLICY_NAME_BYTES - 1);
    snprintf(out, POLICY_NAME_BYTES, "%s", node->text);
    return true;
}

bool value_names(struct policy_reading *reading, const struct yaml_node *node, struct policy_names *out) {
    if (!yaml_tree_want(reading->tree, node, YAML_LIST)) return false;
    if (node->count > POLICY_NAMES_MAX)
        return yaml_tree_refuse(reading->tree, node, "%s: more than %d names", key_of(node), POLICY_NAMES_MAX);
    out->count = 0;
    for (const struct yaml_node *child = node->first; child; child = child->next) {
        if (!value_name(reading, child, out->names[out->count])) return false;
        if (policy_names_has(out, bytes_of_text(child->text)))
            return yaml_tree_refuse(reading->tree, child, "%s: %s stands twice; leave one", key_of(node), child->text);
        out->count++;
    }
    return true;
}

bool value_yes(struct policy_reading *reading, const struct yaml_node *node, bool *out) {
    if (!yaml_tree_want(reading->tree, node, YAML_VALUE)) return false;
    *out = strcmp(node->text, "yes") == 0;
    return *out || strcmp(node->text, "no") == 0 ||
           yaml_tree_refuse(reading->tree, node, "%s: this is neither yes nor no; write one of them", key_of(node));
}

bool value_label(struct policy_reading *reading, const struct yaml_node *node, enum tlp *out) {
    if (!yaml_tree_want(reading->tree, node, YAML_VALUE)) return false;
    return tlp_parse(out, bytes_of_text(node->text)) ||
           yaml_tree_refuse(reading->tree, node,
                            "%s: \"%s\" is no label; write TLP:CLEAR, TLP:GREEN, TLP:AMBER, TLP:AMBER+STRICT or TLP:RED",
                            key_of(node), node->text);
}

bool value_pap(struct policy_reading *reading, const struct yaml_node *node, enum pap *out) {
    if (!yaml_tree_want(reading->tree, node, YAML_VALUE)) return false;
    return pap_parse(out, bytes_of_text(node->text)) ||
           yaml_tree_refuse(reading->tree, node, "%s: \"%s\" is no PAP label; write PAP:CLEAR, PAP:GREEN, PAP:AMBER or PAP:RED",
                            key_of(node), node->text);
}

bool value_duration(struct policy_reading *reading, const struct yaml_node *node, uint64_t *out_ms) {
    char *end;
    if (!yaml_tree_want(reading->tree, node, YAML_VALUE)) return false;
    bool digit = node->text[0] >= '1' && node->text[0] <= '9';
    unsigned long long number = digit ? strtoull(node->text, &end, 10) : 0;
    uint64_t unit = 0;
    if (digit && (strcmp(end, " days") == 0 || strcmp(end, " day") == 0)) unit = 24 * HOUR_MS;
    if (digit && (strcmp(end, " hours") == 0 || strcmp(end, " hour") == 0)) unit = HOUR_MS;
    if (digit && (strcmp(end, " minutes") == 0 || strcmp(end, " minute") == 0)) unit = HOUR_MS / 60;
    if (digit && (strcmp(end, " seconds") == 0 || strcmp(end, " second") == 0)) unit = HOUR_MS / 3600;
    if (unit == 0 || number > DAYS_MOST * 24 * HOUR_MS / unit)
        return yaml_tree_refuse(reading->tree, node, "%s: \"%s\" is no length of time; write such as \"90 days\" or \"12 hours\"",
                                key_of(node), node->text);
    *out_ms = number * unit;
    return true;
}

int value_key(struct policy_reading *reading, const struct yaml_node *child, const char *const *names, size_t count,
              const char *what) {
    char list[LIST_BYTES] = "";
    for (size_t i = 0; i < count; i++)
        if (strcmp(child->key, names[i]) == 0) return (int)i;
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(list);
        snprintf(list + size, sizeof list - size, "%s %s", i ? "," : "", names[i]);
    }
    yaml_tree_refuse_key(reading->tree, child, "%s: there is no such %s; known are%s", child->key, what, list);
    return -1;
}
