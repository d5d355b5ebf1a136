/* comity run: checks everything that can be checked before a process starts, then hands over to proc. */
#include "crypto/secret.h"
#include "node/cmd/cmd.h"
#include "node/process/dir.h"
#include "node/net/endpoint.h"
#include "node/engine/engine.h"
#include "node/process/keyd.h"
#include "node/live/live.h"
#include "node/live/live_identity.h"
#include "node/hook/hook.h"
#include "node/net/net.h"
#include "node/process/proc.h"
#include "node/cmd/setup.h"
#include "node/web/web.h"
#include "node/web/web_identity.h"

#include <assert.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_SETTINGS_BYTES_MAX 4096

/* What proc_run borrows, one buffer for each role. The key role's holds the passphrase and is guarded. */
struct settings {
    struct buf net, engine, key, web, live, hook;
    void *key_memory;
};

static void settings_free(struct settings *settings) {
    buf_free(&settings->net);
    buf_free(&settings->engine);
    if (settings->web.data) secret_wipe(settings->web.data, settings->web.capacity);
    buf_free(&settings->web);
    if (settings->live.data) secret_wipe(settings->live.data, settings->live.capacity);
    buf_free(&settings->live);
    buf_free(&settings->hook);
    secret_free(settings->key_memory);
}

/* The net process gets literal addresses only: the first one that the name stands for. */
static enum outcome listen_resolve(const struct invocation *invocation, const char *what, const char *listen,
                                   char out[static ENDPOINT_BYTES_MAX]) {
    char host[ENDPOINT_HOST_MAX], address[NI_MAXHOST];
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_ADDRCONFIG}, *found = NULL;
    uint16_t port;
    out[0] = 0;
    if (!*listen) return OUTCOME_SUCCESS;
    int size = snprintf(out, ENDPOINT_BYTES_MAX, "%s", listen);
    if (endpoint_literal(bytes_of_text(listen), false) && size < ENDPOINT_BYTES_MAX) return OUTCOME_SUCCESS;
    if (endpoint_split(bytes_of_text(listen), host, &port) != OK)
        return command_fail(invocation, OUTCOME_REFUSED, "%s: %s is no endpoint", what, listen);
    int failed = getaddrinfo(host, NULL, &wanted, &found);
    if (failed != 0)
        return command_fail(invocation, OUTCOME_REFUSED, "%s: the name %s cannot be resolved: %s; write an address of this machine",
                            what, host, gai_strerror(failed));
    failed = getnameinfo(found->ai_addr, found->ai_addrlen, address, sizeof address, NULL, 0, NI_NUMERICHOST);
    bool ipv6 = found->ai_family == AF_INET6;
    freeaddrinfo(found);
    size = snprintf(out, ENDPOINT_BYTES_MAX, ipv6 ? "tcp://[%s]:%u" : "tcp://%s:%u", failed == 0 ? address : "", (unsigned)port);
    if (failed == 0 && size < ENDPOINT_BYTES_MAX && endpoint_literal(bytes_of_text(out), false)) return OUTCOME_SUCCESS;
    return command_fail(invocation, OUTCOME_REFUSED, "%s: the name %s stands for no address that can be listened on", what, host);
}

/* Nothing where the configuration enables no web process. */
static enum outcome web_settings_make(const struct invocation *invocation, const char *dir, const struct config *config,
                                      const struct agency *own, enum log_level level, struct buf *out) {
    struct web_settings web = {.log_level = level, .agency = own->name};
    char text[CONFIG_TEXT_MAX + 8];
    bool serves = config->web_listen[0] != 0;
    if (!serves && !config->web_metrics[0]) return OUTCOME_SUCCESS;
    snprintf(text, sizeof text, "tcp://%s", config->web_listen);
    enum outcome outcome = listen_resolve(invocation, "web.listen", serves ? text : "", web.listen);
    if (outcome == OUTCOME_SUCCESS && config->web_metrics[0]) {
        snprintf(text, sizeof text, "tcp://%s", config->web_metrics);
        outcome = listen_resolve(invocation, "web.metrics", text, web.metrics);
    }
    if (outcome != OUTCOME_SUCCESS) return outcome;
    struct buf certificate = {0}, key = {0}, client_ca = {0};
    char problem[WEB_IDENTITY_PROBLEM_MAX];
    enum err err = serves ? web_identity_get(dir, config, &certificate, &key, problem) : OK;
    if (err == OK && serves) err = web_identity_clients(config, &client_ca, problem);
    if (err != OK) outcome = command_fail(invocation, OUTCOME_REFUSED, "%s", problem);
    memcpy(web.agency_id, own->id, AGENCY_ID_BYTES);
    snprintf(web.dir, sizeof web.dir, "%s", dir);
    web.certificate = bytes_of_buf(&certificate);
    web.key = bytes_of_buf(&key);
    web.client_ca = bytes_of_buf(&client_ca);
    if (err == OK) err = web_settings_encode(&web, out);
    if (err != OK && outcome == OUTCOME_SUCCESS)
        outcome = command_fail(invocation, OUTCOME_INTERNAL, "settings of the web process: %s", err_text(err));
    if (key.data) secret_wipe(key.data, key.capacity);
    buf_free(&key);
    buf_free(&certificate);
    buf_free(&client_ca);
    return outcome;
}

