#include "node/web/web_identity.h"

#include "crypto/secret.h"
#include "node/process/clock.h"
#include "node/process/dir.h"
#include "node/net/endpoint.h"
#include "node/net/endpoint_text.h"
#include "node/process/log.h"
#include "node/web/web.h"

#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define VALID_SECONDS (10ll * 365 * 24 * 3600)

/* GnuTLS takes what it only reads through a pointer that could write. */
static gnutls_datum_t datum_of(struct bytes bytes) {
    gnutls_datum_t datum = {.size = (unsigned)bytes.size};
    memcpy(&datum.data, &bytes.data, sizeof datum.data);
    return datum;
}

enum err web_identity_fingerprint(char out[static WEB_IDENTITY_FINGERPRINT_MAX], struct bytes certificate) {
    gnutls_x509_crt_t crt;
    gnutls_datum_t pem = datum_of(certificate);
    uint8_t hash[32];
    size_t size = sizeof hash;
    out[0] = 0;
    if (gnutls_x509_crt_init(&crt) != 0) return ERR_MEMORY;
    bool good = gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM) == 0 &&
                gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, hash, &size) == 0;
    gnutls_x509_crt_deinit(crt);
    for (size_t i = 0; good && i < sizeof hash; i++) snprintf(out + 3 * i, 4, i + 1 < sizeof hash ? "%02X:" : "%02X", hash[i]);
    return good ? OK : ERR_FORMAT;
}

uint64_t web_identity_ends_s(struct bytes certificate) {
    gnutls_x509_crt_t crt;
    gnutls_datum_t pem = datum_of(certificate);
    if (gnutls_x509_crt_init(&crt) != 0) return 0;
    time_t ends = gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM) == 0 ? gnutls_x509_crt_get_expiration_time(crt) : -1;
    gnutls_x509_crt_deinit(crt);
    return ends > 0 ? (uint64_t)ends : 0;
}

static bool name_add(gnutls_x509_crt_t crt, const char *host) {
    uint8_t address[16];
    if (inet_pton(AF_INET, host, address) == 1)
        return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, address, 4, GNUTLS_FSAN_APPEND) == 0;
    if (inet_pton(AF_INET6, host, address) == 1)
        return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, address, 16, GNUTLS_FSAN_APPEND) == 0;
    return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, host, (unsigned)strlen(host), GNUTLS_FSAN_APPEND) == 0;
}

/* By what clients may call the node, each once. */
struct names {
    const char *list[8];
    size_t count;
};

static void names_put(struct names *names, const char *host) {
    bool known = !host[0] || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
    for (size_t i = 0; i < names->count && !known; i++) known = strcmp(names->list[i], host) == 0;
    if (!known && names->count < sizeof names->list / sizeof *names->list) names->list[names->count++] = host;
}

static bool names_add(gnutls_x509_crt_t crt, const struct names *names) {
    bool good = true;
    for (size_t i = 0; i < names->count; i++) good = good && name_add(crt, names->list[i]);
    return good;
}

/* Of its own key: some clients look for the issuer by it, and RFC 5280 (4.2.1.2) wants it of whoever signs. */
static bool key_id_add(gnutls_x509_crt_t crt) {
    uint8_t id[64];
    size_t size = sizeof id;
    return gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA1, id, &size) == 0 &&
           gnutls_x509_crt_set_subject_key_id(crt, id, size) == 0 && gnutls_x509_crt_set_authority_key_id(crt, id, size) == 0;
}

static bool certificate_fill(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const struct names *names) {
    uint8_t serial[16];
    time_t now = (time_t)(clock_wall_ms() / 1000);
    bool good = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof serial) == 0;
    serial[0] &= 0x7f;
    good = good && gnutls_x509_crt_set_version(crt, 3) == 0 && gnutls_x509_crt_set_serial(crt, serial, sizeof serial) == 0;
    good = good && gnutls_x509_crt_set_dn(crt, "CN=Comity", NULL) == 0 && names_add(crt, names);
    good = good && gnutls_x509_crt_set_activation_time(crt, now - 24 * 3600) == 0;
    good = good && gnutls_x509_crt_set_expiration_time(crt, now + VALID_SECONDS) == 0;
    good = good && gnutls_x509_crt_set_basic_constraints(crt, 1, 0) == 0;
    good = good && gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_KEY_CERT_SIGN) == 0;
    good = good && gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0) == 0;
    good = good && gnutls_x509_crt_set_key(crt, key) == 0 && key_id_add(crt);
    return good && gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0) == 0;
}

