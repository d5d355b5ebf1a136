#include "tests/sim/scale_report.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

double report_seconds(void) {
    static struct timespec first;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (first.tv_sec == 0) first = now;
    return (double)(now.tv_sec - first.tv_sec) + (double)(now.tv_nsec - first.tv_nsec) / 1e9;
}

double report_processor_seconds(void) { return (double)clock() / CLOCKS_PER_SEC; }

void report_say(const char *format, ...) {
    va_list list;
    fprintf(stderr, "%5.0f s  ", report_seconds());
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
}

static struct report_row *row_new(struct report *report, const char *figure, const char *text) {
    assert(report->row_count < REPORT_ROWS_MAX);
    struct report_row *row = &report->rows[report->row_count++];
    snprintf(row->figure, sizeof row->figure, "%s", figure);
    snprintf(row->measured, sizeof row->measured, "%s", text);
    return row;
}

void report_judged(struct report *report, const char *figure, double value, double at_most, const char *text,
                   const char *elsewhere) {
    struct report_row *row = row_new(report, figure, text);
    snprintf(row->target, sizeof row->target, "<= %g", at_most);
    snprintf(row->elsewhere, sizeof row->elsewhere, "%s", elsewhere);
    /* The bounds are for the full size. */
    row->judged = !report->quick, row->met = value <= at_most;
    report_say("%s: %s%s", figure, text, row->met || report->quick ? "" : "  MISS");
}

void report_beside(struct report *report, const char *figure, const char *text) {
    row_new(report, figure, text);
    report_say("%s: %s", figure, text);
}

void report_note(struct report *report, const char *format, ...) {
    va_list list;
    assert(report->note_count < REPORT_NOTES_MAX);
    va_start(list, format);
    vsnprintf(report->notes[report->note_count++], sizeof report->notes[0], format, list);
    va_end(list);
}

void report_check(struct report *report, bool holds, const char *format, ...) {
    char text[200];
    va_list list;
    if (holds) return;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    report->broken++;
    report_note(report, "BROKEN: %s", text);
    report_say("BROKEN: %s", text);
}

void report_print(const struct report *report) {
    printf("\n%-62s %-10s %-34s %-5s %s\n", "figure", "to reach", "measured", "", "published or measured elsewhere");
    for (size_t i = 0; i < report->row_count; i++) {
        const struct report_row *row = &report->rows[i];
        printf("%-62s %-10s %-34s %-5s %s\n", row->figure, row->target, row->measured,
               !row->judged ? ""
               : row->met   ? "yes"
                            : "MISS",
               row->elsewhere);
    }
    printf("\n");
    for (size_t i = 0; i < report->note_count; i++) printf("%s\n", report->notes[i]);
    printf("%s: %zu invariants broken, %.0f s\n", report->broken ? "BROKEN" : "good", report->broken, report_seconds());
}
