/* proc_names: questions of the engine for addresses of names, each given to a helper process of its own. */
#include "node/process/proc_names.h"

#include "node/process/clock.h"
#include "node/net/endpoint.h"
#include "node/process/log.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

void proc_names_init(struct proc_names *names, const struct proc_options *options) {
    *names = (struct proc_names){.options = options};
}

static void running_end(struct proc_names *names, size_t index) {
    if (names->running[index].channel.fd >= 0) channel_close(&names->running[index].channel);
    kill(names->running[index].pid, SIGKILL);
    /* It was killed, so this does not wait longer than the kernel needs. */
    waitpid(names->running[index].pid, NULL, 0);
    names->running[index].pid = 0;
}

void proc_names_end(struct proc_names *names) {
    for (size_t i = 0; i < PROC_NAMES_RUNNING_MAX; i++) {
        if (names->running[i].pid != 0) running_end(names, i);
    }
    names->waiting_count = 0;
}

static void answer_send(struct channel *engine, uint64_t tag, struct bytes list) {
    /* An engine that is gone is noticed by the parent's loop. */
    enum err error = channel_send(engine, FRAME_RESOLVED, tag, list);
    (void)error;
}

static bool helper_start(struct proc_names *names, uint64_t tag, const char *text) {
    size_t free_index = 0;
    while (free_index < PROC_NAMES_RUNNING_MAX && names->running[free_index].pid != 0) free_index++;
    if (free_index == PROC_NAMES_RUNNING_MAX) return false;
    pid_t pid;
    struct channel *channel = &names->running[free_index].channel;
    if (proc_spawn(names->options, ROLE_RESOLVE, channel, &pid) != OK) return false;
    names->running[free_index].pid = pid;
    names->running[free_index].tag = tag;
    names->running[free_index].deadline_ms = clock_monotonic_ms() + PROC_NAMES_MS;
    if (channel_send(channel, FRAME_RESOLVE, tag, bytes_of_text(text)) != OK) names->running[free_index].deadline_ms = 0;
    return true;
}

void proc_names_ask(struct proc_names *names, struct channel *engine, uint64_t tag, struct bytes question) {
    char host[ENDPOINT_HOST_MAX];
    uint16_t port;
    if (endpoint_literal(question, false)) {
        uint8_t list[1 + ENDPOINT_BYTES_MAX] = {(uint8_t)question.size};
        memcpy(list + 1, question.data, question.size);
        answer_send(engine, tag, bytes_of(list, 1 + question.size));
    } else if (endpoint_split(question, host, &port) != OK || names->waiting_count == PROC_NAMES_WAITING_MAX) {
        answer_send(engine, tag, bytes_of(NULL, 0));
    } else {
        size_t last = names->waiting_count++;
        names->waiting[last].tag = tag;
        memcpy(names->waiting[last].text, question.data, question.size);
        names->waiting[last].text[question.size] = '\0';
        proc_names_step(names, engine);
    }
}

size_t proc_names_poll(const struct proc_names *names, struct pollfd *out) {
    size_t count = 0;
    for (size_t i = 0; i < PROC_NAMES_RUNNING_MAX; i++) {
        if (names->running[i].pid != 0) out[count++] = (struct pollfd){.fd = names->running[i].channel.fd, .events = POLLIN};
    }
    return count;
}

/* True when the helper is finished with. */
static bool helper_step(struct proc_names *names, size_t index, struct channel *engine) {
    struct channel *channel = &names->running[index].channel;
    struct frame frame;
    bool over = channel_fill(channel) != OK || clock_monotonic_ms() >= names->running[index].deadline_ms;
    enum err error = channel_next(channel, &frame);
    if (error == ERR_NOT_FOUND && !over) return false;
    /* The helper has read foreign bytes: what it says is checked again. */
    bool good = error == OK && frame.type == FRAME_RESOLVED && endpoint_list_valid(frame.body);
    answer_send(engine, names->running[index].tag, good ? frame.body : bytes_of(NULL, 0));
    return true;
}

void proc_names_step(struct proc_names *names, struct channel *engine) {
    for (size_t i = 0; i < PROC_NAMES_RUNNING_MAX; i++) {
        if (names->running[i].pid != 0 && helper_step(names, i, engine)) running_end(names, i);
    }
    while (names->waiting_count > 0 && helper_start(names, names->waiting[0].tag, names->waiting[0].text)) {
        names->waiting_count--;
        memmove(names->waiting, names->waiting + 1, names->waiting_count * sizeof names->waiting[0]);
    }
    /* No process can be started at all: an empty answer now is better than none. */
    if (names->waiting_count > 0 && proc_names_deadline(names) == UINT64_MAX) {
        for (size_t i = 0; i < names->waiting_count; i++) answer_send(engine, names->waiting[i].tag, bytes_of(NULL, 0));
        names->waiting_count = 0;
    }
}

uint64_t proc_names_deadline(const struct proc_names *names) {
    uint64_t deadline_ms = UINT64_MAX;
    for (size_t i = 0; i < PROC_NAMES_RUNNING_MAX; i++) {
        if (names->running[i].pid != 0 && names->running[i].deadline_ms < deadline_ms) deadline_ms = names->running[i].deadline_ms;
    }
    return deadline_ms;
}
