#include "node/cmd/complete.h"

#include "node/cmd/synopsis.h"

#include <string.h>

void complete_offer(struct complete *complete, struct bytes word, const char *what) {
    const char *typed = complete->typed + complete->kept;
    size_t size = strlen(typed);
    if (word.size < size || memcmp(word.data, typed, size) != 0) return;
    buf_put_text(complete->out, complete->prefix);
    buf_put_raw(complete->out, complete->typed, complete->kept);
    buf_put(complete->out, word);
    if (what) buf_put_format(complete->out, "\t%s", what);
    buf_put_text(complete->out, "\n");
}

static void offer_commands(struct complete *complete, const struct command *const *table) {
    for (; *table; table++) complete_offer(complete, bytes_of_text((*table)->name), (*table)->summary);
    complete_offer(complete, bytes_of_text("help"), "tell more about a command");
}

/* An option is offered once. */
static bool given(const struct complete *complete, const char *name) {
    for (size_t i = 0; i < complete->word_count; i++)
        if (strncmp(complete->words[i], "--", 2) == 0 && strcmp(complete->words[i] + 2, name) == 0) return true;
    return false;
}

static void offer_option(struct complete *complete, const char *name, const char *help) {
    char text[64] = "--";
    if (given(complete, name) || strlen(name) > sizeof text - 3) return;
    memcpy(text + 2, name, strlen(name) + 1);
    complete_offer(complete, bytes_of_text(text), help);
}

static void offer_options(struct complete *complete) {
    const struct command *command = complete->command;
    for (const struct command_option *option = command->options; option && option->name; option++)
        if (complete->verb.size == 0 || synopsis_option_of(command, option, complete->verb))
            offer_option(complete, option->name, option->help);
    offer_option(complete, "dir", "the node's directory");
    if (command->prints_json) offer_option(complete, "json", "print JSON with stable keys");
    offer_option(complete, "help", "print the command's help");
}

static void offer_verbs(struct complete *complete) {
    struct synopsis_form form, before;
    for (const char *at = complete->command->synopsis; synopsis_next(&form, &at);)
        for (struct bytes verbs = form.verbs, verb; synopsis_word(&verb, &verbs, "|");) {
            bool again = false; /* two forms may begin with one verb */
            for (const char *first = complete->command->synopsis;
                 synopsis_next(&before, &first) && before.text.data != form.text.data;)
                again = again || synopsis_form_has(&before, verb);
            if (!again) complete_offer(complete, verb, NULL);
        }
}

/* The argument at this place, in every form that begins with the verb that was given, or with none. */
static void offer_arguments(struct complete *complete, size_t index) {
    struct synopsis_form form;
    for (const char *at = complete->command->synopsis; synopsis_next(&form, &at);) {
        if (complete->verb.size > 0 ? !synopsis_form_has(&form, complete->verb) : form.verbs.size > 0) continue;
        struct bytes name = synopsis_argument(complete->command, &form, index);
        if (name.size > 0) complete_values(complete, NULL, name);
    }
    if (complete->verb.size == 0 && index == 0) offer_verbs(complete);
}

static const struct command_option option_dir = {"dir", "DIR", NULL};

static const struct command_option *option_of(const struct command *command, const char *name, size_t size) {
    for (const struct command_option *option = command->options; option && option->name; option++)
        if (strlen(option->name) == size && memcmp(option->name, name, size) == 0) return option;
    return size == 3 && memcmp(name, "dir", 3) == 0 ? &option_dir : NULL;
}

/* "--option=value" typed so far: its value is completed. */
static bool value_typed(struct complete *complete, char *prefix, size_t prefix_bytes) {
    const char *equals = strchr(complete->typed, '=');
    if (strncmp(complete->typed, "--", 2) != 0 || !equals) return false;
    const struct command_option *option = option_of(complete->command, complete->typed + 2, (size_t)(equals - complete->typed) - 2);
    size_t size = (size_t)(equals - complete->typed) + 1;
    if (!option || !option->argument || size >= prefix_bytes) return true;
    memcpy(prefix, complete->typed, size);
    prefix[size] = 0;
    complete->prefix = prefix;
    complete->typed = equals + 1;
    complete_values(complete, option, bytes_of_text(option->argument));
    return true;
}

/* Reads the words before the last: the verb, --dir, how many arguments there were; the option whose value comes next, or null. */
static const struct command_option *words_read(struct complete *complete, size_t *arguments) {
    const struct command_option *waits = NULL;
    for (size_t i = 0; i < complete->word_count; i++) {
        const char *word = complete->words[i];
        const char *equals = strchr(word, '=');
        if (waits) {
            if (waits == &option_dir) complete->dir = word;
            waits = NULL;
        } else if (strncmp(word, "--", 2) == 0) {
            size_t size = equals ? (size_t)(equals - word) - 2 : strlen(word) - 2;
            const struct command_option *option = option_of(complete->command, word + 2, size);
            if (option == &option_dir && equals) complete->dir = equals + 1;
            waits = option && option->argument && !equals ? option : NULL;
        } else if (*arguments == 0 && complete->verb.size == 0 && synopsis_has(complete->command, bytes_of_text(word))) {
            complete->verb = bytes_of_text(word);
        } else {
            ++*arguments;
        }
    }
    return waits;
}

static void complete_command(struct complete *complete) {
    char prefix[64];
    size_t arguments = 0;
    const struct command_option *waits = words_read(complete, &arguments);
    if (waits) {
        complete_values(complete, waits, bytes_of_text(waits->argument));
        return;
    }
    if (value_typed(complete, prefix, sizeof prefix)) return;
    if (*complete->typed != '-') offer_arguments(complete, arguments);
    if (*complete->typed == '-' || complete->out->size == 0) offer_options(complete);
}

enum outcome complete_main(const struct command *const *table, size_t count, char **words) {
    struct buf out = {0};
    struct complete complete = {.out = &out, .prefix = "", .typed = count > 0 ? words[count - 1] : ""};
    bool help = count == 2 && strcmp(words[0], "help") == 0;
    if (count <= 1 || help) {
        offer_commands(&complete, table);
    } else {
        for (; *table; table++)
            if (strcmp((*table)->name, words[0]) == 0) complete.command = *table;
        complete.words = words + 1;
        complete.word_count = count - 2;
        if (complete.command) complete_command(&complete);
    }
    command_print_buf(&out);
    buf_free(&out);
    command_flush();
    return OUTCOME_SUCCESS;
}
