#include "node/policy/policy_section.h"

#include <string.h>

/* Exits, labels, purposes: what leaves at all, and under which conditions. */

bool section_version(struct policy_reading *reading, const struct yaml_node *node) {
    if (!yaml_tree_want(reading->tree, node, YAML_VALUE)) return false;
    return strcmp(node->text, "1") == 0 ||
           yaml_tree_refuse(reading->tree, node, "version: this program understands version 1; write \"version: 1\"");
}

bool section_purposes(struct policy_reading *reading, const struct yaml_node *node) {
    return value_names(reading, node, &reading->settings->purposes);
}

bool section_legal_bases(struct policy_reading *reading, const struct yaml_node *node) {
    return value_names(reading, node, &reading->settings->legal_bases);
}

static bool exit_pap(struct policy_reading *reading, const struct yaml_node *node, enum policy_exit exit) {
    enum pap *most = &reading->settings->exits[exit].pap_max;
    if (!value_pap(reading, node, most)) return false;
    return exit != POLICY_BLOCKING || *most <= PAP_GREEN ||
           yaml_tree_refuse(reading->tree, node, "pap_max: what is %s never reaches rules that block; write PAP:GREEN or PAP:CLEAR",
                            pap_name(*most));
}

static bool exit_read(struct policy_reading *reading, const struct yaml_node *node, enum policy_exit exit) {
    static const char *const fields[] = {"open", "label_max", "pap_max", "world"};
    struct policy_exit_limits *limits = &reading->settings->exits[exit];
    bool open = true;
    if (node->kind == YAML_VALUE) {
        limits->closed = strcmp(node->text, "closed") == 0;
        return limits->closed || strcmp(node->text, "open") == 0 ||
               yaml_tree_refuse(reading->tree, node,
                                "%s: write \"open\" or \"closed\", or a section of open, label_max, pap_max and world", node->key);
    }
    if (!yaml_tree_want(reading->tree, node, YAML_MAP)) return false;
    for (const struct yaml_node *child = node->first; child; child = child->next) {
        bool good = false;
        switch (value_key(reading, child, fields, 4, "setting of an exit")) {
        case 0: good = value_yes(reading, child, &open); break;
        case 1: good = value_label(reading, child, &limits->label_max); break;
        case 2: good = exit_pap(reading, child, exit); break;
        case 3: good = value_yes(reading, child, &limits->world); break;
        default: break;
        }
        if (!good) return false;
    }
    limits->closed = !open;
    return true;
}

bool section_exits(struct policy_reading *reading, const struct yaml_node *node) {
    const char *names[POLICY_EXIT_END];
    size_t count = 0;
    for (int exit = POLICY_PUBLISH; exit < POLICY_METRICS; exit++) names[count++] = policy_exit_name((enum policy_exit)exit);
    if (!yaml_tree_want(reading->tree, node, YAML_MAP)) return false;
    for (const struct yaml_node *child = node->first; child; child = child->next) {
        if (strcmp(child->key, "metrics") == 0)
            return yaml_tree_refuse_key(reading->tree, child,
                                        "metrics: figures for monitoring never hold an object; leave this out");
        int place = value_key(reading, child, names, count, "exit");
        if (place < 0 || !exit_read(reading, child, (enum policy_exit)(POLICY_PUBLISH + place))) return false;
    }
    return true;
}

static bool label_recipients(struct policy_reading *reading, const struct yaml_node *node, enum tlp tlp) {
    struct policy_label *label = &reading->settings->labels[tlp];
    if (!yaml_tree_want(reading->tree, node, YAML_VALUE)) return false;
    label->named = strcmp(node->text, "named") == 0;
    if (!label->named && strcmp(node->text, "any") != 0)
        return yaml_tree_refuse(reading->tree, node, "recipients: write \"named\" (never --to-all) or \"any\"");
    return label->named || tlp != TLP_RED ||
           yaml_tree_refuse(reading->tree, node, "recipients: TLP:RED goes to named recipients only, whatever is written here");
}

static bool label_agreement(struct policy_reading *reading, const struct yaml_node *node, enum tlp tlp) {
    struct policy_label *label = &reading->settings->labels[tlp];
    if (!yaml_tree_want(reading->tree, node, YAML_VALUE)) return false;
    label->agreement = strcmp(node->text, "needed") == 0;
    return label->agreement || strcmp(node->text, "not-needed") == 0 ||
           yaml_tree_refuse(reading->tree, node, "agreement: write \"needed\" or \"not-needed\"");
}

static bool label_read(struct policy_reading *reading, const struct yaml_node *node, enum tlp tlp) {
    static const char *const fields[] = {"recipients", "agreement", "retention_max"};
    if (!yaml_tree_want(reading->tree, node, YAML_MAP)) return false;
    for (const struct yaml_node *child = node->first; child; child = child->next) {
        bool good = false;
        switch (value_key(reading, child, fields, 3, "setting of a label")) {
        case 0: good = label_recipients(reading, child, tlp); break;
        case 1: good = label_agreement(reading, child, tlp); break;
        case 2: good = value_duration(reading, child, &reading->settings->labels[tlp].retention_max_ms); break;
        default: break;
        }
        if (!good) return false;
    }
    return true;
}

bool section_labels(struct policy_reading *reading, const struct yaml_node *node) {
    const char *names[TLP_RED];
    for (int tlp = TLP_CLEAR; tlp <= TLP_RED; tlp++) names[tlp - TLP_CLEAR] = tlp_name((enum tlp)tlp);
    if (!yaml_tree_want(reading->tree, node, YAML_MAP)) return false;
    for (const struct yaml_node *child = node->first; child; child = child->next) {
        int place = value_key(reading, child, names, TLP_RED, "label");
        if (place < 0 || !label_read(reading, child, (enum tlp)(TLP_CLEAR + place))) return false;
    }
    return true;
}
