/* command: what a subcommand is, how its line is read, and what it exits with. Help prints itself from the table in main.c. */
#ifndef NODE_COMMAND_H
#define NODE_COMMAND_H

#include "crypto/bytes.h"

#define COMMAND_OPTIONS_MAX 32
#define COMMAND_DIR_MAX     512

/* Exit codes: a contract with scripts. */
enum outcome {
    OUTCOME_SUCCESS = 0,
    OUTCOME_NOT_FOUND = 1,
    OUTCOME_USAGE = 2,
    OUTCOME_REFUSED = 3, /* some or all */
    OUTCOME_NOT_RUNNING = 4,
    OUTCOME_INTERNAL = 5
};

struct command_option {
    const char *name;     /* without the dashes; null ends a list */
    const char *argument; /* "FILE"; null for a switch */
    const char *help;
};

struct invocation;

struct command {
    const char *name;
    const char *synopsis; /* what follows the name, without the options that all commands have */
    const char *summary;  /* one line */
    const char *details;  /* further lines of help, or null */
    size_t arguments_min, arguments_max;
    bool prints_json;                     /* takes --json */
    const struct command_option *options; /* its own; null when it has none */
    enum outcome (*run)(const struct invocation *invocation);
};

/* One call of a command. Views point into argv, which outlives it. */
struct invocation {
    const struct command *command;
    char dir[COMMAND_DIR_MAX]; /* --dir, COMITY_DIR or the default; never empty */
    bool json;
    char **arguments;
    size_t argument_count;
    const char *values[COMMAND_OPTIONS_MAX]; /* by index in command->options; "" for a switch that was given */
};

/* Runs the command that argv[1] names, from a table that ends with null. */
enum outcome command_main(const struct command *const *table, int argc, char **argv);

/* The value of an option (its own name must be in the table), or null when it was not given. */
const char *command_value(const struct invocation *invocation, const char *name);
bool command_has(const struct invocation *invocation, const char *name);

/* Says "comity NAME: text" on standard error and returns `outcome`: for `return command_fail(...)`. Control characters are escaped. */
enum outcome command_fail(const struct invocation *invocation, enum outcome outcome, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As above, and tells where to read on. */
enum outcome command_usage(const struct invocation *invocation, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The exit code that fits an error which the command has no better word for. */
enum outcome command_outcome(enum err error);

/* Writes to standard output. A reader that went away ends the program quietly with success, any other failure with 5. */
void command_print(struct bytes text);
void command_print_buf(struct buf *text); /* prints and clears; a buffer that failed for want of memory ends the program with 5 */
void command_flush(void);

#endif