static enum err identity_make(const struct names *names, struct buf *certificate, struct buf *key) {
    gnutls_x509_crt_t crt = NULL;
    gnutls_x509_privkey_t secret = NULL;
    gnutls_datum_t crt_pem = {0}, key_pem = {0};
    bool good = gnutls_x509_crt_init(&crt) == 0 && gnutls_x509_privkey_init(&secret) == 0;
    good = good && gnutls_x509_privkey_generate(secret, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0) == 0;
    good = good && certificate_fill(crt, secret, names);
    good = good && gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &crt_pem) == 0;
    good = good && gnutls_x509_privkey_export2(secret, GNUTLS_X509_FMT_PEM, &key_pem) == 0;
    if (good) {
        buf_put_raw(certificate, crt_pem.data, crt_pem.size);
        buf_put_raw(key, key_pem.data, key_pem.size);
    }
    if (key_pem.data) secret_wipe(key_pem.data, key_pem.size);
    gnutls_free(crt_pem.data);
    gnutls_free(key_pem.data);
    if (secret) gnutls_x509_privkey_deinit(secret);
    if (crt) gnutls_x509_crt_deinit(crt);
    if (good && buf_result(certificate) == OK) return buf_result(key);
    return good ? ERR_MEMORY : ERR_INTERNAL;
}

/* The key comes first: a certificate in DIR always has one. */
static enum err own_make(const char *dir, const struct config *config, struct buf *certificate, struct buf *key, char *problem) {
    char endpoint[CONFIG_TEXT_MAX + 8], host[ENDPOINT_HOST_MAX] = "", advertised[ENDPOINT_HOST_MAX] = "",
                                        machine[HOST_NAME_MAX + 1] = "";
    struct names names = {.list = {"localhost", "127.0.0.1", "::1"}, .count = 3};
    uint16_t port;
    snprintf(endpoint, sizeof endpoint, "tcp://%s", config->web_listen);
    enum err err = endpoint_split(bytes_of_text(endpoint), host, &port);
    /* A listener on all addresses has no name of its own: it is called as partners call the node, or by the machine's name. */
    if (endpoint_split(bytes_of_text(config->advertise), advertised, &port) != OK) advertised[0] = 0;
    if (gethostname(machine, sizeof machine - 1) != 0) machine[0] = 0;
    names_put(&names, host), names_put(&names, advertised), names_put(&names, machine);
    if (err == OK) err = identity_make(&names, certificate, key);
    if (err == OK) err = dir_write(dir, DIR_WEB_KEY, bytes_of_buf(key), 0600);
    if (err == OK) err = dir_write(dir, DIR_WEB_CERT, bytes_of_buf(certificate), 0644);
    if (err == OK)
        log_info("made a certificate for the web process: %s/%s", dir, DIR_WEB_CERT);
    else
        snprintf(problem, WEB_IDENTITY_PROBLEM_MAX, "the web process's certificate cannot be made in %.300s: %s", dir,
                 err_text(err));
    return err;
}

enum err web_identity_get(const char *dir, const struct config *config, struct buf *certificate, struct buf *key,
                          char problem[static WEB_IDENTITY_PROBLEM_MAX]) {
    char paths[2][DIR_PATH_MAX], fingerprint[WEB_IDENTITY_FINGERPRINT_MAX];
    bool own = !config->web_certificate[0];
    const char *wrong = paths[0];
    enum err err = OK;
    if (own) {
        err = dir_path(paths[0], dir, DIR_WEB_CERT);
        if (err == OK) err = dir_path(paths[1], dir, DIR_WEB_KEY);
    } else {
        snprintf(paths[0], sizeof paths[0], "%s", config->web_certificate);
        snprintf(paths[1], sizeof paths[1], "%s", config->web_key);
    }
    if (err == OK) err = dir_read_path(certificate, paths[0], WEB_PEM_BYTES_MAX);
    if (own && err == ERR_NOT_FOUND) {
        err = own_make(dir, config, certificate, key, problem);
        if (err != OK) return err;
    } else if (err == OK) {
        wrong = paths[1];
        err = dir_read_path(key, paths[1], WEB_PEM_BYTES_MAX);
    }
    if (err == OK) {
        wrong = paths[0];
        err = web_identity_fingerprint(fingerprint, bytes_of_buf(certificate));
    }
    if (err == OK)
        log_info("web: https://%s/taxii2/, SHA-256 fingerprint %s", config->web_listen, fingerprint);
    else
        snprintf(problem, WEB_IDENTITY_PROBLEM_MAX, "%.300s: %s; the web process needs its certificate and key as PEM files%s",
                 wrong, err_text(err), own ? ", or neither, to make new ones" : "");
    return err;
}

enum err web_identity_clients(const struct config *config, struct buf *client_ca, char problem[static WEB_IDENTITY_PROBLEM_MAX]) {
    char fingerprint[WEB_IDENTITY_FINGERPRINT_MAX];
    if (!config->web_client_ca[0]) return OK;
    enum err err = dir_read_path(client_ca, config->web_client_ca, WEB_PEM_BYTES_MAX);
    if (err == OK) err = web_identity_fingerprint(fingerprint, bytes_of_buf(client_ca));
    if (err != OK)
        snprintf(problem, WEB_IDENTITY_PROBLEM_MAX,
                 "web.client_ca: %.300s: %s; give a PEM file with the certificates of who vouches for clients",
                 config->web_client_ca, err_text(err));
    return err;
}
