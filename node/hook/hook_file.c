#include "node/hook/hook_file.h"

#include "node/formats/filter.h"
#include "node/formats/observable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_BYTES 512
#define SECOND_MS  UINT64_C(1000)
#define DAY_MS     (24 * 3600 * SECOND_MS)

struct reading {
    struct yaml_tree *tree;
    struct hook *hook;
    const char *dir;
};
typedef bool read_field(struct reading *reading, const struct yaml_node *node);

static const char *key_of(const struct yaml_node *node) { return node->key ? node->key : "this"; }

/* --- single values --- */

static bool value_text(struct reading *reading, const struct yaml_node *node, const char **out) {
    if (!yaml_tree_want(reading->tree, node, YAML_VALUE)) return false;
    if (node->text[0] == 0)
        return yaml_tree_refuse(reading->tree, node, "%s: it is empty; write something or leave the line out", key_of(node));
    for (const char *at = node->text; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            return yaml_tree_refuse(reading->tree, node, "%s: it holds a control character; leave it out", key_of(node));
    *out = node->text;
    return true;
}

static bool value_number(struct reading *reading, const struct yaml_node *node, uint64_t least, uint64_t most, uint64_t *out) {
    char *end = NULL;
    if (!yaml_tree_want(reading->tree, node, YAML_VALUE)) return false;
    bool digit = node->text[0] >= '0' && node->text[0] <= '9' && strlen(node->text) < 10;
    *out = digit ? strtoull(node->text, &end, 10) : 0;
    return (digit && *end == 0 && *out >= least && *out <= most) ||
           yaml_tree_refuse(reading->tree, node, "%s: a number from %llu to %llu is expected here", key_of(node),
                            (unsigned long long)least, (unsigned long long)most);
}

static bool value_duration(struct reading *reading, const struct yaml_node *node, uint64_t least_ms, uint64_t *out_ms) {
    static const struct {
        const char *name;
        uint64_t ms;
    } units[] = {{"second", SECOND_MS}, {"minute", 60 * SECOND_MS}, {"hour", 3600 * SECOND_MS}};
    char *end = NULL;
    uint64_t unit_ms = 0;
    if (!yaml_tree_want(reading->tree, node, YAML_VALUE)) return false;
    bool digit = node->text[0] >= '0' && node->text[0] <= '9' && strlen(node->text) < 20;
    uint64_t number = digit ? strtoull(node->text, &end, 10) : 0;
    for (size_t i = 0; digit && *end == ' ' && i < sizeof units / sizeof *units; i++) {
        size_t size = strlen(units[i].name);
        if (strncmp(end + 1, units[i].name, size) == 0 && (end[1 + size] == 0 || strcmp(end + 1 + size, "s") == 0))
            unit_ms = units[i].ms;
    }
    if (unit_ms == 0 || number > DAY_MS / unit_ms || number * unit_ms < least_ms)
        return yaml_tree_refuse(
            reading->tree, node,
            "%s: \"%s\" is no length of time that fits; write such as \"5 seconds\" or \"2 minutes\", from %llu seconds to a day",
            key_of(node), node->text, (unsigned long long)(least_ms / SECOND_MS));
    *out_ms = number * unit_ms;
    return true;
}

static bool inside(const char *path, const char *folder) {
    size_t size = strlen(folder);
    while (size > 1 && folder[size - 1] == '/') size--;
    if (size == 1 && folder[0] == '/') return true;
    return strncmp(path, folder, size) == 0 && (path[size] == 0 || path[size] == '/');
}

/* A whole path, without detours; not the node's directory, nor below or above it: its keys are there. */
static bool path_good(struct reading *reading, const struct yaml_node *node, const char *path) {
    bool detour = strstr(path, "/../") || strstr(path, "/./") || strstr(path, "//");
    size_t size = strlen(path);
    if (path[0] != '/' || size < 2 || size > HOOK_PATH_BYTES_MAX || detour || (size >= 3 && strcmp(path + size - 3, "/..") == 0) ||
        path[size - 1] == '/')
        return yaml_tree_refuse(reading->tree, node,
                                "%s: \"%s\" is no whole path; write it from the root, without \"..\", \"//\" or a slash at its end",
                                key_of(node), path);
    if (reading->dir && (inside(path, reading->dir) || inside(reading->dir, path)))
        return yaml_tree_refuse(reading->tree, node,
                                "%s: \"%s\" leads to the node's own directory %s, where its keys are; take another folder",
                                key_of(node), path, reading->dir);
    return true;
}

static bool value_words(struct reading *reading, const struct yaml_node *node, struct hook_words *out, bool paths) {
    if (!yaml_tree_want(reading->tree, node, YAML_LIST)) return false;
    if (node->count == 0 || node->count > HOOK_WORDS_MAX)
        return yaml_tree_refuse(reading->tree, node, "%s: one to %d are expected here, such as [/usr/bin/logger, -t, comity]",
                                key_of(node), HOOK_WORDS_MAX);
    for (const struct yaml_node *child = node->first; child; child = child->next) {
        const char *word;
        if (!value_text(reading, child, &word)) return false;
        if (paths && !path_good(reading, child, word)) return false;
        memcpy(&out->words[out->count++], &word, sizeof word); /* exec wants them without const */
    }
    return true;
}

/* --- the fields of a hook --- */

static bool read_command(struct reading *reading, const struct yaml_node *node) {
    if (!value_words(reading, node, &reading->hook->command, false)) return false;
    return path_good(reading, node->first, reading->hook->command.words[0]);
}

static bool read_file(struct reading *reading, const struct yaml_node *node) {
    return value_text(reading, node, &reading->hook->file) && path_good(reading, node, reading->hook->file);
}

static bool read_format(struct reading *reading, const struct yaml_node *node) {
    char known[LIST_BYTES] = "";
    if (!yaml_tree_want(reading->tree, node, YAML_VALUE)) return false;
    reading->hook->format = export_format_find(node->text);
    if (reading->hook->format) return true;
    for (size_t i = 0; export_formats[i]; i++) {
        size_t size = strlen(known);
        snprintf(known + size, sizeof known - size, "%s %s", i ? "," : "", export_formats[i]->name);
    }
    return yaml_tree_refuse(reading->tree, node, "format: \"%s\" is none; known are%s", node->text, known);
}

static bool read_zone(struct reading *reading, const struct yaml_node *node) {
    if (!value_text(reading, node, &reading->hook->zone)) return false;
    return export_zone_valid(reading->hook->zone) ||
           yaml_tree_refuse(reading->tree, node,
                            "zone: \"%s\" is no name of a zone; write such as rpz.example, without a dot at its end", node->text);
}

static bool read_kinds(struct reading *reading, const struct yaml_node *node) {
    if (!yaml_tree_want(reading->tree, node, YAML_LIST)) return false;
    for (const struct yaml_node *child = node->first; child; child = child->next) {
        int kind = 1;
        if (!yaml_tree_want(reading->tree, child, YAML_VALUE)) return false;
        while (kind < OBSERVABLE_KIND_COUNT && strcmp(observable_kind_name((enum observable_kind)kind), child->text) != 0) kind++;
        if (kind == OBSERVABLE_KIND_COUNT)
            return yaml_tree_refuse(
                reading->tree, child,
                "kinds: \"%s\" is none; known are ipv4, ipv6, domain, url, email, md5, sha1, sha256, sha512 and text", child->text);
        reading->hook->kinds |= EXPORT_KIND(kind);
    }
    return reading->hook->kinds != 0 ||
           yaml_tree_refuse(reading->tree, node, "kinds: the list is empty; leave the line out for all");
}

static bool read_mode(struct reading *reading, const struct yaml_node *node) {
    char *end = NULL;
    if (!yaml_tree_want(reading->tree, node, YAML_VALUE)) return false;
    size_t size = strlen(node->text);
    unsigned long mode = size == 3 || size == 4 ? strtoul(node->text, &end, 8) : 0;
    reading->hook->mode = (unsigned)mode;
    return (end && *end == 0 && mode <= 0777 && (mode & 0600) == 0600 && (mode & 0113) == 0) ||
           yaml_tree_refuse(reading->tree, node, "mode: \"%s\" fits no file; write 0600, 0640, 0644 or 0660", node->text);
}

static bool read_label(struct reading *reading, const struct yaml_node *node) {
    enum tlp tlp = TLP_NONE;
    if (!yaml_tree_want(reading->tree, node, YAML_VALUE)) return false;
    if (!tlp_parse(&tlp, bytes_of_text(node->text)) || tlp == TLP_RED)
        return yaml_tree_refuse(
            reading->tree, node,
            "max-label: \"%s\" does not fit; write TLP:CLEAR, TLP:GREEN, TLP:AMBER or TLP:AMBER+STRICT (TLP:RED leaves by no hook)",
            node->text);
    for (int each = TLP_CLEAR; each <= (int)tlp; each++) reading->hook->labels |= 1u << each;
    return true;
}

static bool read_subscription(struct reading *reading, const struct yaml_node *node) {
    return value_text(reading, node, &reading->hook->subscription);
}

static bool read_filter(struct reading *reading, const struct yaml_node *node) {
    struct filter *filter = NULL;
    struct filter_problem problem;
    if (!value_text(reading, node, &reading->hook->filter)) return false;
    if (strlen(node->text) > FILTER_BYTES_MAX)
        return yaml_tree_refuse(reading->tree, node, "filter: it is longer than %d bytes", FILTER_BYTES_MAX);
    enum err err = filter_parse(&filter, bytes_of_text(node->text), &problem);
    filter_free(filter);
    return err == OK || yaml_tree_refuse(reading->tree, node, "filter: at its column %u: %s", problem.column,
                                         err == ERR_MEMORY ? err_text(err) : problem.text);
}

static bool read_batch(struct reading *reading, const struct yaml_node *node) {
    uint64_t number;
    if (!value_number(reading, node, 1, HOOK_BATCH_MAX, &number)) return false;
    reading->hook->batch = (size_t)number;
    return true;
}

static bool read_wait(struct reading *reading, const struct yaml_node *node) {
    return value_duration(reading, node, 0, &reading->hook->wait_ms);
}
static bool read_interval(struct reading *reading, const struct yaml_node *node) {
    return value_duration(reading, node, SECOND_MS, &reading->hook->interval_ms);
}
static bool read_limit(struct reading *reading, const struct yaml_node *node) {
    return value_duration(reading, node, SECOND_MS, &reading->hook->limit_ms);
}

static bool read_from(struct reading *reading, const struct yaml_node *node) {
    if (!yaml_tree_want(reading->tree, node, YAML_VALUE)) return false;
    reading->hook->from_now = strcmp(node->text, "now") == 0;
    return reading->hook->from_now || strcmp(node->text, "start") == 0 ||
           yaml_tree_refuse(reading->tree, node, "from: \"%s\" is neither start nor now; write one of them", node->text);
}

static bool read_runs(struct reading *reading, const struct yaml_node *node) {
    return value_words(reading, node, &reading->hook->runs, true);
}
static bool read_reads(struct reading *reading, const struct yaml_node *node) {
    return value_words(reading, node, &reading->hook->reads, true);
}
static bool read_writes(struct reading *reading, const struct yaml_node *node) {
    return value_words(reading, node, &reading->hook->writes, true);
}

static bool read_network(struct reading *reading, const struct yaml_node *node) {
    if (!yaml_tree_want(reading->tree, node, YAML_VALUE)) return false;
    reading->hook->network = strcmp(node->text, "yes") == 0;
    return reading->hook->network || strcmp(node->text, "no") == 0 ||
           yaml_tree_refuse(reading->tree, node, "network: this is neither yes nor no; write one of them");
}

enum { COMMAND = 1, FILE_ONLY = 2, BOTH = COMMAND | FILE_ONLY };
static const struct field {
    const char *name;
    unsigned kinds; /* of hooks that have it */
    read_field *read;
} fields[] = {
    {"command", COMMAND, read_command},  {"file", FILE_ONLY, read_file},
    {"reload", FILE_ONLY, read_command}, {"format", FILE_ONLY, read_format},
    {"zone", FILE_ONLY, read_zone},      {"kinds", FILE_ONLY, read_kinds},
    {"mode", FILE_ONLY, read_mode},      {"interval", FILE_ONLY, read_interval},
    {"batch", COMMAND, read_batch},      {"wait", COMMAND, read_wait},
    {"from", COMMAND, read_from},        {"max-label", BOTH, read_label},
    {"runs", BOTH, read_runs},           {"reads", BOTH, read_reads},
    {"writes", BOTH, read_writes},       {"network", BOTH, read_network},
    {"time-limit", BOTH, read_limit},    {"subscription", BOTH, read_subscription},
    {"filter", BOTH, read_filter},
};
#define FIELD_COUNT (sizeof fields / sizeof *fields)

static const struct field *field_of(const char *name) {
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (strcmp(fields[i].name, name) == 0) return &fields[i];
    return NULL;
}

static bool has(const struct yaml_node *map, const char *key) {
    for (const struct yaml_node *child = map->first; child; child = child->next)
        if (strcmp(child->key, key) == 0) return true;
    return false;
}

static bool field_read(struct reading *reading, const struct yaml_node *child, unsigned kind) {
    char known[LIST_BYTES] = "";
    const struct field *field = field_of(child->key);
    if (field && (field->kinds & kind) != 0) return field->read(reading, child);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        size_t size = strlen(known);
        if ((fields[i].kinds & kind) != 0) snprintf(known + size, sizeof known - size, "%s %s", size ? "," : "", fields[i].name);
    }
    return yaml_tree_refuse_key(reading->tree, child, "%s: a hook that %s has no such line; known are%s", child->key,
                                kind == COMMAND ? "calls a command" : "writes a file", known);
}

