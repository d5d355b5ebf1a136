/* comity token: who may use the web process. */
#include "gossip/pack.h"
#include "node/cmd/client.h"
#include "node/process/clock.h"
#include "node/cmd/cmd.h"
#include "node/process/dir.h"
#include "node/formats/json_out.h"
#include "node/formats/moment.h"
#include "node/cmd/setup.h"
#include "node/web/tokens.h"
#include "crypto/random.h"
#include "crypto/secret.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define RELOAD_MS 10000

static enum outcome tokens_load(const struct invocation *invocation, struct tokens *tokens) {
    struct config config;
    struct buf file = {0};
    size_t line = 0;
    *tokens = (struct tokens){0};
    enum outcome outcome = setup_config(invocation, &config);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    enum err err = dir_read(&file, invocation->dir, DIR_TOKENS, TOKENS_FILE_BYTES_MAX);
    if (err == OK || err == ERR_NOT_FOUND) err = tokens_parse(tokens, bytes_of_buf(&file), &line);
    buf_free(&file);
    if (err == OK) return OUTCOME_SUCCESS;
    return command_fail(invocation, OUTCOME_INTERNAL, "%s/" DIR_TOKENS ":%zu: %s; remove that line, or the file with all tokens",
                        invocation->dir, line, err_text(err));
}

/* Writes all but `without`, and `added` if not null; then tells the node, which tells the web process, and waits until that holds it. */
static enum outcome tokens_save(const struct invocation *invocation, const struct tokens *tokens, struct bytes without,
                                const struct token *added) {
    static const uint8_t nothing = 0x90; /* an empty array */
    struct client client = {.invocation = invocation};
    struct buf file = {0};
    struct frame frame;
    for (size_t i = 0; i < tokens->count; i++)
        if (!bytes_equal(tokens->items[i].name, without)) token_write(&file, &tokens->items[i]);
    if (added) token_write(&file, added);
    enum err err = buf_result(&file);
    if (err == OK) err = dir_write(invocation->dir, DIR_TOKENS, bytes_of_buf(&file), 0600);
    buf_free(&file);
    if (err != OK)
        return command_fail(invocation, OUTCOME_INTERNAL, "%s/" DIR_TOKENS ": %s; nothing was changed", invocation->dir,
                            err_text(err));
    err = control_connect(&client.channel, invocation->dir);
    if (err == ERR_CLOSED || err == ERR_TOO_BIG) return OUTCOME_SUCCESS;
    if (err == OK) err = client_ask(&client, FRAME_ASK_TOKENS, bytes_of(&nothing, 1));
    if (err == OK) err = client_answer(&client, &frame, RELOAD_MS);
    if (err == OK && frame.type != FRAME_ANSWER_DONE) err = ERR_BUSY;
    client_close(&client);
    if (err == OK) return OUTCOME_SUCCESS;
    return command_fail(invocation, OUTCOME_INTERNAL, "the change is saved, but the running node was not told (%s): restart it",
                        err_text(err));
}

/* --- add --- */

static bool recipients_good(struct bytes text) {
    size_t count = 0;
    if (bytes_equal_text(text, "*")) return true;
    while (count++ < TOKENS_RECIPIENTS_MAX) {
        const uint8_t *comma = memchr(text.data, ',', text.size);
        struct bytes name = bytes_of(text.data, comma ? (size_t)(comma - text.data) : text.size);
        if (!fields_name_valid(name)) return false;
        if (!comma) return true;
        text = bytes_of(comma + 1, text.size - name.size - 1);
    }
    return false;
}

static enum outcome token_rights(const struct invocation *invocation, struct token *token) {
    const char *to = command_value(invocation, "publish-to");
    token->read = command_has(invocation, "read") || !command_has(invocation, "write");
    token->write = command_has(invocation, "write");
    token->recipients = bytes_of_text(to ? to : "-");
    bool group = !token_groups_all(token) && token_groups_some(token);
    if (to && !token->write) return command_usage(invocation, "--publish-to needs --write");
    if (token->write && !to && !group)
        return command_usage(invocation, "--write needs --publish-to NAME[,NAME...]: to whom what is posted shall go (* for all "
                                         "pinned), or --collections group:NAME: to that group");
    if (to && !recipients_good(token->recipients))
        return command_usage(invocation, "--publish-to %s: give the names of at most %d pinned agencies with commas between, or *",
                             to, TOKENS_RECIPIENTS_MAX);
    return OUTCOME_SUCCESS;
}

