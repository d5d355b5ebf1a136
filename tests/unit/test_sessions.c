#define _GNU_SOURCE /* memmem */
/* Sessions of who looks through an outer process: nothing is shown before the row of the begin is on disk; many pages make two rows. */
#include "node/process/clock.h"
#include "node/engine/engine_core.h"
#include "tests/unit/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fixture fixture;
static struct engine *engine;
static struct client *one, *two;

static int setup(void **state) {
    (void)state;
    fixture_setup(&fixture, 0);
    engine = calloc(1, sizeof *engine);
    assert_non_null(engine);
    engine->store = fixture.store;
    engine->ledger.sessions_due_ms = UINT64_MAX;
    random_init_kernel(&engine->random);
    one = &engine->clients[0], two = &engine->clients[1];
    one->pid = two->pid = 42;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    random_wipe(&engine->random);
    free(engine);
    fixture_teardown(&fixture);
    return 0;
}

static uint64_t rows(void) {
    uint8_t hash[HASH_BYTES];
    return store_disclosure_last(engine->store, hash);
}

static void synced(void) {
    uint64_t ticket;
    store_wait(engine->store);
    while (store_completed(engine->store, &ticket) == OK)
        if (ticket >> 61 == 1) engine->ledger.tickets_durable = ticket & ~LEDGER_TICKET;
}

static bool tells(uint64_t number, const char *command) {
    struct disclosure_record record = {0};
    assert_int_equal(store_disclosure(engine->store, number, &record), OK);
    bool found = memmem(record.details.data, record.details.size, command, strlen(command)) != NULL;
    buf_free(&record.details);
    return found;
}

static void page(struct client *client, const char *who) {
    ledger_session_look(engine, client, POLICY_TAXII, who);
    ledger_session_shown(engine, client, POLICY_TAXII, who, 10);
}

static void held(void **state) {
    (void)state;
    page(one, "soc");
    page(two, "soc");
    assert_true(ledger_look_holds(engine, one));
    assert_true(ledger_look_holds(engine, two)); /* another connection, the same session: it waits as well */
    assert_int_equal(rows(), 1);
    synced();
    assert_false(ledger_look_holds(engine, one) || ledger_look_holds(engine, two));
    for (int i = 0; i < 100; i++) page(one, "soc");
    assert_false(ledger_look_holds(engine, one));
    assert_int_equal(rows(), 1);
    page(one, "so");
    assert_true(ledger_look_holds(engine, one));
    assert_int_equal(rows(), 2);
    two->pid = 43;
    page(two, "soc");
    assert_int_equal(rows(), 3); /* another process */
    ledger_sessions_end(engine);
    synced();
    assert_int_equal(rows(), 6);
    assert_true(tells(1, "taxii soc") && !tells(1, "ended") && tells(4, "taxii soc ended"));
}

static void over(void **state) {
    (void)state;
    page(one, "soc");
    uint64_t now_ms = clock_monotonic_ms();
    assert_int_not_equal(ledger_sessions_tick(engine, now_ms), UINT64_MAX);
    assert_int_equal(rows(), 1);
    assert_int_equal(ledger_sessions_tick(engine, now_ms + LEDGER_SESSION_IDLE_MS), UINT64_MAX);
    assert_int_equal(rows(), 2);
    synced();
    page(one, "soc");
    assert_true(ledger_look_holds(engine, one)); /* the next one begins anew */
    engine->ledger.sessions[0].began_ms -= LEDGER_SESSION_MS;
    page(one, "soc");
    assert_int_equal(rows(), 5);
    synced();
}

/* A slow client's answer outlives its session: what is shown of it then is told by another one, whose row it waits for. */
static void outlived(void **state) {
    (void)state;
    page(one, "soc");
    synced();
    ledger_sessions_end(engine);
    assert_int_equal(rows(), 2);
    ledger_session_shown(engine, one, POLICY_TAXII, "soc", 10);
    assert_int_equal(rows(), 3);
    assert_true(ledger_look_holds(engine, one));
    synced();
    assert_false(ledger_look_holds(engine, one));
    assert_true(tells(3, "taxii soc"));
}

/* A name is told whole: two that begin alike are two. */
static void named(void **state) {
    char who[LEDGER_WHO_MAX + 1];
    (void)state;
    memset(who, 'w', sizeof who - 1);
    who[LEDGER_WHO_MAX] = 0;
    ledger_session_look(engine, one, POLICY_BLOCKING, who);
    ledger_sessions_end(engine);
    synced();
    assert_true(tells(1, who) && tells(2, who) && tells(2, "w ended"));
}

/* Too many users: whoever asked longest ago begins anew, and nobody is shown anything without a row. */
static void crowded(void **state) {
    char who[16];
    (void)state;
    for (unsigned i = 0; i < LEDGER_SESSIONS_MAX + 20; i++) {
        snprintf(who, sizeof who, "user%u", i);
        page(one, who);
        if (i == 0) engine->ledger.sessions[0].asked_ms -= 100;
    }
    assert_int_equal(rows(), LEDGER_SESSIONS_MAX + 40);
    page(one, "user0");
    assert_int_equal(rows(), LEDGER_SESSIONS_MAX + 42);
    synced();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(held, setup, teardown),    cmocka_unit_test_setup_teardown(over, setup, teardown),
        cmocka_unit_test_setup_teardown(crowded, setup, teardown), cmocka_unit_test_setup_teardown(outlived, setup, teardown),
        cmocka_unit_test_setup_teardown(named, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
