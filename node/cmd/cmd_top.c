/* comity top: the figures of the running node as they change. */
#define _GNU_SOURCE
#include "node/cmd/client.h"
#include "node/cmd/cmd.h"
#include "node/cmd/top_page.h"
#include "node/formats/figures.h"
#include "node/formats/json_out.h"
#include "node/process/clock.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define EVERY_MS     1000
#define EVERY_MAX_S  3600
#define CLEAR        "\033[H\033[J" /* home, and clear to the end: ECMA-48 */
#define SCREEN_BEGIN "\033[?1049h\033[?25l"
#define SCREEN_END   "\033[?25h\033[?1049l"

static volatile sig_atomic_t stopped;
static bool on_screen; /* the terminal shows our pages, and has what was there before put aside */

static void on_signal(int number) {
    (void)number;
    stopped = 1;
}

/* What goes wrong is said on the screen that stays. */
static void screen_leave(void) {
    if (!on_screen) return;
    on_screen = false;
    command_print(bytes_of_text(SCREEN_END));
    command_flush();
}

static enum outcome ask_failed(const struct client *client, enum err err) {
    screen_leave();
    return client_lost(client, err);
}

static enum outcome ask(struct client *client, struct buf *figures) {
    static const uint8_t nothing = 0x90; /* an empty array */
    struct frame frame;
    buf_clear(figures);
    enum err err = client_ask(client, FRAME_ASK_FIGURES, bytes_of(&nothing, 1));
    while (err == OK && (err = client_answer(client, &frame, -1)) == OK) {
        if (frame.type == FRAME_ANSWER_ERROR) screen_leave();
        if (frame.type == FRAME_ANSWER_ERROR) return client_refused(client, frame.body);
        if (frame.type == FRAME_ANSWER_DONE) return OUTCOME_SUCCESS;
        if (frame.type != FRAME_ANSWER_FIGURES) return ask_failed(client, ERR_FORMAT);
        buf_put(figures, frame.body);
        err = buf_result(figures);
    }
    return ask_failed(client, err);
}

/* --- JSON: one array of samples --- */

static void sample_json(struct json_out *json, const struct figure *figure) {
    char name[160];
    snprintf(name, sizeof name, "%.*s%.*s", (int)(figure->name.size < 100 ? figure->name.size : 100),
             (const char *)figure->name.data, (int)(figure->suffix.size < 20 ? figure->suffix.size : 20),
             figure->suffix.size > 0 ? (const char *)figure->suffix.data : "");
    json_out_object(json);
    json_out_key(json, "name");
    json_out_text(json, name);
    json_out_key(json, "labels");
    json_out_object(json);
    for (size_t i = 0; i < figure->label_count; i++) {
        char key[40];
        snprintf(key, sizeof key, "%.*s", (int)(figure->labels[i].name.size < 39 ? figure->labels[i].name.size : 39),
                 (const char *)figure->labels[i].name.data);
        json_out_key(json, key);
        json_out_string(json, figure->labels[i].value);
    }
    json_out_object_end(json);
    json_out_key(json, "value");
    json_out_uint(json, figure->value);
    json_out_key(json, "decimals");
    json_out_uint(json, figure->decimals);
    json_out_object_end(json);
}

static enum outcome json_print(const struct invocation *invocation, struct bytes figures) {
    struct buf out = {0};
    struct json_out json = json_out_of(&out);
    struct figures_reader reader = figures_reader_of(figures);
    struct figure figure;
    enum err err;
    json_out_array(&json);
    while ((err = figures_next(&reader, &figure)) == OK)
        if (!figure.family) sample_json(&json, &figure);
    json_out_array_end(&json);
    json_out_line(&json);
    if (err == ERR_NOT_FOUND) command_print_buf(&out);
    buf_free(&out);
    return err == ERR_NOT_FOUND ? OUTCOME_SUCCESS
                                : command_fail(invocation, OUTCOME_INTERNAL, "the node's answer cannot be read: %s", err_text(err));
}

/* --- the screen --- */

static size_t screen_rows(void) {
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 2 ? (size_t)size.ws_row - 1 : 0;
}

