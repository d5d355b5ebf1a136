/* comity policy: which policy a directory's node has, and whether a policy file is one. */
#include "node/cmd/cmd.h"
#include "node/process/dir.h"
#include "node/policy/policy_file.h"
#include "node/policy/policy_print.h"
#include "node/cmd/setup.h"

#include <string.h>

static enum outcome show(const struct invocation *invocation) {
    static struct policy_settings settings;
    struct buf out = {0};
    bool found;
    enum outcome outcome = setup_policy(invocation, &settings, &found);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    if (invocation->json) {
        struct json_out json = json_out_of(&out);
        json_out_object(&json);
        json_out_key(&json, "file");
        found ? json_out_text(&json, DIR_POLICY) : json_out_null(&json);
        policy_print_json(&json, &settings);
        json_out_object_end(&json);
        json_out_line(&json);
    } else {
        buf_put_format(&out, "# The policy of the node in %s: %s.\n", invocation->dir,
                       found ? "what " DIR_POLICY " says, and the defaults for the rest" : "the defaults; there is no " DIR_POLICY);
        policy_print_yaml(&out, &settings);
    }
    command_print_buf(&out);
    buf_free(&out);
    policy_file_free(&settings);
    return OUTCOME_SUCCESS;
}

/* Agencies that the file names and nobody is pinned as: no mistake, they may come, but more often one is misspelt. */
static size_t strangers_list(const struct invocation *invocation, const struct policy_settings *settings, struct json_out *json,
                             struct buf *text) {
    size_t count = 0;
    for (size_t i = 0; i < settings->agency_count; i++) {
        const char *name = settings->agencies[i].name;
        if (trust_name_known(invocation->dir, name)) continue;
        if (json)
            json_out_text(json, name);
        else
            buf_put_format(text, "%s %s", count ? "," : "", name);
        count++;
    }
    return count;
}

static void check_print(const struct invocation *invocation, const char *path, const struct policy_settings *settings) {
    struct buf out = {0}, strangers = {0};
    bool node = dir_state(invocation->dir) == DIR_NODE;
    if (invocation->json) {
        struct json_out json = json_out_of(&out);
        json_out_object(&json);
        json_out_key(&json, "good");
        json_out_bool(&json, true);
        json_out_key(&json, "agencies");
        json_out_uint(&json, settings->agency_count);
        json_out_key(&json, "not_pinned");
        json_out_array(&json);
        if (node) strangers_list(invocation, settings, &json, NULL);
        json_out_array_end(&json);
        json_out_object_end(&json);
        json_out_line(&json);
    } else {
        buf_put_format(&out, "%s is good. A running node reads it when it starts again.\n", path);
        if (node && strangers_list(invocation, settings, NULL, &strangers) > 0)
            buf_put_format(&out, "Not pinned in %s:%.*s\n", invocation->dir, (int)strangers.size, (const char *)strangers.data);
    }
    command_print_buf(&out);
    buf_free(&out);
    buf_free(&strangers);
}

static enum outcome check(const struct invocation *invocation) {
    static struct policy_settings settings;
    char path[DIR_PATH_MAX], message[POLICY_FILE_ERROR_MAX];
    const char *file = invocation->argument_count > 1 ? invocation->arguments[1] : NULL;
    enum err err = file ? OK : dir_path(path, invocation->dir, DIR_POLICY);
    if (err == OK) err = policy_file_read(&settings, file ? file : path, message);
    if (err == ERR_NOT_FOUND && !file)
        return command_fail(invocation, OUTCOME_NOT_FOUND, "there is no %s: the defaults hold, see `comity policy show`", path);
    if (err != OK) return command_fail(invocation, command_outcome(err), "%s", message);
    check_print(invocation, file ? file : path, &settings);
    policy_file_free(&settings);
    return OUTCOME_SUCCESS;
}

static enum outcome run(const struct invocation *invocation) {
    const char *what = invocation->arguments[0];
    if (strcmp(what, "check") == 0) return check(invocation);
    if (strcmp(what, "show") != 0) return command_usage(invocation, "'%s': unknown; valid are show and check", what);
    if (invocation->argument_count > 1) return command_usage(invocation, "unexpected '%s'", invocation->arguments[1]);
    return show(invocation);
}

const struct command cmd_policy = {
    .name = "policy",
    .synopsis = "show | check [FILE]",
    .summary = "show a node's policy, with its defaults; check a policy file and say what is wrong with it",
    .details =
        "DIR/policy.yaml says who may have what; without one the defaults hold. A node reads it when it starts, and does not\n"
        "start with one that it does not fully understand; what is changed later holds from the next start on. `show` and `check`\n"
        "read the files and need no running node; `check` exits 3 for a bad file. deploy/policies/POLICY.md is the manual.",
    .arguments_min = 1,
    .arguments_max = 2,
    .prints_json = true,
    .run = run,
};
