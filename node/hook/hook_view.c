/* hook_view: a file, or a folder of files, that holds what may leave by this hook, as another tool loads it. Written anew when something came or
   went, beside the old one, which is replaced only when the content is another; then the operator's reload is called. */
#include "node/hook/hook_rows.h"

#include "node/process/clock.h"
#include "node/process/outfile.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIGEST_BYTES   32
#define FILES_MAX      4096 /* of a folder */
#define NAME_BYTES_MAX 100
#define AGAIN_MS       3600000        /* also without news: what the policy allows depends on the time */
#define REST           1              /* a file that takes long to make is made less often: this many times as long is rested */
#define MARK           ".comity-hook" /* the folder is this hook's: what else is in it goes */

struct written {
    char name[NAME_BYTES_MAX + 1]; /* of a file in the folder; "": the file itself */
    uint8_t digest[DIGEST_BYTES];
    bool seen; /* in this round */
};

struct view {
    struct hook_work *work;
    const struct hook *hook;
    struct written *files;
    size_t count;
    bool changed;          /* something was placed or removed in this round */
    bool due;              /* something was, and is not loaded yet */
    struct hook_rows rows; /* of a format that can */

    /* of one round: */
    struct outfile file;
    char name[NAME_BYTES_MAX + 1];
    crypto_generichash_state digest; /* of the file under way, without a head that tells the time */
    bool headed;                     /* that head was written */
    struct export *export;
    uint64_t objects;
};

/* --- where the text goes --- */

static struct written *written_find(struct view *view, const char *name) {
    for (size_t i = 0; i < view->count; i++)
        if (strcmp(view->files[i].name, name) == 0) return &view->files[i];
    return NULL;
}

static bool still_there(const struct outfile *file) {
    struct stat facts;
    return stat(file->path, &facts) == 0 && S_ISREG(facts.st_mode);
}

/* Takes its place when its content is new. */
static enum err file_close(struct view *view) {
    uint8_t digest[DIGEST_BYTES];
    if (view->file.fd < 0) return OK;
    crypto_generichash_final(&view->digest, digest, sizeof digest);
    struct written *written = written_find(view, view->name);
    if (written && memcmp(written->digest, digest, sizeof digest) == 0 && still_there(&view->file)) {
        written->seen = true;
        outfile_drop(&view->file);
        return OK;
    }
    if (!written) {
        if (view->count == FILES_MAX) return ERR_FULL;
        struct written *grown = realloc(view->files, (view->count + 1) * sizeof *grown);
        if (!grown) return ERR_MEMORY;
        view->files = grown;
        written = &view->files[view->count++];
        *written = (struct written){0};
        snprintf(written->name, sizeof written->name, "%s", view->name);
    }
    if (fchmod(view->file.fd, view->hook->mode) != 0) return dir_err_of(errno);
    enum err err = outfile_place(&view->file);
    if (err != OK) {
        memset(written->digest, 0, sizeof written->digest);
        return err;
    }
    memcpy(written->digest, digest, sizeof digest);
    written->seen = view->changed = true;
    return OK;
}

static enum err sink_open(void *context, const char *name) {
    struct view *view = context;
    enum err err = file_close(view);
    if (err != OK) return err;
    if (name && strlen(name) > NAME_BYTES_MAX) return ERR_TOO_BIG;
    snprintf(view->name, sizeof view->name, "%s", name ? name : "");
    crypto_generichash_init(&view->digest, NULL, 0, DIGEST_BYTES);
    view->headed = !view->hook->format->dated;
    return name ? outfile_open(&view->file, view->hook->file, name) : outfile_open_path(&view->file, view->hook->file);
}

static enum err sink_write(void *context, struct bytes text) {
    struct view *view = context;
    if (view->headed) crypto_generichash_update(&view->digest, text.data, text.size);
    view->headed = true;
    return outfile_write(&view->file, text);
}

static enum err on_record(void *context, const struct page_record *record) {
    struct view *view = context;
    struct answer_reader *reader = view->work->reader;
    if (page_record_gone(record)) return OK; /* while it was read: this is news as well, and the next round is without it */
    if (answer_of_item(reader, record->cursor, record->author, record->tlp, record->added_us / 1000, record->encoded) != OK)
        return ERR_FORMAT;
    view->objects++;
    return export_add(view->export, &reader->answer);
}

