/* proc_child: a role's side of its parent: settings, channels to the other roles, ready, fatal. */
#include "crypto/secret.h"
#include "node/process/clock.h"
#include "node/process/log.h"
#include "node/process/proc.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define START_MS         10000
#define FATAL_TEXT_BYTES 1024

static enum err settings_take(struct proc_child *child, struct bytes body) {
    if (child->settings != NULL) return ERR_FORMAT;
    child->settings = secret_new(body.size > 0 ? body.size : 1);
    if (child->settings == NULL) return ERR_MEMORY;
    if (body.size > 0) memcpy(child->settings, body.data, body.size);
    child->settings_bytes = body.size;
    channel_wipe(&child->parent);
    return OK;
}

static bool peers_complete(const struct proc_child *child) {
    for (int role = ROLE_NET; !role_outer((int)child->role) && role <= ROLE_KEY; role++) {
        if (role != (int)child->role && child->peers[role].fd < 0) return false;
    }
    return true;
}

enum err proc_child_start(struct proc_child *child, enum role role, int parent_fd) {
    char name[16];
    *child = (struct proc_child){.role = role};
    for (int i = 0; i < ROLE_COUNT; i++) child->peers[i].fd = -1;
    channel_init(&child->parent, parent_fd);
    channel_take_fds(&child->parent);
    snprintf(name, sizeof name, "comity-%s", role_name(role));
    prctl(PR_SET_NAME, name);
    if (sodium_init() < 0) return ERR_SELFTEST;

    uint64_t deadline_ms = clock_monotonic_ms() + START_MS;
    while (child->settings == NULL || !peers_complete(child)) {
        uint64_t now_ms = clock_monotonic_ms();
        struct frame frame;
        enum err error = channel_wait(&child->parent, &frame, now_ms < deadline_ms ? (int)(deadline_ms - now_ms) : 0);
        if (error != OK) return error;
        if (frame.type == FRAME_SETTINGS) {
            error = settings_take(child, frame.body);
            if (error != OK) return error;
        } else if (frame.type == FRAME_STOP) {
            return ERR_CLOSED;
        } else if (proc_child_peer(child, &frame) == 0) {
            return ERR_FORMAT;
        }
    }
    return OK;
}

void proc_child_settings_free(struct proc_child *child) {
    secret_free(child->settings);
    child->settings = NULL;
    child->settings_bytes = 0;
}

enum err proc_child_ready(struct proc_child *child) { return channel_send(&child->parent, FRAME_READY, 0, bytes_of(NULL, 0)); }

int proc_child_peer(struct proc_child *child, const struct frame *frame) {
    if (frame->type != FRAME_PEER) return 0;
    int role = frame->body.size == 1 ? frame->body.data[0] : 0;
    if (role < ROLE_NET || role > ROLE_KEY || role == (int)child->role) {
        if (frame->fd >= 0) close(frame->fd);
        return 0;
    }
    if (child->peers[role].fd >= 0) channel_close(&child->peers[role]);
    channel_init(&child->peers[role], frame->fd);
    return role;
}

int proc_child_fatal(struct proc_child *child, int exit_code, const char *format, ...) {
    char body[1 + FATAL_TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(body + 1, sizeof body - 1, format, arguments);
    va_end(arguments);
    if (length < 0) length = 0;
    if ((size_t)length >= sizeof body - 1) length = (int)sizeof body - 2;
    body[0] = (char)exit_code;
    /* The parent prints it, so that it stands in the log once; without a parent we do. */
    enum err error = channel_send(&child->parent, FRAME_FATAL, 0, bytes_of(body, 1 + (size_t)length));
    if (error != OK || channel_backlog(&child->parent) > 0) log_fatal("%s", body + 1);
    return exit_code;
}

void proc_child_end(struct proc_child *child) {
    proc_child_settings_free(child);
    for (int role = 0; role < ROLE_COUNT; role++) {
        if (child->peers[role].fd >= 0) channel_close(&child->peers[role]);
    }
    if (child->parent.fd >= 0) channel_close(&child->parent);
}
