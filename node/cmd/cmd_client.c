/* comity client: who may follow the live feed, and the keys that both sides know each other by. */
#include "crypto/secret.h"
#include "gossip/pack.h"
#include "node/cmd/client.h"
#include "node/cmd/cmd.h"
#include "node/cmd/setup.h"
#include "node/formats/json_out.h"
#include "node/formats/moment.h"
#include "node/live/live_clients.h"
#include "node/live/live_identity.h"
#include "node/process/clock.h"
#include "node/process/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RELOAD_MS 10000

static enum outcome clients_load(const struct invocation *invocation, struct live_clients *clients) {
    struct config config;
    struct buf file = {0};
    size_t line = 0;
    *clients = (struct live_clients){0};
    enum outcome outcome = setup_config(invocation, &config);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    enum err err = dir_read(&file, invocation->dir, DIR_CLIENTS, LIVE_CLIENTS_FILE_BYTES_MAX);
    if (err == OK || err == ERR_NOT_FOUND) err = live_clients_parse(clients, bytes_of_buf(&file), &line);
    buf_free(&file);
    if (err == OK) return OUTCOME_SUCCESS;
    if (err == ERR_EXISTS)
        return command_fail(invocation, OUTCOME_INTERNAL,
                            "%s/" DIR_CLIENTS ": a name or a key stands twice; remove one of the lines", invocation->dir);
    return command_fail(invocation, OUTCOME_INTERNAL, "%s/" DIR_CLIENTS ":%zu: %s; remove that line, or the file with all clients",
                        invocation->dir, line, err_text(err));
}

/* The node tells the live process, so that it holds at once, and its ledger keeps that it was done. */
static enum err node_tell(const struct invocation *invocation, const char *verb, struct bytes name) {
    struct client client = {.invocation = invocation};
    struct buf body = {0};
    struct frame frame;
    char act[FIELDS_NAME_BYTES_MAX + 16];
    enum err err = control_connect(&client.channel, invocation->dir);
    if (err == ERR_CLOSED || err == ERR_TOO_BIG) return OK;
    snprintf(act, sizeof act, "%s %.*s", verb, (int)name.size, (const char *)name.data);
    pack_write_array(&body, 1);
    pack_write_str(&body, bytes_of_text(act));
    if (err == OK) err = buf_result(&body);
    if (err == OK) err = client_ask(&client, FRAME_ASK_CLIENTS, bytes_of_buf(&body));
    if (err == OK) err = client_answer(&client, &frame, RELOAD_MS);
    if (err == OK && frame.type != FRAME_ANSWER_DONE) err = ERR_DENIED;
    buf_free(&body);
    client_close(&client);
    return err;
}

/* Writes all but `without`, and `added` if not null. */
static enum outcome clients_save(const struct invocation *invocation, const struct live_clients *clients, struct bytes without,
                                 const struct live_client *added) {
    struct buf file = {0};
    for (size_t i = 0; i < clients->count; i++)
        if (!bytes_equal(clients->items[i].name, without)) live_client_write(&file, &clients->items[i]);
    if (added) live_client_write(&file, added);
    enum err err = buf_result(&file);
    if (err == OK) err = dir_write(invocation->dir, DIR_CLIENTS, bytes_of_buf(&file), 0600);
    buf_free(&file);
    if (err != OK)
        return command_fail(invocation, OUTCOME_INTERNAL, "%s/" DIR_CLIENTS ": %s; nothing was changed", invocation->dir,
                            err_text(err));
    err = node_tell(invocation, added ? "add" : "remove", added ? added->name : without);
    if (err == OK) return OUTCOME_SUCCESS;
    return command_fail(invocation, OUTCOME_INTERNAL, "the change is saved, but the running node was not told (%s): restart it",
                        err_text(err));
}

static void client_json(struct json_out *json, const struct live_client *client) {
    char key[CURVE_KEY_CHARS + 1];
    curve_key_text(key, client->key);
    json_out_object(json);
    json_out_key(json, "name");
    json_out_string(json, client->name);
    json_out_key(json, "key");
    json_out_text(json, key);
    json_out_key(json, "max_label");
    json_out_text(json, tlp_name(client->label_max));
    json_out_key(json, "subscriptions");
    json_out_string(json, client->subscriptions);
    json_out_key(json, "expires");
    client->expires_ms ? json_out_time(json, client->expires_ms) : json_out_null(json);
    json_out_object_end(json);
}

/* --- add --- */