/* --- folders --- */

static void folder_of(const struct view *view, char out[static HOOK_PATH_BYTES_MAX + 1]) {
    char copy[HOOK_PATH_BYTES_MAX + 1];
    snprintf(copy, sizeof copy, "%s", view->hook->file);
    snprintf(out, HOOK_PATH_BYTES_MAX + 1, "%s", view->hook->format->folder ? view->hook->file : dirname(copy));
}

/* What a process left that was ended while it wrote (outfile.c): "NAME.tmp-PID". */
static bool unfinished(const struct view *view, const char *name) {
    char copy[HOOK_PATH_BYTES_MAX + 1];
    const char *end = strstr(name, ".tmp-");
    if (!end || end[5] == 0 || strspn(end + 5, "0123456789") != strlen(end + 5)) return false;
    if (view->hook->format->folder) return true;
    snprintf(copy, sizeof copy, "%s", view->hook->file);
    const char *own = basename(copy);
    return strlen(own) == (size_t)(end - name) && memcmp(own, name, (size_t)(end - name)) == 0;
}

/* Was the folder given to the hook? */
static bool folder_claimed(const struct view *view) {
    char mark[DIR_PATH_MAX];
    return dir_path(mark, view->hook->file, MARK) == OK && access(mark, F_OK) == 0;
}

/* Removes from the folder what does not belong there: of a folder of the hook's own all that it did not write in this round. */
static enum err folder_clear(struct view *view, bool only_unfinished) {
    char folder[HOOK_PATH_BYTES_MAX + 1], path[DIR_PATH_MAX];
    if (view->hook->format->folder && !folder_claimed(view)) return OK;
    folder_of(view, folder);
    DIR *dir = opendir(folder);
    if (!dir) return dir_err_of(errno);
    struct dirent *entry;
    enum err err = OK;
    while (err == OK && (entry = readdir(dir)) != NULL) {
        const struct written *written = written_find(view, entry->d_name);
        bool stale = !only_unfinished && !(written && written->seen) && strcmp(entry->d_name, MARK) != 0;
        if (entry->d_name[0] == '.' && (entry->d_name[1] == 0 || strcmp(entry->d_name, "..") == 0)) continue;
        if (!stale && !unfinished(view, entry->d_name)) continue;
        err = dir_path(path, folder, entry->d_name);
        if (err != OK) break;
        if (unlink(path) == 0)
            view->changed |= stale;
        else if (errno != EISDIR && errno != EPERM)
            err = dir_err_of(errno);
    }
    closedir(dir);
    return err;
}

static bool folder_empty(const char *folder) {
    bool empty = true;
    DIR *dir = opendir(folder);
    struct dirent *entry;
    while (dir && empty && (entry = readdir(dir)) != NULL)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (dir) closedir(dir);
    return dir && empty;
}

/* A folder whose content is removed has to be one that was given to the hook: it was empty when the hook first came. */
static enum err folder_claim(const struct view *view, char why[static HOOK_WHY_BYTES]) {
    if (folder_claimed(view)) return OK;
    if (folder_empty(view->hook->file)) {
        const char text[] = "Comity writes this folder, and removes from it what it did not write.\n";
        return dir_write(view->hook->file, MARK, bytes_of(text, sizeof text - 1), 0644);
    }
    snprintf(why, HOOK_WHY_BYTES, "%.200s: it holds files of others, or is missing; make an empty folder for the hook",
             view->hook->file);
    return ERR_EXISTS;
}

/* --- one round --- */

static enum err export_make(struct view *view) {
    struct export_options options = {.format = view->hook->format,
                                     .sink = {view, sink_open, sink_write},
                                     .now_ms = clock_wall_ms(),
                                     .zone = view->hook->zone,
                                     .kinds_wanted = view->hook->kinds};
    view->export = export_new(&options);
    return view->export ? OK : ERR_MEMORY;
}

static void export_drop(struct view *view) {
    export_free(view->export);
    view->export = NULL;
    outfile_drop(&view->file);
}

