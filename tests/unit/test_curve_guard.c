/* The connections below ZeroMQ: strangers are bounded, and who floods is cut, not who comes beside it. */
#include "node/curve/curve_guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define PLACES 8
#define MAX    4

static struct curve_guard *guard;
static int listener, clients[PLACES], servers[PLACES];

static int setup(void **state) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    (void)state;
    guard = malloc(sizeof *guard);
    assert_non_null(guard);
    curve_guard_init(guard);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, PLACES), 0);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    curve_guard_end(guard);
    close(listener);
    free(guard);
    return 0;
}

/* A stranger from 127.0.0.`host`. */
static void enter(int at, uint8_t host, uint64_t now_ms) {
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + host)}, to;
    socklen_t size = sizeof to;
    assert_int_equal(getsockname(listener, (struct sockaddr *)&to, &size), 0);
    clients[at] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(clients[at], (struct sockaddr *)&from, sizeof from), 0);
    assert_int_equal(connect(clients[at], (struct sockaddr *)&to, sizeof to), 0);
    servers[at] = accept(listener, NULL, NULL);
    assert_true(servers[at] >= 0);
    curve_guard_opened(guard, servers[at], true, 0, now_ms);
    curve_guard_limit(guard, MAX, now_ms);
}

static void leave(int at) {
    curve_guard_closed(guard, servers[at]);
    close(servers[at]);
    close(clients[at]);
}

static bool is_cut(int at) { return curve_guard_at(guard, servers[at])->cut; }

static void crowd(void **state) {
    (void)state;
    enter(0, 2, 0); /* honest, and the oldest */
    for (int i = 1; i < 6; i++) enter(i, 3, (uint64_t)i);
    assert_false(is_cut(0));
    assert_true(is_cut(1));
    assert_true(is_cut(2));
    for (int i = 3; i < 6; i++) assert_false(is_cut(i));
    curve_guard_linked(guard, servers[0]); /* is none any more: of the others there may be one more */
    enter(6, 2, 10);
    assert_false(is_cut(3));
    enter(7, 4, 11);
    assert_true(is_cut(3));
    assert_false(is_cut(6));
    assert_false(is_cut(7));
    assert_int_equal(guard->strangers, MAX);
    for (int i = 0; i < PLACES; i++) leave(i);
    assert_int_equal(guard->strangers, 0);
    assert_int_equal(guard->used_count, 0);
}

static void slow(void **state) {
    (void)state;
    enter(0, 2, 0);
    enter(1, 2, 5000);
    curve_guard_linked(guard, servers[1]);
    enter(2, 2, 5000);
    curve_guard_limit(guard, MAX, 10001);
    assert_true(is_cut(0));
    assert_false(is_cut(1));
    assert_false(is_cut(2));
    curve_guard_limit(guard, MAX, 15001);
    assert_false(is_cut(1));
    assert_true(is_cut(2));
    for (int i = 0; i < 3; i++) leave(i);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(crowd, setup, teardown),
        cmocka_unit_test_setup_teardown(slow, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
