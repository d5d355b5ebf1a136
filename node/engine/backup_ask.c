/* The engine's part of a backup: a copy of the store beside it, which the client takes away. */
#include "node/process/dir.h"
#include "node/engine/engine_core.h"

#include <stdio.h>

void backup_ask(struct engine *engine, struct client *client, const struct frame *frame) {
    static const uint8_t empty = 0x90;
    char folder[DIR_PATH_MAX], path[DIR_PATH_MAX], why[256] = "";
    enum err err = dir_path(folder, engine->settings.dir, DIR_BACKUP);
    if (err == OK) err = dir_path(path, folder, DIR_STORE);
    if (err == OK) err = store_copy(engine->store, path, why, sizeof why);
    if (err == OK)
        server_answer(client, FRAME_ANSWER_DONE, frame->tag, bytes_of(&empty, 1));
    else
        server_error(client, frame->tag, err, "the store cannot be copied to %s: %s", path, why[0] ? why : err_text(err));
}
