/* scale_figures: one function a figure, or a few that share a world. Each adds its rows to the report, and checks at its end that nothing
   is lacking and nothing was stored that was not published. */
#ifndef TESTS_SIM_SCALE_FIGURES_H
#define TESTS_SIM_SCALE_FIGURES_H

#include "tests/sim/scale_report.h"
#include "tests/sim/scale_world.h"

void figure_push(struct report *report);   /* delay and copies, beside the models; idle traffic */
void figure_heal(struct report *report);   /* nodes away, halves apart: missed, time to merge; after a month */
void figure_sync(struct report *report);   /* what it costs to find out that nothing is new, and what is */
void figure_growth(struct report *report); /* cost of a node from 100 nodes to 10,000 */

/* A world of this plan where all trust all and links were made. */
void figure_mesh(struct scale_world *world, const struct plan *plan);
/* The invariants that are checked at the end of each round. */
void figure_check(struct report *report, const struct scale_world *world, const char *round);

#endif
