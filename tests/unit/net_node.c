/* net_node: a network process under test, whose parent, engine and key process is the test. */
#define _GNU_SOURCE
#include "tests/unit/net_node.h"

#include "node/process/clock.h"
#include "node/net/net.h"
#include "node/process/proc.h"
#include "node/process/proc_spawn.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#define EXPECT_MS 8000

static void must(enum err error) {
    if (error != OK) fprintf(stderr, "net_node: %s\n", err_text(error));
    assert(error == OK);
}

static void child_run(int fd) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(fd, PROC_PARENT_FD);
    close_range(PROC_PARENT_FD + 1, ~0u, 0);
    exit(net_main(PROC_PARENT_FD));
}

void net_node_peer(struct net_node *node, int role, struct channel *ours) {
    int fds[2];
    uint8_t name = (uint8_t)role;
    must(proc_pair(fds));
    channel_init(ours, fds[0]);
    must(channel_send_fd(&node->parent, FRAME_PEER, 0, bytes_of(&name, 1), fds[1]));
    close(fds[1]);
}

void net_node_launch(struct net_node *node, const char *listen) {
    int fds[2];
    must(proc_pair(fds));
    fflush(NULL);
    node->pid = fork();
    assert(node->pid >= 0);
    if (node->pid == 0) child_run(fds[1]);
    close(fds[1]);
    channel_init(&node->parent, fds[0]);
    node->endpoint[0] = '\0';

    struct net_settings settings;
    struct buf body = {0};
    net_settings_default(&settings);
    settings.log_level = getenv("NET_TEST_DEBUG") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_FATAL;
    snprintf(settings.listen, sizeof settings.listen, "%s", listen);
    must(net_settings_encode(&settings, &body));
    must(channel_send(&node->parent, FRAME_SETTINGS, 0, bytes_of_buf(&body)));
    buf_free(&body);
    net_node_peer(node, ROLE_ENGINE, &node->engine);
    net_node_peer(node, ROLE_KEY, &node->key);
    uint8_t keys[64];
    crypto_box_keypair(node->public_key, node->secret_key);
    memcpy(keys, node->public_key, 32);
    memcpy(keys + 32, node->secret_key, 32);
    must(channel_send(&node->key, FRAME_KEY_CURVE, 0, bytes_of(keys, sizeof keys)));
}

void net_node_start(struct net_node *node, const char *listen) {
    struct frame frame;
    net_node_launch(node, listen);
    must(channel_wait(&node->parent, &frame, EXPECT_MS));
    if (frame.type != FRAME_READY) fprintf(stderr, "net_node: %.*s\n", (int)frame.body.size, (const char *)frame.body.data);
    assert(frame.type == FRAME_READY && frame.body.size < sizeof node->endpoint);
    memcpy(node->endpoint, frame.body.data, frame.body.size);
    node->endpoint[frame.body.size] = '\0';
}

int net_node_stop(struct net_node *node) {
    int status = -1;
    enum err error = channel_send(&node->parent, FRAME_STOP, 0, bytes_of(NULL, 0));
    (void)error;
    waitpid(node->pid, &status, 0);
    channel_close(&node->parent);
    if (node->engine.fd >= 0) channel_close(&node->engine);
    channel_close(&node->key);
    return status;
}

void net_node_allow(struct net_node *node, const struct net_node *const *peers, size_t count) {
    uint8_t keys[32 * 8];
    assert(count <= 8);
    for (size_t i = 0; i < count; i++) memcpy(keys + 32 * i, peers[i]->public_key, 32);
    must(channel_send(&node->engine, FRAME_NET_ALLOW, 0, bytes_of(keys, 32 * count)));
}

void net_node_dial(struct net_node *node, uint64_t number, const uint8_t key[static 32], const char *endpoint) {
    uint8_t body[32 + ENDPOINT_BYTES_MAX];
    memcpy(body, key, 32);
    memcpy(body + 32, endpoint, strlen(endpoint));
    must(channel_send(&node->engine, FRAME_NET_DIAL, number, bytes_of(body, 32 + strlen(endpoint))));
}

void net_node_send(struct net_node *node, uint64_t link, struct bytes message) {
    must(channel_send(&node->engine, FRAME_NET_SEND, link, message));
}

bool net_node_next(struct net_node *node, enum frame_type type, struct frame *frame, int ms) {
    uint64_t deadline_ms = clock_monotonic_ms() + (uint64_t)ms;
    for (;;) {
        uint64_t now_ms = clock_monotonic_ms();
        enum err error = channel_wait(&node->engine, frame, now_ms < deadline_ms ? (int)(deadline_ms - now_ms) : 0);
        if (error != OK) return false;
        if (frame->type == type) return true;
    }
}

bool net_node_expect(struct net_node *node, enum frame_type type, struct frame *frame) {
    return net_node_next(node, type, frame, EXPECT_MS);
}

bool net_node_quiet(struct net_node *node, enum frame_type type, int ms) {
    struct frame frame;
    return !net_node_next(node, type, &frame, ms);
}
