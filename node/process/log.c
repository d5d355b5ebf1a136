/* log: one line per message on standard error: time, role, level, text. */
#include "node/process/log.h"

#include "node/process/clock.h"
#include "node/process/log_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A pipe takes so much at once: lines of several processes do not mix. */
#define LINE_BYTES_MAX 4096

static char log_role[16] = "comity";
static enum log_level log_level_now = LOG_LEVEL_INFO;

static enum log_format log_format_now = LOG_FORMAT_TEXT;
static bool log_to_journal;

static const char *const level_names[] = {"fatal", "warn", "info", "debug"};
static const char *const level_priorities[] = {"<2>", "<4>", "<6>", "<7>"}; /* crit, warning, info, debug: sd-daemon(3) */

/* Is standard error the stream that the journal gave us? It may have been redirected since: systemd.exec(5). */
static bool journal_stream(void) {
    const char *text = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat about;
    if (!text || sscanf(text, "%llu:%llu", &device, &inode) != 2 || fstat(STDERR_FILENO, &about) != 0) return false;
    return about.st_dev == device && about.st_ino == inode;
}

bool log_format_of(const char *text, enum log_format *out) {
    if (strcmp(text, "json") != 0 && strcmp(text, "text") != 0) return false;
    *out = *text == 'j' ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
    return true;
}

void log_format_set(enum log_format format) {
    log_format_now = format;
    setenv(LOG_FORMAT_VARIABLE, format == LOG_FORMAT_JSON ? "json" : "text", 1);
}

void log_open(const char *role, enum log_level level) {
    const char *format = getenv(LOG_FORMAT_VARIABLE);
    snprintf(log_role, sizeof log_role, "%s", role);
    log_level_now = level;
    if (format) (void)log_format_of(format, &log_format_now);
    log_to_journal = journal_stream();
    /* Asks for the time once, so that the remark on a shifted clock comes first. */
    (void)clock_wall_ms();
}

enum log_level log_level(void) { return log_level_now; }

bool log_level_of(const char *text, enum log_level *out) {
    for (int i = LOG_LEVEL_WARN; i <= LOG_LEVEL_DEBUG; i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

const char *log_level_name(enum log_level level) { return level_names[level]; }

/* Length of the well-formed UTF-8 character at `at`, 0 when there is none or when it is a C1 control or a direction override. */
static size_t utf8_length(const uint8_t *at, size_t left) {
    uint32_t code;
    size_t length;
    if (at[0] >= 0xc2 && at[0] <= 0xdf) {
        length = 2;
        code = at[0] & 0x1fu;
    } else if ((at[0] & 0xf0) == 0xe0) {
        length = 3;
        code = at[0] & 0x0fu;
    } else if (at[0] >= 0xf0 && at[0] <= 0xf4) {
        length = 4;
        code = at[0] & 0x07u;
    } else {
        return 0;
    }
    if (length > left) return 0;
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80) return 0;
        code = code << 6 | (at[i] & 0x3fu);
    }
    static const uint32_t code_min[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < code_min[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return 0;
    if (code < 0xa0 || (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
        (code >= 0x2066 && code <= 0x2069))
        return 0;
    return length;
}

size_t log_escape(char *out, size_t out_bytes, struct bytes text) {
    static const char digits[] = "0123456789abcdef";
    size_t used = 0;
    for (size_t i = 0; i < text.size;) {
        uint8_t byte = text.data[i];
        bool plain = byte >= 0x20 && byte < 0x7f;
        size_t length = plain ? 1 : utf8_length(text.data + i, text.size - i);
        size_t needed = length > 0 ? length : 4;
        if (used + needed + 1 > out_bytes) break;
        if (length > 0) {
            memcpy(out + used, text.data + i, length);
            i += length;
        } else {
            const char hex[4] = {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
            memcpy(out + used, hex, sizeof hex);
            i++;
        }
        used += needed;
    }
    if (out_bytes > 0) out[used] = '\0';
    return used;
}

void log_time(char out[static LOG_TIME_BYTES], uint64_t wall_ms) {
    /* Days to a civil date by hand: gmtime_r reads the time zone file, which a sandboxed process cannot. The year starts in March. */
    uint64_t seconds = wall_ms / 1000, days = seconds / 86400 + 719468, second = seconds % 86400;
    uint64_t era = days / 146097, day_of_era = days % 146097;
    uint64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint64_t month_from_march = (5 * day_of_year + 2) / 153;
    unsigned day = (unsigned)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    unsigned month = (unsigned)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    unsigned year = (unsigned)((year_of_era + era * 400 + (month <= 2)) % 10000);
    snprintf(out, LOG_TIME_BYTES, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", year, month, day, (unsigned)(second / 3600),
             (unsigned)(second / 60 % 60), (unsigned)(second % 60), (unsigned)(wall_ms % 1000));
}

/* "2026-... engine warn [link.refused] text": nothing in the text can end the line or stand in front of it. */
static size_t text_line(char *out, size_t out_bytes, const struct log_json *line) {
    int size = snprintf(out, out_bytes, "%s %s %s %s%s%s%s%s\n", line->when, line->role, line->level, line->event ? "[" : "",
                        line->event ? line->event : "", line->event ? "] " : "", line->text, line->cut ? "..." : "");
    return size < 0 ? 0 : (size_t)size < out_bytes ? (size_t)size : out_bytes - 1;
}

void log_said(const struct log_said *said, const char *format, va_list arguments) {
    if (said->level > log_level_now) return;
    char raw[LOG_LINE_BYTES_MAX], safe[LOG_LINE_BYTES_MAX], line[LINE_BYTES_MAX], when[LOG_TIME_BYTES];
    int length = vsnprintf(raw, sizeof raw, format, arguments);
    if (length < 0) length = 0;
    size_t raw_bytes = (size_t)length < sizeof raw ? (size_t)length : sizeof raw - 1;
    size_t written = log_escape(safe, sizeof safe, bytes_of(raw, raw_bytes));
    log_time(when, clock_wall_ms());
    const struct log_json parts = {.when = when,
                                   .role = log_role,
                                   .level = level_names[said->level],
                                   .event = said->event,
                                   .fields = said->fields,
                                   .text = safe,
                                   .cut = (size_t)length > raw_bytes || written + 4 >= sizeof safe};
    size_t used = log_to_journal ? 3 : 0;
    memcpy(line, level_priorities[said->level], used);
    used += log_format_now == LOG_FORMAT_JSON ? log_json(line + used, sizeof line - used, &parts)
                                              : text_line(line + used, sizeof line - used, &parts);
    /* One write a line, so that lines of several processes do not mix; a full or closed standard error loses it. */
    ssize_t ignored = write(STDERR_FILENO, line, used);
    (void)ignored;
}

#define LOG_AT(LEVEL)                                                                                                              \
    va_list arguments;                                                                                                             \
    va_start(arguments, format);                                                                                                   \
    log_said(&(struct log_said){.level = (LEVEL)}, format, arguments);                                                             \
    va_end(arguments)

void log_warn(const char *format, ...) { LOG_AT(LOG_LEVEL_WARN); }

void log_info(const char *format, ...) { LOG_AT(LOG_LEVEL_INFO); }

void log_debug(const char *format, ...) { LOG_AT(LOG_LEVEL_DEBUG); }

void log_fatal(const char *format, ...) { LOG_AT(LOG_LEVEL_FATAL); }
