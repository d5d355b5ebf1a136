/* hook: the process that tells the operator's own tools: it calls commands with what came and went, and keeps files as other tools load them.
   It holds neither store nor keys: it is a client of the control socket. Each hook of DIR/hooks.yaml is a thread (hook_command.c, hook_view.c)
   that waits for news; programs are started by the launcher (launcher.h).

   FRAME_SETTINGS of the role: u8 version 1, u8 log level, then each with u32 length: DIR, and the text of the file with the hooks, which
   `comity run` read and found good. */
#ifndef NODE_HOOK_H
#define NODE_HOOK_H

#include "node/hook/hook_file.h"
#include "node/process/dir.h"
#include "node/process/log.h"

#define HOOK_SETTINGS_WHY 1100

struct hook_settings {
    enum log_level log_level;
    char dir[DIR_PATH_MAX];
    struct bytes file; /* borrowed */
};

enum err hook_settings_encode(const struct hook_settings *settings, struct buf *out) MUST_USE;
/* Reads DIR/hooks.yaml and checks it wholly: the settings of a hook process for it, or nothing when there is no file, or it names no hooks. An error
   with a text for the operator. `dir` is a whole path. */
enum err hook_settings_make(const char *dir, enum log_level level, struct buf *out, uint32_t *count,
                            char why[static HOOK_SETTINGS_WHY]) MUST_USE;
/* ERR_VERSION, ERR_FORMAT. The file stays a view into `in`. */
enum err hook_settings_decode(struct bytes in, struct hook_settings *out) MUST_USE;

#endif
