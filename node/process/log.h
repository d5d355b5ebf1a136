/* log: one line per message on standard error: time, role, level, text; or the same as a JSON object. Never a secret.
   Where standard error is the journal's (JOURNAL_STREAM names it), each line begins with its priority, "<4>", which the journal takes off.
   log_event.h is for lines that operators watch for.
   Control characters and bytes outside printable ASCII and well-formed UTF-8 are escaped as \xHH, so that no foreign text can forge
   a line or move the operator's cursor. Lines longer than LOG_LINE_BYTES_MAX are cut, marked by "...". */
#ifndef NODE_LOG_H
#define NODE_LOG_H

#include "crypto/bytes.h"

#include <stdarg.h>

#define LOG_LINE_BYTES_MAX 2048

enum log_level { LOG_LEVEL_FATAL = 0, LOG_LEVEL_WARN = 1, LOG_LEVEL_INFO = 2, LOG_LEVEL_DEBUG = 3 };

enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* How the parent tells its children the format: this variable of the environment, "json" or "text". */
#define LOG_FORMAT_VARIABLE "COMITY_LOG_FORMAT"

/* `role` is copied (up to 15 characters); the format is what LOG_FORMAT_VARIABLE says. Before it is called, lines carry "comity" and
   the level is info. */
void log_open(const char *role, enum log_level level);
/* "text", "json"; false for anything else. */
bool log_format_of(const char *text, enum log_format *out);
/* From here on, and for children that are started later. */
void log_format_set(enum log_format format);
enum log_level log_level(void);

/* "warn", "info", "debug"; false for anything else. */
bool log_level_of(const char *text, enum log_level *out);
const char *log_level_name(enum log_level level);

void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Says that the process cannot go on; the caller still has to end it. */
void log_fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What log_event.h makes its lines of. */
struct log_field;
struct log_said {
    enum log_level level;
    const char *event; /* its id; null: none */
    const struct log_field *fields;
};
void log_said(const struct log_said *said, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));

/* Makes `text` safe for one line: what the log does with its own; `out` is always terminated. Returns the length written. */
size_t log_escape(char *out, size_t out_bytes, struct bytes text);

#define LOG_TIME_BYTES 48
/* "2026-11-24T03:04:05.678Z", as the log writes it. */
void log_time(char out[static LOG_TIME_BYTES], uint64_t wall_ms);

#endif
