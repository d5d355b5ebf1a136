/* web_peer: the certificate by which a client is known (web.client_ca). It is asked for, never demanded: tokens alone stay good. */
#include "node/web/web_state.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <sodium.h>

bool web_peer(const struct web_request *request, uint8_t fingerprint[static TOKENS_FINGERPRINT]) {
    /* For whom it may be used counts as well as who vouches for it. */
    unsigned char clients[] = GNUTLS_KP_TLS_WWW_CLIENT;
    gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID, .data = clients};
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    unsigned count = 0, status = 0;
    if (!info || !info->tls_session) return false;
    gnutls_session_t session = info->tls_session;
    const gnutls_datum_t *certificates = gnutls_certificate_get_peers(session, &count);
    if (!certificates || count == 0) return false;
    if (gnutls_certificate_verify_peers(session, &purpose, 1, &status) != 0 || status != 0) return false;
    crypto_hash_sha256(fingerprint, certificates[0].data, certificates[0].size);
    return true;
}
