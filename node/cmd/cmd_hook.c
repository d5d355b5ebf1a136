/* comity hook: the programs and files that a node's news go to: list, check, run. */
#include "gossip/pack.h"
#include "node/cmd/client.h"
#include "node/cmd/cmd.h"
#include "node/cmd/setup.h"
#include "node/formats/document.h"
#include "node/formats/json_out.h"
#include "node/hook/hook_file.h"
#include "node/hook/program.h"
#include "node/process/clock.h"
#include "node/process/dir.h"

#include <errno.h>
#include <libgen.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ASK_AGAIN_MS 100
#define PATIENCE_MS  60000 /* beyond the hook's own time limit */

static void verb_put(struct buf *body, const char *verb, const char *name) {
    pack_write_array(body, name ? 2 : 1);
    pack_write_str(body, bytes_of_text(verb));
    if (name) pack_write_str(body, bytes_of_text(name));
}

/* --- list --- */

static enum outcome list(const struct invocation *invocation) {
    struct buf body = {0};
    verb_put(&body, "list", NULL);
    enum outcome outcome = client_print_document(invocation, FRAME_ASK_HOOK, bytes_of_buf(&body));
    buf_free(&body);
    return outcome;
}

/* --- check --- */

/* Null: what the hook needs is there. */
static const char *hook_problem(const struct hook *hook, char why[static 256]) {
    static struct program_paths paths;
    struct stat facts;
    char folder[HOOK_PATH_BYTES_MAX + 1], copy[HOOK_PATH_BYTES_MAX + 1];
    if (hook->file) {
        snprintf(copy, sizeof copy, "%s", hook->file);
        snprintf(folder, sizeof folder, "%s", hook->format->folder ? hook->file : dirname(copy));
        if (stat(folder, &facts) != 0 || !S_ISDIR(facts.st_mode) || access(folder, W_OK | X_OK) != 0)
            return snprintf(why, 256, "%.180s: no folder in which this user may write", folder), why;
    }
    for (size_t i = 0; i < hook->reads.count; i++)
        if (stat(hook->reads.words[i], &facts) != 0)
            return snprintf(why, 256, "reads: %.180s: %s", hook->reads.words[i], strerror(errno)), why;
    for (size_t i = 0; i < hook->writes.count; i++)
        if (stat(hook->writes.words[i], &facts) != 0)
            return snprintf(why, 256, "writes: %.180s: %s", hook->writes.words[i], strerror(errno)), why;
    return hook->command.count > 0 && program_paths(&paths, hook, why) != OK ? why : NULL;
}

static void hook_print(struct buf *out, struct json_out *json, const struct hook *hook, const char *problem) {
    if (!json) {
        buf_put_format(out, "%s: %s %s%s%s\n", hook->name, hook->file ? hook->format->name : "calls",
                       hook->file ? hook->file : hook->command.words[0], problem ? ": " : "", problem ? problem : "");
        return;
    }
    json_out_object(json);
    json_out_key(json, "name");
    json_out_text(json, hook->name);
    json_out_key(json, "kind");
    json_out_text(json, hook->file ? "file" : "command");
    json_out_key(json, "problem");
    json_out_text(json, problem ? problem : "");
    json_out_object_end(json);
}

static enum outcome check_print(const struct invocation *invocation, const struct hook_file *hooks) {
    struct buf out = {0};
    struct json_out json = json_out_of(&out);
    bool good = true;
    if (invocation->json) json_out_array(&json);
    for (size_t i = 0; i < hooks->count; i++) {
        char why[256];
        const char *problem = hook_problem(&hooks->hooks[i], why);
        hook_print(&out, invocation->json ? &json : NULL, &hooks->hooks[i], problem);
        good = good && !problem;
    }
    if (invocation->json) {
        json_out_array_end(&json);
        json_out_line(&json);
    } else {
        buf_put_format(&out, "%zu hook%s%s. A running node reads the file at `comity hook reload`, or when it starts again.\n",
                       hooks->count, hooks->count == 1 ? "" : "s",
                       good ? ", good" : ", the file is good, but what it names is not all there");
    }
    command_print_buf(&out);
    buf_free(&out);
    return good ? OUTCOME_SUCCESS : OUTCOME_REFUSED;
}

