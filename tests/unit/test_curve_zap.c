/* Who may enter: the allow list, and that nobody enters when its keeper is gone. */
#include "node/curve/curve_zap.h"
#include "node/net/endpoint.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct curve_limits limits = {.message_bytes_max = 4096,
                                           .receive_hwm = 16,
                                           .send_hwm = 16,
                                           .receive_buffer_bytes = 65536,
                                           .handshake_ms = 3000,
                                           .heartbeat_ms = 10000,
                                           .heartbeat_timeout_ms = 30000,
                                           .heartbeat_ttl_ms = 60000};

/* Is a dial with this key admitted by the listener at `door`? `zap` may be closed. */
static bool dial_admitted(const struct curve_socket *router, struct curve_zap *zap, const uint8_t *public_key,
                          const uint8_t *secret_key, const uint8_t *server_key, const char *door) {
    struct curve_socket dealer, monitor;
    unsigned event = 0;
    uint32_t value;
    if (curve_socket_dealer(&dealer, &limits, public_key, secret_key, server_key) != OK ||
        curve_socket_monitor(&monitor, &dealer) != OK)
        exit(10);
    if (zmq_connect(dealer.handle, door) != 0) exit(11);
    bool admitted = false, over = false;
    while (!over) {
        zmq_pollitem_t items[] = {
            {monitor.handle, 0, ZMQ_POLLIN, 0}, {router->handle, 0, ZMQ_POLLIN, 0}, {NULL, zap->socket.fd, ZMQ_POLLIN, 0}};
        zmq_poll(items, zap->socket.sock != NULL ? 3 : 2, 20);
        curve_zap_step(zap, NULL, NULL);
        while (curve_monitor_next(&monitor, &event, &value)) {
            if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) admitted = over = true;
            if (event == ZMQ_EVENT_DISCONNECTED) over = true;
        }
    }
    zmq_socket_monitor(dealer.handle, NULL, 0);
    curve_socket_close(&monitor);
    curve_socket_close(&dealer);
    return admitted;
}

/* In a process of its own, because CZMQ keeps one context for each: 0, or the step that went wrong. */
static int zap_story(void) {
    struct curve_socket router;
    struct curve_zap zap;
    uint8_t server[64], client[64];
    char door[ENDPOINT_BYTES_MAX];
    size_t size = sizeof door;
    curve_socket_setup();
    crypto_box_keypair(server, server + 32);
    crypto_box_keypair(client, client + 32);
    if (curve_zap_open(&zap) != OK || curve_socket_router(&router, &limits, server + 32) != OK) return 1;
    if (zmq_bind(router.handle, "tcp://127.0.0.1:*") != 0 || zmq_getsockopt(router.handle, ZMQ_LAST_ENDPOINT, door, &size) != 0)
        return 2;
    if (dial_admitted(&router, &zap, client, client + 32, server, door)) return 3; /* nobody is on the list yet */
    if (curve_zap_allow(&zap, bytes_of(client, 31)) != ERR_FORMAT || curve_zap_allow(&zap, bytes_of(client, 32)) != OK) return 4;
    if (!dial_admitted(&router, &zap, client, client + 32, server, door)) return 5;
    struct curve_zap second;
    if (curve_zap_open(&second) != ERR_EXISTS) return 6;
    curve_zap_close(&zap);
    if (dial_admitted(&router, &zap, client, client + 32, server, door)) return 7; /* nobody answers for us any more */
    curve_socket_close(&router);
    curve_socket_teardown();
    return 0;
}

/* The handler that decides who may enter is gone: nobody enters, a valid key neither. */
static void test_handler_dead(void **state) {
    (void)state;
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) exit(zap_story());
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
}

int main(void) {
    if (sodium_init() < 0) return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_handler_dead)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