/* What the lines say together. */
static bool hook_whole(struct reading *reading, const struct yaml_node *node) {
    const struct hook *hook = reading->hook;
    if (hook->labels == 0)
        return yaml_tree_refuse_key(
            reading->tree, node,
            "%s: max-label is missing: write the most restrictive label that may go there, such as \"max-label: TLP:GREEN\"",
            node->key);
    if (!hook->file) return true;
    if (!hook->format)
        return yaml_tree_refuse_key(reading->tree, node, "%s: format is missing: write such as \"format: rpz\"", node->key);
    if (hook->zone && strcmp(hook->format->name, "rpz") != 0)
        return yaml_tree_refuse_key(reading->tree, node, "%s: zone: only rpz has a zone, %s has none", node->key,
                                    hook->format->name);
    if (hook->kinds && !hook->format->row && !hook->format->values)
        return yaml_tree_refuse_key(reading->tree, node, "%s: kinds: %s carries objects, not values", node->key,
                                    hook->format->name);
    bool callee = hook->runs.count || hook->reads.count || hook->writes.count || hook->network || has(node, "time-limit");
    return hook->command.count || !callee ||
           yaml_tree_refuse_key(
               reading->tree, node,
               "%s: nothing is called, so runs, reads, writes, network and time-limit have no meaning: add reload, "
               "or leave them out",
               node->key);
}

