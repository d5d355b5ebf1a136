/* curve_client: a hostile member that speaks ZMTP 3.0 with CURVE by hand. */
#include "tests/unit/curve_client.h"

#include "node/net/endpoint.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define COMMAND        0x04
#define LONG           0x02
#define COMMAND_INSIDE 0x02 /* in the first byte of what is sealed */
#define CONTENT_MAX    (640 * 1024)
#define NONCE_BYTES    crypto_box_NONCEBYTES

static bool all_write(int fd, const uint8_t *data, size_t size) {
    while (size > 0) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent <= 0) return false;
        data += sent;
        size -= (size_t)sent;
    }
    return true;
}

static bool all_read(int fd, uint8_t *data, size_t size) {
    while (size > 0) {
        ssize_t got = recv(fd, data, size, 0);
        if (got <= 0) return false;
        data += got;
        size -= (size_t)got;
    }
    return true;
}

/* A nonce of a text prefix and the short nonce of 8 bytes that travels. */
static void nonce_make(uint8_t out[static NONCE_BYTES], const char prefix[static 16], const uint8_t tail[static 8]) {
    memcpy(out, prefix, 16);
    memcpy(out + 16, tail, 8);
}

static void nonce_next(struct curve_client *client, uint8_t out[static 8]) { put_be64(out, ++client->nonce); }

static bool greet(int fd) {
    uint8_t greeting[64] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0}, theirs[64];
    memcpy(greeting + 12, "CURVE", 5);
    return all_write(fd, greeting, sizeof greeting) && all_read(fd, theirs, sizeof theirs) && memcmp(theirs + 12, "CURVE", 6) == 0;
}

static bool hello(struct curve_client *client) {
    static const uint8_t zeros[64];
    uint8_t frame[2 + 200] = {COMMAND, 200}, nonce[NONCE_BYTES], *at = frame + 2;
    memcpy(at, "\x05HELLO\x01\x00", 8);
    memcpy(at + 80, client->transient_public, 32);
    nonce_next(client, at + 112);
    nonce_make(nonce, "CurveZMQHELLO---", at + 112);
    if (crypto_box_easy(at + 120, zeros, sizeof zeros, nonce, client->server_public, client->transient_secret) != 0) return false;
    return all_write(client->fd, frame, sizeof frame);
}

static bool welcome(struct curve_client *client, uint8_t cookie[static 96]) {
    uint8_t frame[2 + 168], nonce[NONCE_BYTES], plain[128];
    if (!all_read(client->fd, frame, sizeof frame) || memcmp(frame, "\x04\xa8\x07WELCOME", 10) != 0) return false;
    memcpy(nonce, "WELCOME-", 8);
    memcpy(nonce + 8, frame + 10, 16);
    if (crypto_box_open_easy(plain, frame + 26, 144, nonce, client->server_public, client->transient_secret) != 0) return false;
    memcpy(client->server_transient, plain, 32);
    memcpy(cookie, plain + 32, 96);
    return true;
}

static bool initiate(struct curve_client *client, const uint8_t cookie[static 96], const uint8_t public_key[static 32],
                     const uint8_t secret_key[static 32]) {
    static const char metadata[] = "\x0bSocket-Type\0\0\0\x06"
                                   "DEALER";
    uint8_t vouch[64], nonce[NONCE_BYTES], plain[128 + sizeof metadata - 1];
    memcpy(plain, public_key, 32);
    randombytes_buf(plain + 32, 16);
    memcpy(nonce, "VOUCH---", 8);
    memcpy(nonce + 8, plain + 32, 16);
    memcpy(vouch, client->transient_public, 32);
    memcpy(vouch + 32, client->server_public, 32);
    if (crypto_box_easy(plain + 48, vouch, sizeof vouch, nonce, client->server_transient, secret_key) != 0) return false;
    memcpy(plain + 128, metadata, sizeof metadata - 1);

    size_t body_bytes = 9 + 96 + 8 + sizeof plain + crypto_box_MACBYTES;
    uint8_t frame[9 + 9 + 96 + 8 + sizeof plain + crypto_box_MACBYTES] = {COMMAND | LONG}, *at = frame + 9;
    put_be64(frame + 1, body_bytes);
    memcpy(at, "\x08INITIATE", 9);
    memcpy(at + 9, cookie, 96);
    nonce_next(client, at + 105);
    nonce_make(nonce, "CurveZMQINITIATE", at + 105);
    if (crypto_box_easy(at + 113, plain, sizeof plain, nonce, client->server_transient, client->transient_secret) != 0)
        return false;
    return all_write(client->fd, frame, sizeof frame);
}