/* Is all there that was written? */
static bool files_there(const struct view *view) {
    char path[DIR_PATH_MAX];
    struct stat facts;
    for (size_t i = 0; i < view->count; i++) {
        bool named = view->files[i].name[0] != 0;
        if (named && dir_path(path, view->hook->file, view->files[i].name) != OK) return false;
        if (stat(named ? path : view->hook->file, &facts) != 0 || !S_ISREG(facts.st_mode)) return false;
    }
    return view->count > 0;
}

/* Asks for all, and writes as it comes. */
static enum err objects_write(struct view *view, char why[static HOOK_WHY_BYTES]) {
    enum err err = hook_take_all(view->work, on_record, view, why);
    return err == OK ? export_finish(view->export) : err;
}

static enum err file_problem(const struct view *view, enum err err, char why[static HOOK_WHY_BYTES]) {
    if (err != OK && err != ERR_CLOSED && why[0] == 0)
        snprintf(why, HOOK_WHY_BYTES, "%.200s cannot be written: %s%s", view->hook->file, err_text(err),
                 err == ERR_DENIED ? "; the folder must be the node's user's, and the service opens it by ReadWritePaths=" : "");
    return err;
}

/* Writes it; view->changed tells whether it is another. */
static enum err round_make(struct view *view, bool asked, char why[static HOOK_WHY_BYTES]) {
    bool folder = view->hook->format->folder, keeps = hook_rows_can(view->hook->format);
    why[0] = 0;
    view->changed = false;
    view->objects = 0;
    for (size_t i = 0; i < view->count; i++) view->files[i].seen = false;
    enum err err = folder ? folder_claim(view, why) : OK;
    if (err == OK && keeps) err = hook_rows_refresh(&view->rows, asked, why);
    if (keeps) view->objects = view->rows.table.objects;
    if (err == OK && keeps && !view->rows.table.changed && files_there(view)) return OK;
    if (err == OK) err = export_make(view);
    if (err == OK) err = keeps ? export_table_write(&view->rows.table, view->export) : objects_write(view, why);
    if (err == OK) err = file_close(view);
    export_drop(view);
    if (err == OK && folder) err = folder_clear(view, false);
    for (size_t i = 0; err == OK && i < view->count; i++)
        if (!view->files[i].seen) view->files[i--] = view->files[--view->count];
    if (err == OK) view->rows.table.changed = false;
    return file_problem(view, err, why);
}

/* Writes, and has it loaded when it is another, was not loaded yet, or the operator asked for it. */
static enum err turn(struct view *view, bool asked, char why[static HOOK_WHY_BYTES]) {
    enum err err = round_make(view, asked, why);
    if (err != OK) return err;
    view->due |= view->changed || asked;
    if (view->changed) hook_count(view->work, &view->work->writings, 1);
    if (view->due && view->hook->command.count > 0) err = hook_call(view->work, bytes_of(NULL, 0), why);
    if (err == OK) view->due = false;
    return err;
}

void hook_view_main(struct hook_work *work) {
    struct view view = {.work = work, .hook = work->hook, .file.fd = -1};
    char why[HOOK_WHY_BYTES];
    uint64_t asked, again_ms = 0;
    hook_rows_init(&view.rows, work);
    enum err ignored = folder_clear(&view, true);
    (void)ignored; /* the first round says what is wrong */
    while (hook_await(work, again_ms, &asked)) {
        uint64_t began_ms = clock_monotonic_ms();
        enum err err = turn(&view, asked != work->answered, why);
        if (err == ERR_CLOSED) break;
        uint64_t now_ms = clock_monotonic_ms(), rest_ms = (now_ms - began_ms) * REST, until_ms;
        if (rest_ms < view.hook->interval_ms) rest_ms = view.hook->interval_ms;
        again_ms = hook_rows_can(view.hook->format) ? hook_rows_due_ms(&view.rows) : now_ms + AGAIN_MS;
        if (err == OK) {
            hook_succeeded(work, asked, view.objects);
            until_ms = began_ms + rest_ms;
        } else {
            until_ms = hook_failed(work, asked, why);
        }
        if (!hook_pause(work, until_ms, true)) break;
    }
    hook_rows_free(&view.rows);
    free(view.files);
}
