/* The network process: who gets in, what is cut, and that it survives its neighbours. */
#define _GNU_SOURCE /* memmem */
#include "tests/unit/curve_client.h"
#include "tests/unit/net_node.h"

#include "node/process/clock.h"
#include "node/net/net.h"
#include "node/process/role.h"

#include <zmq.h>

#include <setjmp.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ANY "tcp://127.0.0.1:0"

/* Two nodes, linked: `dialler` has link 1, `listener` has link *inbound. */
static void pair_start(struct net_node *listener, struct net_node *dialler, uint64_t *inbound) {
    struct frame frame;
    net_node_start(listener, ANY);
    net_node_start(dialler, "");
    net_node_allow(listener, (const struct net_node *const[]){dialler}, 1);
    net_node_dial(dialler, 1, listener->public_key, listener->endpoint);
    assert_true(net_node_expect(dialler, FRAME_NET_UP, &frame));
    net_node_send(dialler, 1, bytes_of_text("hello"));
    assert_true(net_node_expect(listener, FRAME_NET_UP, &frame));
    *inbound = frame.tag;
    assert_true(net_node_expect(listener, FRAME_NET_MESSAGE, &frame));
    assert_true(bytes_equal_text(frame.body, "hello"));
}

static void pair_stop(struct net_node *listener, struct net_node *dialler) {
    assert_int_equal(net_node_stop(listener), 0);
    assert_int_equal(net_node_stop(dialler), 0);
}

/* A plain ZeroMQ client with a key of ours: what a hostile member may use. */
struct raw {
    void *context, *socket, *monitor;
};

static void raw_open(struct raw *raw, const struct net_node *server, const uint8_t *public_key, const uint8_t *secret_key) {
    int never = -1, none = 0, soon = 2000;
    raw->context = zmq_ctx_new();
    raw->socket = zmq_socket(raw->context, ZMQ_DEALER);
    zmq_setsockopt(raw->socket, ZMQ_RECONNECT_IVL, &never, sizeof never);
    zmq_setsockopt(raw->socket, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(raw->socket, ZMQ_SNDTIMEO, &soon, sizeof soon);
    if (public_key != NULL) {
        zmq_setsockopt(raw->socket, ZMQ_CURVE_SERVERKEY, server->public_key, 32);
        zmq_setsockopt(raw->socket, ZMQ_CURVE_PUBLICKEY, public_key, 32);
        zmq_setsockopt(raw->socket, ZMQ_CURVE_SECRETKEY, secret_key, 32);
    }
    zmq_socket_monitor(raw->socket, "inproc://watch", ZMQ_EVENT_ALL);
    raw->monitor = zmq_socket(raw->context, ZMQ_PAIR);
    zmq_connect(raw->monitor, "inproc://watch");
    assert_int_equal(zmq_connect(raw->socket, server->endpoint), 0);
}

/* Waits for one of these events; 0 when none came in time. */
static int raw_event(struct raw *raw, int wanted, int ms) {
    uint64_t deadline_ms = clock_monotonic_ms() + (uint64_t)ms;
    for (uint64_t now_ms; (now_ms = clock_monotonic_ms()) < deadline_ms;) {
        uint8_t frame[256];
        zmq_pollitem_t item = {raw->monitor, 0, ZMQ_POLLIN, 0};
        if (zmq_poll(&item, 1, (long)(deadline_ms - now_ms)) <= 0) continue;
        if (zmq_recv(raw->monitor, frame, sizeof frame, 0) != 6) continue;
        uint16_t event;
        memcpy(&event, frame, sizeof event);
        if ((event & wanted) != 0) return event;
    }
    return 0;
}

static void raw_close(struct raw *raw) {
    zmq_socket_monitor(raw->socket, NULL, 0);
    zmq_close(raw->monitor);
    zmq_close(raw->socket);
    zmq_ctx_term(raw->context);
}

static long resident_kib(pid_t pid) {
    char path[64], line[128];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    long kib = -1;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "VmRSS: %ld", &kib) == 1) break;
    }
    if (file != NULL) fclose(file);
    return kib;
}