static bool ready(int fd) {
    uint8_t frame[2 + UINT8_MAX];
    return all_read(fd, frame, 2) && all_read(fd, frame + 2, frame[1]) && frame[1] >= 6 && memcmp(frame + 2, "\x05READY", 6) == 0;
}

bool curve_client_connect(struct curve_client *client, const char *endpoint) {
    char host[ENDPOINT_HOST_MAX];
    uint16_t port;
    *client = (struct curve_client){.fd = socket(AF_INET, SOCK_STREAM, 0)};
    if (endpoint_split(bytes_of_text(endpoint), host, &port) != OK) return false;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, host, &address.sin_addr);
    struct timeval patience = {.tv_sec = 8};
    setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return connect(client->fd, (const struct sockaddr *)&address, sizeof address) == 0;
}

bool curve_client_ended(struct curve_client *client) {
    uint8_t ignored[256];
    ssize_t got;
    while ((got = recv(client->fd, ignored, sizeof ignored, 0)) > 0) {
    }
    return got == 0 || errno == ECONNRESET;
}

bool curve_client_open(struct curve_client *client, const char *endpoint, const uint8_t server_key[static 32],
                       const uint8_t public_key[static 32], const uint8_t secret_key[static 32]) {
    uint8_t cookie[96];
    if (!curve_client_connect(client, endpoint)) return false;
    memcpy(client->server_public, server_key, 32);
    crypto_box_keypair(client->transient_public, client->transient_secret);
    return greet(client->fd) && hello(client) && welcome(client, cookie) && initiate(client, cookie, public_key, secret_key) &&
           ready(client->fd);
}

bool curve_client_send(struct curve_client *client, struct bytes content, bool more) {
    static uint8_t plain[1 + CONTENT_MAX], frame[9 + 16 + crypto_box_MACBYTES + sizeof plain];
    uint8_t nonce[NONCE_BYTES];
    assert(content.size <= CONTENT_MAX);
    plain[0] = more ? 1 : 0;
    memcpy(plain + 1, content.data, content.size);
    size_t body_bytes = 16 + crypto_box_MACBYTES + 1 + content.size;
    frame[0] = LONG;
    put_be64(frame + 1, body_bytes);
    memcpy(frame + 9, "\x07MESSAGE", 8);
    nonce_next(client, frame + 17);
    nonce_make(nonce, "CurveZMQMESSAGEC", frame + 17);
    if (crypto_box_easy(frame + 25, plain, 1 + content.size, nonce, client->server_transient, client->transient_secret) != 0)
        return false;
    return all_write(client->fd, frame, 9 + body_bytes);
}

bool curve_client_receive(struct curve_client *client, struct buf *content) {
    uint8_t head[9], nonce[NONCE_BYTES];
    buf_clear(content);
    if (!all_read(client->fd, head, 1) || !all_read(client->fd, head + 1, (head[0] & LONG) != 0 ? 8 : 1)) return false;
    uint64_t size = (head[0] & LONG) != 0 ? get_be64(head + 1) : head[1];
    if (size < 16 + crypto_box_MACBYTES + 1 || size > CONTENT_MAX) return false;
    uint8_t *body = malloc(size);
    size_t plain_bytes = size - 16 - crypto_box_MACBYTES;
    bool good = body != NULL && all_read(client->fd, body, size) && memcmp(body, "\x07MESSAGE", 8) == 0;
    if (good) {
        nonce_make(nonce, "CurveZMQMESSAGES", body + 8);
        uint8_t *plain = buf_grow(content, plain_bytes);
        good = plain != NULL &&
               crypto_box_open_easy(plain, body + 16, size - 16, nonce, client->server_transient, client->transient_secret) == 0;
    }
    free(body);
    if (!good) return false;
    /* The first byte says whether this is a command of the transport (a heartbeat): it has no content. */
    bool command = (content->data[0] & COMMAND_INSIDE) != 0;
    memmove(content->data, content->data + 1, plain_bytes - 1);
    content->size = command ? 0 : plain_bytes - 1;
    return true;
}

void curve_client_close(struct curve_client *client) {
    if (client->fd >= 0) close(client->fd);
    client->fd = -1;
}
