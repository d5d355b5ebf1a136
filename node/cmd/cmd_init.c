/* comity init: a new agency with its first node, in an empty directory. */
#include "crypto/secret.h"
#include "node/identity/card_text.h"
#include "node/process/clock.h"
#include "node/cmd/cmd.h"
#include "node/process/config.h"
#include "node/process/dir.h"
#include "node/identity/genesis.h"
#include "node/identity/passphrase.h"
#include "node/cmd/place.h"

#include <string.h>

/* The configuration comes last: a directory without one holds no node. What was made is taken back on an error. */
static enum err files_write(const char *dir, const struct genesis *genesis, const struct config *config, struct bytes passphrase,
                            struct random *random) {
    static const char *const made[] = {DIR_CARD, DIR_NODE_KEY, DIR_OPS_KEY, DIR_ROOT_KEY};
    struct buf card = {0}, yaml = {0};
    char folder[DIR_PATH_MAX];
    enum err err = dir_path(folder, dir, DIR_TRUST);
    if (err == OK) err = card_armour(&card, bytes_of_buf(&genesis->card));
    if (err == OK) err = config_write(&yaml, config);
    if (err == OK) err = place_key_write(dir, DIR_ROOT_KEY, genesis->root, passphrase, random);
    if (err == OK) err = place_key_write(dir, DIR_OPS_KEY, genesis->ops, passphrase, random);
    if (err == OK) err = place_key_write(dir, DIR_NODE_KEY, genesis->node, passphrase, random);
    if (err == OK) err = dir_make(folder);
    if (err == OK) err = dir_create(dir, DIR_CARD, bytes_of_buf(&card), 0644);
    if (err == OK) err = dir_create(dir, DIR_CONFIG, bytes_of_buf(&yaml), 0600);
    for (size_t i = 0; err != OK && err != ERR_EXISTS && i < sizeof made / sizeof *made; i++)
        if (dir_remove(dir, made[i]) != OK) continue;
    buf_free(&card);
    buf_free(&yaml);
    return err;
}

static void told_json(struct buf *out, const struct invocation *invocation, const struct card *card, const struct config *config,
                      bool sealed) {
    static const char *const files[] = {DIR_CONFIG, DIR_NODE_KEY, DIR_OPS_KEY, DIR_ROOT_KEY, DIR_CARD, DIR_TRUST};
    struct json_out json = json_out_of(out);
    json_out_object(&json);
    json_out_key(&json, "dir");
    json_out_text(&json, invocation->dir);
    card_json(&json, card, clock_wall_ms());
    json_out_key(&json, "listen");
    json_out_text(&json, config->listen);
    json_out_key(&json, "advertise");
    json_out_text(&json, config->advertise);
    json_out_key(&json, "passphrase");
    json_out_bool(&json, sealed);
    json_out_key(&json, "files");
    json_out_array(&json);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) json_out_text(&json, files[i]);
    json_out_array_end(&json);
    json_out_object_end(&json);
    buf_put_text(out, "\n");
}

static void told_text(struct buf *out, const struct invocation *invocation, const struct card *card, const struct config *config,
                      bool sealed) {
    const char *dir = invocation->dir;
    card_text(out, card, clock_wall_ms());
    buf_put_format(out, "\n%s now holds:\n", dir);
    buf_put_format(out, "  " DIR_CONFIG "  the configuration%s\n",
                   config->listen[0] ? "" : "; without --listen this node only dials out, so partners must listen");
    buf_put_format(out, "  " DIR_NODE_KEY "     the node's keys, %s\n",
                   sealed ? "sealed under your passphrase" : "NOT sealed: no passphrase was wanted");
    buf_put_text(out, "  " DIR_OPS_KEY "      signs this agency's nodes: the running node renews its own certificate with it\n"
                      "  " DIR_ROOT_KEY "     the agency's root keys; take them off line, they are the agency\n"
                      "  " DIR_CARD "         what partners pin\n\nNext:\n");
    buf_put_format(out, "  1. comity card --dir %s > my.card, and send it to your partners\n", dir);
    buf_put_text(out,
                 "  2. read them the fingerprint above by another way (telephone, in person), and have them read you theirs\n");
    buf_put_format(out, "  3. comity trust add THEIR.card --as NAME --dir %s\n", dir);
    if (strcmp(dir, DIR_SYSTEM) == 0)
        buf_put_text(out, "  4. systemctl enable --now comity; where the service finds the passphrase: man 8 comity\n");
    else
        buf_put_format(out, "  4. comity run --dir %s\n", dir);
}

