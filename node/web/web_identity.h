/* web_identity: the certificate and key by which the web process is known: files that the configuration names, or its own. */
#ifndef NODE_WEB_IDENTITY_H
#define NODE_WEB_IDENTITY_H

#include "node/process/config.h"

#define WEB_IDENTITY_PROBLEM_MAX     512
#define WEB_IDENTITY_FINGERPRINT_MAX 96 /* SHA-256 of the certificate: 32 pairs of hexadecimal digits with colons */

/* Reads the files that the configuration names, or DIR's; those are made when they are missing: a self-signed certificate for the host
   of web.listen, the one that is advertised to partners, the machine's name, and localhost. Says the fingerprint in the log. On an error `problem` says what and what to do. */
enum err web_identity_get(const char *dir, const struct config *config, struct buf *certificate, struct buf *key,
                          char problem[static WEB_IDENTITY_PROBLEM_MAX]) MUST_USE;

/* Reads the file of web.client_ca, if the configuration names one. */
enum err web_identity_clients(const struct config *config, struct buf *client_ca,
                              char problem[static WEB_IDENTITY_PROBLEM_MAX]) MUST_USE;

/* Of the first certificate of a PEM text. ERR_FORMAT. */
enum err web_identity_fingerprint(char out[static WEB_IDENTITY_FINGERPRINT_MAX], struct bytes certificate) MUST_USE;

/* When it ends, in seconds since 1970; 0 when it is none. */
uint64_t web_identity_ends_s(struct bytes certificate);

#endif
