#include "node/policy/policy_file.h"

#include "node/process/dir.h"
#include "node/policy/policy_section.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In the order in which they are read, whatever their order in the file: accreditations name levels of authorities. */
static const struct section_field sections[] = {
    {"version", section_version},
    {"authorities", section_authorities},
    {"own", section_own},
    {"agencies", section_agencies},
    {"communities", section_communities},
    {"clients", section_clients},
    {"exits", section_exits},
    {"labels", section_labels},
    {"purposes", section_purposes},
    {"legal_bases", section_legal_bases},
};
#define SECTION_COUNT (sizeof sections / sizeof *sections)

/* What the declarations of agencies and objects say must be among what the file knows. */
static bool purposes_known(struct policy_reading *reading, const struct yaml_node *root) {
    const struct policy_settings *settings = reading->settings;
    for (size_t i = 0; settings->purposes.count > 0 && i <= settings->agency_count; i++) {
        const struct policy_agency *agency = i < settings->agency_count ? &settings->agencies[i] : &settings->own;
        for (size_t j = 0; j < agency->purposes.count; j++)
            if (!policy_names_has(&settings->purposes, bytes_of_text(agency->purposes.names[j])))
                return yaml_tree_refuse_key(reading->tree, yaml_tree_find(root, "purposes"),
                                            "purposes: \"%s\", for which %s works, is not among them", agency->purposes.names[j],
                                            agency->name[0] ? agency->name : "the own agency");
    }
    return true;
}

static bool tree_read(struct policy_reading *reading) {
    const char *names[SECTION_COUNT];
    const struct yaml_node *root = reading->tree->root;
    for (size_t i = 0; i < SECTION_COUNT; i++) names[i] = sections[i].name;
    if (!root) return yaml_tree_refuse(reading->tree, NULL, "the file says nothing; write at least \"version: 1\", or remove it");
    if (!yaml_tree_want(reading->tree, root, YAML_MAP)) return false;
    for (const struct yaml_node *child = root->first; child; child = child->next)
        if (value_key(reading, child, names, SECTION_COUNT, "section") < 0) return false;
    if (!yaml_tree_find(root, "version"))
        return yaml_tree_refuse(reading->tree, root, "version is missing; write \"version: 1\" first");
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        const struct yaml_node *section = yaml_tree_find(root, sections[i].name);
        if (section && !sections[i].read(reading, section)) return false;
    }
    return purposes_known(reading, root);
}

enum err policy_file_parse(struct policy_settings *out, struct bytes yaml, const char *file_name,
                           char message[static POLICY_FILE_ERROR_MAX]) {
    struct yaml_tree tree;
    struct policy_reading reading = {.tree = &tree, .settings = out};
    message[0] = 0;
    policy_settings_default(out);
    enum err err = yaml_tree_parse(&tree, yaml, file_name);
    if (err == OK && !tree_read(&reading)) err = ERR_SYNTAX;
    if (err != OK) {
        snprintf(message, POLICY_FILE_ERROR_MAX, "%s", tree.message[0] ? tree.message : err_text(err));
        policy_file_free(out);
        policy_settings_default(out);
    }
    yaml_tree_free(&tree);
    return err;
}

void policy_file_free(struct policy_settings *settings) {
    free(settings->agencies);
    settings->agencies = NULL;
    settings->agency_count = 0;
}

enum err policy_file_read(struct policy_settings *out, const char *path, char message[static POLICY_FILE_ERROR_MAX]) {
    struct buf yaml = {0};
    message[0] = 0;
    policy_settings_default(out);
    enum err err = dir_read_given(&yaml, path, YAML_TREE_BYTES_MAX);
    if (err == OK)
        err = policy_file_parse(out, bytes_of_buf(&yaml), path, message);
    else
        snprintf(message, POLICY_FILE_ERROR_MAX, "%s: %s", path, err_text(err));
    buf_free(&yaml);
    return err;
}

enum err policy_file_read_dir(struct policy_settings *out, const char *dir, bool *found,
                              char message[static POLICY_FILE_ERROR_MAX]) {
    char path[DIR_PATH_MAX];
    *found = false;
    policy_settings_default(out);
    enum err err = dir_path(path, dir, DIR_POLICY);
    if (err == OK) err = policy_file_read(out, path, message);
    *found = err != ERR_NOT_FOUND;
    return *found ? err : OK;
}
