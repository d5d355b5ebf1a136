/* store_fixture: a store in a temporary directory, and items whose ids and values follow from their number. */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include "node/store/store.h"

struct fixture {
    char dir[256];
    struct store *store;
    struct block_codec *codec;
    struct store_options options;
    uint64_t numbered; /* items made so far */
};

void fixture_setup(struct fixture *fixture, size_t table_terms);
/* For a child process: the same settings on a directory that is there; not opened. */
void fixture_join(struct fixture *fixture, const char *dir, size_t table_terms);
void fixture_teardown(struct fixture *fixture); /* closes, and removes the directory */
void fixture_open(struct fixture *fixture);
void fixture_close(struct fixture *fixture);
enum err fixture_try_open(struct fixture *fixture, char *why, size_t why_bytes); /* closes again when it opened */

/* The value and id of item number n: "n<n>.example" and "indicator--<n>". */
struct bytes fixture_value(uint64_t number);
struct bytes fixture_id(uint64_t number);
struct observable fixture_domain(uint64_t number);
struct observable fixture_ipv4(uint32_t address, uint8_t length);

/* An item with this number and one observable, encoded behind its u32 length. */
void fixture_item_put(struct buf *plain, struct item *item, uint64_t number, struct observable observable);

/* When the first item of a page that begins there was added; the others follow a microsecond apart. */
uint64_t fixture_added_us(uint64_t cursor);

/* A batch with one page of `count` new domain items, and an entry and a payload at seq = their first number + 1. */
struct store_batch *fixture_batch(struct fixture *fixture, size_t count);
/* As above for one item with this observable. */
void fixture_put(struct fixture *fixture, struct observable observable);
/* Commits and waits until it is completed. */
void fixture_commit(struct fixture *fixture, struct store_batch *batch);
void fixture_fill(struct fixture *fixture, size_t batches, size_t items_each);

/* Is the item found by value and id, and is what store_item gives it? */
bool fixture_found(struct fixture *fixture, uint64_t number);

/* For cmocka: a fixture with the usual table, and with one of 256 terms, so that ingestions happen every few batches. */
int fixture_test_setup(void **state);
int fixture_test_setup_small(void **state);
int fixture_test_teardown(void **state);
/* Asserts that all items made so far are found. */
void fixture_expect_all(struct fixture *fixture);

extern const uint8_t store_fixture_node[NODE_ID_BYTES];

#endif
