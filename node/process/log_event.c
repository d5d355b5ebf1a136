#include "node/process/log_event.h"

#include <stdatomic.h>
#include <stdio.h>

struct row {
    const char *id;
    enum log_level level;
    const char *text;
};

static const struct row rows[LOG_EVENT_COUNT] = {
#define LOG_EVENT_ROW(name, id, level, text) [LOG_##name] = {id, LOG_LEVEL_##level, text},
    LOG_EVENTS(LOG_EVENT_ROW)
#undef LOG_EVENT_ROW
};

static _Atomic uint64_t happened[LOG_EVENT_COUNT];

static bool in_table(enum log_event event) { return event > LOG_EVENT_NONE && event < LOG_EVENT_COUNT; }

const char *log_event_id(enum log_event event) { return in_table(event) ? rows[event].id : NULL; }

const char *log_event_text(enum log_event event) { return in_table(event) ? rows[event].text : NULL; }

enum log_level log_event_level(enum log_event event) { return in_table(event) ? rows[event].level : LOG_LEVEL_WARN; }

void log_event_silent(enum log_event event) {
    if (in_table(event)) atomic_fetch_add(&happened[event], 1);
}

uint64_t log_event_happened(enum log_event event) { return in_table(event) ? atomic_load(&happened[event]) : 0; }

void log_event_list(enum log_event event, const struct log_field *fields, const char *format, va_list arguments) {
    log_event_silent(event);
    log_said(&(struct log_said){.level = log_event_level(event), .event = log_event_id(event), .fields = fields}, format,
             arguments);
}

void log_event(enum log_event event, const struct log_field *fields, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    log_event_list(event, fields, format, arguments);
    va_end(arguments);
}
