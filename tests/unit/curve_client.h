/* curve_client: a hostile member: it speaks ZMTP 3.0 with CURVE (RFC 23 and 26) by hand, so that it can send what libzmq never would. */
#ifndef TESTS_UNIT_CURVE_CLIENT_H
#define TESTS_UNIT_CURVE_CLIENT_H

#include "crypto/bytes.h"

struct curve_client {
    int fd;
    uint8_t transient_public[32], transient_secret[32];
    uint8_t server_public[32], server_transient[32];
    uint64_t nonce;
};

/* Connects to "tcp://127.0.0.1:PORT" and shakes hands with this key; true when it was admitted. */
bool curve_client_open(struct curve_client *client, const char *endpoint, const uint8_t server_key[static 32],
                       const uint8_t public_key[static 32], const uint8_t secret_key[static 32]);
/* Connects and says nothing. */
bool curve_client_connect(struct curve_client *client, const char *endpoint);
/* Waits up to 8 s for the end of the connection. */
bool curve_client_ended(struct curve_client *client);
/* One frame of a message; `more`: another follows. False: the connection is gone. At most 640 KiB. */
bool curve_client_send(struct curve_client *client, struct bytes content, bool more);
/* Waits up to 8 s for the next frame and leaves its content in `content`; empty for a command of the transport. False: the
   connection is gone, or said what no server says. */
bool curve_client_receive(struct curve_client *client, struct buf *content);
void curve_client_close(struct curve_client *client);

#endif
