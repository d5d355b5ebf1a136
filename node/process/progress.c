#include "node/process/progress.h"

#include "node/process/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define FIRST_MS    1000
#define TERMINAL_MS 200
#define FILE_MS     5000

void progress_start(struct progress *progress, bool quiet) {
    *progress = (struct progress){.on = !quiet, .terminal = isatty(STDERR_FILENO), .started_ms = clock_monotonic_ms()};
    progress->next_ms = progress->started_ms + FIRST_MS;
}

bool progress_due(struct progress *progress) { return progress->on && clock_monotonic_ms() >= progress->next_ms; }

void progress_say(struct progress *progress, const char *format, ...) {
    va_list arguments;
    if (progress->terminal) fputs("\r", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs(progress->terminal ? "\033[K" : "\n", stderr);
    progress->drawn = true;
    progress->next_ms = clock_monotonic_ms() + (progress->terminal ? TERMINAL_MS : FILE_MS);
}

void progress_end(struct progress *progress) {
    if (progress->drawn && progress->terminal) fputs("\r\033[K", stderr);
    progress->drawn = false;
}
