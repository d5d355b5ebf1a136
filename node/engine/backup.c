#include "node/engine/backup.h"

#include "node/process/folder.h"
#include "node/policy/policy_file.h"

#include <string.h>

const struct backup_file backup_files[BACKUP_FILE_COUNT] = {
    {DIR_CONFIG, true, false},   {DIR_CARD, true, false},    {DIR_NODE_KEY, true, false}, {DIR_OPS_KEY, false, true},
    {DIR_ROOT_KEY, false, true}, {DIR_POLICY, false, true},  {DIR_TOKENS, false, true},   {DIR_WEB_CERT, false, true},
    {DIR_WEB_KEY, false, true},  {DIR_CLIENTS, false, true}, {DIR_LIVE_KEY, false, true}, {DIR_HOOKS, false, true},
};

enum err backup_files_copy(const char *from, const char *to, bool restoring, const char **name) {
    char source[DIR_PATH_MAX], target[DIR_PATH_MAX];
    for (size_t i = 0; i < BACKUP_FILE_COUNT; i++) {
        *name = backup_files[i].name;
        if (restoring && !backup_files[i].restored) continue;
        enum err err = dir_path(source, from, *name);
        if (err == OK) err = dir_path(target, to, *name);
        if (err == OK) err = folder_file_copy(source, target, 0600);
        if (err == ERR_NOT_FOUND && !backup_files[i].needed) continue;
        if (err != OK) return err;
    }
    return OK;
}

enum err backup_check(const char *path) {
    struct buf text = {0};
    enum err err = dir_read(&text, path, BACKUP_MARK, 1024);
    if (err == OK && !bytes_equal_text(bytes_of_buf(&text), BACKUP_TEXT)) err = ERR_VERSION;
    buf_free(&text);
    return err;
}
