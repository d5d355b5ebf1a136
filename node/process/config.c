#include "node/process/config.h"

#include "gossip/pack.h"
#include "node/net/endpoint_text.h"
#include "node/process/log.h"
#include "node/formats/yaml_tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define CONFIG_BYTES_MAX (64 * 1024)
#define KIB              UINT64_C(1024)
#define QUOTA_MIN        (1024 * KIB)
#define CACHE_MIN        (1024 * KIB)
#define SIZE_MOST        (UINT64_C(1) << 50)

/* One value: `text` is terminated and has no zero byte inside. On false `why` says what to write instead. */
struct setting {
    const char *key;
    bool (*read)(struct config *config, const char *text, char *why, size_t why_bytes);
};

struct reading {
    struct config *config;
    const char *file_name;
    char *message;
    struct bytes yaml;
    bool seen[32];
};

void config_defaults(struct config *out) {
    *out = (struct config){.payload_quota_bytes = 1024 * 1024 * KIB,
                           .cache_bytes = 64 * 1024 * KIB,
                           .sync = true,
                           .log_level = "info",
                           .log_format = "text",
                           .live_pub_label_max = TLP_CLEAR};
}

const char *config_name_problem(const char *name) {
    struct bytes text = bytes_of_text(name);
    if (text.size == 0) return "it is empty";
    if (text.size > AGENCY_NAME_BYTES_MAX) return "it is longer than 64 bytes";
    if (!pack_utf8_valid(text)) return "it is not UTF-8";
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < 0x20 || text.data[i] == 0x7f) return "it holds a control character";
    return text.data[0] == ' ' || text.data[text.size - 1] == ' ' ? "it starts or ends with a blank" : NULL;
}

/* --- one reader per kind of value --- */

static bool read_agency(struct config *config, const char *text, char *why, size_t why_bytes) {
    const char *problem = config_name_problem(text);
    if (problem)
        snprintf(why, why_bytes, "this is no agency name: %s", problem);
    else
        snprintf(config->agency_name, sizeof config->agency_name, "%s", text);
    return !problem;
}

static bool read_endpoint(char *out, const char *text, char *why, size_t why_bytes) {
    const char *problem = endpoint_text_problem(text);
    if (problem)
        snprintf(why, why_bytes, "this is no endpoint: %s; write tcp://HOST:PORT", problem);
    else
        snprintf(out, CONFIG_TEXT_MAX, "%s", text);
    return !problem;
}

/* An empty listen means that the node only dials out. */
static bool read_listen(struct config *config, const char *text, char *why, size_t why_bytes) {
    config->listen[0] = 0;
    return *text == 0 || read_endpoint(config->listen, text, why, why_bytes);
}

static bool read_advertise(struct config *config, const char *text, char *why, size_t why_bytes) {
    config->advertise[0] = 0;
    if (*text == 0) return true;
    if (!read_endpoint(config->advertise, text, why, why_bytes)) return false;
    if (!endpoint_text_wildcard(text)) return true;
    snprintf(why, why_bytes, "nobody can dial a wildcard address; write the name or address by which partners reach this node");
    return false;
}

static bool read_size(uint64_t *out, uint64_t least, const char *text, char *why, size_t why_bytes) {
    static const char *const units[] = {"", "KiB", "MiB", "GiB", "TiB"};
    char *end;
    unsigned long long number = *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
    if (*text >= '0' && *text <= '9') {
        while (*end == ' ') end++;
        for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
            if (strcmp(end, units[i]) != 0) continue;
            if (number > SIZE_MOST >> (10 * i) || number << (10 * i) < least) break;
            *out = (uint64_t)number << (10 * i);
            return true;
        }
    }
    snprintf(why, why_bytes,
             "this is no size; write a number of bytes or of KiB, MiB, GiB or TiB, from %" PRIu64
             " MiB to 1024 TiB, such as \"64 MiB\"",
             least / (1024 * KIB));
    return false;
}

static bool read_quota(struct config *config, const char *text, char *why, size_t why_bytes) {
    return read_size(&config->payload_quota_bytes, QUOTA_MIN, text, why, why_bytes);
}

