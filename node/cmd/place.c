#include "node/cmd/place.h"

#include "node/cmd/setup.h"
#include "node/process/dir.h"
#include "node/net/endpoint_text.h"

#include <stdio.h>

enum outcome place_config(const struct invocation *invocation, const char *agency, struct config *config) {
    const char *listen = command_value(invocation, "listen");
    const char *advertise = command_value(invocation, "advertise"), *problem;
    config_defaults(config);
    if (!agency) return command_usage(invocation, "--agency NAME is missing: the name of your agency, as partners will see it");
    if ((problem = config_name_problem(agency))) return command_usage(invocation, "--agency: this is no name: %s", problem);
    if (listen && (problem = endpoint_text_problem(listen))) return command_usage(invocation, "--listen %s: %s", listen, problem);
    if (advertise && (problem = endpoint_text_problem(advertise)))
        return command_usage(invocation, "--advertise %s: %s", advertise, problem);
    if (advertise && endpoint_text_wildcard(advertise))
        return command_usage(invocation, "--advertise %s: nobody can dial a wildcard address; write the one that partners reach",
                             advertise);
    if (listen && !advertise && endpoint_text_wildcard(listen))
        return command_usage(invocation,
                             "--listen %s names all addresses: say with --advertise tcp://HOST:PORT how partners reach this node",
                             listen);
    const char *web = command_value(invocation, "web");
    if (web && (problem = config_web_problem(web)))
        return command_usage(invocation, "--web %s: %s; write HOST:PORT, such as 127.0.0.1:8443", web, problem);
    snprintf(config->web_listen, sizeof config->web_listen, "%s", web ? web : "");
    const char *live = command_value(invocation, "live");
    if (live && (problem = config_web_problem(live)))
        return command_usage(invocation, "--live %s: %s; write HOST:PORT, such as 127.0.0.1:7448", live, problem);
    snprintf(config->live_listen, sizeof config->live_listen, "%s", live ? live : "");
    snprintf(config->agency_name, sizeof config->agency_name, "%s", agency);
    snprintf(config->listen, sizeof config->listen, "%s", listen ? listen : "");
    snprintf(config->advertise, sizeof config->advertise, "%s", advertise ? advertise : config->listen);
    return OUTCOME_SUCCESS;
}

enum outcome place_empty(const struct invocation *invocation) {
    enum outcome outcome = setup_owner(invocation);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    enum err err = dir_make(invocation->dir);
    if (err != OK)
        return command_fail(invocation, err == ERR_DENIED ? OUTCOME_REFUSED : OUTCOME_INTERNAL, "cannot make the directory %s: %s",
                            invocation->dir, err == ERR_EXISTS ? "a file of that name is in the way" : err_text(err));
    switch (dir_state(invocation->dir)) {
    case DIR_EMPTY: return OUTCOME_SUCCESS;
    case DIR_NODE:
        return command_fail(invocation, OUTCOME_REFUSED, "%s already holds a node; nothing was changed. Name another --dir",
                            invocation->dir);
    case DIR_UNFINISHED:
        return command_fail(invocation, OUTCOME_REFUSED,
                            "%s holds keys of a node but no " DIR_CONFIG ": an earlier init was cut short, or the file was lost.\n"
                            "If that agency was never used, remove the directory and try again",
                            invocation->dir);
    case DIR_OTHER:
        return command_fail(invocation, OUTCOME_REFUSED, "%s is not empty: name an empty directory, or one to be made",
                            invocation->dir);
    default: return command_fail(invocation, OUTCOME_REFUSED, "%s cannot be read", invocation->dir);
    }
}

enum err place_key_write(const char *dir, const char *name, const struct keyfile *keyfile, struct bytes passphrase,
                         struct random *random) {
    struct buf sealed = {0};
    enum err err = keyfile_seal(&sealed, keyfile, passphrase, random);
    if (err == OK) err = dir_create(dir, name, bytes_of_buf(&sealed), 0600);
    buf_free(&sealed);
    return err;
}
