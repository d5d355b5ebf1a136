/* curve_key: CURVE keys as people and files carry them: Z85 (ZeroMQ RFC 32), and the certificate file that CZMQ's zcert_load and
   pyzmq's zmq.auth.load_certificate read. Pure but for the making of new keys. */
#ifndef NODE_CURVE_KEY_H
#define NODE_CURVE_KEY_H

#include "crypto/agency.h"
#include "crypto/bytes.h"

#define CURVE_KEY_CHARS             40
#define CURVE_CERTIFICATE_BYTES_MAX 4096

void curve_key_text(char out[static CURVE_KEY_CHARS + 1], const uint8_t key[static CURVE_KEY_BYTES]);
/* Exactly 40 characters of Z85. */
bool curve_key_parse(uint8_t out[static CURVE_KEY_BYTES], struct bytes text);

/* New keys: public 32, secret 32. The public one's text begins with a letter or a digit, so that no command line takes it for an
   option. The caller keeps them in guarded memory and wipes them. */
void curve_keys_make(uint8_t keys[static 2 * CURVE_KEY_BYTES]);

/* The file with both keys; `comment` is one line without a line end. */
void curve_certificate_write(struct buf *out, const uint8_t keys[static 2 * CURVE_KEY_BYTES], const char *comment);
/* ERR_SYNTAX: one of the keys is missing or malformed; ERR_KEY: they do not belong together. */
enum err curve_certificate_parse(uint8_t keys[static 2 * CURVE_KEY_BYTES], struct bytes file) MUST_USE;

#endif