/* True when the operator wants to leave. */
static bool wait_for_key(uint64_t wait_ms) {
    uint64_t until_ms = clock_monotonic_ms() + wait_ms;
    struct pollfd fd = {.fd = STDIN_FILENO, .events = POLLIN};
    while (!stopped) {
        uint64_t now_ms = clock_monotonic_ms();
        char key;
        if (now_ms >= until_ms) return false;
        if (poll(&fd, fd.fd >= 0, (int)(until_ms - now_ms)) <= 0) continue;
        ssize_t size = read(STDIN_FILENO, &key, 1);
        if (size == 1 && (key == 'q' || key == 'Q')) return true;
        if (size <= 0) fd.fd = -1; /* no keys will come: it ends by a signal */
    }
    return true;
}

static bool keys_begin(struct termios *before) {
    struct termios raw;
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, before) != 0) return false;
    raw = *before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    return tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

/* Two questions make rates; a screen goes on with the next. */
static enum outcome pages(struct client *client, bool screen, uint64_t every_ms) {
    struct buf now = {0}, before = {0}, text = {0};
    uint64_t before_ms = clock_monotonic_ms();
    bool leave = false;
    enum outcome outcome = ask(client, &before);
    while (outcome == OUTCOME_SUCCESS && !leave) {
        leave = screen ? wait_for_key(before.size > 0 && text.capacity == 0 ? every_ms / 4 : every_ms) : false;
        if (!screen) poll(NULL, 0, (int)every_ms);
        if (leave || stopped) break;
        outcome = ask(client, &now);
        if (outcome != OUTCOME_SUCCESS) break;
        uint64_t now_ms = clock_monotonic_ms();
        struct top_page page = {.now = bytes_of_buf(&now), .before = bytes_of_buf(&before), .between_ms = now_ms - before_ms};
        page.now_ms = clock_wall_ms();
        page.rows = screen ? screen_rows() : 0;
        buf_clear(&text);
        if (screen) buf_put_text(&text, CLEAR);
        top_page(&text, &page);
        command_print_buf(&text);
        command_flush();
        struct buf old = before;
        before = now, now = old;
        before_ms = now_ms;
        leave = !screen;
    }
    buf_free(&now), buf_free(&before), buf_free(&text);
    return outcome;
}

static enum outcome screen_run(struct client *client, uint64_t every_ms) {
    struct termios before;
    struct sigaction action = {.sa_handler = on_signal}, stop, end;
    sigaction(SIGINT, &action, &stop);
    sigaction(SIGTERM, &action, &end);
    bool keys = keys_begin(&before);
    command_print(bytes_of_text(SCREEN_BEGIN));
    on_screen = true;
    enum outcome outcome = pages(client, true, every_ms);
    screen_leave();
    if (keys) tcsetattr(STDIN_FILENO, TCSANOW, &before);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &end, NULL);
    return outcome;
}

static enum outcome run(const struct invocation *invocation) {
    struct client client;
    struct buf figures = {0};
    const char *every = command_value(invocation, "every");
    char *rest = NULL;
    unsigned long seconds = every ? strtoul(every, &rest, 10) : EVERY_MS / 1000;
    if (every && (*every < '0' || *every > '9' || *rest || seconds < 1 || seconds > EVERY_MAX_S))
        return command_usage(invocation, "--every takes a number of seconds, from 1 to %d", EVERY_MAX_S);
    enum outcome outcome = client_open(&client, invocation);
    bool screen = !invocation->json && !command_has(invocation, "once") && isatty(STDOUT_FILENO);
    if (outcome == OUTCOME_SUCCESS && invocation->json) {
        outcome = ask(&client, &figures);
        if (outcome == OUTCOME_SUCCESS) outcome = json_print(invocation, bytes_of_buf(&figures));
    } else if (outcome == OUTCOME_SUCCESS) {
        outcome = screen ? screen_run(&client, 1000 * seconds) : pages(&client, false, 1000 * seconds);
    }
    client_close(&client);
    buf_free(&figures);
    return outcome;
}

static const struct command_option options[] = {
    {"once", NULL, "print one page and leave, as when the output is no terminal"},
    {"every", "SECONDS", "between two pages, and for the rates (1)"},
    {0},
};

const struct command cmd_top = {
    .name = "top",
    .synopsis = "[--once] [--every SECONDS]",
    .summary = "watch the node's figures and how fast they change; q leaves",
    .details = "They are those of /metrics. With --json all of them once, each as value / 10^decimals.",
    .prints_json = true,
    .options = options,
    .run = run,
};