static bool name_good(const char *name) {
    static const char *const KNOWN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    size_t size = strlen(name);
    return size > 0 && size <= HOOK_NAME_BYTES_MAX && strspn(name, KNOWN) == size;
}

static bool hook_read(struct reading *reading, const struct yaml_node *node) {
    if (!name_good(node->key))
        return yaml_tree_refuse_key(reading->tree, node, "%s: a hook's name has 1 to %d letters, digits, '-' and '_'", node->key,
                                    HOOK_NAME_BYTES_MAX);
    if (!yaml_tree_want(reading->tree, node, YAML_MAP)) return false;
    if (has(node, "command") == has(node, "file"))
        return yaml_tree_refuse_key(reading->tree, node,
                                    "%s: either a command or a file: write one of \"command: [PROGRAM, ...]\" and \"file: PATH\"",
                                    node->key);
    *reading->hook = (struct hook){.name = node->key,
                                   .line = node->key_line,
                                   .batch = 1000,
                                   .wait_ms = SECOND_MS,
                                   .mode = 0644,
                                   .interval_ms = SECOND_MS,
                                   .limit_ms = 60 * SECOND_MS};
    for (const struct yaml_node *child = node->first; child; child = child->next)
        if (!field_read(reading, child, has(node, "command") ? COMMAND : FILE_ONLY)) return false;
    return hook_whole(reading, node);
}

