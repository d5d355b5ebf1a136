#include "node/hook/hook.h"

#include "node/process/settings.h"

#include <stdio.h>

#define VERSION 1

enum err hook_settings_encode(const struct hook_settings *settings, struct buf *out) {
    settings_begin(out, VERSION, settings->log_level);
    settings_put(out, bytes_of_text(settings->dir));
    settings_put(out, settings->file);
    return buf_result(out);
}

enum err hook_settings_make(const char *dir, enum log_level level, struct buf *out, uint32_t *count,
                            char why[static HOOK_SETTINGS_WHY]) {
    struct hook_settings settings = {.log_level = level};
    struct hook_file hooks = {0};
    struct buf text = {0};
    char path[DIR_PATH_MAX];
    *count = 0;
    why[0] = 0;
    enum err err = dir_path(path, dir, DIR_HOOKS);
    if (err == OK) err = dir_read_path(&text, path, HOOKS_FILE_BYTES_MAX);
    bool found = err != ERR_NOT_FOUND;
    if (!found) err = OK;
    if (err == OK && found) err = hook_file_parse(&hooks, bytes_of_buf(&text), path, dir);
    if (err == OK && hooks.count > 0) {
        snprintf(settings.dir, sizeof settings.dir, "%s", dir);
        settings.file = bytes_of_buf(&text);
        *count = (uint32_t)hooks.count;
        err = hook_settings_encode(&settings, out);
    }
    if (err == ERR_SYNTAX)
        snprintf(why, HOOK_SETTINGS_WHY, "%s", hooks.tree.message);
    else if (err != OK)
        snprintf(why, HOOK_SETTINGS_WHY, "%.900s/%s: %s", dir, DIR_HOOKS, err_text(err));
    hook_file_free(&hooks);
    buf_free(&text);
    return err;
}

enum err hook_settings_decode(struct bytes in, struct hook_settings *out) {
    struct cursor cursor = cursor_of(in);
    *out = (struct hook_settings){0};
    if (!settings_begun(&cursor, VERSION, &out->log_level)) return ERR_VERSION;
    if (!settings_take_text(&cursor, out->dir, sizeof out->dir) || !out->dir[0]) return ERR_FORMAT;
    out->file = settings_take(&cursor);
    return cursor_done(&cursor) && out->file.size > 0 ? OK : ERR_FORMAT;
}
