/* log: one line per message on standard error: time, role, level, text. Never a secret.
   Control characters and bytes outside printable ASCII and well-formed UTF-8 are escaped as \xHH, so that no foreign text can forge
   a line or move the operator's cursor. Lines longer than LOG_LINE_BYTES_MAX are cut, marked by "...". */
#ifndef NODE_LOG_H
#define NODE_LOG_H

#include "crypto/bytes.h"

#define LOG_LINE_BYTES_MAX 2048

enum log_level { LOG_LEVEL_FATAL = 0, LOG_LEVEL_WARN = 1, LOG_LEVEL_INFO = 2, LOG_LEVEL_DEBUG = 3 };

/* `role` is copied (up to 15 characters). Before it is called, lines carry "comity" and the level is info. */
void log_open(const char *role, enum log_level level);
enum log_level log_level(void);

/* "warn", "info", "debug"; false for anything else. */
bool log_level_of(const char *text, enum log_level *out);
const char *log_level_name(enum log_level level);

void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Says that the process cannot go on; the caller still has to end it. */
void log_fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Makes `text` safe for one line: what the log does with its own; `out` is always terminated. Returns the length written. */
size_t log_escape(char *out, size_t out_bytes, struct bytes text);

#define LOG_TIME_BYTES 48
/* "2026-11-24T03:04:05.678Z", as the log writes it. */
void log_time(char out[static LOG_TIME_BYTES], uint64_t wall_ms);

#endif