/* --- the file --- */

/* A subscription has one position. Files have none: they hold everything. */
static bool position_shared(const struct hook *a, const struct hook *b) {
    return !a->file && !b->file && a->subscription && b->subscription && strcmp(a->subscription, b->subscription) == 0;
}

static bool hooks_read(struct hook_file *file, const struct yaml_node *node, const char *dir) {
    struct yaml_tree *tree = &file->tree;
    if (!yaml_tree_want(tree, node, YAML_MAP)) return false;
    for (const struct yaml_node *child = node->first; child; child = child->next) {
        if (file->count == HOOKS_MAX)
            return yaml_tree_refuse_key(tree, child, "%s: more than %d hooks; leave some out", child->key, HOOKS_MAX);
        struct reading reading = {.tree = tree, .hook = &file->hooks[file->count], .dir = dir};
        if (!hook_read(&reading, child)) return false;
        for (size_t i = 0; i < file->count; i++)
            if (file->hooks[i].file && reading.hook->file && strcmp(file->hooks[i].file, reading.hook->file) == 0)
                return yaml_tree_refuse_key(tree, child, "%s: the hook %s writes %s already; take another path", child->key,
                                            file->hooks[i].name, reading.hook->file);
        for (size_t i = 0; i < file->count; i++)
            if (position_shared(&file->hooks[i], reading.hook))
                return yaml_tree_refuse_key(tree, child,
                                            "%s: the hook %s moves the position of the subscription %s already; make another "
                                            "subscription, or leave it out and write its filter here",
                                            child->key, file->hooks[i].name, reading.hook->subscription);
        file->count++;
    }
    return true;
}

