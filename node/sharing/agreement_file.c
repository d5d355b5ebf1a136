#include "node/sharing/agreement_file.h"

#include "node/formats/moment.h"
#include "node/formats/yaml_tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_MS   (3600ull * 1000)
#define HOURS_MAX (100ull * 366 * 24)

struct work {
    struct agreement agreement;
    const char *names[LIMIT_AGREEMENT_PARTIES]; /* as the file calls the parties, in the order of agreement.parties */
    struct yaml_tree tree;
    agreement_file_name *resolve;
    void *context;
};

static enum err fail(struct work *work, const struct yaml_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static enum err fail(struct work *work, const struct yaml_node *node, const char *format, ...) {
    char what[AGREEMENT_FILE_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    yaml_tree_refuse(&work->tree, node, "%s", what);
    return ERR_SYNTAX;
}

/* --- single values --- */

static enum err text_of(struct work *work, const struct yaml_node *node, size_t bytes_max, struct bytes *out) {
    if (node->kind != YAML_VALUE) return fail(work, node, "%s: one value belongs here", node->key ? node->key : "list");
    *out = bytes_of_text(node->text);
    if (out->size == 0 || out->size > bytes_max)
        return fail(work, node, "%s: it is empty, or longer than %zu bytes", node->key ? node->key : "list", bytes_max);
    for (size_t i = 0; i < out->size; i++)
        if (out->data[i] < ' ' || out->data[i] == 0x7f)
            return fail(work, node, "'%s' holds a control character; leave it out", node->text);
    return OK;
}

static enum err time_of(struct work *work, const struct yaml_node *node, uint64_t *out) {
    struct bytes text;
    enum err err = text_of(work, node, MOMENT_TEXT_BYTES, &text);
    if (err != OK) return err;
    return moment_parse(out, text) ? OK : fail(work, node, "'%s' is no time; write it in UTC: 2026-01-31T12:00:00Z", node->text);
}

static enum err duration_of(struct work *work, const struct yaml_node *node, uint64_t *out) {
    struct bytes text;
    char *end;
    enum err err = text_of(work, node, 64, &text);
    if (err != OK) return err;
    unsigned long long number = node->text[0] >= '1' && node->text[0] <= '9' ? strtoull(node->text, &end, 10) : 0;
    uint64_t unit = number == 0                                               ? 0
                    : strcmp(end, " days") == 0 || strcmp(end, " day") == 0   ? 24
                    : strcmp(end, " hours") == 0 || strcmp(end, " hour") == 0 ? 1
                                                                              : 0;
    if (unit == 0 || number > HOURS_MAX / unit)
        return fail(work, node, "'%s' is no duration; write \"90 days\" or \"12 hours\"", node->text);
    *out = number * unit * HOUR_MS;
    return OK;
}

static enum err label_of(struct work *work, const struct yaml_node *node, enum tlp *out) {
    struct bytes text;
    enum err err = text_of(work, node, 64, &text);
    if (err != OK) return err;
    return tlp_parse(out, text) && *out != TLP_NONE
               ? OK
               : fail(work, node, "'%s' is no label; valid are TLP:CLEAR, GREEN, AMBER, AMBER+STRICT and RED", node->text);
}

static enum err reshare_of(struct work *work, const struct yaml_node *node, enum agreement_reshare *out) {
    struct bytes text;
    enum err err = text_of(work, node, 64, &text);
    for (int value = AGREEMENT_RESHARE_NO; err == OK && value <= AGREEMENT_RESHARE_YES; value++) {
        *out = (enum agreement_reshare)value;
        if (bytes_equal_text(text, agreement_reshare_name(*out))) return OK;
    }
    return err == OK ? fail(work, node, "'%s': it is no, with-permission or yes", node->text) : err;
}

/* --- lists --- */

static int word_compare(const void *a, const void *b) { return bytes_compare(*(const struct bytes *)a, *(const struct bytes *)b); }

static enum err words_of(struct work *work, const struct yaml_node *node, struct bytes *words, size_t *count) {
    if (node->kind != YAML_LIST) return fail(work, node, "%s: a list belongs here, such as [indicator, malware]", node->key);
    for (const struct yaml_node *each = node->first; each; each = each->next) {
        if (*count == LIMIT_AGREEMENT_WORDS) return fail(work, each, "%s: at most %d of them", node->key, LIMIT_AGREEMENT_WORDS);
        enum err err = text_of(work, each, ITEM_TYPE_BYTES_MAX, &words[(*count)++]);
        if (err != OK) return err;
    }
    qsort(words, *count, sizeof *words, word_compare);
    for (size_t i = 1; i < *count; i++)
        if (bytes_equal(words[i - 1], words[i]))
            return fail(work, node, "%s: '%s' stands twice", node->key, (const char *)words[i].data);
    return *count > 0 ? OK : fail(work, node, "%s: an empty list covers nothing; leave the line out to cover all", node->key);
}

static enum err keys_check(struct work *work, const struct yaml_node *map, const char *const *known, const char *what) {
    char list[256] = "";
    if (map->kind != YAML_MAP) return fail(work, map, "%s: \"key: value\" lines belong here", what);
    for (const struct yaml_node *child = map->first; child; child = child->next) {
        size_t i = 0;
        while (known[i] && strcmp(known[i], child->key) != 0) i++;
        if (known[i]) continue;
        for (i = 0; known[i]; i++) snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "", known[i]);
        return fail(work, child, "%s: there is no such line in %s; known are %s", child->key, what, list);
    }
    return OK;
}

static enum err needed(struct work *work, const struct yaml_node *map, const char *key, const struct yaml_node **out) {
    *out = yaml_tree_find(map, key);
    return *out ? OK : fail(work, map, "%s: is missing here", key);
}

/* --- parties, clauses, levels --- */

static enum err parties_of(struct work *work, const struct yaml_node *node) {
    struct agreement *agreement = &work->agreement;
    if (node->kind != YAML_LIST) return fail(work, node, "parties: a list belongs here, such as [self, cert.b]");
    for (const struct yaml_node *each = node->first; each; each = each->next) {
        struct bytes name;
        uint8_t id[AGENCY_ID_BYTES];
        enum err err = text_of(work, each, 64, &name);
        if (err != OK) return err;
        if (agreement->party_count == LIMIT_AGREEMENT_PARTIES)
            return fail(work, each, "parties: at most %d", LIMIT_AGREEMENT_PARTIES);
        if (!work->resolve(work->context, each->text, id))
            return fail(work, each, "no agency is pinned as '%s'; write a pinned name, an id of 64 digits, or self", each->text);
        size_t at = 0;
        while (at < agreement->party_count && memcmp(agreement->parties[at], id, AGENCY_ID_BYTES) < 0) at++;
        if (at < agreement->party_count && memcmp(agreement->parties[at], id, AGENCY_ID_BYTES) == 0)
            return fail(work, each, "'%s' is a party already, as %s", each->text, work->names[at]);
        size_t behind = agreement->party_count++ - at;
        memmove(agreement->parties[at + 1], agreement->parties[at], behind * AGENCY_ID_BYTES);
        memmove(&work->names[at + 1], &work->names[at], behind * sizeof *work->names);
        memcpy(agreement->parties[at], id, AGENCY_ID_BYTES);
        work->names[at] = each->text;
    }
    return agreement->party_count >= 2 ? OK : fail(work, node, "parties: it takes two or more");
}

static enum err party_of(struct work *work, const struct yaml_node *node, uint8_t *out) {
    struct bytes name;
    enum err err = text_of(work, node, 64, &name);
    if (err != OK) return err;
    *out = AGREEMENT_ANY;
    if (bytes_equal_text(name, "any")) return OK;
    for (*out = 0; *out < work->agreement.party_count; ++*out)
        if (bytes_equal_text(name, work->names[*out])) return OK;
    return fail(work, node, "'%s' is none of the parties; write one as it stands there, or any", node->text);
}

static enum err clause_of(struct work *work, const struct yaml_node *node, struct agreement_clause *clause) {
    static const char *const known[] = {"from", "to", "label_max", "kinds", "purposes", "retention", "reshare", NULL};
    const struct yaml_node *from, *to, *label, *each;
    enum err err = keys_check(work, node, known, "a clause");
    if (err == OK) err = needed(work, node, "from", &from);
    if (err == OK) err = needed(work, node, "to", &to);
    if (err == OK) err = needed(work, node, "label_max", &label);
    if (err == OK) err = party_of(work, from, &clause->from);
    if (err == OK) err = party_of(work, to, &clause->to);
    if (err == OK) err = label_of(work, label, &clause->label_max);
    if (err == OK && clause->from == clause->to && clause->from != AGREEMENT_ANY) err = fail(work, to, "from and to are one party");
    if (err == OK && (each = yaml_tree_find(node, "kinds"))) err = words_of(work, each, clause->kinds, &clause->kind_count);
    if (err == OK && (each = yaml_tree_find(node, "purposes")))
        err = words_of(work, each, clause->purposes, &clause->purpose_count);
    if (err == OK && (each = yaml_tree_find(node, "retention"))) err = duration_of(work, each, &clause->retention_ms);
    if (err == OK && (each = yaml_tree_find(node, "reshare"))) err = reshare_of(work, each, &clause->reshare);
    return err;
}

static enum err level_of(struct work *work, const struct yaml_node *node, struct agreement_level *level) {
    static const char *const known[] = {"authority", "level", "counts_as_authority", "counts_as_level", NULL};
    struct bytes *const words[] = {&level->authority, &level->level, &level->other_authority, &level->other_level};
    enum err err = keys_check(work, node, known, "an equivalence");
    for (size_t i = 0; err == OK && known[i]; i++) {
        const struct yaml_node *each;
        err = needed(work, node, known[i], &each);
        if (err == OK) err = text_of(work, each, AGREEMENT_LEVEL_BYTES, words[i]);
    }
    return err;
}

static enum err rows_of(struct work *work, const struct yaml_node *root) {
    struct agreement *agreement = &work->agreement;
    const struct yaml_node *clauses = yaml_tree_find(root, "clauses"), *levels = yaml_tree_find(root, "equivalences");
    enum err err = OK;
    if (!clauses && !levels) return fail(work, root, "clauses: is missing here; without a clause nothing may pass");
    if (clauses && clauses->kind != YAML_LIST)
        return fail(work, clauses, "clauses: a list belongs here, each clause behind a \"-\"");
    if (levels && levels->kind != YAML_LIST) return fail(work, levels, "equivalences: a list belongs here, each behind a \"-\"");
    for (const struct yaml_node *each = clauses ? clauses->first : NULL; err == OK && each; each = each->next)
        err = agreement->clause_count == LIMIT_AGREEMENT_CLAUSES
                  ? fail(work, each, "clauses: at most %d", LIMIT_AGREEMENT_CLAUSES)
                  : clause_of(work, each, &agreement->clauses[agreement->clause_count++]);
    for (const struct yaml_node *each = levels ? levels->first : NULL; err == OK && each; each = each->next)
        err = agreement->level_count == LIMIT_AGREEMENT_LEVELS
                  ? fail(work, each, "equivalences: at most %d", LIMIT_AGREEMENT_LEVELS)
                  : level_of(work, each, &agreement->levels[agreement->level_count++]);
    return err;
}

static enum err root_of(struct work *work, const struct yaml_node *root) {
    static const char *const known[] = {"agreement", "parties", "from", "until", "clauses", "equivalences", NULL};
    const struct yaml_node *title, *parties, *from, *until;
    struct agreement *agreement = &work->agreement;
    if (!root) return fail(work, NULL, "the file says nothing; deploy/policies/AGREEMENTS.md shows what it may say");
    enum err err = keys_check(work, root, known, "an agreement");
    if (err == OK) err = needed(work, root, "agreement", &title);
    if (err == OK) err = needed(work, root, "parties", &parties);
    if (err == OK) err = text_of(work, title, LIMIT_GROUP_TEXT_BYTES, &agreement->title);
    if (err == OK) err = parties_of(work, parties);
    agreement->from_ms = agreement->made_ms;
    if (err != OK) return err;
    from = yaml_tree_find(root, "from"), until = yaml_tree_find(root, "until");
    if (err == OK && from) err = time_of(work, from, &agreement->from_ms);
    if (err == OK && until) err = time_of(work, until, &agreement->until_ms);
    if (err == OK && until && agreement->until_ms <= agreement->from_ms)
        err = fail(work, until, "until: it ends before it begins (without \"from\" it begins now)");
    return err == OK ? rows_of(work, root) : err;
}

enum err agreement_file_read(struct buf *out, struct bytes yaml, const char *file_name,
                             const uint8_t salt[static AGREEMENT_SALT_BYTES], uint64_t now_ms, agreement_file_name *resolve,
                             void *context, char message[static AGREEMENT_FILE_TEXT_MAX]) {
    struct work *work = calloc(1, sizeof *work);
    if (!work) return ERR_MEMORY;
    work->resolve = resolve, work->context = context;
    memcpy(work->agreement.salt, salt, AGREEMENT_SALT_BYTES);
    work->agreement.made_ms = now_ms;
    enum err err = yaml_tree_parse(&work->tree, yaml, file_name);
    if (err == OK) err = root_of(work, work->tree.root);
    if (err == OK) {
        err = agreement_encode(out, &work->agreement);
        if (err != OK && err != ERR_MEMORY) {
            fail(work, work->tree.root, "this agreement is not taken: %s", err_text(err));
            err = ERR_SYNTAX;
        }
    }
    snprintf(message, AGREEMENT_FILE_TEXT_MAX, "%s", err == OK || work->tree.message[0] ? work->tree.message : err_text(err));
    yaml_tree_free(&work->tree);
    free(work);
    return err;
}
