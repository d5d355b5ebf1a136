#include "node/hook/hook_state.h"

#include "gossip/pack.h"
#include "node/engine/control.h"
#include "node/hook/launcher.h"
#include "node/process/clock.h"
#include "node/process/sandbox.h"

#include <errno.h>
#include <libgen.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPORT_MS 200   /* between two reports, at least */
#define LOOK_MS   5000  /* is a folder there that was not? */
#define LEAVE_MS  10000 /* for programs to end */
#define TAG_WATCH 1
#define TAG_HOOKS 2
#define TAG_TELL  3

void hooks_break(struct hooks *hooks, const char *why) {
    uint64_t one = 1;
    if (!atomic_exchange(&hooks->broken, true)) log_warn("the engine cannot be asked any more: %s", why);
    ssize_t ignored = write(hooks->wake_fd, &one, sizeof one);
    (void)ignored;
}

/* --- what the engine tells --- */

static void news_tell(struct hooks *hooks) {
    pthread_mutex_lock(&hooks->lock);
    for (size_t i = 0; i < hooks->file.count; i++) hooks->work[i].news = true;
    pthread_cond_broadcast(&hooks->changed);
    pthread_mutex_unlock(&hooks->lock);
}

/* `comity hook run NAME`. */
static bool question_take(struct hooks *hooks, struct bytes body) {
    struct pack_reader in = pack_reader_of(body);
    uint32_t fields = pack_read_array(&in);
    uint64_t number = pack_read_uint(&in);
    struct bytes name = pack_read_str(&in);
    if (fields != 2 || pack_done(&in) != OK) return false;
    pthread_mutex_lock(&hooks->lock);
    for (size_t i = 0; i < hooks->file.count; i++)
        if (bytes_equal_text(name, hooks->file.hooks[i].name)) hooks->work[i].asked = number;
    pthread_cond_broadcast(&hooks->changed);
    pthread_mutex_unlock(&hooks->lock);
    return true;
}

static bool frame_take(struct hooks *hooks, const struct frame *frame) {
    switch (frame->type) {
    case FRAME_ANSWER_WATCH: news_tell(hooks); return true;
    case FRAME_ANSWER_HOOK: return question_take(hooks, frame->body);
    case FRAME_ANSWER_DONE: return frame->tag == TAG_TELL;
    default: return false;
    }
}

static bool watch_read(struct hooks *hooks) {
    struct frame frame;
    enum err err = channel_fill(&hooks->watch), next;
    while ((next = channel_next(&hooks->watch, &frame)) == OK)
        if (!frame_take(hooks, &frame)) return false;
    return err == OK && next == ERR_NOT_FOUND;
}

static bool body_send(struct hooks *hooks, enum frame_type type, uint64_t tag, struct buf *body) {
    enum err err = buf_result(body);
    if (err == OK) err = channel_send(&hooks->watch, type, tag, bytes_of_buf(body));
    buf_free(body);
    return err == OK;
}

static bool watch_ask(struct hooks *hooks) {
    struct buf body = {0};
    pack_write_array(&body, 1);
    pack_write_uint(&body, 0); /* no file */
    return body_send(hooks, FRAME_ASK_WATCH, TAG_WATCH, &body);
}

static bool attach_ask(struct hooks *hooks) {
    struct buf body = {0};
    pack_write_array(&body, 1);
    pack_write_str(&body, bytes_of_text("attach"));
    return body_send(hooks, FRAME_ASK_HOOK, TAG_HOOKS, &body);
}

static bool report_send(struct hooks *hooks) {
    struct buf body = {0}, document = {0};
    uint64_t failing = hook_report(hooks, &document);
    pack_write_array(&body, 4);
    pack_write_str(&body, bytes_of_text("tell"));
    pack_write_bin(&body, bytes_of_buf(&document));
    pack_write_uint(&body, hooks->file.count);
    pack_write_uint(&body, failing);
    if (document.failed) body.failed = true;
    buf_free(&document);
    return body_send(hooks, FRAME_ASK_HOOK, TAG_TELL, &body);
}

/* --- start --- */

/* The folder that a hook writes into. */
static void folder_of(const struct hook *hook, char out[static HOOK_PATH_BYTES_MAX + 1]) {
    char copy[HOOK_PATH_BYTES_MAX + 1];
    snprintf(copy, sizeof copy, "%s", hook->file);
    snprintf(out, HOOK_PATH_BYTES_MAX + 1, "%s", hook->format->folder ? hook->file : dirname(copy));
}

