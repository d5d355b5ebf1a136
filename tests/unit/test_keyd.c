/* The key process from outside: the test is its parent, its engine and its network process. With the ops key it signs certificates of
   nodes that the agency has, and nothing else. */
#define _GNU_SOURCE
#include "crypto/selftest.h"
#include "crypto/verify.h"
#include "node/process/dir.h"
#include "node/identity/genesis.h"
#include "node/process/keyd.h"
#include "node/identity/newnode.h"
#include "node/process/proc.h"
#include "node/process/proc_spawn.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_MS 20000

struct keyd_run {
    char dir[64];
    pid_t pid;
    struct channel parent, engine, net;
    struct genesis genesis;
};

static void file_put(const struct keyd_run *run, const char *name, const struct keyfile *keys) {
    struct random random;
    struct buf sealed = {0};
    random_init_kernel(&random);
    assert_int_equal(keyfile_seal(&sealed, keys, bytes_of(NULL, 0), &random), OK);
    assert_int_equal(dir_write(run->dir, name, bytes_of_buf(&sealed), 0600), OK);
    buf_free(&sealed);
}

static void peer_give(struct channel *parent, uint8_t role, struct channel *ours) {
    int fds[2];
    assert_int_equal(proc_pair(fds), OK);
    channel_init(ours, fds[0]);
    assert_int_equal(channel_send_fd(parent, FRAME_PEER, 0, bytes_of(&role, 1), fds[1]), OK);
    close(fds[1]);
}

static void run_start(struct keyd_run *run, bool ops) {
    struct genesis_options options = {.agency_name = "CERT A", .now_ms = 1790000000000ull};
    struct random random;
    struct buf settings = {0};
    struct frame frame;
    char path[DIR_PATH_MAX];
    int fds[2];
    memset(run, 0, sizeof *run);
    snprintf(run->dir, sizeof run->dir, "/tmp/test_keyd.XXXXXX");
    assert_non_null(mkdtemp(run->dir));
    random_init_kernel(&random);
    assert_int_equal(genesis_make(&run->genesis, &options, &random), OK);
    file_put(run, DIR_NODE_KEY, run->genesis.node);
    if (ops) file_put(run, DIR_OPS_KEY, run->genesis.ops);
    assert_int_equal(dir_path(path, run->dir, DIR_NODE_KEY), OK);
    assert_int_equal(keyd_settings_encode(&settings, LOG_LEVEL_FATAL, path, bytes_of(NULL, 0)), OK);
    assert_int_equal(proc_pair(fds), OK);
    fflush(NULL);
    run->pid = fork();
    if (run->pid == 0) {
        close(fds[0]);
        _exit(key_main(fds[1]));
    }
    close(fds[1]);
    channel_init(&run->parent, fds[0]);
    assert_int_equal(channel_send(&run->parent, FRAME_SETTINGS, 0, bytes_of_buf(&settings)), OK);
    peer_give(&run->parent, ROLE_ENGINE, &run->engine);
    peer_give(&run->parent, ROLE_NET, &run->net);
    assert_int_equal(channel_wait(&run->parent, &frame, WAIT_MS), OK);
    assert_int_equal(frame.type, FRAME_READY);
    buf_free(&settings);
}

static void run_end(struct keyd_run *run) {
    int status;
    channel_close(&run->parent);
    assert_int_equal(waitpid(run->pid, &status, 0), run->pid);
    channel_close(&run->engine);
    channel_close(&run->net);
    assert_int_equal(dir_remove(run->dir, DIR_NODE_KEY), OK);
    if (dir_remove(run->dir, DIR_OPS_KEY) != OK) errno = 0; /* not every run has one */
    rmdir(run->dir);
    genesis_free(&run->genesis);
    assert_true(WIFEXITED(status));
}