static bool read_cache(struct config *config, const char *text, char *why, size_t why_bytes) {
    return read_size(&config->cache_bytes, CACHE_MIN, text, why, why_bytes);
}

static bool read_sync(struct config *config, const char *text, char *why, size_t why_bytes) {
    config->sync = strcmp(text, "true") == 0;
    if (config->sync || strcmp(text, "false") == 0) return true;
    snprintf(why, why_bytes, "this is neither true nor false; write one of them");
    return false;
}

static bool read_log_level(struct config *config, const char *text, char *why, size_t why_bytes) {
    enum log_level level;
    if (log_level_of(text, &level)) {
        snprintf(config->log_level, sizeof config->log_level, "%s", text);
        return true;
    }
    snprintf(why, why_bytes, "unknown log level; write warn, info or debug");
    return false;
}

static bool read_log_format(struct config *config, const char *text, char *why, size_t why_bytes) {
    enum log_format format;
    if (log_format_of(text, &format)) {
        snprintf(config->log_format, sizeof config->log_format, "%s", text);
        return true;
    }
    snprintf(why, why_bytes, "unknown form of the log; write text or json");
    return false;
}

const char *config_web_problem(const char *text) {
    char endpoint[CONFIG_TEXT_MAX + 8];
    snprintf(endpoint, sizeof endpoint, "tcp://%s", text);
    return endpoint_text_problem(endpoint);
}

static bool read_host_port(char *out, const char *text, char *why, size_t why_bytes) {
    const char *problem = *text ? config_web_problem(text) : NULL;
    if (problem)
        snprintf(why, why_bytes, "this is no place to listen: %s; write HOST:PORT, such as 127.0.0.1:8443", problem);
    else
        snprintf(out, CONFIG_TEXT_MAX, "%s", text);
    return !problem;
}

static bool read_web_listen(struct config *config, const char *text, char *why, size_t why_bytes) {
    return read_host_port(config->web_listen, text, why, why_bytes);
}

static bool read_web_metrics(struct config *config, const char *text, char *why, size_t why_bytes) {
    return read_host_port(config->web_metrics, text, why, why_bytes);
}

const char *config_loopback_problem(const char *text) {
    const char *problem = config_web_problem(text);
    bool ipv4 = strncmp(text, "127.", 4) == 0 && text[strspn(text, "0123456789.")] == ':';
    if (problem || ipv4 || strncmp(text, "[::1]:", 6) == 0 || strncmp(text, "localhost:", 10) == 0) return problem;
    return "anybody who reaches it could read along: it takes a loopback address only";
}

static bool read_live_listen(struct config *config, const char *text, char *why, size_t why_bytes) {
    return read_host_port(config->live_listen, text, why, why_bytes);
}

static bool read_live_pub(struct config *config, const char *text, char *why, size_t why_bytes) {
    const char *problem = *text ? config_loopback_problem(text) : NULL;
    if (problem) {
        snprintf(why, why_bytes, "nothing is published there without encryption: %s; write 127.0.0.1:PORT", problem);
        return false;
    }
    return read_host_port(config->live_pub, text, why, why_bytes);
}

static bool read_live_pub_label(struct config *config, const char *text, char *why, size_t why_bytes) {
    enum tlp label;
    if (tlp_parse(&label, bytes_of_text(text)) && label >= TLP_CLEAR && label <= TLP_AMBER_STRICT) {
        config->live_pub_label_max = label;
        return true;
    }
    snprintf(why, why_bytes, "this is no label that may leave here; write TLP:CLEAR, TLP:GREEN, TLP:AMBER or TLP:AMBER+STRICT");
    return false;
}

static bool read_path(char *out, const char *text, char *why, size_t why_bytes) {
    if (*text && *text != '/') {
        snprintf(why, why_bytes, "this is no whole path; begin with /");
        return false;
    }
    snprintf(out, CONFIG_TEXT_MAX, "%s", text);
    return true;
}

static bool read_web_certificate(struct config *config, const char *text, char *why, size_t why_bytes) {
    return read_path(config->web_certificate, text, why, why_bytes);
}