/* Zeros where there is none. */
static struct hook_folder folder_now(const struct hook *hook) {
    char folder[HOOK_PATH_BYTES_MAX + 1];
    struct stat facts;
    if (!hook->file) return (struct hook_folder){0};
    folder_of(hook, folder);
    if (stat(folder, &facts) != 0 || !S_ISDIR(facts.st_mode)) return (struct hook_folder){0};
    return (struct hook_folder){.device = facts.st_dev, .number = facts.st_ino};
}

/* The sandbox reaches the folders that were there when it closed. Is there one that was not? Then the process ends, and is started
   again. Landlock keeps the old ones' numbers from being given away. */
static bool folder_is_new(const struct hooks *hooks) {
    for (size_t i = 0; i < hooks->file.count; i++) {
        struct hook_folder now = folder_now(&hooks->file.hooks[i]), then = hooks->folders[i];
        if (now.number != 0 && (now.number != then.number || now.device != then.device)) return true;
    }
    return false;
}

static enum err sandbox_close(struct hooks *hooks, char why[static 256]) {
    static char texts[HOOKS_MAX][HOOK_PATH_BYTES_MAX + 1];
    const char *folders[HOOKS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < hooks->file.count; i++) {
        hooks->folders[i] = folder_now(&hooks->file.hooks[i]);
        if (!hooks->file.hooks[i].file) continue;
        folder_of(&hooks->file.hooks[i], texts[count]);
        folders[count] = texts[count];
        count++;
    }
    return sandbox_enter_folders(ROLE_HOOK, folders, count, why);
}

static bool settings_take(struct hooks *hooks) {
    struct hook_settings settings;
    if (hook_settings_decode(bytes_of(hooks->child.settings, hooks->child.settings_bytes), &settings) != OK) return false;
    log_open("hook", settings.log_level);
    snprintf(hooks->dir, sizeof hooks->dir, "%s", settings.dir);
    bool good = hook_file_parse(&hooks->file, settings.file, DIR_HOOKS, hooks->dir) == OK;
    proc_child_settings_free(&hooks->child);
    return good;
}

static bool locks_make(struct hooks *hooks) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    bool good = pthread_mutex_init(&hooks->lock, NULL) == 0 && pthread_cond_init(&hooks->changed, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    hooks->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    hooks->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return good && hooks->wake_fd >= 0 && hooks->stop_fd >= 0;
}

static void *work_main(void *context) {
    struct hook_work *work = context;
    struct hooks *hooks = work->hooks;
    work->hook->file ? hook_view_main(work) : hook_command_main(work);
    uint64_t one = 1;
    pthread_mutex_lock(&hooks->lock);
    hooks->ended++;
    pthread_mutex_unlock(&hooks->lock);
    ssize_t ignored = write(hooks->wake_fd, &one, sizeof one);
    (void)ignored;
    return NULL;
}

static void place_name(struct hook_work *work) {
    const struct hook *hook = work->hook;
    if (!hook->file && hook->subscription)
        snprintf(work->place, sizeof work->place, "%s", hook->subscription);
    else if (!hook->file)
        snprintf(work->place, sizeof work->place, HOOK_PLACE_PREFIX "%s", hook->name);
}

static bool threads_start(struct hooks *hooks) {
    for (size_t i = 0; i < hooks->file.count; i++) {
        struct hook_work *work = &hooks->work[i];
        *work = (struct hook_work){.hooks = hooks, .hook = &hooks->file.hooks[i], .index = i, .news = true};
        place_name(work);
        work->reader = calloc(1, sizeof *work->reader);
        if (!work->reader || answer_reader_init(work->reader) != OK) return false;
    }
    for (; hooks->started < hooks->file.count; hooks->started++) {
        struct hook_work *work = &hooks->work[hooks->started];
        if (pthread_create(&work->thread, NULL, work_main, work) != 0) return false;
    }
    return true;
}

static bool start(struct hooks *hooks, char why[static 256]) {
    snprintf(why, 256, "its settings are not understood");
    if (!settings_take(hooks)) return false;
    snprintf(why, 256, "the launcher of programs: %s", strerror(errno));
    if (launcher_open(&hooks->file, &hooks->launcher_fd) != OK) return false;
    snprintf(why, 256, "the engine does not answer at the control socket");
    if (!locks_make(hooks) || hook_links_open(hooks) != OK) return false;
    if (sandbox_close(hooks, why) != OK) return false;
    snprintf(why, 256, "the engine does not answer at the control socket");
    if (!watch_ask(hooks) || !attach_ask(hooks)) return false;
    snprintf(why, 256, "out of memory or of threads");
    return threads_start(hooks);
}

/* --- loop, end --- */

/* Another one waits to take this one's place: what runs may end, and its place is kept. */
static void leave(struct hooks *hooks) {
    if (hooks->leave_ms == 0) hooks->leave_ms = clock_monotonic_ms() + LEAVE_MS;
    pthread_mutex_lock(&hooks->lock);
    hooks->leaving = true;
    pthread_cond_broadcast(&hooks->changed);
    pthread_mutex_unlock(&hooks->lock);
}

