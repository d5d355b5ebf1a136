#include "node/cmd/command.h"

#include "node/cmd/complete.h"
#include "node/cmd/manual.h"
#include "node/process/dir.h"
#include "node/process/log.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_BYTES_MAX 4096

/* --- help, printed from the table --- */

static void usage_all(FILE *out, const struct command *const *table) {
    fprintf(out, "Usage: comity COMMAND [--dir DIR] [OPTIONS] [ARGUMENTS]\n\nCommands:\n");
    for (; *table; table++) fprintf(out, "  %-14s%s\n", (*table)->name, (*table)->summary);
    fprintf(out, "  %-14s%s\n", "help", "tell more about a command: comity help COMMAND");
    fprintf(out, "\nThe node's directory DIR is --dir, else $COMITY_DIR, else /var/lib/comity (root, and who may write there)\n"
                 "or ~/.local/share/comity. Exit codes: 0 success, 1 not found, 2 usage, 3 refused (some or all),\n"
                 "4 not running, 5 internal.\n");
}

#define OPTION_COLUMNS 24 /* an option that is longer has a line of its own */

static void usage_option(FILE *out, const char *name, const char *argument, const char *help) {
    char left[64];
    int width = snprintf(left, sizeof left, "--%s%s%s", name, argument ? " " : "", argument ? argument : "");
    if (width < OPTION_COLUMNS)
        fprintf(out, "  %-*s%s\n", OPTION_COLUMNS, left, help);
    else
        fprintf(out, "  %s\n  %*s%s\n", left, OPTION_COLUMNS, "", help);
}

static void usage_command(FILE *out, const struct command *command) {
    fprintf(out, "Usage: comity %s%s%s\n\n%s\n", command->name, *command->synopsis ? " " : "", command->synopsis, command->summary);
    if (command->details) fprintf(out, "\n%s\n", command->details);
    fprintf(out, "\nOptions:\n");
    for (const struct command_option *option = command->options; option && option->name; option++)
        usage_option(out, option->name, option->argument, option->help);
    usage_option(out, "dir", "DIR", "the node's directory");
    if (command->prints_json) usage_option(out, "json", NULL, "print JSON with stable keys");
    usage_option(out, "help", NULL, "print this");
}

static const struct command *command_find(const struct command *const *table, const char *name) {
    for (; *table; table++)
        if (strcmp((*table)->name, name) == 0) return *table;
    return NULL;
}

static enum outcome command_unknown(const char *name) {
    char safe[128];
    log_escape(safe, sizeof safe, bytes_of_text(name));
    fprintf(stderr, "comity: there is no command '%s'; `comity help` lists them\n", safe);
    return OUTCOME_USAGE;
}

static enum outcome command_help(const struct command *const *table, const char *name) {
    if (!name || strcmp(name, "help") == 0 || strcmp(name, "--help") == 0) {
        usage_all(stdout, table);
        return OUTCOME_SUCCESS;
    }
    const struct command *command = command_find(table, name);
    if (!command) return command_unknown(name);
    usage_command(stdout, command);
    return OUTCOME_SUCCESS;
}

/* For building the package's manual pages: not a command. */
static enum outcome command_manual(const struct command *const *table, int count, char **words) {
    struct buf out = {0};
    const struct command *command = count > 0 ? command_find(table, words[0]) : NULL;
    if (count > 0 && !command) return command_unknown(words[0]);
    if (command)
        manual_page(&out, command, count > 1 ? words[1] : "");
    else
        manual_list(&out, table);
    command_print_buf(&out);
    buf_free(&out);
    command_flush();
    return OUTCOME_SUCCESS;
}

/* --- reading the line --- */

enum { OPTION_DIR = 1000, OPTION_JSON, OPTION_HELP };

static size_t options_fill(struct option *out, const struct command *command) {
    size_t count = 0;
    for (const struct command_option *option = command->options; option && option->name; option++, count++)
        out[count] = (struct option){option->name, option->argument ? required_argument : no_argument, NULL, (int)count};
    out[count++] = (struct option){"dir", required_argument, NULL, OPTION_DIR};
    if (command->prints_json) out[count++] = (struct option){"json", no_argument, NULL, OPTION_JSON};
    out[count++] = (struct option){"help", no_argument, NULL, OPTION_HELP};
    out[count] = (struct option){NULL, 0, NULL, 0};
    return count;
}