/* A trusted peer links up, both sides learn whom they talk to, and messages keep their order in both directions. */
static void test_trusted_peer(void **state) {
    (void)state;
    struct net_node a, b;
    struct frame frame;
    uint64_t inbound;
    net_node_start(&a, ANY);
    net_node_start(&b, "");
    net_node_allow(&a, (const struct net_node *const[]){&b}, 1);
    net_node_dial(&b, 1, a.public_key, a.endpoint);
    assert_true(net_node_expect(&b, FRAME_NET_UP, &frame));
    assert_int_equal(frame.tag, 1);
    assert_int_equal(frame.body.data[0], 1);
    assert_memory_equal(frame.body.data + 1, a.public_key, 32);
    for (uint32_t i = 0; i < 2000; i++) net_node_send(&b, 1, bytes_of(&i, sizeof i));
    assert_true(net_node_expect(&a, FRAME_NET_UP, &frame));
    inbound = frame.tag;
    assert_int_equal(inbound % 2, 0);
    assert_int_equal(frame.body.data[0], 0);
    assert_memory_equal(frame.body.data + 1, b.public_key, 32);
    for (uint32_t i = 0, got; i < 2000; i++) {
        assert_true(net_node_expect(&a, FRAME_NET_MESSAGE, &frame));
        assert_int_equal(frame.tag, inbound);
        memcpy(&got, frame.body.data, sizeof got);
        assert_int_equal(got, i);
    }
    for (uint32_t i = 0; i < 2000; i++) net_node_send(&a, inbound, bytes_of(&i, sizeof i));
    for (uint32_t i = 0, got; i < 2000; i++) {
        assert_true(net_node_expect(&b, FRAME_NET_MESSAGE, &frame));
        memcpy(&got, frame.body.data, sizeof got);
        assert_int_equal(got, i);
    }
    pair_stop(&a, &b);
}

/* All bytes given to the network process are told as sent in the end, so that the engine can count what is under way. */
static void test_sent_adds_up(void **state) {
    (void)state;
    struct net_node a, b;
    uint64_t inbound, told = 0;
    struct frame frame;
    static uint8_t message[100000];
    pair_start(&a, &b, &inbound);
    for (int i = 0; i < 30; i++) net_node_send(&b, 1, bytes_of(message, sizeof message));
    while (told < 5 + 30 * sizeof message) {
        assert_true(net_node_expect(&b, FRAME_NET_SENT, &frame));
        assert_int_equal(frame.tag, 1);
        told += get_be32(frame.body.data);
    }
    assert_int_equal(told, 5 + 30 * sizeof message);
    pair_stop(&a, &b);
}

/* A stranger with a good key of its own is refused, and is told so. */
static void test_stranger(void **state) {
    (void)state;
    struct net_node a, b, c;
    struct frame frame;
    net_node_start(&a, ANY);
    net_node_start(&b, "");
    net_node_start(&c, "");
    net_node_allow(&a, (const struct net_node *const[]){&c}, 1);
    net_node_dial(&b, 7, a.public_key, a.endpoint);
    assert_true(net_node_expect(&b, FRAME_NET_DOWN, &frame));
    assert_int_equal(frame.tag, 7);
    assert_true(bytes_equal_text(frame.body, "the other side does not admit our key"));
    assert_true(net_node_expect(&a, FRAME_NET_COUNTS, &frame));
    assert_int_equal(get_be64(frame.body.data), 1); /* the self-test's own stranger is not counted */
    assert_true(net_node_quiet(&a, FRAME_NET_UP, 200));
    pair_stop(&a, &b);
    assert_int_equal(net_node_stop(&c), 0);
}

/* Who speaks ZeroMQ without a key at all gets nowhere. */
static void test_no_key(void **state) {
    (void)state;
    struct net_node a;
    struct raw raw;
    net_node_start(&a, ANY);
    raw_open(&raw, &a, NULL, NULL);
    zmq_send(raw.socket, "hello", 5, ZMQ_DONTWAIT);
    int event = raw_event(&raw, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED, 8000);
    assert_int_equal(event, ZMQ_EVENT_DISCONNECTED);
    assert_true(net_node_quiet(&a, FRAME_NET_UP, 100));
    raw_close(&raw);
    assert_int_equal(net_node_stop(&a), 0);
}