static bool read_web_key(struct config *config, const char *text, char *why, size_t why_bytes) {
    return read_path(config->web_key, text, why, why_bytes);
}

static bool read_web_client_ca(struct config *config, const char *text, char *why, size_t why_bytes) {
    return read_path(config->web_client_ca, text, why, why_bytes);
}

static const struct setting settings[] = {
    {"agency", read_agency},
    {"listen", read_listen},
    {"advertise", read_advertise},
    {"payload_quota", read_quota},
    {"cache", read_cache},
    {"sync", read_sync},
    {"log_level", read_log_level},
    {"log.format", read_log_format},
    {"web.listen", read_web_listen},
    {"web.metrics", read_web_metrics},
    {"web.certificate", read_web_certificate},
    {"web.key", read_web_key},
    {"web.client_ca", read_web_client_ca},
    {"live.listen", read_live_listen},
    {"live.pub", read_live_pub},
    {"live.pub_max_label", read_live_pub_label},
};
#define SETTING_COUNT (sizeof settings / sizeof *settings)

/* --- the file: one mapping of plain values, read from libyaml's events --- */

static enum err report(const struct reading *reading, yaml_mark_t mark, const char *what, const char *name) {
    char safe[160] = "", full[CONFIG_ERROR_TEXT_MAX];
    if (name) log_escape(safe, sizeof safe, bytes_of_text(name));
    snprintf(full, sizeof full, "%s:%zu:%zu: %s%s%s", reading->file_name, mark.line + 1, mark.column + 1, safe, name ? ": " : "",
             what);
    memcpy(reading->message, full, sizeof full);
    return ERR_SYNTAX;
}

static const char *event_surprise(const yaml_event_t *event) {
    switch (event->type) {
    case YAML_ALIAS_EVENT: return "aliases are not used here; write the value itself";
    case YAML_SEQUENCE_START_EVENT: return "a list stands where one value is expected; write a single value";
    case YAML_MAPPING_START_EVENT: return "a section stands where one value is expected; write a single value";
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT: return "the file says nothing; write at least `agency: NAME`";
    case YAML_DOCUMENT_START_EVENT: return "a second document starts here; leave one only";
    default: return "this is not \"key: value\"; write one setting a line";
    }
}

/* Copies a scalar that has no anchor, no tag and no zero byte. */
static const char *scalar_take(const yaml_event_t *event, char out[static CONFIG_TEXT_MAX]) {
    if (event->type != YAML_SCALAR_EVENT) return event_surprise(event);
    if (event->data.scalar.anchor) return "anchors are not used here; write the value without &";
    if (event->data.scalar.tag) return "tags are not used here; write the value without !";
    if (event->data.scalar.length >= CONFIG_TEXT_MAX) return "longer than 255 bytes";
    memcpy(out, event->data.scalar.value, event->data.scalar.length);
    out[event->data.scalar.length] = 0;
    return strlen(out) == event->data.scalar.length ? NULL : "it holds a zero byte; leave that out";
}

/* libyaml's reader, which checks the UTF-8, names a byte offset instead of a place. */
static yaml_mark_t problem_place(const struct reading *reading, const yaml_parser_t *parser) {
    yaml_mark_t mark = {0};
    if (parser->error != YAML_READER_ERROR) return parser->problem_mark;
    for (size_t at = 0; at < parser->problem_offset && at < reading->yaml.size; at++) {
        bool line_ends = reading->yaml.data[at] == '\n';
        mark.line += line_ends;
        mark.column = line_ends ? 0 : mark.column + 1;
    }
    return mark;
}

static enum err event_next(struct reading *reading, yaml_parser_t *parser, yaml_event_t *event) {
    if (yaml_parser_parse(parser, event)) return OK;
    char what[200];
    snprintf(what, sizeof what, "this is not YAML: %s", parser->problem ? parser->problem : "it cannot be read");
    return parser->error == YAML_MEMORY_ERROR ? ERR_MEMORY : report(reading, problem_place(reading, parser), what, NULL);
}

