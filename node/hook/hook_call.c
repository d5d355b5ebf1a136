/* hook_call: one run of a hook's program: its standard input is fed, its output goes to the log, and how it ended is told. */
#define _GNU_SOURCE /* pipe2 */
#include "node/hook/hook_state.h"

#include "node/hook/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_BYTES_MAX 4096 /* of one run that the log gets; what follows is read and counted */
#define READ_BYTES       4096

/* Our ends: the first two without blocking; -1: closed. */
struct call {
    const struct hook *hook;
    int in, out, result;
    struct bytes input; /* not yet written */
    char output[OUTPUT_BYTES_MAX];
    size_t output_bytes;
    uint64_t output_left_out;
};

static void closed(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static enum err call_start(struct hook_work *work, struct call *call) {
    int in[2] = {-1, -1}, out[2] = {-1, -1}, result[2] = {-1, -1};
    enum err err = pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0 && pipe2(result, O_CLOEXEC) == 0 ? OK : ERR_IO;
    if (err == OK) err = launcher_start(work->hooks->launcher_fd, work->index, work->failed_calls + 1, in[0], out[1], result[1]);
    closed(&in[0]);
    closed(&out[1]);
    closed(&result[1]);
    call->in = in[1], call->out = out[0], call->result = result[0];
    /* The program's ends stay as they are: it may not expect them not to block. */
    if (err == OK && (fcntl(call->in, F_SETFL, O_NONBLOCK) != 0 || fcntl(call->out, F_SETFL, O_NONBLOCK) != 0)) err = ERR_IO;
    return err;
}

/* Closes it when all is written, or nobody reads any more. */
static void input_write(struct call *call) {
    while (call->in >= 0 && call->input.size > 0) {
        ssize_t wrote = write(call->in, call->input.data, call->input.size);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0 && errno == EAGAIN) return;
        if (wrote < 0) break;
        call->input.data += wrote, call->input.size -= (size_t)wrote;
    }
    closed(&call->in);
}

static void output_read(struct call *call) {
    char bytes[READ_BYTES];
    for (;;) {
        ssize_t size = read(call->out, bytes, sizeof bytes);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && errno == EAGAIN) return;
        if (size <= 0) break;
        size_t room = OUTPUT_BYTES_MAX - call->output_bytes, taken = (size_t)size < room ? (size_t)size : room;
        memcpy(call->output + call->output_bytes, bytes, taken);
        call->output_bytes += taken;
        call->output_left_out += (size_t)size - taken;
    }
    closed(&call->out);
}

static void output_log(const struct call *call) {
    size_t at = 0;
    while (at < call->output_bytes) {
        const char *line = call->output + at;
        const char *stop = memchr(line, '\n', call->output_bytes - at);
        size_t size = stop ? (size_t)(stop - line) : call->output_bytes - at;
        if (size > 0) log_info("hook %s says: %.*s", call->hook->name, (int)size, line);
        at += size + 1;
    }
    if (call->output_left_out > 0)
        log_info("hook %s says: ... and %llu bytes more", call->hook->name, (unsigned long long)call->output_left_out);
}

/* What it said last, for the operator. */
static void last_line(const struct call *call, char *out, size_t size) {
    size_t end = call->output_bytes;
    while (end > 0 && (call->output[end - 1] == '\n' || call->output[end - 1] == ' ')) end--;
    size_t begin = end;
    while (begin > 0 && call->output[begin - 1] != '\n') begin--;
    char safe[OUTPUT_BYTES_MAX * 4 + 1];
    log_escape(safe, sizeof safe, bytes_of(call->output + begin, end - begin));
    snprintf(out, size, "%s%.160s", end > begin ? ": " : "", safe);
}

static enum err judge(const struct call *call, const struct launch_result *result, char why[static HOOK_WHY_BYTES]) {
    const char *program = call->hook->command.words[0];
    char said[180];
    last_line(call, said, sizeof said);
    if (result->end == LAUNCH_FAILED)
        snprintf(why, HOOK_WHY_BYTES, "no process could be started for %.100s", program);
    else if (result->end == LAUNCH_TIME)
        snprintf(why, HOOK_WHY_BYTES, "%.100s was ended: it took longer than its time limit of %llu s", program,
                 (unsigned long long)(call->hook->limit_ms / 1000));
    else if (WIFEXITED(result->status) && WEXITSTATUS(result->status) == 0)
        return OK;
    else if (WIFEXITED(result->status))
        snprintf(why, HOOK_WHY_BYTES, "%.100s ended with exit code %d%s", program, WEXITSTATUS(result->status), said);
    else
        snprintf(why, HOOK_WHY_BYTES, "%.100s was ended by signal %d%s", program, WTERMSIG(result->status), said);
    return ERR_IO;
}

/* True: it ended, and `bytes` hold how. *over: we are to end. */
static bool call_follow(struct hook_work *work, struct call *call, struct buf *bytes, bool *over) {
    for (;;) {
        uint8_t room[LAUNCH_RESULT_BYTES];
        struct pollfd fds[] = {{.fd = call->result, .events = POLLIN},
                               {.fd = work->hooks->stop_fd, .events = POLLIN},
                               {.fd = call->out, .events = POLLIN},
                               {.fd = call->in, .events = POLLOUT}};
        if (poll(fds, 4, -1) < 0) continue;
        *over = fds[1].revents != 0;
        if (*over) return false;
        if (fds[2].revents != 0) output_read(call);
        if (fds[3].revents != 0) input_write(call);
        if (fds[0].revents == 0) continue;
        ssize_t size = read(call->result, room, sizeof room);
        if (size > 0) buf_put_raw(bytes, room, (size_t)size);
        if (call->out >= 0) output_read(call);
        return size > 0;
    }
}

static void running_set(struct hook_work *work, bool running) {
    pthread_mutex_lock(&work->hooks->lock);
    work->running = running;
    pthread_mutex_unlock(&work->hooks->lock);
}

enum err hook_call(struct hook_work *work, struct bytes input, char why[static HOOK_WHY_BYTES]) {
    struct call call = {.hook = work->hook, .in = -1, .out = -1, .result = -1, .input = input};
    struct launch_result result;
    struct buf bytes = {0};
    bool over = false;
    running_set(work, true);
    hook_count(work, &work->calls, 1);
    enum err err = call_start(work, &call);
    if (err != OK) {
        snprintf(why, HOOK_WHY_BYTES, "the launcher of programs cannot be asked: %s", strerror(errno));
        hooks_break(work->hooks, why);
    } else {
        input_write(&call);
        bool ended = call_follow(work, &call, &bytes, &over);
        if (ended && launcher_result(&result, bytes_of_buf(&bytes))) {
            err = judge(&call, &result, why);
        } else {
            snprintf(why, HOOK_WHY_BYTES, "the launcher of programs is gone");
            err = over ? ERR_CLOSED : ERR_IO;
        }
        output_log(&call);
    }
    closed(&call.in);
    closed(&call.out);
    closed(&call.result);
    buf_free(&bytes);
    running_set(work, false);
    hook_count(work, &work->calls_failed, err != OK && err != ERR_CLOSED);
    return err;
}