static enum outcome token_options(const struct invocation *invocation, struct token *token) {
    const char *label = command_value(invocation, "max-label"), *collections = command_value(invocation, "collections");
    const char *expires = command_value(invocation, "expires"), *rate = command_value(invocation, "rate");
    const char *certificate = command_value(invocation, "certificate");
    uint64_t number = TOKENS_RATE_DEFAULT;
    token->label_max = TLP_AMBER;
    if (label && (!tlp_parse(&token->label_max, bytes_of_text(label)) || token->label_max > TLP_AMBER_STRICT))
        return command_usage(
            invocation,
            "--max-label %s: give TLP:CLEAR, TLP:GREEN, TLP:AMBER or TLP:AMBER+STRICT; TLP:RED leaves by no web process", label);
    if (collections_parse(token, bytes_of_text(collections ? collections : "*")) != OK)
        return command_usage(
            invocation,
            "--collections %s: give some of all, clear, green, amber, amber-strict, and group:NAME (at most %d), with "
            "commas between, or * for all of them",
            collections, TOKENS_GROUPS_MAX);
    token->bound = certificate != NULL;
    if (certificate && !fingerprint_parse(token->fingerprint, bytes_of_text(certificate)))
        return command_usage(
            invocation,
            "--certificate %s: give the SHA-256 fingerprint of the client's certificate, 64 hexadecimal digits, as "
            "`openssl x509 -noout -fingerprint -sha256 -in client.crt` prints it",
            certificate);
    if (expires && !fields_until(&token->expires_ms, expires, clock_wall_ms()))
        return command_usage(invocation, "--expires %s: give days (30d), hours (12h) or a coming date (2027-01-31T00:00:00Z)",
                             expires);
    if (rate && (!fields_number(&number, bytes_of_text(rate), TOKENS_RATE_MAX) || number == 0))
        return command_usage(invocation, "--rate %s: give requests a second, 1 to %d", rate, TOKENS_RATE_MAX);
    token->rate = (unsigned)number;
    return token_rights(invocation, token);
}

static void token_say(const struct invocation *invocation, const struct token *token, const char *text) {
    struct buf out = {0};
    if (invocation->json) {
        struct json_out json = json_out_of(&out);
        json_out_object(&json);
        json_out_key(&json, "name");
        json_out_string(&json, token->name);
        json_out_key(&json, "token");
        json_out_text(&json, text);
        json_out_object_end(&json);
        json_out_line(&json);
    } else {
        buf_put_format(&out, "%s\n", text);
    }
    command_print_buf(&out);
    secret_wipe(out.data, out.capacity);
    buf_free(&out);
    command_flush();
}

/* A token opens nothing where no web process listens. */
static void web_note(const struct invocation *invocation) {
    struct config config;
    if (setup_config(invocation, &config) == OUTCOME_SUCCESS && !config.web_listen[0])
        command_fail(invocation, OUTCOME_SUCCESS,
                     "note: this node serves nobody yet: set web.listen in %s/" DIR_CONFIG " and start it again", invocation->dir);
}

static enum outcome add(const struct invocation *invocation) {
    struct token token = {.name = bytes_of_text(invocation->arguments[1])};
    struct tokens tokens;
    struct random random;
    uint8_t secret[32];
    char text[TOKENS_TEXT_BYTES];
    if (!fields_name_valid(token.name))
        return command_usage(invocation, "%s: a name is 1 to 64 of letters, digits, dot, dash and underscore",
                             invocation->arguments[1]);
    enum outcome outcome = token_options(invocation, &token);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    outcome = tokens_load(invocation, &tokens);
    if (outcome == OUTCOME_SUCCESS && tokens_of_name(&tokens, token.name))
        outcome = command_fail(invocation, OUTCOME_REFUSED, "%s has a token already: `comity token remove %s` revokes it",
                               invocation->arguments[1], invocation->arguments[1]);
    if (outcome == OUTCOME_SUCCESS && tokens.count == TOKENS_MAX)
        outcome = command_fail(invocation, OUTCOME_REFUSED, "there are %d tokens already; remove some", TOKENS_MAX);
    if (outcome == OUTCOME_SUCCESS) {
        random_init_kernel(&random);
        random_bytes(&random, secret, sizeof secret);
        random_wipe(&random);
        token_text(text, secret);
        token_hash(token.hash, bytes_of_text(text));
        outcome = tokens_save(invocation, &tokens, bytes_of(NULL, 0), &token);
        if (outcome == OUTCOME_SUCCESS) token_say(invocation, &token, text);
        if (outcome == OUTCOME_SUCCESS) web_note(invocation);
        secret_wipe(secret, sizeof secret);
        secret_wipe(text, sizeof text);
    }
    tokens_free(&tokens);
    return outcome;
}

/* --- list, remove --- */

static void token_json(struct json_out *json, const struct token *token) {
    json_out_object(json);
    json_out_key(json, "name");
    json_out_string(json, token->name);
    json_out_key(json, "max_label");
    json_out_text(json, tlp_name(token->label_max));
    json_out_key(json, "read");
    json_out_bool(json, token->read);
    json_out_key(json, "write");
    json_out_bool(json, token->write);
    json_out_key(json, "collections");
    json_out_array(json);
    for (struct bytes rest = token->scope; rest.size > 0;) json_out_string(json, fields_split(&rest, ','));
    json_out_array_end(json);
    json_out_key(json, "certificate");
    token->bound ? json_out_hex(json, bytes_of(token->fingerprint, sizeof token->fingerprint)) : json_out_null(json);
    json_out_key(json, "publish_to");
    json_out_string(json, token->recipients);
    json_out_key(json, "rate");
    json_out_uint(json, token->rate);
    json_out_key(json, "expires");
    token->expires_ms ? json_out_time(json, token->expires_ms) : json_out_null(json);
    json_out_object_end(json);
}