/* A dialler that expects another key behind the address gets no link. */
static void test_wrong_server_key(void **state) {
    (void)state;
    struct net_node a, b;
    struct frame frame;
    net_node_start(&a, ANY);
    net_node_start(&b, "");
    net_node_allow(&a, (const struct net_node *const[]){&b}, 1);
    net_node_dial(&b, 1, b.public_key, a.endpoint);
    assert_true(net_node_expect(&b, FRAME_NET_DOWN, &frame));
    assert_int_equal(frame.tag, 1);
    net_node_dial(&b, 3, a.public_key, "tcp://127.0.0.1:1");
    assert_true(net_node_expect(&b, FRAME_NET_DOWN, &frame));
    assert_int_equal(frame.tag, 3);
    net_node_dial(&b, 5, a.public_key, "tcp://localhost:1");
    assert_true(net_node_expect(&b, FRAME_NET_DOWN, &frame));
    assert_true(bytes_equal_text(frame.body, "not a literal endpoint"));
    pair_stop(&a, &b);
}

/* A key that leaves the allow list loses its live link at once, on both sides, and does not come back. */
static void test_allow_shrinks(void **state) {
    (void)state;
    struct net_node a, b;
    struct frame frame;
    uint64_t inbound;
    pair_start(&a, &b, &inbound);
    net_node_allow(&a, NULL, 0);
    assert_true(net_node_expect(&a, FRAME_NET_DOWN, &frame));
    assert_int_equal(frame.tag, inbound);
    assert_true(net_node_expect(&b, FRAME_NET_DOWN, &frame));
    net_node_dial(&b, 3, a.public_key, a.endpoint);
    assert_true(net_node_expect(&b, FRAME_NET_DOWN, &frame));
    assert_int_equal(frame.tag, 3);
    pair_stop(&a, &b);
}

/* The largest message passes; one byte more, sent by a member with software of its own, ends its connection. */
static void test_message_too_big(void **state) {
    (void)state;
    struct net_node a, b;
    struct frame frame;
    struct raw raw;
    uint64_t inbound;
    static uint8_t message[NET_MESSAGE_BYTES_MAX + 1];
    pair_start(&a, &b, &inbound);
    net_node_send(&b, 1, bytes_of(message, NET_MESSAGE_BYTES_MAX));
    assert_true(net_node_expect(&a, FRAME_NET_MESSAGE, &frame));
    assert_int_equal(frame.body.size, NET_MESSAGE_BYTES_MAX);
    raw_open(&raw, &a, b.public_key, b.secret_key);
    zmq_send(raw.socket, message, sizeof message, 0);
    assert_int_equal(raw_event(&raw, ZMQ_EVENT_DISCONNECTED, 8000), ZMQ_EVENT_DISCONNECTED);
    assert_true(net_node_quiet(&a, FRAME_NET_MESSAGE, 100));
    raw_close(&raw);
    pair_stop(&a, &b);
}

/* A message of two frames ends the link. */
static void test_multipart(void **state) {
    (void)state;
    struct net_node a, b;
    struct frame frame;
    struct raw raw;
    net_node_start(&a, ANY);
    net_node_start(&b, "");
    net_node_allow(&a, (const struct net_node *const[]){&b}, 1);
    raw_open(&raw, &a, b.public_key, b.secret_key);
    zmq_send(raw.socket, "one", 3, 0);
    assert_true(net_node_expect(&a, FRAME_NET_MESSAGE, &frame));
    zmq_send(raw.socket, "two", 3, ZMQ_SNDMORE);
    zmq_send(raw.socket, "three", 5, 0);
    assert_true(net_node_expect(&a, FRAME_NET_DOWN, &frame));
    assert_true(bytes_equal_text(frame.body, "a message of more than one frame"));
    assert_int_equal(raw_event(&raw, ZMQ_EVENT_DISCONNECTED, 8000), ZMQ_EVENT_DISCONNECTED);
    raw_close(&raw);
    pair_stop(&a, &b);
}

/* A member that sends frames with MORE for ever is cut before it fills the memory, and others do not notice. */
static void test_endless_multipart(void **state) {
    (void)state;
    struct net_node a, b;
    struct frame frame;
    struct curve_client hostile;
    uint64_t inbound, attacker;
    static uint8_t part[65536];
    pair_start(&a, &b, &inbound);
    assert_true(curve_client_open(&hostile, a.endpoint, a.public_key, b.public_key, b.secret_key));
    assert_true(curve_client_send(&hostile, bytes_of_text("one"), false));
    assert_true(net_node_expect(&a, FRAME_NET_UP, &frame));
    attacker = frame.tag;
    long resident_max_kib = 0;
    size_t count = 0;
    while (count < 16000 && curve_client_send(&hostile, bytes_of(part, sizeof part), true)) {
        long kib = ++count % 16 == 0 ? resident_kib(a.pid) : 0;
        if (kib > resident_max_kib) resident_max_kib = kib;
    }
    assert_true(count < 16000);
    print_message("endless multipart: cut after %zu MiB, peak %ld MiB resident\n", count / 16, resident_max_kib / 1024);
#ifndef __SANITIZE_ADDRESS__
    assert_true(resident_max_kib < 200 * 1024);
#endif
    assert_true(net_node_expect(&a, FRAME_NET_DOWN, &frame));
    assert_int_equal(frame.tag, attacker);
    net_node_send(&b, 1, bytes_of_text("still here"));
    assert_true(net_node_expect(&a, FRAME_NET_MESSAGE, &frame));
    assert_int_equal(frame.tag, inbound);
    curve_client_close(&hostile);
    pair_stop(&a, &b);
}

