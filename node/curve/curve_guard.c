/* curve_guard: the connections below ZeroMQ. */
#include "node/curve/curve_guard.h"

#include "node/process/log_event.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STRANGER_MS        10000 /* handshake and first message; the handshake alone is bounded by the limits */
#define DESCRIPTORS_EACH   2     /* ZeroMQ's and our duplicate */
#define ACCEPT_STOP_COUNT  (CURVE_GUARD_FDS_MAX / 4 * 3 / DESCRIPTORS_EACH)
#define ACCEPT_START_COUNT (CURVE_GUARD_FDS_MAX / 2 / DESCRIPTORS_EACH)
#define CURVE_FRAME_BYTES  33

void curve_guard_init(struct curve_guard *guard) {
    memset(guard, 0, sizeof *guard);
    guard->listen_fd = -1;
}

void curve_guard_end(struct curve_guard *guard) {
    for (int fd = 0; fd < guard->used_end; fd++) curve_guard_closed(guard, fd);
    if (guard->listen_fd >= 0) close(guard->listen_fd);
    guard->listen_fd = -1;
}

void curve_guard_listening(struct curve_guard *guard, int fd) {
    if (guard->listen_fd >= 0) close(guard->listen_fd);
    guard->listen_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

struct curve_connection *curve_guard_at(struct curve_guard *guard, int fd) {
    return fd >= 0 && fd < guard->used_end && guard->connections[fd].used ? &guard->connections[fd] : NULL;
}

static bool is_stranger(const struct curve_connection *connection) {
    return connection->used && connection->inbound && !connection->linked && !connection->cut;
}

/* Zeros where it cannot be told: those count as one network. */
static void network_read(struct curve_connection *connection) {
    struct sockaddr_storage storage = {0};
    socklen_t size = sizeof storage;
    if (getpeername(connection->fd, (struct sockaddr *)&storage, &size) != 0) return;
    if (storage.ss_family == AF_INET) memcpy(connection->network, &((const struct sockaddr_in *)&storage)->sin_addr, 4);
    if (storage.ss_family != AF_INET6) return;
    const struct in6_addr *address = &((const struct sockaddr_in6 *)&storage)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(address))
        memcpy(connection->network, address->s6_addr + 12, 4);
    else
        memcpy(connection->network, address->s6_addr, 8);
}

void curve_guard_opened(struct curve_guard *guard, int fd, bool inbound, uint64_t serial_next, uint64_t now_ms) {
    if (fd < 0 || fd >= CURVE_GUARD_FDS_MAX) return;
    curve_guard_closed(guard, fd);
    int duplicate = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    /* It is closed already: the event that says so is on its way. */
    if (duplicate < 0) return;
    guard->connections[fd] = (struct curve_connection){.used = true,
                                                       .inbound = inbound,
                                                       .fd = duplicate,
                                                       .since_ms = now_ms,
                                                       .serial_first = serial_next,
                                                       .order = guard->order_next++};
    network_read(&guard->connections[fd]);
    guard->used_count++;
    if (fd >= guard->used_end) guard->used_end = fd + 1;
    if (inbound) guard->strangers++;
}

void curve_guard_closed(struct curve_guard *guard, int fd) {
    struct curve_connection *connection = curve_guard_at(guard, fd);
    if (connection == NULL) return;
    if (is_stranger(connection)) guard->strangers--;
    close(connection->fd);
    *connection = (struct curve_connection){.fd = -1};
    guard->used_count--;
    while (guard->used_end > 0 && !guard->connections[guard->used_end - 1].used) guard->used_end--;
}

void curve_guard_linked(struct curve_guard *guard, int fd) {
    struct curve_connection *connection = curve_guard_at(guard, fd);
    if (connection == NULL) return;
    if (is_stranger(connection)) guard->strangers--;
    connection->linked = true;
}

void curve_guard_cut(struct curve_guard *guard, int fd) {
    struct curve_connection *connection = curve_guard_at(guard, fd);
    if (connection == NULL || connection->cut) return;
    if (is_stranger(connection)) guard->strangers--;
    connection->cut = true;
    /* With a reset at the close: a peer whose window was shut would else not learn of an orderly end for a minute. */
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    shutdown(connection->fd, SHUT_RDWR);
}

void curve_guard_cut_strangers(struct curve_guard *guard) {
    for (int fd = 0; fd < guard->used_end; fd++) {
        if (is_stranger(&guard->connections[fd])) curve_guard_cut(guard, fd);
    }
}

