/* comity backup: a whole copy of this node, while it runs or stands still. */
#include "node/engine/backup.h"
#include "node/cmd/client.h"
#include "node/cmd/cmd.h"
#include "node/process/folder.h"
#include "node/formats/json_out.h"
#include "node/cmd/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_MS 600000

struct backing {
    const struct invocation *invocation;
    const char *path;
    char part[DIR_PATH_MAX];   /* PATH.part, until all of it is there */
    char folder[DIR_PATH_MAX]; /* DIR/backup, where the engine puts its copy */
    char store[DIR_PATH_MAX];  /* what is copied: the engine's, or that of a node that stands still */
    char target[DIR_PATH_MAX];
    int folder_fd, lock;
    bool running;
};

static enum outcome failed(const struct backing *backing, const char *what, enum err err) {
    return command_fail(backing->invocation, command_outcome(err), "%s: %s; there is no backup in %s", what, err_text(err),
                        backing->path);
}

static enum outcome paths_make(struct backing *backing) {
    struct stat facts;
    const char *dir = backing->invocation->dir;
    int size = snprintf(backing->part, sizeof backing->part, "%s.part", backing->path);
    enum err err = size > 0 && (size_t)size < sizeof backing->part ? OK : ERR_TOO_BIG;
    if (err == OK) err = dir_path(backing->folder, dir, DIR_BACKUP);
    if (err == OK) err = dir_path(backing->target, backing->part, DIR_STORE);
    if (err != OK) return failed(backing, backing->path, err);
    if (lstat(backing->path, &facts) == 0)
        return command_fail(backing->invocation, OUTCOME_REFUSED, "%s exists already: name a path that does not", backing->path);
    return OUTCOME_SUCCESS;
}

/* One backup at a time; what one that was cut short left behind goes. */
static enum outcome folder_take(struct backing *backing) {
    if (mkdir(backing->folder, 0700) != 0 && errno != EEXIST) return failed(backing, backing->folder, dir_err_of(errno));
    backing->folder_fd = open(backing->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (backing->folder_fd < 0) return failed(backing, backing->folder, dir_err_of(errno));
    if (flock(backing->folder_fd, LOCK_EX | LOCK_NB) != 0)
        return command_fail(backing->invocation, OUTCOME_REFUSED, "another backup of %s is being made: try again after it",
                            backing->invocation->dir);
    enum err err = dir_path(backing->store, backing->folder, DIR_STORE);
    if (err == OK) err = folder_remove(backing->store);
    return err == OK ? OUTCOME_SUCCESS : failed(backing, backing->store, err);
}

/* A running node copies its store; one that stands still keeps still. */
static enum outcome store_hold(struct backing *backing) {
    struct client client = {.invocation = backing->invocation};
    struct frame frame;
    static const uint8_t nothing = 0x90;
    enum err err = control_connect(&client.channel, backing->invocation->dir);
    if (err == ERR_CLOSED) {
        err = dir_path(backing->store, backing->invocation->dir, DIR_STORE);
        return err == OK ? setup_lock(backing->invocation, &backing->lock) : failed(backing, DIR_STORE, err);
    }
    backing->running = true;
    if (err != OK) return failed(backing, "connecting to the running node", err);
    err = client_ask(&client, FRAME_ASK_BACKUP, bytes_of(&nothing, 1));
    if (err == OK) err = client_answer(&client, &frame, COPY_MS);
    enum outcome outcome = err != OK                          ? client_lost(&client, err)
                           : frame.type == FRAME_ANSWER_ERROR ? client_refused(&client, frame.body)
                                                              : OUTCOME_SUCCESS;
    client_close(&client);
    return outcome;
}

/* The store before the keys: a prekey's private half is on disk before anybody hears of the public one. */
static enum outcome all_copy(struct backing *backing) {
    char from[DIR_PATH_MAX], to[DIR_PATH_MAX];
    const char *name = DIR_STORE, *dir = backing->invocation->dir;
    enum err err = folder_remove(backing->part); /* of one that was cut short */
    if (err == OK && mkdir(backing->part, 0700) != 0) err = dir_err_of(errno);
    if (err != OK) return failed(backing, backing->part, err);
    err = folder_copy(backing->store, backing->target);
    if (err == ERR_NOT_FOUND && !backing->running) err = OK; /* it has never run */
    if (err == OK) name = DIR_TRUST, err = dir_path(from, dir, DIR_TRUST);
    if (err == OK) err = dir_path(to, backing->part, DIR_TRUST);
    if (err == OK) err = folder_copy(from, to);
    if (err == OK) err = backup_files_copy(dir, backing->part, false, &name);
    if (err == OK) err = dir_create(backing->part, BACKUP_MARK, bytes_of_text(BACKUP_TEXT), 0600);
    if (err == OK && rename(backing->part, backing->path) != 0) err = dir_err_of(errno);
    if (err == OK) return OUTCOME_SUCCESS;
    if (folder_remove(backing->part) != OK) name = backing->part;
    return failed(backing, name, err);
}

static void release(struct backing *backing) {
    if (backing->folder_fd >= 0) {
        char copy[DIR_PATH_MAX];
        /* What cannot be removed now goes with the next backup. */
        if (dir_path(copy, backing->folder, DIR_STORE) == OK && folder_remove(copy) == OK) rmdir(backing->folder);
        close(backing->folder_fd);
    }
    if (backing->lock >= 0) close(backing->lock);
}

static void told(const struct backing *backing) {
    struct buf out = {0};
    if (backing->invocation->json) {
        struct json_out json = json_out_of(&out);
        json_out_object(&json);
        json_out_key(&json, "path");
        json_out_text(&json, backing->path);
        json_out_key(&json, "running");
        json_out_bool(&json, backing->running);
        json_out_object_end(&json);
        json_out_line(&json);
    } else {
        buf_put_format(&out, "The backup stands in %s. It holds keys: keep it as you keep the node's directory.\n", backing->path);
    }
    command_print_buf(&out);
    buf_free(&out);
}

static enum outcome run(const struct invocation *invocation) {
    struct backing backing = {.invocation = invocation, .path = invocation->arguments[0], .folder_fd = -1, .lock = -1};
    struct config config;
    enum outcome outcome = setup_config(invocation, &config);
    if (outcome == OUTCOME_SUCCESS) outcome = paths_make(&backing);
    if (outcome == OUTCOME_SUCCESS) outcome = folder_take(&backing);
    if (outcome == OUTCOME_SUCCESS) outcome = store_hold(&backing);
    if (outcome == OUTCOME_SUCCESS) outcome = all_copy(&backing);
    release(&backing);
    if (outcome == OUTCOME_SUCCESS) told(&backing);
    return outcome;
}

const struct command cmd_backup = {
    .name = "backup",
    .synopsis = "PATH",
    .summary = "copy this node, running or not, to the folder PATH, which must not exist",
    .details = "PATH holds the node's keys (sealed as they are), its store, pins, policy, tokens and configuration, and is whole "
               "when it is\n"
               "there. `comity restore` makes a node of it.",
    .arguments_min = 1,
    .arguments_max = 1,
    .prints_json = true,
    .run = run,
};
