/* comity check-config */
#include "node/cmd/cmd.h"
#include "node/process/config.h"
#include "node/process/dir.h"
#include "node/formats/json_out.h"
#include "node/cmd/setup.h"

#include <inttypes.h>
#include <string.h>

static void config_json(struct json_out *json, const struct config *config) {
    json_out_key(json, "agency");
    json_out_text(json, config->agency_name);
    json_out_key(json, "listen");
    json_out_text(json, config->listen);
    json_out_key(json, "advertise");
    json_out_text(json, config->advertise);
    json_out_key(json, "payload_quota_bytes");
    json_out_uint(json, config->payload_quota_bytes);
    json_out_key(json, "cache_bytes");
    json_out_uint(json, config->cache_bytes);
    json_out_key(json, "sync");
    json_out_bool(json, config->sync);
    json_out_key(json, "log_level");
    json_out_text(json, config->log_level);
    json_out_key(json, "log_format");
    json_out_text(json, config->log_format);
}

static bool loopback(const char *host_port) {
    return strncmp(host_port, "127.", 4) == 0 || strncmp(host_port, "[::1]:", 6) == 0 || strncmp(host_port, "localhost:", 10) == 0;
}

static enum outcome run(const struct invocation *invocation) {
    struct config config;
    struct buf out = {0};
    enum outcome outcome = setup_config(invocation, &config);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    if (invocation->json) {
        struct json_out json = json_out_of(&out);
        json_out_object(&json);
        config_json(&json, &config);
        json_out_object_end(&json);
        buf_put_text(&out, "\n");
    } else {
        buf_put_format(&out, "%s/" DIR_CONFIG " is good.\n", invocation->dir);
        if (!config.sync) buf_put_text(&out, "Beware: sync is false; a power cut loses what was acknowledged.\n");
        if (config.web_metrics[0] && !loopback(config.web_metrics))
            buf_put_format(&out, "Beware: web.metrics (%s) is not on the loopback, and has neither TLS nor a password.\n",
                           config.web_metrics);
        if (!config.listen[0]) buf_put_text(&out, "The node only dials out: listen is empty.\n");
    }
    command_print_buf(&out);
    buf_free(&out);
    return OUTCOME_SUCCESS;
}

const struct command cmd_check_config = {.name = "check-config",
                                         .synopsis = "",
                                         .summary = "check DIR/comity.yaml and say what is wrong with it",
                                         .prints_json = true,
                                         .run = run};