/* Nothing where the configuration enables no live feed. */
static enum outcome live_settings_make(const struct invocation *invocation, const char *dir, const struct config *config,
                                       enum log_level level, struct buf *out) {
    struct live_settings live = {.log_level = level, .pub_label_max = config->live_pub_label_max};
    char text[CONFIG_TEXT_MAX + 8], problem[LIVE_IDENTITY_PROBLEM_MAX];
    enum outcome outcome = OUTCOME_SUCCESS;
    if (!config->live_listen[0] && !config->live_pub[0]) return outcome;
    snprintf(text, sizeof text, "tcp://%s", config->live_listen);
    if (config->live_listen[0]) outcome = listen_resolve(invocation, "live.listen", text, live.listen);
    snprintf(text, sizeof text, "tcp://%s", config->live_pub);
    if (outcome == OUTCOME_SUCCESS && config->live_pub[0]) outcome = listen_resolve(invocation, "live.pub", text, live.pub);
    if (outcome == OUTCOME_SUCCESS && live.pub[0] && config_loopback_problem(live.pub + strlen("tcp://")))
        outcome = command_fail(invocation, OUTCOME_REFUSED, "live.pub: %s is no loopback address; write 127.0.0.1:PORT", live.pub);
    uint8_t *keys = secret_new(2 * CURVE_KEY_BYTES);
    enum err err = keys ? OK : ERR_MEMORY;
    snprintf(problem, sizeof problem, "settings of the live process: %s", err_text(ERR_MEMORY));
    if (outcome == OUTCOME_SUCCESS && err == OK && live.listen[0]) err = live_identity_get(dir, keys, problem);
    snprintf(live.dir, sizeof live.dir, "%s", dir);
    live.keys = bytes_of(keys, live.listen[0] ? 2 * CURVE_KEY_BYTES : 0);
    buf_reserve(out, sizeof live);
    if (outcome == OUTCOME_SUCCESS && err == OK) err = live_settings_encode(&live, out);
    if (outcome == OUTCOME_SUCCESS && err != OK) outcome = command_fail(invocation, OUTCOME_REFUSED, "%s", problem);
    secret_free(keys);
    return outcome;
}

/* Nothing where no file names hooks. */
static enum outcome hooks_make(const struct invocation *invocation, const char *dir, enum log_level level, struct buf *out) {
    char why[HOOK_SETTINGS_WHY];
    uint32_t count;
    enum err err = hook_settings_make(dir, level, out, &count, why);
    if (err == OK) return OUTCOME_SUCCESS;
    return command_fail(invocation, err == ERR_SYNTAX ? OUTCOME_REFUSED : command_outcome(err), "%s", why);
}

/* What hooks are made of when they are read again, while the node runs. */
struct again {
    const char *dir;
    enum log_level level;
};

static_assert(HOOK_SETTINGS_WHY <= PROC_WHY_BYTES, "a text fits");

static enum err hooks_again(void *context, struct buf *out, uint32_t *count, char why[static PROC_WHY_BYTES]) {
    const struct again *again = context;
    return hook_settings_make(again->dir, again->level, out, count, why);
}

