/* Pinned cards: what may be pinned under which name, what an update may change, and that the files survive. */
#include "crypto/selftest.h"
#include "node/process/dir.h"
#include "node/identity/genesis.h"
#include "node/identity/trust_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW_MS 1790000000000ull

/* Three agencies and a directory of the first. */
struct world {
    char dir[64];
    struct genesis a, b, c;
    struct card_file card_b, card_c;
};

static void agency_make(struct genesis *out, const char *name, uint8_t seed_byte) {
    uint8_t seed[RANDOM_SEED_BYTES];
    struct random random;
    struct genesis_options options = {.agency_name = name, .endpoint = "tcp://127.0.0.1:7400", .now_ms = NOW_MS};
    memset(seed, seed_byte, sizeof seed);
    random_init_seed(&random, seed);
    assert_int_equal(genesis_make(out, &options, &random), OK);
}

static void card_take(struct card_file *out, struct bytes binary) {
    *out = (struct card_file){0};
    buf_put(&out->binary, binary);
    assert_int_equal(card_read(&out->card, bytes_of_buf(&out->binary)), OK);
}

static int setup(void **state) {
    struct world *world = calloc(1, sizeof *world);
    if (!world || selftest_run(NULL) != OK) return -1;
    const char *base = getenv("TMPDIR");
    snprintf(world->dir, sizeof world->dir, "%.40s/comity-trust-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(world->dir)) return -1;
    agency_make(&world->a, "CERT A", 1);
    agency_make(&world->b, "CERT B", 2);
    agency_make(&world->c, "CERT C", 3);
    card_take(&world->card_b, bytes_of_buf(&world->b.card));
    card_take(&world->card_c, bytes_of_buf(&world->c.card));
    *state = world;
    return 0;
}

static int teardown(void **state) {
    struct world *world = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", world->dir);
    card_file_free(&world->card_b);
    card_file_free(&world->card_c);
    genesis_free(&world->a);
    genesis_free(&world->b);
    genesis_free(&world->c);
    int failed = system(command);
    free(world);
    return failed;
}

static enum err judge(const struct world *world, const char *name, const struct card *card, enum trust_change *change,
                      char *problem) {
    return trust_judge(change, world->dir, name, card, world->a.agency.id, problem);
}

static void test_names(void **state) {
    (void)state;
    static const char *const good[] = {"A", "7", "cert-eu.example_1",
                                       "0123456789012345678901234567890123456789012345678901234567890123"};
    static const char *const bad[] = {
        "", ".a", "-a", "_a", "a/b", "..", "a b", "a,b", "ü", "01234567890123456789012345678901234567890123456789012345678901234"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) assert_true(trust_name_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(trust_name_valid(bad[i]));
}

/* A pinned card comes back as it went in; another agency cannot take its name, nor it a second name. */
static void test_pinning(void **state) {
    struct world *world = *state;
    char problem[TRUST_PROBLEM_MAX];
    enum trust_change change;
    struct card_file read;
    struct buf names = {0};
    assert_int_equal(judge(world, "B", &world->card_b.card, &change, problem), OK);
    assert_int_equal(change, TRUST_NEW);
    assert_int_equal(trust_file_write(world->dir, "B", &world->card_b), OK);
    assert_int_equal(trust_file_read(&read, world->dir, "B"), OK);
    assert_true(bytes_equal(bytes_of_buf(&read.binary), bytes_of_buf(&world->card_b.binary)));
    card_file_free(&read);
    assert_int_equal(judge(world, "B", &world->card_b.card, &change, problem), OK);
    assert_int_equal(change, TRUST_SAME);

    assert_int_equal(judge(world, "B", &world->card_c.card, &change, problem), ERR_EXISTS);
    assert_non_null(strstr(problem, "CHANGED FINGERPRINT"));
    assert_int_equal(judge(world, "B2", &world->card_b.card, &change, problem), ERR_EXISTS);
    assert_non_null(strstr(problem, "pinned already, as B;"));
    assert_int_equal(judge(world, "../B", &world->card_c.card, &change, problem), ERR_RANGE);

    struct card_file own;
    card_take(&own, bytes_of_buf(&world->a.card));
    assert_int_equal(judge(world, "me", &own.card, &change, problem), ERR_DENIED);
    card_file_free(&own);

    assert_int_equal(trust_file_write(world->dir, "A2", &world->card_c), OK);
    trust_names(world->dir, &names);
    assert_true(bytes_equal_text(bytes_of_buf(&names), "A2, B"));
    buf_free(&names);
    assert_true(trust_name_known(world->dir, "B"));
    assert_int_equal(trust_file_remove(world->dir, "A2"), OK);
    assert_int_equal(trust_file_remove(world->dir, "A2"), ERR_NOT_FOUND);
    assert_int_equal(trust_file_remove(world->dir, "../card"), ERR_NOT_FOUND);
    assert_false(trust_name_known(world->dir, "A2"));
}

/* B's chain with one more record: a second node. */
static void chain_extend(const struct genesis *genesis, struct buf *chain) {
    struct agency_node node = {.not_before_ms = NOW_MS, .not_after_ms = NOW_MS + 1000};
    uint8_t seed[SIGN_SEED_BYTES] = {9};
    struct buf body = {0};
    struct sign_subject subject;
    struct agency_signature signature;
    sign_public_of_seed(node.sign_public, seed);
    agency_node_id(node.id, genesis->agency.id, node.sign_public);
    memcpy(node.curve_public, genesis->agency.nodes[0].curve_public, CURVE_KEY_BYTES);
    node.curve_public[0] ^= 8;
    buf_put(chain, bytes_of_buf(&genesis->chain));
    assert_int_equal(agency_draft_node(&body, &genesis->agency, &node, NOW_MS + 1), OK);
    agency_subject(&subject, bytes_of_buf(&body));
    sign_public_of_seed(signature.public_key, genesis->root->sign_seed);
    sign_make(signature.signature, &subject, genesis->root->sign_seed);
    assert_int_equal(agency_seal_record(chain, bytes_of_buf(&body), &signature, 1), OK);
    buf_free(&body);
}

/* A longer chain of the same agency updates its card; going back to the shorter one is refused. */
static void test_chains_only_grow(void **state) {
    struct world *world = *state;
    struct buf chain = {0}, binary = {0};
    struct card_file longer;
    enum trust_change change;
    char problem[TRUST_PROBLEM_MAX];
    chain_extend(&world->b, &chain);
    assert_int_equal(card_write(&binary, bytes_of_buf(&chain), bytes_of_buf(&world->b.prekey)), OK);
    card_take(&longer, bytes_of_buf(&binary));
    assert_int_equal(longer.card.agency.node_count, 2);
    assert_int_equal(trust_file_write(world->dir, "B", &world->card_b), OK);
    assert_int_equal(judge(world, "B", &longer.card, &change, problem), OK);
    assert_int_equal(change, TRUST_UPDATE);
    assert_int_equal(trust_file_write(world->dir, "B", &longer), OK);
    assert_int_equal(judge(world, "B", &world->card_b.card, &change, problem), ERR_CHAIN);
    assert_non_null(strstr(problem, "older"));
    card_file_free(&longer);
    buf_free(&chain);
    buf_free(&binary);
}

struct seen {
    char names[256];
    size_t bad;
};

static bool see(void *context, const char *name, enum err error, const struct card_file *file) {
    struct seen *seen = context;
    size_t size = strlen(seen->names);
    snprintf(seen->names + size, sizeof seen->names - size, "%s ", name);
    if (error != OK) seen->bad++;
    if ((error == OK) != (file != NULL)) return false;
    return true;
}

/* A damaged card is told with its error, strange files are left alone, and the order is that of names. */
static void test_walking(void **state) {
    struct world *world = *state;
    struct seen seen = {0};
    char folder[DIR_PATH_MAX];
    assert_int_equal(trust_file_write(world->dir, "zz", &world->card_c), OK);
    assert_int_equal(trust_file_write(world->dir, "b", &world->card_b), OK);
    assert_int_equal(dir_path(folder, world->dir, DIR_TRUST), OK);
    assert_int_equal(dir_write(folder, "m.card", bytes_of_text("nonsense"), 0600), OK);
    assert_int_equal(dir_write(folder, "note.txt", bytes_of_text("x"), 0600), OK);
    assert_int_equal(dir_write(folder, "-bad.card", bytes_of_text("x"), 0600), OK);
    assert_int_equal(trust_files_each(world->dir, see, &seen), OK);
    assert_string_equal(seen.names, "b m zz ");
    assert_int_equal(seen.bad, 1);
    assert_int_equal(trust_files_each("/nonexistent", see, &seen), OK);
}

/* Atomic files: replaced whole, created once, never left behind half. */
static void test_files(void **state) {
    struct world *world = *state;
    struct buf content = {0};
    struct stat facts;
    char path[DIR_PATH_MAX];
    assert_int_equal(dir_write(world->dir, "f", bytes_of_text("one"), 0600), OK);
    assert_int_equal(dir_write(world->dir, "f", bytes_of_text("two"), 0640), OK);
    assert_int_equal(dir_create(world->dir, "f", bytes_of_text("three"), 0600), ERR_EXISTS);
    assert_int_equal(dir_read(&content, world->dir, "f", 3), OK);
    assert_true(bytes_equal_text(bytes_of_buf(&content), "two"));
    assert_int_equal(dir_path(path, world->dir, "f"), OK);
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0640);
    buf_clear(&content);
    assert_int_equal(dir_read(&content, world->dir, "f", 2), ERR_TOO_BIG);
    assert_int_equal(dir_read(&content, world->dir, "none", 2), ERR_NOT_FOUND);
    assert_int_equal(dir_write("/nonexistent/x", "f", bytes_of_text("one"), 0600), ERR_NOT_FOUND);
    assert_int_equal(dir_state("/nonexistent/x"), DIR_MISSING);
    assert_int_equal(dir_state(world->dir), DIR_OTHER);
    assert_int_equal(dir_remove(world->dir, "f"), OK);
    assert_int_equal(dir_state(world->dir), DIR_EMPTY);
    assert_int_equal(dir_write(world->dir, DIR_NODE_KEY, bytes_of_text("k"), 0600), OK);
    assert_int_equal(dir_state(world->dir), DIR_UNFINISHED);
    assert_int_equal(dir_write(world->dir, DIR_CONFIG, bytes_of_text("k"), 0600), OK);
    assert_int_equal(dir_state(world->dir), DIR_NODE);
    buf_free(&content);
}

/* The lock names its holder, and is free again when the holder closes it. */
static void test_lock(void **state) {
    struct world *world = *state;
    int first = -1, second = -1;
    long holder = 0;
    assert_int_equal(dir_lock(&first, world->dir, &holder), OK);
    assert_int_equal(dir_lock(&second, world->dir, &holder), ERR_BUSY);
    assert_int_equal(holder, getpid());
    assert_int_equal(second, -1);
    close(first);
    assert_int_equal(dir_lock(&second, world->dir, &holder), OK);
    close(second);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test_setup_teardown(test_pinning, setup, teardown),
        cmocka_unit_test_setup_teardown(test_chains_only_grow, setup, teardown),
        cmocka_unit_test_setup_teardown(test_walking, setup, teardown),
        cmocka_unit_test_setup_teardown(test_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lock, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