static enum outcome agency_make(const struct invocation *invocation, const struct config *config, struct bytes passphrase) {
    struct genesis_options options = {.agency_name = config->agency_name, .endpoint = config->advertise, .now_ms = clock_wall_ms()};
    struct genesis genesis;
    struct random *random = secret_new(sizeof *random);
    struct card card;
    struct buf out = {0};
    if (!random) return command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
    random_init_kernel(random);
    enum err err = genesis_make(&genesis, &options, random);
    if (err == OK) err = card_read(&card, bytes_of_buf(&genesis.card));
    if (err == OK) err = files_write(invocation->dir, &genesis, config, passphrase, random);
    if (err == OK) {
        (invocation->json ? told_json : told_text)(&out, invocation, &card, config, passphrase.size > 0);
        command_print_buf(&out);
    }
    buf_free(&out);
    genesis_free(&genesis);
    secret_free(random);
    if (err == ERR_EXISTS)
        return command_fail(invocation, OUTCOME_REFUSED, "another init works in %s at this moment", invocation->dir);
    return err == OK ? OUTCOME_SUCCESS
                     : command_fail(invocation, OUTCOME_INTERNAL, "making the agency in %s: %s", invocation->dir, err_text(err));
}

static enum outcome run(const struct invocation *invocation) {
    struct config config;
    struct passphrase passphrase = {0};
    char problem[PASSPHRASE_PROBLEM_MAX];
    const char *file = command_value(invocation, "passphrase-file");
    if (file && command_has(invocation, "no-passphrase"))
        return command_usage(invocation, "--passphrase-file and --no-passphrase contradict each other");
    enum outcome outcome = place_config(invocation, command_value(invocation, "agency"), &config);
    if (outcome == OUTCOME_SUCCESS) outcome = place_empty(invocation);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    if (!command_has(invocation, "no-passphrase")) {
        enum err err = passphrase_get(&passphrase, file, "New passphrase for the keys: ", true, problem);
        if (err != OK)
            return command_fail(
                invocation, OUTCOME_REFUSED, "%s%s", problem[0] ? problem : err_text(err),
                file ? "" : "\n(tests and appliances may say --no-passphrase: whoever reads the files then has the keys)");
    }
    outcome = agency_make(invocation, &config, passphrase_bytes(&passphrase));
    passphrase_free(&passphrase);
    return outcome;
}

static const struct command_option options[] = {
    {"agency", "NAME", "the agency's name, at most 64 bytes"},
    {"listen", "tcp://HOST:PORT", "where partners' nodes connect to; without it the node only dials out"},
    {"advertise", "tcp://HOST:PORT", "what partners dial, when that differs from --listen"},
    {"web", "HOST:PORT", "where response teams' tools connect to (TAXII 2.1 over HTTPS); without it there is no web process"},
    {"live", "HOST:PORT", "where clients of the live feed connect to (ZeroMQ with CURVE); without it there is none"},
    {"passphrase-file", "FILE", "take the passphrase from FILE instead of the terminal"},
    {"no-passphrase", NULL, "leave the keys unsealed: for tests and appliances"},
    {0},
};

const struct command cmd_init = {
    .name = "init",
    .synopsis = "--agency NAME [--listen tcp://HOST:PORT] [--advertise tcp://HOST:PORT] [--web HOST:PORT] [--live HOST:PORT] "
                "[--passphrase-file FILE "
                "| --no-passphrase]",
    .summary = "make a new agency and its first node in an empty directory",
    .details = "The passphrase is asked twice on the terminal, or taken from --passphrase-file, or from the systemd credential\n"
               "\"passphrase\". It seals the root keys and the node's keys.",
    .prints_json = true,
    .options = options,
    .run = run,
};