/* Asks for a signature of this draft; returns the type of the answer, whose body is copied to `out`. */
static enum frame_type renew(struct keyd_run *run, struct bytes draft, struct bytes chain, uint8_t out[static 96]) {
    struct buf body = {0};
    struct frame frame;
    buf_put_u16(&body, (uint16_t)draft.size);
    buf_put(&body, draft);
    buf_put(&body, chain);
    assert_int_equal(channel_send(&run->engine, FRAME_KEY_RENEW, 7, bytes_of_buf(&body)), OK);
    assert_int_equal(channel_wait(&run->engine, &frame, WAIT_MS), OK);
    assert_int_equal(frame.tag, 7);
    if (frame.body.size <= 96) memcpy(out, frame.body.data, frame.body.size);
    buf_free(&body);
    return frame.type;
}

static void node_draft(struct buf *out, const struct keyd_run *run, const struct agency_node *node) {
    buf_clear(out);
    assert_int_equal(agency_draft_node(out, &run->genesis.agency, node, 1790000001000ull), OK);
}

static void test_renews(void **state) {
    (void)state;
    struct keyd_run run;
    struct buf draft = {0}, chain = {0};
    struct agency_signature signature;
    struct agency after;
    uint8_t answer[96];
    run_start(&run, true);
    struct agency_node node = run.genesis.agency.nodes[0];
    newnode_dates(&node, 1795000000000ull);
    node_draft(&draft, &run, &node);
    assert_int_equal(renew(&run, bytes_of_buf(&draft), bytes_of_buf(&run.genesis.chain), answer), FRAME_KEY_RENEWED);
    memcpy(signature.public_key, answer, SIGN_PUBLIC_BYTES);
    memcpy(signature.signature, answer + SIGN_PUBLIC_BYTES, SIGN_BYTES);
    buf_put(&chain, bytes_of_buf(&run.genesis.chain));
    assert_int_equal(agency_seal_record(&chain, bytes_of_buf(&draft), &signature, 1), OK);
    assert_int_equal(agency_parse(&after, bytes_of_buf(&chain), NULL), OK);
    assert_int_equal(after.nodes[0].not_after_ms, node.not_after_ms);
    buf_free(&draft), buf_free(&chain);
    run_end(&run);
}

/* A new node, a revocation, another agency's chain, and what is no draft at all: refused, whoever asks. */
static void test_signs_nothing_else(void **state) {
    (void)state;
    static const uint8_t zeros[HASH_BYTES] = {0};
    struct keyd_run run;
    struct genesis other;
    struct genesis_options options = {.agency_name = "CERT B", .now_ms = 1790000000000ull};
    struct random random;
    struct buf draft = {0};
    uint8_t answer[96];
    run_start(&run, true);
    random_init_kernel(&random);
    assert_int_equal(genesis_make(&other, &options, &random), OK);
    struct bytes chain = bytes_of_buf(&run.genesis.chain);

    struct agency_node stranger = other.agency.nodes[0];
    node_draft(&draft, &run, &stranger);
    assert_int_equal(renew(&run, bytes_of_buf(&draft), chain, answer), FRAME_KEY_REFUSED);
    buf_clear(&draft);
    assert_int_equal(agency_draft_revoke(&draft, &run.genesis.agency, run.genesis.agency.nodes[0].id, 0, zeros, 1790000001000ull),
                     OK);
    assert_int_equal(renew(&run, bytes_of_buf(&draft), chain, answer), FRAME_KEY_REFUSED);
    node_draft(&draft, &run, &run.genesis.agency.nodes[0]);
    assert_int_equal(renew(&run, bytes_of_buf(&draft), bytes_of_buf(&other.chain), answer), FRAME_KEY_REFUSED);
    assert_int_equal(renew(&run, bytes_of(draft.data, draft.size - 1), chain, answer), FRAME_KEY_REFUSED);
    assert_int_equal(renew(&run, bytes_of(NULL, 0), chain, answer), FRAME_KEY_REFUSED);
    assert_int_equal(renew(&run, bytes_of_buf(&draft), chain, answer), FRAME_KEY_RENEWED);
    buf_free(&draft);
    genesis_free(&other);
    run_end(&run);
}

