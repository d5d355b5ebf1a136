/* scale_report: the figures as they come in, and the table of them at the end. */
#ifndef TESTS_SIM_SCALE_REPORT_H
#define TESTS_SIM_SCALE_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#define REPORT_ROWS_MAX  64
#define REPORT_NOTES_MAX 64

struct report_row {
    char figure[80], target[24], measured[64], elsewhere[72];
    bool judged, met;
};

struct report {
    struct report_row rows[REPORT_ROWS_MAX];
    size_t row_count;
    char notes[REPORT_NOTES_MAX][240];
    size_t note_count;
    size_t broken; /* invariants that did not hold */
    bool quick;
};

double report_seconds(void); /* of the wall clock, since the first call */
double report_processor_seconds(void);
/* Progress, on standard error. */
void report_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A figure with a bound; `text` is what was measured, `value` is what is held against `at_most`. */
void report_judged(struct report *report, const char *figure, double value, double at_most, const char *text,
                   const char *elsewhere);
/* One that stands for comparison. */
void report_beside(struct report *report, const char *figure, const char *text);
void report_note(struct report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* An invariant: counted and told when it does not hold. */
void report_check(struct report *report, bool holds, const char *format, ...) __attribute__((format(printf, 3, 4)));
void report_print(const struct report *report);

#endif
