/* The figures of the mesh at scale. `scale` alone is a test: a small round of each, where only what must always hold is checked.
   `scale --figures [NAME...]` measures and prints the table; NAME: push heal sync growth. */
#include "tests/sim/scale_figures.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    void (*measure)(struct report *report);
} figures[] = {{"push", figure_push}, {"heal", figure_heal}, {"sync", figure_sync}, {"growth", figure_growth}};
#define FIGURES (sizeof figures / sizeof *figures)

static bool wanted(int count, char **words, const char *name) {
    for (int i = 2; i < count; i++)
        if (strcmp(words[i], name) == 0) return true;
    return count <= 2;
}

int main(int count, char **words) {
    static struct report report;
    if (sodium_init() < 0) return 1;
    report.quick = count < 2 || strcmp(words[1], "--figures") != 0;
    report_seconds();
    if (report.quick) printf("1..%zu\n", FIGURES);
    for (size_t i = 0; i < FIGURES; i++) {
        size_t broken = report.broken;
        if (!wanted(count, words, figures[i].name)) continue;
        figures[i].measure(&report);
        if (report.quick) printf("%s %zu - scale: %s\n", report.broken > broken ? "not ok" : "ok", i + 1, figures[i].name);
    }
    report_print(&report);
    return report.quick && report.broken > 0;
}