/* The same from a member that never completed any message, so that no link stands yet; and a crowd of silent strangers. */
static void test_strangers_are_bounded(void **state) {
    (void)state;
    struct net_node a, b;
    struct frame frame;
    struct curve_client hostile, crowd[3 * NET_STRANGERS_MAX];
    uint64_t inbound;
    static uint8_t part[65536];
    pair_start(&a, &b, &inbound);
    assert_true(curve_client_open(&hostile, a.endpoint, a.public_key, b.public_key, b.secret_key));
    size_t count = 0;
    while (count < 16000 && curve_client_send(&hostile, bytes_of(part, sizeof part), true)) count++;
    assert_true(count < 16000);
    curve_client_close(&hostile);

    size_t ended = 0, crowd_size = sizeof crowd / sizeof crowd[0];
    for (size_t i = 0; i < crowd_size; i++) assert_true(curve_client_connect(&crowd[i], a.endpoint));
    /* Of so many at once the oldest are gone before their handshake could time out. */
    uint64_t start_ms = clock_monotonic_ms();
    for (size_t i = 0; i < crowd_size - NET_STRANGERS_MAX; i++) ended += curve_client_ended(&crowd[i]);
    assert_int_equal(ended, crowd_size - NET_STRANGERS_MAX);
    assert_true(clock_monotonic_ms() - start_ms < NET_HANDSHAKE_MS);
    /* A member gets in all the same. */
    net_node_dial(&b, 3, a.public_key, a.endpoint);
    assert_true(net_node_expect(&b, FRAME_NET_UP, &frame));
    for (size_t i = 0; i < crowd_size; i++) curve_client_close(&crowd[i]);
    pair_stop(&a, &b);
}

/* A peer that does not take its messages makes its own link lossy; the process goes on, and the link drains later. */
static void test_lossy(void **state) {
    (void)state;
    struct net_node a, b, c;
    struct frame frame;
    uint64_t inbound;
    static uint8_t message[256 * 1024];
    pair_start(&a, &b, &inbound);
    /* Nobody reads a's engine channel: a stops reading its network, and b's queue fills. */
    uint64_t sent = 0;
    while (!net_node_next(&b, FRAME_NET_LOSSY, &frame, 0)) {
        net_node_send(&b, 1, bytes_of(message, sizeof message));
        assert_true(++sent < 1000);
    }
    assert_true(sent * sizeof message > NET_SEND_BYTES_MAX);
    net_node_start(&c, ANY);
    net_node_allow(&c, (const struct net_node *const[]){&b}, 1);
    net_node_dial(&b, 3, c.public_key, c.endpoint);
    assert_true(net_node_expect(&b, FRAME_NET_UP, &frame));
    assert_int_equal(frame.tag, 3);
    /* Once a's engine reads again, what was accepted arrives, and new messages pass. */
    bool passed = false;
    for (int i = 0; i < 400 && !passed; i++) {
        net_node_send(&b, 1, bytes_of_text("again"));
        while (!passed && net_node_next(&a, FRAME_NET_MESSAGE, &frame, 20)) passed = bytes_equal_text(frame.body, "again");
    }
    assert_true(passed);
    pair_stop(&a, &b);
    assert_int_equal(net_node_stop(&c), 0);
}

