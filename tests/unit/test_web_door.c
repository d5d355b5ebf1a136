/* The door of the HTTPS server: strangers are few and have little time; who crowds pays; a token has its part. */
#include "node/web/web_door.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define PLACES 600

static struct web_door *door;
static int ends[PLACES][2];
static struct web_guest *guests[PLACES];

static int setup(void **state) {
    (void)state;
    door = web_door_new(PLACES);
    assert_non_null(door);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    web_door_free(door);
    return 0;
}

static void enter(int at, uint64_t address, uint64_t now_ms) {
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends[at]), 0);
    guests[at] = web_door_enter(door, ends[at][0], address, now_ms);
}

static void leave(int at) {
    web_door_leave(door, guests[at]);
    close(ends[at][0]);
    close(ends[at][1]);
}

/* The client's side sees an end only of what was shut down. */
static bool is_cut(int at) {
    char byte;
    return recv(ends[at][1], &byte, 1, 0) == 0;
}

/* One address fills the door: its own oldest connections go, and an honest stranger beside it stays, whoever came first. */
static void crowd(void **state) {
    (void)state;
    enter(0, 1, 0);
    for (int i = 1; i <= WEB_STRANGERS_MAX; i++) enter(i, 2, (uint64_t)i);
    assert_false(is_cut(0));
    assert_true(is_cut(1));
    for (int i = 2; i <= WEB_STRANGERS_MAX; i++) assert_false(is_cut(i));
    enter(WEB_STRANGERS_MAX + 1, 3, 1000);
    assert_false(is_cut(WEB_STRANGERS_MAX + 1));
    assert_false(is_cut(0));
    assert_true(is_cut(2));
    assert_false(is_cut(3));
    for (int i = 0; i <= WEB_STRANGERS_MAX + 1; i++) leave(i);
    /* Nothing is left of them. */
    for (int i = 0; i < WEB_STRANGERS_MAX; i++) enter(i, 4, 2000);
    for (int i = 0; i < WEB_STRANGERS_MAX; i++) assert_false(is_cut(i));
    for (int i = 0; i < WEB_STRANGERS_MAX; i++) leave(i);
}

/* Time is over for strangers only, counted from their beginning, or from their first bad request after a good one. */
static void slow(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) enter(i, 1, 0);
    assert_true(web_door_know(door, guests[1], 7));
    assert_true(web_door_know(door, guests[2], 7));
    web_door_doubt(door, guests[0], 10000); /* was a stranger: gains nothing */
    web_door_doubt(door, guests[2], 10000);
    web_door_step(door, WEB_STRANGER_MS);
    for (int i = 0; i < 3; i++) assert_false(is_cut(i));
    web_door_step(door, WEB_STRANGER_MS + 1);
    assert_true(is_cut(0));
    assert_false(is_cut(1));
    assert_false(is_cut(2));
    web_door_step(door, WEB_STRANGER_MS + 10001);
    assert_true(is_cut(2));
    assert_false(is_cut(1));
    for (int i = 0; i < 3; i++) leave(i);
}

/* A token has its part of the connections; those that it leaves are free again; another token is not concerned. */
static void part(void **state) {
    (void)state;
    for (int i = 0; i <= WEB_TOKEN_CONNECTIONS_MAX; i++) {
        enter(i, 1, 0);
        assert_int_equal(web_door_know(door, guests[i], 7), i < WEB_TOKEN_CONNECTIONS_MAX);
    }
    assert_true(web_door_know(door, guests[0], 7));
    assert_true(web_door_know(door, guests[WEB_TOKEN_CONNECTIONS_MAX], 8));
    leave(1);
    enter(1, 1, 0);
    assert_true(web_door_know(door, guests[1], 7));
    web_door_step(door, WEB_STRANGER_MS + 1);
    for (int i = 0; i <= WEB_TOKEN_CONNECTIONS_MAX; i++) assert_false(is_cut(i));
    for (int i = 0; i <= WEB_TOKEN_CONNECTIONS_MAX; i++) leave(i);
}

/* Without a place a connection is ended at once, and nothing is remembered of it. */
static void full(void **state) {
    (void)state;
    for (int i = 0; i < PLACES; i++) {
        enter(i, (uint64_t)i, 0);
        assert_non_null(guests[i]);
        assert_true(web_door_know(door, guests[i], (uint64_t)i));
    }
    int pair[2];
    char byte;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    assert_null(web_door_enter(door, pair[0], 1, 0));
    assert_int_equal(recv(pair[1], &byte, 1, 0), 0);
    assert_false(web_door_know(door, NULL, 1));
    web_door_doubt(door, NULL, 0);
    web_door_leave(door, NULL);
    close(pair[0]);
    close(pair[1]);
    for (int i = 0; i < PLACES; i++) leave(i);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(crowd, setup, teardown),
        cmocka_unit_test_setup_teardown(slow, setup, teardown),
        cmocka_unit_test_setup_teardown(part, setup, teardown),
        cmocka_unit_test_setup_teardown(full, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