static enum err value_apply(struct reading *reading, const struct setting *setting, const yaml_event_t *event) {
    char value[CONFIG_TEXT_MAX], why[300];
    const char *problem = scalar_take(event, value);
    if (problem) return report(reading, event->start_mark, problem, setting->key);
    return setting->read(reading->config, value, why, sizeof why) ? OK : report(reading, event->start_mark, why, setting->key);
}

static enum err key_apply(struct reading *reading, const yaml_event_t *event, const struct setting **setting) {
    char key[CONFIG_TEXT_MAX], what[1024];
    const char *problem = scalar_take(event, key);
    if (problem) return report(reading, event->start_mark, problem, NULL);
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (strcmp(settings[i].key, key) != 0) continue;
        if (reading->seen[i]) return report(reading, event->start_mark, "stands twice; leave one", key);
        reading->seen[i] = true;
        *setting = &settings[i];
        return OK;
    }
    int size = snprintf(what, sizeof what, "there is no such setting; known are");
    for (size_t i = 0; i < SETTING_COUNT; i++)
        size += snprintf(what + size, sizeof what - (size_t)size, "%s %s", i ? "," : "", settings[i].key);
    return report(reading, event->start_mark, what, key);
}

/* Stream, document, mapping; then pairs to the end; then nothing more. */
static enum err events_read(struct reading *reading, yaml_parser_t *parser) {
    const struct setting *setting = NULL;
    bool inside = false, over = false;
    for (;;) {
        yaml_event_t event;
        enum err err = event_next(reading, parser, &event);
        if (err != OK) return err;
        yaml_event_type_t type = event.type;
        if (setting) {
            err = value_apply(reading, setting, &event);
            setting = NULL;
        } else if (inside && type == YAML_MAPPING_END_EVENT) {
            inside = false;
            over = true;
        } else if (inside) {
            err = key_apply(reading, &event, &setting);
        } else if (!over && type == YAML_MAPPING_START_EVENT) {
            inside = true;
            if (event.data.mapping_start.anchor || event.data.mapping_start.tag)
                err = report(reading, event.start_mark, "anchors and tags are not used here; leave them out", NULL);
        } else if (type == YAML_STREAM_END_EVENT       ? !over
                   : type == YAML_DOCUMENT_START_EVENT ? over
                                                       : type != YAML_STREAM_START_EVENT && type != YAML_DOCUMENT_END_EVENT) {
            err = report(reading, event.start_mark, event_surprise(&event), NULL);
        }
        yaml_event_delete(&event);
        if (err != OK || type == YAML_STREAM_END_EVENT) return err;
    }
}

/* What holds between settings; a file without advertise tells listen. */
static enum err config_complete(const struct reading *reading) {
    struct config *config = reading->config;
    yaml_mark_t start = {0};
    if (!config->web_certificate[0] != !config->web_key[0])
        return report(reading, start, "stands alone; write both web.certificate and web.key, or neither",
                      config->web_key[0] ? "web.key" : "web.certificate");
    if (!config->agency_name[0]) return report(reading, start, "is missing; write the name of your agency", "agency");
    if (config->advertise[0] || !config->listen[0]) return OK;
    if (endpoint_text_wildcard(config->listen))
        return report(reading, start,
                      "is missing, and listen names all addresses; write the name or address by which partners reach this node",
                      "advertise");
    memcpy(config->advertise, config->listen, sizeof config->advertise);
    return OK;
}

enum err config_parse(struct config *out, struct bytes yaml, const char *file_name, char message[static CONFIG_ERROR_TEXT_MAX]) {
    struct reading reading = {.config = out, .file_name = file_name, .message = message, .yaml = yaml};
    yaml_parser_t parser;
    yaml_mark_t start = {0};
    message[0] = 0;
    config_defaults(out);
    if (yaml.size > CONFIG_BYTES_MAX)
        return report(&reading, start, "the file is larger than 64 KiB; this is no configuration", NULL);
    if (!yaml_parser_initialize(&parser)) return ERR_MEMORY;
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, yaml.size > 0 ? yaml.data : (const unsigned char *)"", yaml.size);
    enum err err = events_read(&reading, &parser);
    yaml_parser_delete(&parser);
    return err == OK ? config_complete(&reading) : err;
}

