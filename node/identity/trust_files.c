#include "node/identity/trust_files.h"

#include "node/process/dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUFFIX        ".card"
#define FILE_NAME_MAX (TRUST_NAME_BYTES_MAX + sizeof SUFFIX)

static bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool trust_name_valid(const char *name) {
    size_t size = strlen(name);
    if (size < 1 || size > TRUST_NAME_BYTES_MAX || !is_alphanumeric(name[0])) return false;
    for (size_t i = 0; i < size; i++)
        if (!is_alphanumeric(name[i]) && !strchr("._-", name[i])) return false;
    return true;
}

/* --- reading --- */

void card_file_free(struct card_file *file) {
    buf_free(&file->binary);
    *file = (struct card_file){0};
}

enum err card_file_read(struct card_file *out, const char *path) {
    struct buf text = {0};
    *out = (struct card_file){0};
    enum err err = dir_read_given(&text, path, 2 * CARD_BYTES_MAX);
    if (err == OK) err = card_dearmour(&out->binary, bytes_of_buf(&text));
    if (err == OK) err = card_read(&out->card, bytes_of_buf(&out->binary));
    buf_free(&text);
    return err;
}

static void file_name_of(char out[static FILE_NAME_MAX], const char *name) { snprintf(out, FILE_NAME_MAX, "%s" SUFFIX, name); }

enum err trust_file_read(struct card_file *out, const char *dir, const char *name) {
    char folder[DIR_PATH_MAX], path[DIR_PATH_MAX], file_name[FILE_NAME_MAX];
    *out = (struct card_file){0};
    if (!trust_name_valid(name)) return ERR_NOT_FOUND;
    file_name_of(file_name, name);
    enum err err = dir_path(folder, dir, DIR_TRUST);
    if (err == OK) err = dir_path(path, folder, file_name);
    return err == OK ? card_file_read(out, path) : err;
}

/* The names of the pinned cards, sorted. */
struct names {
    char (*list)[TRUST_NAME_BYTES_MAX + 1];
    size_t count;
};

static int names_order(const void *a, const void *b) { return strcmp(a, b); }

/* Temporary files start with a dot and are no names; neither is anything else that does not end in .card. */
static bool name_of_file(char out[static TRUST_NAME_BYTES_MAX + 1], const char *file_name) {
    size_t size = strlen(file_name), suffix = strlen(SUFFIX);
    if (size <= suffix || size - suffix > TRUST_NAME_BYTES_MAX || strcmp(file_name + size - suffix, SUFFIX) != 0) return false;
    memcpy(out, file_name, size - suffix);
    out[size - suffix] = 0;
    return trust_name_valid(out);
}

static enum err names_read(struct names *out, const char *dir) {
    char folder[DIR_PATH_MAX], name[TRUST_NAME_BYTES_MAX + 1];
    enum err err = dir_path(folder, dir, DIR_TRUST);
    *out = (struct names){0};
    if (err != OK) return err;
    DIR *open_folder = opendir(folder);
    if (!open_folder) return errno == ENOENT ? OK : dir_err_of(errno);
    out->list = calloc(TRUST_FILES_MAX, sizeof *out->list);
    if (!out->list) err = ERR_MEMORY;
    for (struct dirent *entry; err == OK && (entry = readdir(open_folder));) {
        if (!name_of_file(name, entry->d_name)) continue;
        if (out->count == TRUST_FILES_MAX)
            err = ERR_LIMIT;
        else
            memcpy(out->list[out->count++], name, sizeof name);
    }
    closedir(open_folder);
    if (out->count > 1) qsort(out->list, out->count, sizeof *out->list, names_order);
    return err;
}

enum err trust_files_each(const char *dir, trust_visit *visit, void *context) {
    struct names names;
    enum err err = names_read(&names, dir);
    bool more = err == OK;
    for (size_t i = 0; more && i < names.count; i++) {
        struct card_file file;
        enum err bad = trust_file_read(&file, dir, names.list[i]);
        /* Removed since the folder was listed. */
        if (bad != ERR_NOT_FOUND) more = visit(context, names.list[i], bad, bad == OK ? &file : NULL);
        card_file_free(&file);
    }
    free(names.list);
    return err;
}

void trust_names(const char *dir, struct buf *out) {
    struct names names;
    enum err err = names_read(&names, dir);
    for (size_t i = 0; err == OK && i < names.count; i++) {
        if (i > 0) buf_put_text(out, ", ");
        buf_put_text(out, names.list[i]);
    }
    if (err != OK || names.count == 0) buf_put_text(out, err == OK ? "none" : err_text(err));
    free(names.list);
}

bool trust_name_known(const char *dir, const char *name) {
    struct names names;
    bool known = false;
    if (names_read(&names, dir) == OK)
        for (size_t i = 0; i < names.count; i++) known = known || strcmp(names.list[i], name) == 0;
    free(names.list);
    return known;
}

/* --- judging --- */

/* Does the card know a newer prekey of any node than the pinned one does? */
static bool prekeys_newer(const struct card *pinned, const struct card *card) {
    for (size_t i = 0; i < card->prekey_count; i++) {
        const struct entry *entry = &card->prekey_entries[i];
        uint64_t known_seq = 0;
        for (size_t j = 0; j < pinned->prekey_count; j++)
            if (memcmp(pinned->prekey_entries[j].node_id, entry->node_id, NODE_ID_BYTES) == 0)
                known_seq = pinned->prekey_entries[j].seq;
        if (entry->seq > known_seq) return true;
    }
    return false;
}

