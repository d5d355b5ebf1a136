/* policy_section: inside policy_file: a reader for each section of the policy file. Each says what is wrong through the tree. */
#ifndef NODE_POLICY_SECTION_H
#define NODE_POLICY_SECTION_H

#include "node/policy/policy_file.h"

struct policy_reading {
    struct yaml_tree *tree;
    struct policy_settings *settings;
};

typedef bool section_reader(struct policy_reading *reading, const struct yaml_node *node);

/* One name that a map may hold. */
struct section_field {
    const char *name;
    section_reader *read;
};

/* policy_value.c: single values, and maps by a table of fields */
bool value_name(struct policy_reading *reading, const struct yaml_node *node, char out[static POLICY_NAME_BYTES]);
bool value_names(struct policy_reading *reading, const struct yaml_node *node, struct policy_names *out);
bool value_yes(struct policy_reading *reading, const struct yaml_node *node, bool *out);
bool value_label(struct policy_reading *reading, const struct yaml_node *node, enum tlp *out);
bool value_pap(struct policy_reading *reading, const struct yaml_node *node, enum pap *out);
bool value_duration(struct policy_reading *reading, const struct yaml_node *node, uint64_t *out_ms);
/* Which of the names is the child's key? Refuses it with the list of names when it is none: then -1. */
int value_key(struct policy_reading *reading, const struct yaml_node *child, const char *const *names, size_t count,
              const char *what);

/* policy_agencies.c */
section_reader section_authorities, section_own, section_agencies, section_communities, section_clients;
/* policy_exits.c */
section_reader section_exits, section_labels, section_purposes, section_legal_bases, section_version;

/* The levels of an authority that every node knows by name, from the lowest; null when it is none of them. */
const char *const *policy_levels_known(const char *authority, size_t *count);

#endif