static enum outcome settings_make(const struct invocation *invocation, const char *dir, const struct config *config,
                                  const struct agency *own, struct bytes passphrase, struct settings *out) {
    char key_path[DIR_PATH_MAX];
    struct net_settings net;
    struct engine_settings engine;
    enum log_level level = LOG_LEVEL_INFO;
    log_level_of(config->log_level, &level);
    log_format_set(strcmp(config->log_format, "json") == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
    log_open("run", level);
    net_settings_default(&net);
    net.log_level = level;
    enum outcome outcome = listen_resolve(invocation, "listen", config->listen, net.listen);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    outcome = web_settings_make(invocation, dir, config, own, level, &out->web);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    outcome = live_settings_make(invocation, dir, config, level, &out->live);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    outcome = hooks_make(invocation, dir, level, &out->hook);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    engine_settings_of_config(&engine, config, dir);
    out->key_memory = secret_new(KEY_SETTINGS_BYTES_MAX);
    out->key = (struct buf){.data = out->key_memory, .capacity = KEY_SETTINGS_BYTES_MAX, .size_max = KEY_SETTINGS_BYTES_MAX};
    enum err err = out->key_memory ? dir_path(key_path, dir, DIR_NODE_KEY) : ERR_MEMORY;
    if (err == OK) err = net_settings_encode(&net, &out->net);
    if (err == OK) err = engine_settings_encode(&engine, &out->engine);
    if (err == OK) err = keyd_settings_encode(&out->key, level, key_path, passphrase);
    return err == OK ? OUTCOME_SUCCESS : command_fail(invocation, OUTCOME_INTERNAL, "settings of the processes: %s", err_text(err));
}

static enum outcome processes_run(const struct settings *settings, const struct config *config, const char *dir) {
    char what[AGENCY_NAME_BYTES_MAX + COMMAND_DIR_MAX + 32];
    struct again again = {.dir = dir, .level = LOG_LEVEL_INFO};
    struct proc_options options = {.what = what, .hooks_again = hooks_again, .context = &again};
    log_level_of(config->log_level, &again.level);
    snprintf(what, sizeof what, "node of %s in %s", config->agency_name, dir);
    options.settings[ROLE_NET] = bytes_of_buf(&settings->net);
    options.settings[ROLE_ENGINE] = bytes_of_buf(&settings->engine);
    options.settings[ROLE_KEY] = bytes_of_buf(&settings->key);
    options.settings[ROLE_WEB] = bytes_of_buf(&settings->web);
    options.settings[ROLE_LIVE] = bytes_of_buf(&settings->live);
    options.settings[ROLE_HOOK] = bytes_of_buf(&settings->hook);
    int status = proc_run(&options);
    return status >= OUTCOME_SUCCESS && status <= OUTCOME_INTERNAL ? (enum outcome)status : OUTCOME_INTERNAL;
}

static enum outcome node_run(const struct invocation *invocation, const char *dir, const struct config *config,
                             const struct agency *own) {
    struct settings settings = {0};
    struct passphrase passphrase = {0};
    struct buf sealed = {0};
    enum outcome outcome = setup_node_key(invocation, &sealed, &passphrase, NULL);
    if (outcome == OUTCOME_SUCCESS) outcome = setup_next_key(invocation, own, &passphrase);
    if (outcome == OUTCOME_SUCCESS) outcome = settings_make(invocation, dir, config, own, passphrase_bytes(&passphrase), &settings);
    passphrase_free(&passphrase);
    buf_free(&sealed);
    if (outcome == OUTCOME_SUCCESS) outcome = processes_run(&settings, config, dir);
    settings_free(&settings);
    return outcome;
}

/* The engine reads the file by itself; here the operator hears of a mistake before anything starts. */
static enum outcome policy_good(const struct invocation *invocation) {
    static struct policy_settings policy;
    bool found;
    enum outcome outcome = setup_policy(invocation, &policy, &found);
    if (outcome == OUTCOME_SUCCESS) policy_file_free(&policy);
    return outcome;
}

static enum outcome run(const struct invocation *invocation) {
    struct config config;
    struct card_file own = {0};
    int lock = -1;
    enum outcome outcome = setup_config(invocation, &config);
    if (outcome == OUTCOME_SUCCESS) outcome = policy_good(invocation);
    if (outcome == OUTCOME_SUCCESS) outcome = setup_lock(invocation, &lock);
    if (outcome == OUTCOME_SUCCESS) outcome = setup_own_card(invocation, &own);
    if (outcome != OUTCOME_SUCCESS) {
        card_file_free(&own);
        if (lock >= 0) close(lock);
        return outcome;
    }
    /* The processes get the whole path: they do not depend on where this one was started. */
    char *dir = realpath(invocation->dir, NULL);
    if (!dir || strlen(dir) >= COMMAND_DIR_MAX)
        outcome = command_fail(invocation, OUTCOME_INTERNAL, "%s: its whole path cannot be found, or is longer than %d bytes",
                               invocation->dir, COMMAND_DIR_MAX - 1);
    else
        outcome = node_run(invocation, dir, &config, &own.card.agency);
    card_file_free(&own);
    free(dir);
    close(lock);
    return outcome;
}

static const struct command_option options[] = {
    {"passphrase-file", "FILE", "take the passphrase from FILE instead of the terminal"},
    {0},
};

const struct command cmd_run = {
    .name = "run",
    .synopsis = "[--passphrase-file FILE]",
    .summary = "run the node, in the foreground, until SIGTERM",
    .details =
        "The passphrase comes from --passphrase-file, or from the systemd credential \"passphrase\", or is asked on the terminal.",
    .options = options,
    .run = run,
};
