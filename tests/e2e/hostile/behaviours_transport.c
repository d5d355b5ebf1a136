/* behaviours_transport: what is done to the connection itself: bytes one by one, frames without end, a socket that is never read. */
#include "tests/e2e/hostile/stage.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SLOW_SOCKETS  48 /* more than the strangers that a node keeps */
#define GIANT_SOCKETS 20
#define PART_BYTES    (64 * 1024)
#define NARROW_BYTES  4096
#define SMALL_BYTES   8

static const uint8_t greeting[64] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0, 'C', 'U', 'R', 'V', 'E'};

static bool trust_say(struct stage *stage) { return member_tags(&stage->link, 1); }

static int stranger_open(const struct stage *stage) {
    struct curve_client client;
    bool open = curve_client_connect(&client, stage->member.endpoint);
    if (!open) curve_client_close(&client);
    return client.fd;
}

static void sockets_open(struct stage *stage, size_t count) {
    for (size_t i = 0; i < STAGE_SOCKETS_MAX; i++) stage->sockets[i] = i < count ? stranger_open(stage) : -1;
}

static void socket_put(struct stage *stage, size_t index, const void *data, size_t size) {
    if (stage->sockets[index] >= 0 && send(stage->sockets[index], data, size, MSG_NOSIGNAL | MSG_DONTWAIT) > 0) return;
    if (errno == EAGAIN) return;
    if (stage->sockets[index] >= 0) close(stage->sockets[index]);
    stage->sockets[index] = stranger_open(stage);
}

/* The greeting of many strangers, and an authenticated member's frame, one byte at a time. */
static bool slow_start(struct stage *stage) {
    if (stage->steps == 0) sockets_open(stage, SLOW_SOCKETS);
    return trust_say(stage);
}

static bool slow_step(struct stage *stage) {
    static const uint8_t frame[9] = {0x02, 0, 0, 0, 0, 0, 1, 0, 0};
    for (size_t i = 0; i < SLOW_SOCKETS; i++) socket_put(stage, i, &greeting[stage->steps % sizeof greeting], 1);
    uint8_t byte = stage->steps <= sizeof frame ? frame[stage->steps - 1] : 0x55;
    return send(stage->link.client.fd, &byte, 1, MSG_NOSIGNAL) == 1;
}

static bool multipart_step(struct stage *stage) {
    static uint8_t part[PART_BYTES];
    stage->link.sent++;
    return curve_client_send(&stage->link.client, bytes_of(part, sizeof part), true) && member_drain(&stage->link);
}

/* A frame of a tebibyte: announced by strangers in front of any handshake, and by a member behind it. */
static bool giant_start(struct stage *stage) {
    static const uint8_t frame[9] = {0x02, 0, 0, 1, 0, 0, 0, 0, 0};
    if (stage->steps == 0) {
        sockets_open(stage, GIANT_SOCKETS);
        for (size_t i = 0; i < GIANT_SOCKETS; i++) {
            socket_put(stage, i, greeting, sizeof greeting);
            socket_put(stage, i, frame, sizeof frame);
        }
    }
    return trust_say(stage) && send(stage->link.client.fd, frame, sizeof frame, MSG_NOSIGNAL) == (ssize_t)sizeof frame;
}

static bool giant_step(struct stage *stage) {
    static uint8_t part[PART_BYTES];
    for (size_t i = 0; i < GIANT_SOCKETS; i++) socket_put(stage, i, part, sizeof part);
    return send(stage->link.client.fd, part, sizeof part, MSG_NOSIGNAL) > 0;
}

/* Asks for all that there is, and never reads. */
static bool drain_start(struct stage *stage) {
    int narrow = NARROW_BYTES;
    setsockopt(stage->link.client.fd, SOL_SOCKET, SO_RCVBUF, &narrow, sizeof narrow);
    return trust_say(stage);
}

static bool drain_step(struct stage *stage) {
    struct wire_pair pairs[LIMIT_WANTS_IN_FLIGHT];
    uint8_t tag[WIRE_TAG_BYTES];
    stage_log_tag(stage, 1, tag);
    for (size_t i = 0; i < LIMIT_WANTS_IN_FLIGHT; i++) {
        memcpy(pairs[i].tag, tag, sizeof tag);
        pairs[i].number = 2 + i % SMALL_BYTES;
    }
    wire_get(&stage->out, tag, 1, LIMIT_ENTRIES_BYTES);
    if (!member_send(&stage->link, &stage->out)) return false;
    wire_want(&stage->out, pairs, LIMIT_WANTS_IN_FLIGHT);
    return member_send(&stage->link, &stage->out);
}

/* A whole handshake each time, and gone. */
static bool reconnect_step(struct stage *stage) {
    if (member_open(&stage->link, &stage->member, &stage->member.key)) stage->salt++;
    member_close(&stage->link);
    if (stage->steps % 100 == 0) say("opened %llu", (unsigned long long)stage->salt);
    return true;
}

const struct behaviour behaviours_transport[] = {
    {"slow", "sends one byte now and then, on many connections", false, 200, slow_start, slow_step},
    {"multipart", "sends a message without end", false, 0, trust_say, multipart_step},
    {"giant", "announces frames of a tebibyte", false, 5, giant_start, giant_step},
    {"drain", "asks for everything and never reads", false, 1, drain_start, drain_step},
    {"reconnect", "comes and goes a hundred times a second", true, 5, NULL, reconnect_step},
    {0},
};