static bool root_read(struct hook_file *file, const char *dir) {
    struct yaml_tree *tree = &file->tree;
    const struct yaml_node *root = tree->root, *version = NULL, *hooks = NULL;
    if (!root) return yaml_tree_refuse(tree, NULL, "the file says nothing; write \"version: 1\" and \"hooks:\", or remove it");
    if (!yaml_tree_want(tree, root, YAML_MAP)) return false;
    for (const struct yaml_node *child = root->first; child; child = child->next) {
        if (strcmp(child->key, "version") == 0)
            version = child;
        else if (strcmp(child->key, "hooks") == 0)
            hooks = child;
        else
            return yaml_tree_refuse_key(tree, child, "%s: there is no such line; known are version and hooks", child->key);
    }
    if (!version) return yaml_tree_refuse(tree, root, "version is missing; write \"version: 1\" first");
    if (version->kind != YAML_VALUE || strcmp(version->text, "1") != 0)
        return yaml_tree_refuse(tree, version, "version: this program knows version 1 only");
    return hooks ? hooks_read(file, hooks, dir)
                 : yaml_tree_refuse(tree, root,
                                    "hooks is missing; write \"hooks:\" and below it a name for each, or remove the file");
}

enum policy_exit hook_exit(const struct hook *hook) { return hook->file ? export_exit(hook->format) : POLICY_HOOK; }

enum err hook_file_parse(struct hook_file *out, struct bytes yaml, const char *file_name, const char *dir) {
    out->count = 0;
    enum err err = yaml_tree_parse(&out->tree, yaml, file_name);
    if (err == OK && !root_read(out, dir)) err = ERR_SYNTAX;
    return err;
}

void hook_file_free(struct hook_file *file) {
    yaml_tree_free(&file->tree);
    file->count = 0;
}