/* --- writing --- */

static void put_size(struct buf *out, uint64_t bytes) {
    static const char *const units[] = {"", " KiB", " MiB", " GiB", " TiB"};
    size_t unit = 0;
    for (; bytes > 0 && bytes % 1024 == 0 && unit + 1 < sizeof units / sizeof *units; unit++) bytes /= 1024;
    buf_put_format(out, "%" PRIu64 "%s", bytes, units[unit]);
}

enum err config_write(struct buf *out, const struct config *config) {
    buf_put_text(out,
                 "# Comity, the configuration of one node. `comity check-config` checks it; a node reads it when it starts.\n\n"
                 "# The agency's name, as it stands in its card.\nagency: ");
    yaml_put_quoted(out, config->agency_name);
    buf_put_text(out, "\n\n# Where partners' nodes connect to: tcp://HOST:PORT, or \"\" for a node that only dials out.\nlisten: ");
    yaml_put_quoted(out, config->listen);
    buf_put_text(out, "\n\n# What cards tell partners to dial; \"\" means the same as listen.\nadvertise: ");
    yaml_put_quoted(out, strcmp(config->advertise, config->listen) == 0 ? "" : config->advertise);
    buf_put_text(out, "\n\n# Disk for sealed payloads of one other agency; new ones beyond it are refused.\npayload_quota: ");
    put_size(out, config->payload_quota_bytes);
    buf_put_text(out, "\n\n# Memory for the store's cache.\ncache: ");
    put_size(out, config->cache_bytes);
    buf_put_text(
        out,
        "\n\n# Wait for the disk before anything is acknowledged. With false, a power cut loses what was acknowledged.\nsync: ");
    buf_put_text(out, config->sync ? "true" : "false");
    buf_put_text(out, "\n\n# What the log tells: warn, info or debug.\nlog_level: ");
    buf_put_text(out, config->log_level);
    buf_put_text(out, "\n\n# How the log is written: text, or json for programs that collect it.\nlog.format: ");
    buf_put_text(out, config->log_format);
    buf_put_text(out, "\n\n# Where response teams' tools connect to (TAXII 2.1, feeds; HTTPS): HOST:PORT, or \"\" for no web "
                      "process.\nweb.listen: ");
    yaml_put_quoted(out, config->web_listen);
    buf_put_text(out,
                 "\n\n# Where a Prometheus finds /metrics, /healthz and /readyz, without TLS: HOST:PORT, or \"\".\nweb.metrics: ");
    yaml_put_quoted(out, config->web_metrics);
    buf_put_text(out, "\n\n# Certificate and key, PEM files; \"\" for one that the node makes by itself.\nweb.certificate: ");
    yaml_put_quoted(out, config->web_certificate);
    buf_put_text(out, "\nweb.key: ");
    yaml_put_quoted(out, config->web_key);
    buf_put_text(
        out, "\n\n# Certificate authorities of clients, a PEM file: clients are asked for certificates, and tokens may be bound to "
             "them; \"\" for none.\nweb.client_ca: ");
    yaml_put_quoted(out, config->web_client_ca);
    buf_put_text(
        out, "\n\n# Where the live feed's clients connect to (ZeroMQ with CURVE; `comity client add` lets them in): HOST:PORT, or "
             "\"\".\nlive.listen: ");
    yaml_put_quoted(out, config->live_listen);
    buf_put_text(
        out,
        "\n\n# LOSSY and not encrypted: publishes as MISP's ZeroMQ plugin does, to any program of this machine. 127.0.0.1:PORT, or "
        "\"\";\n# it tells nothing of what came while nobody listened, and nothing of recalls.\nlive.pub: ");
    yaml_put_quoted(out, config->live_pub);
    buf_put_text(out, "\nlive.pub_max_label: ");
    buf_put_text(out, tlp_name(config->live_pub_label_max));
    buf_put_text(out, "\n");
    return buf_result(out);
}