static bool parent_read(struct hooks *hooks) {
    struct frame frame;
    if (channel_fill(&hooks->child.parent) != OK) return false;
    while (channel_next(&hooks->child.parent, &frame) == OK) {
        if (frame.type != FRAME_STOP) continue;
        if (frame.tag == 0) return false;
        leave(hooks);
    }
    return true;
}

static bool left(struct hooks *hooks) {
    if (hooks->leave_ms == 0) return false;
    pthread_mutex_lock(&hooks->lock);
    bool all = hooks->ended == hooks->started;
    pthread_mutex_unlock(&hooks->lock);
    return all || clock_monotonic_ms() >= hooks->leave_ms;
}

static bool report_due(struct hooks *hooks) {
    uint64_t ignored;
    while (read(hooks->wake_fd, &ignored, sizeof ignored) > 0) continue;
    pthread_mutex_lock(&hooks->lock);
    bool due = !hooks->told;
    hooks->told = true;
    pthread_mutex_unlock(&hooks->lock);
    return due;
}

static int loop(struct hooks *hooks) {
    uint64_t told_ms = 0, looked_ms = clock_monotonic_ms();
    bool due = true;
    for (;;) {
        struct pollfd fds[] = {
            {.fd = hooks->child.parent.fd, .events = POLLIN},
            {.fd = hooks->watch.fd, .events = (short)(POLLIN | (channel_backlog(&hooks->watch) > 0 ? POLLOUT : 0))},
            {.fd = hooks->wake_fd, .events = POLLIN}};
        poll(fds, 3, due || hooks->leave_ms > 0 ? REPORT_MS : LOOK_MS);
        if (fds[0].revents != 0 && !parent_read(hooks)) return 0;
        if ((fds[1].revents & POLLOUT) != 0 && channel_flush(&hooks->watch) != OK) return 1;
        if ((fds[1].revents & ~POLLOUT) != 0 && !watch_read(hooks)) hooks_break(hooks, "its connection ended");
        if (atomic_load(&hooks->broken)) return 1;
        if (left(hooks)) return 0;
        if (report_due(hooks)) due = true;
        uint64_t now_ms = clock_monotonic_ms();
        if (due && now_ms - told_ms >= REPORT_MS) {
            due = false, told_ms = now_ms;
            if (!report_send(hooks)) return 1;
        }
        if (now_ms - looked_ms < LOOK_MS) continue;
        looked_ms = now_ms;
        if (folder_is_new(hooks)) {
            log_info("a folder is there that was not, or was another: starting again");
            return 0;
        }
    }
}

static void end(struct hooks *hooks) {
    uint64_t one = 1;
    if (hooks->stop_fd >= 0) {
        ssize_t ignored = write(hooks->stop_fd, &one, sizeof one);
        (void)ignored;
        pthread_mutex_lock(&hooks->lock);
        hooks->stopping = true;
        pthread_cond_broadcast(&hooks->changed);
        pthread_mutex_unlock(&hooks->lock);
    }
    hook_links_shut(hooks);
    for (size_t i = 0; i < hooks->started; i++) pthread_join(hooks->work[i].thread, NULL);
    for (size_t i = 0; i < hooks->file.count; i++) {
        if (hooks->work[i].reader) answer_reader_free(hooks->work[i].reader);
        free(hooks->work[i].reader);
    }
    hook_links_close(hooks);
    if (hooks->launcher_fd >= 0) close(hooks->launcher_fd);
    if (hooks->wake_fd >= 0) close(hooks->wake_fd);
    if (hooks->stop_fd >= 0) close(hooks->stop_fd);
    hook_file_free(&hooks->file);
    proc_child_end(&hooks->child);
}

int hook_main(int parent_fd) {
    struct hooks *hooks = calloc(1, sizeof *hooks);
    char why[256] = "";
    int code = 5;
    if (!hooks) return code;
    hooks->launcher_fd = hooks->wake_fd = hooks->stop_fd = hooks->watch.fd = -1;
    for (size_t i = 0; i < HOOK_LINKS; i++) hooks->links[i].channel.fd = -1;
    if (proc_child_start(&hooks->child, ROLE_HOOK, parent_fd) != OK) {
        free(hooks);
        return 1;
    }
    if (!start(hooks, why))
        code = proc_child_fatal(&hooks->child, code, "the hook process cannot start: %s", why);
    else if (proc_child_ready(&hooks->child) == OK)
        code = loop(hooks);
    end(hooks);
    free(hooks);
    return code;
}
