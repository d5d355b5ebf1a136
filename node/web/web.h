/* web: the process that response teams' tools talk to: TAXII 2.1 and feeds over HTTPS, on libmicrohttpd with GnuTLS. It holds neither
   store nor keys of the mesh: it is a client of the control socket, and may open no file and no connection.

   FRAME_SETTINGS of the role: u8 version 1, u8 log level, then each with u32 length: listener and metrics listener ("tcp://ADDRESS:PORT",
   one of them may be empty; without the first, certificates and key are as well), DIR, agency id, agency name, certificate and key, and the
   authorities of clients' certificates (PEM; may be empty). */
#ifndef NODE_WEB_H
#define NODE_WEB_H

#include "crypto/agency.h"
#include "node/process/dir.h"
#include "node/net/endpoint.h"
#include "node/process/log.h"

#define WEB_PEM_BYTES_MAX (256 * 1024)

struct web_settings {
    enum log_level log_level;
    char listen[ENDPOINT_BYTES_MAX];
    char metrics[ENDPOINT_BYTES_MAX];
    char dir[DIR_PATH_MAX];
    uint8_t agency_id[AGENCY_ID_BYTES];
    const char *agency;                          /* encoding only */
    char agency_name[AGENCY_NAME_BYTES_MAX + 1]; /* decoded */
    struct bytes certificate, key, client_ca;    /* borrowed */
};

enum err web_settings_encode(const struct web_settings *settings, struct buf *out) MUST_USE;
/* ERR_VERSION, ERR_FORMAT. Certificates and key stay views into `in`. */
enum err web_settings_decode(struct bytes in, struct web_settings *out) MUST_USE;

#endif
