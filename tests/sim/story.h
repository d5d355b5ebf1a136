/* story: what the tests of the simulator share. A story is a sentence and some verbs; every one ends with story_end, which checks
   the invariants over all disks. */
#ifndef TESTS_SIM_STORY_H
#define TESTS_SIM_STORY_H

#include "tests/sim/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define SECONDS 1000ull
#define MINUTES (60 * SECONDS)
#define HOURS   (60 * MINUTES)
#define DAYS    (24 * HOURS)

/* A world is too large for the stack; stories run one after the other. */
extern struct world story_world;

void story_end(struct world *world);
#define assert_story(world) assert_string_equal((world)->broken, "")

int test_delivery(void);
int test_absence(void);
int test_confidential(void);
int test_hostile(void);
int test_fork(void);
int test_survive(void);
int test_trust(void);
int test_many(void);
int test_recall(void);
int test_groups(void);
int test_bounds(void);

#endif