enum err trust_compare(enum trust_change *out, const struct card *pinned, const struct card *card) {
    *out = TRUST_NEW;
    if (!pinned) return OK;
    if (memcmp(pinned->agency.id, card->agency.id, AGENCY_ID_BYTES) != 0) return ERR_EXISTS;
    if (card->chain.size < pinned->chain.size || memcmp(card->chain.data, pinned->chain.data, pinned->chain.size) != 0)
        return ERR_CHAIN;
    *out = card->chain.size > pinned->chain.size || prekeys_newer(pinned, card) ? TRUST_UPDATE : TRUST_SAME;
    return OK;
}

struct search {
    const uint8_t *agency_id;
    const char *except;
    char found[TRUST_NAME_BYTES_MAX + 1];
};

static bool search_visit(void *context, const char *name, enum err error, const struct card_file *file) {
    struct search *search = context;
    if (error != OK || strcmp(name, search->except) == 0) return true;
    if (memcmp(file->card.agency.id, search->agency_id, AGENCY_ID_BYTES) != 0) return true;
    snprintf(search->found, sizeof search->found, "%s", name);
    return false;
}

enum err trust_name_of(const char *dir, const uint8_t agency_id[static AGENCY_ID_BYTES],
                       char name[static TRUST_NAME_BYTES_MAX + 1]) {
    struct search search = {.agency_id = agency_id, .except = ""};
    enum err err = trust_files_each(dir, search_visit, &search);
    memcpy(name, search.found, sizeof search.found);
    return err == OK && !search.found[0] ? ERR_NOT_FOUND : err;
}

static enum err judge_pinned(enum trust_change *out, const char *dir, const char *name, const struct card *card, char *problem) {
    char was[AGENCY_FINGERPRINT_CHARS + 1], is[AGENCY_FINGERPRINT_CHARS + 1];
    struct card_file pinned;
    enum err err = trust_file_read(&pinned, dir, name);
    if (err == ERR_NOT_FOUND) {
        err = trust_compare(out, NULL, card);
    } else if (err != OK) {
        snprintf(problem, TRUST_PROBLEM_MAX, "the card that is pinned as %s cannot be used (%s); `comity trust remove %s` first",
                 name, err_text(err), name);
    } else if ((err = trust_compare(out, &pinned.card, card)) == ERR_EXISTS) {
        agency_fingerprint(was, pinned.card.agency.id);
        agency_fingerprint(is, card->agency.id);
        snprintf(problem, TRUST_PROBLEM_MAX,
                 "CHANGED FINGERPRINT: %s is pinned with %s, and this card has %s.\nIt is another agency, or somebody pretends to "
                 "be yours. "
                 "Ask your partner by another way;\nonly if they made a new agency: `comity trust remove %s`, then add it again",
                 name, was, is, name);
    } else if (err == ERR_CHAIN) {
        snprintf(problem, TRUST_PROBLEM_MAX,
                 "this card is older than the one pinned as %s, or contradicts it; ask your partner for a fresh one", name);
    }
    card_file_free(&pinned);
    return err;
}

enum err trust_judge(enum trust_change *out, const char *dir, const char *name, const struct card *card,
                     const uint8_t own_id[static AGENCY_ID_BYTES], char problem[static TRUST_PROBLEM_MAX]) {
    struct search search = {.agency_id = card->agency.id, .except = name};
    problem[0] = 0;
    if (!trust_name_valid(name)) {
        snprintf(problem, TRUST_PROBLEM_MAX,
                 "a name has 1 to 64 letters, digits, '.', '_' or '-', and starts with a letter or digit");
        return ERR_RANGE;
    }
    if (memcmp(card->agency.id, own_id, AGENCY_ID_BYTES) == 0) {
        snprintf(problem, TRUST_PROBLEM_MAX, "this is the card of this node's own agency, which needs no pinning");
        return ERR_DENIED;
    }
    enum err err = judge_pinned(out, dir, name, card, problem);
    if (err != OK) return err;
    err = trust_files_each(dir, search_visit, &search);
    if (err == OK && search.found[0]) {
        snprintf(problem, TRUST_PROBLEM_MAX,
                 "this agency is pinned already, as %s; use that name, or `comity trust remove %s` first", search.found,
                 search.found);
        return ERR_EXISTS;
    }
    if (err != OK) snprintf(problem, TRUST_PROBLEM_MAX, "%s/" DIR_TRUST ": %s", dir, err_text(err));
    return err;
}

/* --- writing --- */

enum err trust_file_write(const char *dir, const char *name, const struct card_file *file) {
    char folder[DIR_PATH_MAX], file_name[FILE_NAME_MAX];
    struct buf text = {0};
    if (!trust_name_valid(name)) return ERR_RANGE;
    file_name_of(file_name, name);
    enum err err = dir_path(folder, dir, DIR_TRUST);
    if (err == OK) err = dir_make(folder);
    if (err == OK) err = card_armour(&text, bytes_of_buf(&file->binary));
    if (err == OK) err = dir_write(folder, file_name, bytes_of_buf(&text), 0600);
    buf_free(&text);
    return err;
}

enum err trust_file_remove(const char *dir, const char *name) {
    char folder[DIR_PATH_MAX], file_name[FILE_NAME_MAX];
    if (!trust_name_valid(name)) return ERR_NOT_FOUND;
    file_name_of(file_name, name);
    enum err err = dir_path(folder, dir, DIR_TRUST);
    return err == OK ? dir_remove(folder, file_name) : err;
}
