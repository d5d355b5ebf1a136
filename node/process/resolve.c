/* resolve: a process that lives for one question: it asks the name servers for a host, so that nobody with a secret parses answers. */
#include "node/net/endpoint.h"
#include "node/process/log.h"
#include "node/process/proc.h"
#include "node/process/sandbox.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static void endpoint_put(struct buf *out, const struct sockaddr *address, uint16_t port) {
    char host[INET6_ADDRSTRLEN], text[ENDPOINT_BYTES_MAX];
    const void *raw;
    if (address->sa_family == AF_INET) {
        raw = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
    } else if (address->sa_family == AF_INET6) {
        raw = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    } else {
        return;
    }
    if (inet_ntop(address->sa_family, raw, host, sizeof host) == NULL) return;
    int length = snprintf(text, sizeof text, address->sa_family == AF_INET ? "tcp://%s:%u" : "tcp://[%s]:%u", host, port);
    if (length <= 0 || (size_t)length >= sizeof text) return;
    buf_put_u8(out, (uint8_t)length);
    buf_put_raw(out, text, (size_t)length);
}

static void endpoint_resolve(struct buf *out, struct bytes question) {
    char host[ENDPOINT_HOST_MAX];
    uint16_t port;
    if (endpoint_split(question, host, &port) != OK || port == 0) return;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found = NULL;
    int result = getaddrinfo(host, NULL, &hints, &found);
    if (result != 0) {
        log_debug("%s: %s", host, gai_strerror(result));
        return;
    }
    size_t count = 0;
    for (const struct addrinfo *at = found; at != NULL && count < ENDPOINT_LIST_MAX; at = at->ai_next, count++) {
        endpoint_put(out, at->ai_addr, port);
    }
    freeaddrinfo(found);
}

int resolve_main(int parent_fd) {
    struct channel parent;
    struct frame frame;
    char why[256];
    channel_init(&parent, parent_fd);
    log_open("resolve", LOG_LEVEL_WARN);
    int exit_code = 1;
    if (sandbox_enter(ROLE_RESOLVE, NULL, why) != OK) {
        log_warn("sandbox: %s", why);
    } else if (channel_wait(&parent, &frame, 5000) == OK && frame.type == FRAME_RESOLVE) {
        struct buf answer;
        buf_init(&answer, FRAME_BODY_BYTES_MAX);
        uint64_t tag = frame.tag;
        endpoint_resolve(&answer, frame.body);
        if (buf_result(&answer) == OK && channel_send(&parent, FRAME_RESOLVED, tag, bytes_of_buf(&answer)) == OK) exit_code = 0;
        buf_free(&answer);
    }
    channel_close(&parent);
    return exit_code;
}