/* A new engine starts without links and without an allow list: the old ones are gone for the peers, too. */
static void test_engine_replaced(void **state) {
    (void)state;
    struct net_node a, b;
    struct frame frame;
    uint64_t inbound;
    pair_start(&a, &b, &inbound);
    channel_close(&a.engine);
    net_node_peer(&a, ROLE_ENGINE, &a.engine);
    assert_true(net_node_expect(&b, FRAME_NET_DOWN, &frame));
    net_node_dial(&b, 3, a.public_key, a.endpoint);
    assert_true(net_node_expect(&b, FRAME_NET_DOWN, &frame));
    net_node_allow(&a, (const struct net_node *const[]){&b}, 1);
    net_node_dial(&b, 5, a.public_key, a.endpoint);
    /* The list and the dial take different ways: a refusal just before the list arrives is tried once more. */
    for (int i = 0; i < 20; i++) {
        assert_true(channel_wait(&b.engine, &frame, 8000) == OK);
        if (frame.type == FRAME_NET_UP) break;
        if (frame.type == FRAME_NET_DOWN) net_node_dial(&b, 7 + 2 * (uint64_t)i, a.public_key, a.endpoint);
    }
    assert_int_equal(frame.type, FRAME_NET_UP);
    net_node_send(&b, frame.tag, bytes_of_text("hello again"));
    assert_true(net_node_expect(&a, FRAME_NET_MESSAGE, &frame));
    pair_stop(&a, &b);
}

/* One side is killed: the other hears of it, and stops in order. */
static void test_killed(void **state) {
    (void)state;
    struct net_node a, b;
    struct frame frame;
    uint64_t inbound;
    pair_start(&a, &b, &inbound);
    kill(a.pid, SIGKILL);
    assert_true(net_node_expect(&b, FRAME_NET_DOWN, &frame));
    assert_true(WIFSIGNALED(net_node_stop(&a)));
    assert_int_equal(net_node_stop(&b), 0);
}

/* A parent that goes away without a word ends the process. */
static void test_parent_gone(void **state) {
    (void)state;
    struct net_node a, b;
    uint64_t inbound;
    int status;
    pair_start(&a, &b, &inbound);
    channel_close(&a.parent);
    assert_int_equal(waitpid(a.pid, &status, 0), a.pid);
    assert_int_equal(status, 0);
    channel_close(&a.engine);
    channel_close(&a.key);
    assert_int_equal(net_node_stop(&b), 0);
}

/* An address that is taken is said to the operator, and the process ends. */
static void test_address_taken(void **state) {
    (void)state;
    struct net_node a, b;
    struct frame frame;
    net_node_start(&a, ANY);
    net_node_launch(&b, a.endpoint);
    assert_int_equal(channel_wait(&b.parent, &frame, 8000), OK);
    assert_int_equal(frame.type, FRAME_FATAL);
    assert_non_null(memmem(frame.body.data, frame.body.size, "cannot listen on", 16));
    int status = net_node_stop(&b);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 5);
    assert_int_equal(net_node_stop(&a), 0);
}

/* Damaged settings are refused. */
static void test_settings(void **state) {
    (void)state;
    struct net_settings settings, again;
    struct buf body = {0};
    net_settings_default(&settings);
    snprintf(settings.listen, sizeof settings.listen, "tcp://[::1]:0");
    assert_int_equal(net_settings_encode(&settings, &body), OK);
    assert_int_equal(net_settings_decode(bytes_of_buf(&body), &again), OK);
    assert_memory_equal(&settings, &again, sizeof settings);
    for (size_t size = 0; size < body.size; size++)
        assert_int_not_equal(net_settings_decode(bytes_of(body.data, size), &again), OK);
    body.data[0] = 2;
    assert_int_equal(net_settings_decode(bytes_of_buf(&body), &again), ERR_VERSION);
    buf_clear(&body);
    snprintf(settings.listen, sizeof settings.listen, "tcp://example.org:9000");
    assert_int_equal(net_settings_encode(&settings, &body), OK);
    assert_int_equal(net_settings_decode(bytes_of_buf(&body), &again), ERR_RANGE);
    buf_free(&body);
}

int main(void) {
    if (sodium_init() < 0) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trusted_peer),
        cmocka_unit_test(test_sent_adds_up),
        cmocka_unit_test(test_stranger),
        cmocka_unit_test(test_no_key),
        cmocka_unit_test(test_wrong_server_key),
        cmocka_unit_test(test_allow_shrinks),
        cmocka_unit_test(test_message_too_big),
        cmocka_unit_test(test_multipart),
        cmocka_unit_test(test_endless_multipart),
        cmocka_unit_test(test_strangers_are_bounded),
        cmocka_unit_test(test_lossy),
        cmocka_unit_test(test_engine_replaced),
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_parent_gone),
        cmocka_unit_test(test_address_taken),
        cmocka_unit_test(test_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