static enum outcome check(const struct invocation *invocation) {
    const char *file = invocation->argument_count > 1 ? invocation->arguments[1] : NULL;
    struct buf text = {0};
    struct hook_file hooks;
    bool found;
    enum outcome outcome = setup_hooks(invocation, file, &text, &hooks, &found);
    if (outcome == OUTCOME_SUCCESS && !found)
        outcome = command_fail(invocation, OUTCOME_NOT_FOUND,
                               "there is no %s%s" DIR_HOOKS ", so there are no hooks; deploy/hooks.yaml.example shows one",
                               file ? file : invocation->dir, file ? ": not even a " : "/");
    else if (outcome == OUTCOME_SUCCESS)
        outcome = check_print(invocation, &hooks);
    hook_file_free(&hooks);
    buf_free(&text);
    return outcome;
}

/* --- run --- */

struct row {
    uint64_t answered, objects, withdrawals;
    struct bytes problem;
    bool known, running;
};

struct row_search {
    const char *name;
    struct row *out;
};

static void row_read(void *context, struct bytes value) {
    const struct row_search *search = context;
    if (!bytes_equal_text(document_string(value, "name"), search->name)) return;
    *search->out = (struct row){.answered = document_number(value, "answered"),
                                .objects = document_number(value, "objects"),
                                .withdrawals = document_number(value, "withdrawals"),
                                .problem = document_string(value, "problem"),
                                .known = true,
                                .running = document_flag(value, "running")};
}

static enum outcome row_get(struct client *client, struct buf *document, const char *name, struct row *out) {
    struct buf body = {0};
    verb_put(&body, "list", NULL);
    buf_clear(document);
    enum outcome outcome = client_document_of(client, FRAME_ASK_HOOK, bytes_of_buf(&body), document);
    buf_free(&body);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    struct row_search search = {name, out};
    *out = (struct row){0};
    document_each(bytes_of_buf(document), "hooks", row_read, &search);
    return out->known ? OUTCOME_SUCCESS
                      : command_fail(client->invocation, OUTCOME_NOT_FOUND,
                                     "%s: the running node has no such hook; `comity hook list` shows those that it has", name);
}

static enum outcome run_ask(struct client *client, const char *name, uint64_t *number) {
    struct buf body = {0};
    struct frame frame;
    verb_put(&body, "run", name);
    enum err err = client_ask(client, FRAME_ASK_HOOK, bytes_of_buf(&body));
    buf_free(&body);
    if (err == OK) err = client_answer(client, &frame, -1);
    if (err != OK) return client_lost(client, err);
    if (frame.type == FRAME_ANSWER_ERROR) return client_refused(client, frame.body);
    struct pack_reader in = pack_reader_of(frame.body);
    uint32_t fields = pack_read_array(&in);
    *number = pack_read_uint(&in);
    return fields == 1 && pack_done(&in) == OK ? OUTCOME_SUCCESS : client_lost(client, ERR_FORMAT);
}

static enum outcome run_tell(const struct invocation *invocation, const char *name, const struct row *row) {
    struct buf out = {0};
    if (row->problem.size > 0)
        return command_fail(invocation, OUTCOME_REFUSED, "%s: %.*s", name, (int)row->problem.size, (const char *)row->problem.data);
    buf_put_format(&out, "%s: done; %llu objects, %llu withdrawals so far\n", name, (unsigned long long)row->objects,
                   (unsigned long long)row->withdrawals);
    command_print_buf(&out);
    buf_free(&out);
    return OUTCOME_SUCCESS;
}

static enum outcome run_now(const struct invocation *invocation) {
    const char *name = invocation->arguments[1];
    struct client client;
    struct buf document = {0};
    struct row row;
    uint64_t number = 0, idle_ms = clock_monotonic_ms();
    enum outcome outcome = client_open(&client, invocation);
    if (outcome == OUTCOME_SUCCESS) outcome = row_get(&client, &document, name, &row);
    if (outcome == OUTCOME_SUCCESS) outcome = run_ask(&client, name, &number);
    if (outcome == OUTCOME_SUCCESS) outcome = row_get(&client, &document, name, &row);
    while (outcome == OUTCOME_SUCCESS && row.answered < number) {
        if (row.running) idle_ms = clock_monotonic_ms();
        if (clock_monotonic_ms() - idle_ms > PATIENCE_MS) {
            outcome = command_fail(invocation, OUTCOME_INTERNAL,
                                   "%s: the hook process does not say what became of it; the node's log tells more", name);
            break;
        }
        poll(NULL, 0, ASK_AGAIN_MS);
        outcome = row_get(&client, &document, name, &row);
    }
    if (outcome == OUTCOME_SUCCESS) outcome = run_tell(invocation, name, &row);
    client_close(&client);
    buf_free(&document);
    return outcome;
}