static enum outcome client_read(const struct invocation *invocation, struct live_client *client) {
    const char *label = command_value(invocation, "max-label"), *expires = command_value(invocation, "expires");
    const char *subscriptions = command_value(invocation, "subscription");
    client->name = bytes_of_text(invocation->arguments[1]);
    client->label_max = TLP_AMBER;
    client->subscriptions = bytes_of_text(subscriptions ? subscriptions : "*");
    if (!fields_name_valid(client->name))
        return command_usage(invocation, "%s: a name is 1 to 64 of letters, digits, dot, dash and underscore",
                             invocation->arguments[1]);
    if (!curve_key_parse(client->key, bytes_of_text(invocation->arguments[2])))
        return command_usage(invocation, "%s: a key is the 40 characters that `comity client keygen` prints (Z85)",
                             invocation->arguments[2]);
    if (label && (!tlp_parse(&client->label_max, bytes_of_text(label)) || client->label_max < TLP_CLEAR ||
                  client->label_max > TLP_AMBER_STRICT))
        return command_usage(invocation,
                             "--max-label %s: give TLP:CLEAR, TLP:GREEN, TLP:AMBER or TLP:AMBER+STRICT; TLP:RED leaves by no feed",
                             label);
    if (!live_subscriptions_valid(client->subscriptions))
        return command_usage(invocation, "--subscription %s: give at most %d names of subscriptions with commas between",
                             subscriptions, LIVE_SUBSCRIPTIONS_MAX);
    if (expires && !fields_until(&client->expires_ms, expires, clock_wall_ms()))
        return command_usage(invocation, "--expires %s: give days (30d), hours (12h) or a coming date (2027-01-31T00:00:00Z)",
                             expires);
    return OUTCOME_SUCCESS;
}

static enum outcome client_free_place(const struct invocation *invocation, const struct live_clients *clients,
                                      const struct live_client *client) {
    const struct live_client *other = live_clients_of_key(clients, client->key);
    const char *name = invocation->arguments[1];
    if (live_clients_of_name(clients, client->name))
        return command_fail(invocation, OUTCOME_REFUSED, "there is a client %s already: `comity client remove %s` removes it", name,
                            name);
    if (other)
        return command_fail(invocation, OUTCOME_REFUSED, "the client %.*s has this key: each needs keys of its own",
                            (int)other->name.size, (const char *)other->name.data);
    if (clients->count == LIVE_CLIENTS_MAX)
        return command_fail(invocation, OUTCOME_REFUSED, "there are %d clients already; remove some", LIVE_CLIENTS_MAX);
    return OUTCOME_SUCCESS;
}

static enum outcome add(const struct invocation *invocation) {
    struct live_client client = {0};
    struct live_clients clients;
    struct buf out = {0};
    enum outcome outcome = client_read(invocation, &client);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    outcome = clients_load(invocation, &clients);
    if (outcome == OUTCOME_SUCCESS) outcome = client_free_place(invocation, &clients, &client);
    if (outcome == OUTCOME_SUCCESS) outcome = clients_save(invocation, &clients, bytes_of(NULL, 0), &client);
    if (outcome == OUTCOME_SUCCESS) {
        struct json_out json = json_out_of(&out);
        if (invocation->json) {
            client_json(&json, &client);
            json_out_line(&json);
        } else {
            buf_put_format(&out, "%s is let in, up to %s. It needs this node's address and key: comity client show\n",
                           invocation->arguments[1], tlp_name(client.label_max));
        }
        command_print_buf(&out);
    }
    buf_free(&out);
    live_clients_free(&clients);
    return outcome;
}

/* --- list, remove --- */

static void client_line(struct buf *out, const struct live_client *client) {
    char moment[MOMENT_TEXT_BYTES] = "never", key[CURVE_KEY_CHARS + 1];
    if (client->expires_ms) moment_text(moment, client->expires_ms);
    curve_key_text(key, client->key);
    buf_put(out, client->name);
    buf_put_format(out, "\t%s\t%s\texpires %s\tsubscriptions ", key, tlp_name(client->label_max), moment);
    buf_put(out, client->subscriptions);
    buf_put_text(out, "\n");
}

static enum outcome list(const struct invocation *invocation) {
    struct live_clients clients;
    struct buf out = {0};
    struct json_out json = json_out_of(&out);
    enum outcome outcome = clients_load(invocation, &clients);
    if (outcome == OUTCOME_SUCCESS) {
        if (invocation->json) json_out_array(&json);
        for (size_t i = 0; i < clients.count; i++)
            invocation->json ? client_json(&json, &clients.items[i]) : client_line(&out, &clients.items[i]);
        if (invocation->json) {
            json_out_array_end(&json);
            json_out_line(&json);
        } else if (clients.count == 0) {
            buf_put_text(&out, "There is no client: comity client add NAME KEY\n");
        }
        command_print_buf(&out);
    }
    buf_free(&out);
    live_clients_free(&clients);
    return outcome;
}

static enum outcome remove_one(const struct invocation *invocation) {
    struct live_clients clients;
    struct buf out = {0};
    struct bytes name = bytes_of_text(invocation->arguments[1]);
    enum outcome outcome = clients_load(invocation, &clients);
    if (outcome == OUTCOME_SUCCESS && !live_clients_of_name(&clients, name))
        outcome = command_fail(invocation, OUTCOME_NOT_FOUND, "there is no client %s; `comity client list` shows them",
                               invocation->arguments[1]);
    if (outcome == OUTCOME_SUCCESS) outcome = clients_save(invocation, &clients, name, NULL);
    if (outcome == OUTCOME_SUCCESS && !invocation->json) {
        buf_put_format(&out, "%s is removed: its connections end now, and its key is refused.\n", invocation->arguments[1]);
        command_print_buf(&out);
    }
    buf_free(&out);
    live_clients_free(&clients);
    return outcome;
}