/* `*done` is set when nothing is left to run. */
static enum outcome options_read(struct invocation *invocation, int argc, char **argv, bool *done) {
    struct option options[COMMAND_OPTIONS_MAX + 4];
    const char *dir = NULL;
    int found;
    *done = true;
    options_fill(options, invocation->command);
    opterr = 0;
    while ((found = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        const char *given = optind > 0 ? argv[optind - 1] : "";
        if (found == '?') return command_usage(invocation, "unknown or ambiguous option '%s', or a value it does not take", given);
        if (found == ':') return command_usage(invocation, "option '%s' needs a value", given);
        if (found == OPTION_HELP) {
            usage_command(stdout, invocation->command);
            return OUTCOME_SUCCESS;
        }
        if (found == OPTION_DIR)
            dir = optarg;
        else if (found == OPTION_JSON)
            invocation->json = true;
        else
            invocation->values[found] = optarg ? optarg : "";
    }
    invocation->arguments = argv + optind;
    invocation->argument_count = (size_t)(argc - optind);
    if (dir && !*dir) return command_usage(invocation, "--dir is empty: name the node's directory");
    if (dir ? strlen(dir) >= sizeof invocation->dir : !dir_default(invocation->dir, sizeof invocation->dir))
        return command_usage(invocation, "no usable directory: give --dir DIR of at most %d bytes", COMMAND_DIR_MAX - 1);
    if (dir) snprintf(invocation->dir, sizeof invocation->dir, "%s", dir);
    *done = false;
    return OUTCOME_SUCCESS;
}

enum outcome command_main(const struct command *const *table, int argc, char **argv) {
    struct invocation invocation = {0};
    const char *name = argc > 1 ? argv[1] : NULL;
    bool done;
    if (!name) {
        usage_all(stderr, table);
        return OUTCOME_USAGE;
    }
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return command_help(table, argc > 2 ? argv[2] : NULL);
    if (strcmp(name, "--manual") == 0) return command_manual(table, argc - 2, argv + 2);
    if (strcmp(name, "--complete") == 0) return complete_main(table, (size_t)argc - 2, argv + 2);
    if (strcmp(name, "--version") == 0) name = "version";
    invocation.command = command_find(table, name);
    if (!invocation.command) return command_unknown(name);
    /* Options may follow arguments, whatever the environment says. */
    unsetenv("POSIXLY_CORRECT");
    enum outcome outcome = options_read(&invocation, argc - 1, argv + 1, &done);
    if (done) return outcome;
    if (invocation.argument_count < invocation.command->arguments_min)
        return command_usage(&invocation, "something is missing: comity %s %s", invocation.command->name,
                             invocation.command->synopsis);
    if (invocation.argument_count > invocation.command->arguments_max)
        return command_usage(&invocation, "unexpected '%s'", invocation.arguments[invocation.command->arguments_max]);
    outcome = invocation.command->run(&invocation);
    command_flush();
    return outcome;
}

const char *command_value(const struct invocation *invocation, const char *name) {
    for (size_t i = 0; invocation->command->options && invocation->command->options[i].name; i++)
        if (strcmp(invocation->command->options[i].name, name) == 0) return invocation->values[i];
    return NULL;
}

bool command_has(const struct invocation *invocation, const char *name) { return command_value(invocation, name) != NULL; }

/* --- what is said --- */

/* A line at a time, so that a text may have several and no foreign byte in it forges one. */
static void say(const struct invocation *invocation, char *text) {
    char safe[MESSAGE_BYTES_MAX * 4];
    fflush(stdout);
    fprintf(stderr, "comity %s: ", invocation->command->name);
    for (char *line = text, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next) *next++ = 0;
        log_escape(safe, sizeof safe, bytes_of_text(line));
        fprintf(stderr, "%s\n", safe);
    }
}

enum outcome command_fail(const struct invocation *invocation, enum outcome outcome, const char *format, ...) {
    char text[MESSAGE_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    say(invocation, text);
    return outcome;
}

enum outcome command_usage(const struct invocation *invocation, const char *format, ...) {
    char text[MESSAGE_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    say(invocation, text);
    fprintf(stderr, "Try `comity help %s`.\n", invocation->command->name);
    return OUTCOME_USAGE;
}

enum outcome command_outcome(enum err error) {
    switch (error) {
    case OK: return OUTCOME_SUCCESS;
    case ERR_NOT_FOUND: return OUTCOME_NOT_FOUND;
    case ERR_CLOSED: return OUTCOME_NOT_RUNNING;
    case ERR_MEMORY:
    case ERR_IO:
    case ERR_CORRUPT:
    case ERR_SELFTEST:
    case ERR_INTERNAL: return OUTCOME_INTERNAL;
    default: return OUTCOME_REFUSED;
    }
}

static void output_failed(void) {
    if (errno == EPIPE) _Exit(OUTCOME_SUCCESS);
    fprintf(stderr, "comity: cannot write to standard output: %s\n", strerror(errno));
    _Exit(OUTCOME_INTERNAL);
}

void command_print(struct bytes text) {
    if (text.size > 0 && fwrite(text.data, 1, text.size, stdout) != text.size) output_failed();
}

void command_print_buf(struct buf *text) {
    if (buf_result(text) != OK) {
        fprintf(stderr, "comity: %s\n", err_text(buf_result(text)));
        _Exit(OUTCOME_INTERNAL);
    }
    command_print(bytes_of_buf(text));
    buf_clear(text);
}

void command_flush(void) {
    if (fflush(stdout) != 0) output_failed();
}