static size_t strangers_of(const struct curve_guard *guard, const uint8_t network[static 8]) {
    size_t count = 0;
    for (int fd = 0; fd < guard->used_end; fd++)
        count += is_stranger(&guard->connections[fd]) && memcmp(guard->connections[fd].network, network, 8) == 0;
    return count;
}

/* The oldest of the network that has the most of them. */
static void crowd_cut(struct curve_guard *guard) {
    const struct curve_connection *worst = NULL;
    size_t most = 0;
    int found = -1;
    for (int fd = 0; fd < guard->used_end; fd++) {
        const struct curve_connection *each = &guard->connections[fd];
        if (!is_stranger(each)) continue;
        size_t count = worst && memcmp(worst->network, each->network, 8) == 0 ? most : strangers_of(guard, each->network);
        if (count < most || (count == most && worst && each->order > worst->order)) continue;
        worst = each;
        most = count;
        found = fd;
    }
    if (found >= 0) curve_guard_cut(guard, found);
}

/* ZeroMQ has no way to stop accepting without dropping the links there are; a filter that passes nothing on the listener has. */
static void accepting_set(struct curve_guard *guard, bool paused) {
    struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog filter = {.len = 1, .filter = &nothing};
    int result = paused ? setsockopt(guard->listen_fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter)
                        : setsockopt(guard->listen_fd, SOL_SOCKET, SO_DETACH_FILTER, &filter, sizeof filter);
    if (result != 0) return;
    guard->paused = paused;
    if (paused)
        log_event(LOG_NET_FULL, LOG_FIELDS(LOG_NUMBER("connections", guard->used_count)),
                  "%zu connections: accepting no more until some end", guard->used_count);
    else
        log_warn("%zu connections: accepting again", guard->used_count);
}

void curve_guard_limit(struct curve_guard *guard, size_t strangers_max, uint64_t now_ms) {
    /* Who floods pays, whatever address it has; and the oldest goes, who is slow or holds a place on purpose: an honest handshake takes
       three round trips. */
    while (guard->strangers > strangers_max) crowd_cut(guard);
    for (int fd = 0; guard->strangers > 0 && fd < guard->used_end; fd++) {
        struct curve_connection *connection = &guard->connections[fd];
        if (is_stranger(connection) && now_ms - connection->since_ms > STRANGER_MS) curve_guard_cut(guard, fd);
    }
    if (guard->listen_fd < 0) return;
    if (!guard->paused && guard->used_count >= ACCEPT_STOP_COUNT) accepting_set(guard, true);
    if (guard->paused && guard->used_count <= ACCEPT_START_COUNT) accepting_set(guard, false);
}

static bool info_read(const struct curve_connection *connection, struct tcp_info *info) {
    socklen_t size = sizeof *info;
    memset(info, 0, sizeof *info);
    return getsockopt(connection->fd, IPPROTO_TCP, TCP_INFO, info, &size) == 0;
}

uint64_t curve_guard_undelivered_bytes(const struct curve_connection *connection) {
    struct tcp_info info;
    if (!info_read(connection, &info)) return 0;
    return info.tcpi_bytes_received > connection->delivered_bytes ? info.tcpi_bytes_received - connection->delivered_bytes : 0;
}

uint64_t curve_guard_acknowledged_bytes(const struct curve_connection *connection) {
    struct tcp_info info;
    return info_read(connection, &info) ? info.tcpi_bytes_acked : 0;
}

void curve_guard_address(const struct curve_connection *connection, char out[static 64]) {
    struct sockaddr_storage storage = {0};
    socklen_t size = sizeof storage;
    char host[INET6_ADDRSTRLEN] = "?";
    unsigned port = 0;
    if (getpeername(connection->fd, (struct sockaddr *)&storage, &size) == 0) {
        if (storage.ss_family == AF_INET) {
            const struct sockaddr_in *address = (const struct sockaddr_in *)&storage;
            inet_ntop(AF_INET, &address->sin_addr, host, sizeof host);
            port = ntohs(address->sin_port);
        } else if (storage.ss_family == AF_INET6) {
            const struct sockaddr_in6 *address = (const struct sockaddr_in6 *)&storage;
            inet_ntop(AF_INET6, &address->sin6_addr, host, sizeof host);
            port = ntohs(address->sin6_port);
        }
    }
    snprintf(out, 64, strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host, port);
}

uint64_t curve_guard_wire_bytes(size_t size) {
    uint64_t framed = (uint64_t)size + CURVE_FRAME_BYTES;
    return framed + (framed > UINT8_MAX ? 9 : 2);
}