/* Without an ops key beside it, it renews nothing, and says so. */
static void test_without_ops_key(void **state) {
    (void)state;
    struct keyd_run run;
    struct buf draft = {0};
    uint8_t answer[96];
    run_start(&run, false);
    node_draft(&draft, &run, &run.genesis.agency.nodes[0]);
    assert_int_equal(renew(&run, bytes_of_buf(&draft), bytes_of_buf(&run.genesis.chain), answer), FRAME_KEY_REFUSED);
    buf_free(&draft);
    run_end(&run);
}

/* It tells whose node it is: the engine does not take that from a file. */
static void test_whose_node(void **state) {
    (void)state;
    struct keyd_run run;
    struct frame frame;
    uint8_t id[NODE_ID_BYTES];
    run_start(&run, false);
    assert_int_equal(channel_send(&run.engine, FRAME_KEY_STORE_KEY, 1, bytes_of(NULL, 0)), OK);
    assert_int_equal(channel_wait(&run.engine, &frame, WAIT_MS), OK);
    assert_int_equal(frame.type, FRAME_KEY_STORE);
    assert_int_equal(frame.body.size, 64);
    assert_memory_equal(frame.body.data, run.genesis.node->store_key, 32);
    agency_node_id(id, run.genesis.agency.id, frame.body.data + 32);
    assert_memory_equal(id, run.genesis.agency.nodes[0].id, NODE_ID_BYTES);
    run_end(&run);
}

/* Asks for a signature over an end of the ledger. */
static enum frame_type end_sign(struct keyd_run *run, uint8_t type, uint64_t number, uint8_t signature[static SIGN_BYTES]) {
    uint8_t body[44] = {SIGN_LEDGER, type, AGENCY_SUITE};
    struct frame frame;
    put_be64(body + 4, number);
    body[12] = 7; /* the hash */
    assert_int_equal(channel_send(&run->engine, FRAME_KEY_SIGN, 3, bytes_of(body, sizeof body)), OK);
    assert_int_equal(channel_wait(&run->engine, &frame, WAIT_MS), OK);
    if (frame.body.size == SIGN_BYTES) memcpy(signature, frame.body.data, SIGN_BYTES);
    return frame.type;
}

/* An end of the ledger, under its own purpose, and none in front of one that was signed. */
static void test_signs_ends_of_the_ledger(void **state) {
    (void)state;
    struct keyd_run run;
    uint8_t signature[SIGN_BYTES];
    struct sign_subject subject = {.purpose = SIGN_LEDGER, .type = 1, .suite = AGENCY_SUITE, .seq = 5, .hash = {7}};
    run_start(&run, false);
    assert_int_equal(end_sign(&run, 2, 5, signature), FRAME_KEY_REFUSED);
    assert_int_equal(end_sign(&run, 1, 0, signature), FRAME_KEY_REFUSED);
    assert_int_equal(end_sign(&run, 1, 5, signature), FRAME_KEY_SIGNED);
    memcpy(subject.agency, run.genesis.agency.id, AGENCY_ID_BYTES);
    assert_int_equal(verify_signature(signature, &subject, run.genesis.agency.nodes[0].sign_public), OK);
    subject.purpose = SIGN_HEADS;
    assert_int_equal(verify_signature(signature, &subject, run.genesis.agency.nodes[0].sign_public), ERR_SIGNATURE);
    assert_int_equal(end_sign(&run, 1, 4, signature), FRAME_KEY_REFUSED);
    assert_int_equal(end_sign(&run, 1, 5, signature), FRAME_KEY_SIGNED);
    assert_int_equal(end_sign(&run, 1, 6, signature), FRAME_KEY_SIGNED);
    run_end(&run);
}

static int setup(void **state) {
    (void)state;
    return selftest_run(NULL) == OK ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_renews), cmocka_unit_test(test_signs_nothing_else),
                                       cmocka_unit_test(test_without_ops_key), cmocka_unit_test(test_whose_node),
                                       cmocka_unit_test(test_signs_ends_of_the_ledger)};
    return cmocka_run_group_tests_name("keyd", tests, setup, NULL);
}
