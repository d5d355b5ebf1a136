#include "node/process/clock.h"
#include "node/engine/engine_core.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What the engine tells its operator. */

void engine_fail(struct engine *engine, int exit_code, const char *format, ...) {
    char text[512];
    va_list arguments;
    if (engine->stopping) return; /* the first reason is the one that counts */
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    engine->exit_code = proc_child_fatal(&engine->child, exit_code, "%s", text);
    engine->stopping = true;
}

/* `listed`: also in what status shows. */
static void notice_say(struct engine *engine, enum log_event event, const struct log_field *fields, bool listed, const char *format,
                       va_list arguments) {
    char text[sizeof engine->last_notices[0]];
    vsnprintf(text, sizeof text, format, arguments);
    enum notices_verdict verdict = notices_judge(&engine->notices, text, clock_monotonic_ms());
    const char *more = verdict == NOTICES_SAY_LAST ? " (and more of this kind, not said for a minute)" : "";
    if (verdict == NOTICES_SILENT) {
        log_event_silent(event);
        return;
    }
    if (listed) {
        engine->notices_ms[engine->notice_count % 16] = clock_wall_ms();
        snprintf(engine->last_notices[engine->notice_count++ % 16], sizeof engine->last_notices[0], "%s", text);
    }
    log_event(event, fields, "%s%s", text, more);
}

void engine_notice(struct engine *engine, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    notice_say(engine, LOG_EVENT_NONE, NULL, true, format, arguments);
    va_end(arguments);
}

void engine_event(struct engine *engine, enum log_event event, const struct log_field *fields, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    notice_say(engine, event, fields, true, format, arguments);
    va_end(arguments);
}

void engine_tell(struct engine *engine, enum log_event event, const struct log_field *fields, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    notice_say(engine, event, fields, false, format, arguments);
    va_end(arguments);
}