/* --- reload --- */

/* What is named and not there keeps only its own hook from working, but the operator wants to hear of it. */
static void problems_say(const struct invocation *invocation, const struct hook_file *hooks) {
    for (size_t i = 0; i < hooks->count; i++) {
        char why[256];
        const char *problem = hook_problem(&hooks->hooks[i], why);
        if (problem) (void)command_fail(invocation, OUTCOME_SUCCESS, "%s: %s", hooks->hooks[i].name, problem);
    }
}

static enum outcome reload_tell(const struct client *client, struct bytes body) {
    struct pack_reader in = pack_reader_of(body);
    uint32_t fields = pack_read_array(&in);
    uint64_t count = pack_read_uint(&in);
    bool changed = pack_read_bool(&in);
    struct buf out = {0};
    if (fields != 2 || pack_done(&in) != OK) return client_lost(client, ERR_FORMAT);
    if (client->invocation->json)
        buf_put_format(&out, "{\"hooks\":%llu,\"changed\":%s}\n", (unsigned long long)count, changed ? "true" : "false");
    else if (count == 0)
        buf_put_text(&out, changed ? "There are no hooks any more.\n" : "There are no hooks.\n");
    else
        buf_put_format(&out, changed ? "%llu hook%s at work.\n" : "The file is as it was: %llu hook%s at work.\n",
                       (unsigned long long)count, count == 1 ? " is" : "s are");
    command_print_buf(&out);
    buf_free(&out);
    return OUTCOME_SUCCESS;
}

static enum outcome reload_ask(struct client *client) {
    struct buf body = {0};
    struct frame frame;
    verb_put(&body, "reload", NULL);
    enum err err = client_ask(client, FRAME_ASK_HOOK, bytes_of_buf(&body));
    buf_free(&body);
    if (err == OK) err = client_answer(client, &frame, PATIENCE_MS);
    if (err == ERR_TIMEOUT)
        return command_fail(client->invocation, OUTCOME_INTERNAL,
                            "the file was taken, and no hook process came up with it within %d s: the node's log says why",
                            PATIENCE_MS / 1000);
    if (err != OK) return client_lost(client, err);
    return frame.type == FRAME_ANSWER_ERROR ? client_refused(client, frame.body) : reload_tell(client, frame.body);
}

/* The file is looked at here first, where what is wrong with it can be said without a running node. */
static enum outcome reload(const struct invocation *invocation) {
    struct buf text = {0};
    struct hook_file hooks;
    struct client client;
    bool found;
    enum outcome outcome = setup_hooks(invocation, NULL, &text, &hooks, &found);
    if (outcome == OUTCOME_SUCCESS) {
        problems_say(invocation, &hooks);
        outcome = client_open(&client, invocation);
        if (outcome == OUTCOME_SUCCESS) outcome = reload_ask(&client);
        client_close(&client);
    }
    hook_file_free(&hooks);
    buf_free(&text);
    return outcome;
}

static enum outcome run(const struct invocation *invocation) {
    const char *what = invocation->arguments[0];
    if (strcmp(what, "check") == 0) return check(invocation);
    if (strcmp(what, "run") == 0)
        return invocation->argument_count > 1 ? run_now(invocation) : command_usage(invocation, "run: give the hook's name");
    bool lists = strcmp(what, "list") == 0;
    if (!lists && strcmp(what, "reload") != 0)
        return command_usage(invocation, "'%s': unknown; valid are list, check, run and reload", what);
    if (invocation->argument_count > 1) return command_usage(invocation, "unexpected '%s'", invocation->arguments[1]);
    return lists ? list(invocation) : reload(invocation);
}

const struct command cmd_hook = {
    .name = "hook",
    .synopsis = "list | check [FILE] | run NAME | reload",
    .summary = "programs that are called, and files that are written, when objects come and go",
    .details =
        "DIR/hooks.yaml names them; deploy/hooks.yaml.example is one with comments, deploy/response-teams.md tells of them. "
        "A node reads the\n"
        "file when it starts, and at `reload`: a file that is not wholly understood changes nothing and exits 3; programs "
        "that run\n"
        "may end, within 10 seconds, and every hook goes on where it stood. `list` shows what each did and its last problem; "
        "`check`\n"
        "says what is wrong with the file, or with what it names, and needs no running node; `run` calls or writes one now, "
        "without\n"
        "waiting, and exits 3 when that failed.",
    .arguments_min = 1,
    .arguments_max = 2,
    .prints_json = true,
    .run = run,
};
