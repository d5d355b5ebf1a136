/* config: DIR/comity.yaml in, checked settings out, and back. Strict: unknown keys, wrong types and doubled keys are refused with
   line, column and what to write instead. */
#ifndef NODE_CONFIG_H
#define NODE_CONFIG_H

#include "crypto/agency.h"
#include "gossip/label.h"

#define CONFIG_TEXT_MAX 256

struct config {
    char agency_name[AGENCY_NAME_BYTES_MAX + 1];
    char listen[CONFIG_TEXT_MAX];          /* mesh listener "tcp://HOST:PORT"; empty: only dials out */
    char advertise[CONFIG_TEXT_MAX];       /* what cards tell; defaults to listen */
    uint64_t payload_quota_bytes;          /* per foreign agency, default 1 GiB */
    uint64_t cache_bytes;                  /* of the store, default 64 MiB */
    bool sync;                             /* fsync before acknowledging, default true */
    char log_level[8];                     /* "warn", "info", "debug" */
    char log_format[8];                    /* "text", "json" */
    char web_listen[CONFIG_TEXT_MAX];      /* the web process's HTTPS listener "HOST:PORT"; empty: there is none */
    char web_metrics[CONFIG_TEXT_MAX];     /* its listener for metrics and health, "HOST:PORT", without TLS; empty: none */
    char web_certificate[CONFIG_TEXT_MAX]; /* PEM files, whole paths; both empty: a certificate of its own, in DIR */
    char web_key[CONFIG_TEXT_MAX];
    char web_client_ca[CONFIG_TEXT_MAX]; /* a PEM file: who vouches for clients' certificates; empty: none is asked for */
    char live_listen[CONFIG_TEXT_MAX];   /* the live feed's listener (ZeroMQ, CURVE), "HOST:PORT"; empty: there is none */
    char live_pub[CONFIG_TEXT_MAX]; /* its lossy publisher for tools that know MISP's ZeroMQ plugin, on the loopback; empty: none */
    enum tlp live_pub_label_max;    /* what that one shows at most: CLEAR to AMBER_STRICT */
};

/* What holds where a file says nothing; the agency's name and the endpoints are empty. */
void config_defaults(struct config *out);

/* Null when the web process can listen on this "HOST:PORT"; else the reason. */
const char *config_web_problem(const char *text);

/* Null when the live feed's unencrypted publisher may listen on this "HOST:PORT": it is on the loopback; else the reason. */
const char *config_loopback_problem(const char *text);

/* Null when this may be an agency's name; else what is wrong with it. */
const char *config_name_problem(const char *name);

#define CONFIG_ERROR_TEXT_MAX 512
/* On an error `message` holds "FILE:LINE:COLUMN: what, and what to do". */
enum err config_parse(struct config *out, struct bytes yaml, const char *file_name,
                      char message[static CONFIG_ERROR_TEXT_MAX]) MUST_USE;
/* Writes a commented file that config_parse reads back to the same settings. */
enum err config_write(struct buf *out, const struct config *config) MUST_USE;

#endif