static void token_line(struct buf *out, const struct token *token) {
    char moment[MOMENT_TEXT_BYTES] = "never";
    if (token->expires_ms) moment_text(moment, token->expires_ms);
    buf_put(out, token->name);
    buf_put_format(out, "\t%s\t%s%s\texpires %s\t%u requests/s\t", tlp_name(token->label_max), token->read ? "read " : "",
                   token->write ? "write" : "", moment, token->rate);
    buf_put(out, token->scope);
    buf_put_text(out, "\tto ");
    buf_put(out, token->recipients);
    if (token->bound) buf_put_text(out, "\twith its certificate");
    buf_put_text(out, "\n");
}

static enum outcome list(const struct invocation *invocation) {
    struct tokens tokens;
    struct buf out = {0};
    struct json_out json = json_out_of(&out);
    enum outcome outcome = tokens_load(invocation, &tokens);
    if (outcome == OUTCOME_SUCCESS) {
        if (invocation->json) json_out_array(&json);
        for (size_t i = 0; i < tokens.count; i++)
            invocation->json ? token_json(&json, &tokens.items[i]) : token_line(&out, &tokens.items[i]);
        if (invocation->json) {
            json_out_array_end(&json);
            json_out_line(&json);
        }
        if (!invocation->json && tokens.count == 0) buf_put_text(&out, "There is no token: comity token add NAME\n");
        command_print_buf(&out);
    }
    buf_free(&out);
    tokens_free(&tokens);
    return outcome;
}

static enum outcome remove_one(const struct invocation *invocation) {
    struct tokens tokens;
    struct buf out = {0};
    struct bytes name = bytes_of_text(invocation->arguments[1]);
    enum outcome outcome = tokens_load(invocation, &tokens);
    if (outcome == OUTCOME_SUCCESS && !tokens_of_name(&tokens, name))
        outcome = command_fail(invocation, OUTCOME_NOT_FOUND, "%s has no token; `comity token list` shows who has",
                               invocation->arguments[1]);
    if (outcome == OUTCOME_SUCCESS) outcome = tokens_save(invocation, &tokens, name, NULL);
    if (outcome == OUTCOME_SUCCESS && !invocation->json) {
        buf_put_format(&out, "The token of %s is revoked: it is refused from now on.\n", invocation->arguments[1]);
        command_print_buf(&out);
    }
    buf_free(&out);
    tokens_free(&tokens);
    return outcome;
}

static enum outcome run(const struct invocation *invocation) {
    const char *verb = invocation->arguments[0];
    bool named = invocation->argument_count == 2;
    if (strcmp(verb, "list") == 0 && !named) return list(invocation);
    if (strcmp(verb, "add") == 0 && named) return add(invocation);
    if (strcmp(verb, "remove") == 0 && named) return remove_one(invocation);
    return command_usage(invocation, "say `token add NAME`, `token list` or `token remove NAME`");
}

static const struct command_option options[] = {
    {"max-label", "LABEL", "add: the most restrictive label that it shows, TLP:AMBER when not given; never TLP:RED"},
    {"collections", "C[,C...]",
     "add: only these of all, clear, green, amber, amber-strict, and group:NAME; objects of groups show to no token that names "
     "collections without theirs"},
    {"read", NULL, "add: may read; so may every token without --write"},
    {"write", NULL, "add: may post objects, which the node publishes"},
    {"publish-to", "NAME[,NAME...]", "add: who may read what it posts, by the names they are pinned under; * for all"},
    {"certificate", "FINGERPRINT",
     "add: good only together with this client certificate, which is enough alone too (web.client_ca)"},
    {"expires", "TIME", "add: 30d, 12h, or a date; without it the token holds until it is removed"},
    {"rate", "N", "add: requests a second, 50 when not given"},
    {0},
};

const struct command cmd_token = {
    .name = "token",
    .synopsis = "add NAME [--max-label LABEL] [--collections C,...] [--read] [--write --publish-to NAME,...] [--expires TIME] "
                "[--certificate FINGERPRINT] | "
                "list | remove NAME",
    .summary = "make, list and revoke the tokens by which tools use the web process",
    .details =
        "The token is printed once; the node keeps its hash. A tool sends it as the password of user NAME (HTTP Basic), or as a\n"
        "Bearer token. What is removed is refused from then on.",
    .arguments_min = 1,
    .arguments_max = 2,
    .prints_json = true,
    .options = options,
    .run = run,
};