/* --- keys --- */

static enum outcome certificate_write(const struct invocation *invocation, const char *path, struct bytes content) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return command_fail(invocation, OUTCOME_REFUSED, "%s: %s", path,
                            errno == EEXIST ? "it is there already; name another file, or remove this one with its keys"
                                            : strerror(errno));
    bool good = write(fd, content.data, content.size) == (ssize_t)content.size && fsync(fd) == 0;
    good = close(fd) == 0 && good;
    if (good) return OUTCOME_SUCCESS;
    unlink(path);
    return command_fail(invocation, OUTCOME_INTERNAL, "%s: it cannot be written: %s", path, strerror(errno));
}

static void told_key(const struct invocation *invocation, const uint8_t key[static CURVE_KEY_BYTES], const char *where,
                     const char *value) {
    struct buf out = {0};
    char text[CURVE_KEY_CHARS + 1];
    curve_key_text(text, key);
    if (invocation->json) {
        struct json_out json = json_out_of(&out);
        json_out_object(&json);
        json_out_key(&json, where);
        json_out_text(&json, value);
        json_out_key(&json, "key");
        json_out_text(&json, text);
        json_out_object_end(&json);
        json_out_line(&json);
    } else if (strcmp(where, "file") == 0) {
        buf_put_format(&out, "%s\n", text);
    } else {
        buf_put_format(&out, "listen      %s\npublic key  %s\n", value[0] ? value : "nowhere: set live.listen and restart the node",
                       text);
    }
    command_print_buf(&out);
    buf_free(&out);
}

static enum outcome keygen(const struct invocation *invocation) {
    uint8_t *keys = secret_new(2 * CURVE_KEY_BYTES);
    struct buf file = {0};
    if (!keys) return command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
    curve_keys_make(keys);
    curve_certificate_write(&file, keys, "Keys of a client of Comity's live feed. Whoever reads this file can pretend to be it.");
    enum outcome outcome = buf_result(&file) == OK ? certificate_write(invocation, invocation->arguments[1], bytes_of_buf(&file))
                                                   : command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
    if (outcome == OUTCOME_SUCCESS) told_key(invocation, keys, "file", invocation->arguments[1]);
    if (file.data) secret_wipe(file.data, file.capacity);
    buf_free(&file);
    secret_free(keys);
    return outcome;
}

/* What a client is told: where this node's feed is, and by which key it is known. */
static enum outcome show(const struct invocation *invocation) {
    struct config config;
    char problem[LIVE_IDENTITY_PROBLEM_MAX];
    enum outcome outcome = setup_config(invocation, &config);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    uint8_t *keys = secret_new(2 * CURVE_KEY_BYTES);
    if (!keys) return command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
    enum err err = live_identity_get(invocation->dir, keys, problem);
    if (err == OK)
        told_key(invocation, keys, "listen", config.live_listen);
    else
        outcome = command_fail(invocation, OUTCOME_REFUSED, "%s", problem);
    secret_free(keys);
    return outcome;
}

static enum outcome run(const struct invocation *invocation) {
    const char *verb = invocation->arguments[0];
    size_t count = invocation->argument_count;
    if (strcmp(verb, "list") == 0 && count == 1) return list(invocation);
    if (strcmp(verb, "show") == 0 && count == 1) return show(invocation);
    if (strcmp(verb, "add") == 0 && count == 3) return add(invocation);
    if (strcmp(verb, "remove") == 0 && count == 2) return remove_one(invocation);
    if (strcmp(verb, "keygen") == 0 && count == 2) return keygen(invocation);
    return command_usage(invocation,
                         "say `client add NAME KEY`, `client list`, `client remove NAME`, `client show` or `client keygen FILE`");
}

static const struct command_option options[] = {
    {"max-label", "LABEL", "add: the most restrictive label that it sees, TLP:AMBER when not given; never TLP:RED"},
    {"subscription", "S[,S...]", "add: it may follow these subscriptions only"},
    {"expires", "TIME", "add: 30d, 12h, or a date; without it the client is let in until it is removed"},
    {0},
};

const struct command cmd_client = {
    .name = "client",
    .synopsis =
        "add NAME KEY [--max-label LABEL] [--subscription S,...] [--expires TIME] | list | remove NAME | show | keygen FILE",
    .summary = "make, list and remove the clients of the live feed (ZeroMQ)",
    .details =
        "A client makes its keys with `client keygen FILE` and tells its public key, which that prints; KEY is that. It is told\n"
        "this node's address and public key, which `client show` prints. Who is removed is cut off at once.",
    .arguments_min = 1,
    .arguments_max = 3,
    .prints_json = true,
    .options = options,
    .run = run,
};
