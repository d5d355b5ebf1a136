#include "node/formats/moment.h"

#include <string.h>

#define DAY_SECONDS 86400
#define LAST_MS     253402300799999u /* 9999-12-31T23:59:59.999Z */

/* Two digits; 100 when they are none, which no part of a timestamp may be. */
static unsigned two(const uint8_t *at) {
    unsigned tens = at[0] - '0', ones = at[1] - '0';
    return tens > 9 || ones > 9 ? 100 : tens * 10 + ones;
}

static unsigned month_days(unsigned year, unsigned month) {
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* Days since 1970-01-01 in the Gregorian calendar; years are counted from March, so that the leap day comes last. */
static int64_t days_of(int64_t year, unsigned month, unsigned day) {
    if (month <= 2) year--;
    int64_t era = (year >= 0 ? year : year - 399) / 400, year_of_era = year - era * 400;
    int64_t day_of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

#define SECOND_US 1000000u

/* The fraction's microseconds; SECOND_US when it is malformed. `at` stands on the '.', and the 'Z' is the last byte. */
static unsigned fraction_us(struct bytes text, size_t at) {
    unsigned us = 0, weight = SECOND_US / 10;
    if (text.data[at] != '.' || at + 2 >= text.size) return SECOND_US;
    for (size_t i = at + 1; i + 1 < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return SECOND_US;
        us += weight * (text.data[i] - '0');
        weight /= 10;
    }
    return us;
}

bool moment_parse(uint64_t *out_ms, struct bytes text) {
    uint64_t us;
    if (!moment_parse_us(&us, text)) return false;
    *out_ms = us < 1000 ? 1 : us / 1000;
    return true;
}

bool moment_parse_us(uint64_t *out_us, struct bytes text) {
    const uint8_t *at = text.data;
    if (text.size < 20 || at[text.size - 1] != 'Z') return false;
    if (at[4] != '-' || at[7] != '-' || at[10] != 'T' || at[13] != ':' || at[16] != ':') return false;
    unsigned century = two(at), rest = two(at + 2), month = two(at + 5), day = two(at + 8);
    unsigned hour = two(at + 11), minute = two(at + 14), second = two(at + 17), year = century * 100 + rest;
    if (century > 99 || rest > 99 || month < 1 || month > 12 || day < 1 || day > month_days(year, month)) return false;
    if (hour > 23 || minute > 59 || second > 60) return false;
    unsigned us = text.size > 20 ? fraction_us(text, 19) : 0;
    if (us >= SECOND_US) return false;
    int64_t seconds = days_of(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second;
    int64_t total = seconds * SECOND_US + us;
    *out_us = total < 1 ? 1 : (uint64_t)total;
    return true;
}

/* Digits by hand: a long answer has several moments in each line, and formats were a tenth of its cost. */
static char *digits_put(char *at, unsigned value, unsigned width) {
    for (unsigned i = width; i-- > 0; value /= 10) at[i] = (char)('0' + value % 10);
    return at + width;
}

void moment_text(char out[static MOMENT_TEXT_BYTES], uint64_t ms) {
    moment_text_us(out, (ms > LAST_MS ? LAST_MS : ms) * 1000);
    memcpy(out + 23, "Z", 2); /* milliseconds only */
}

void moment_text_us(char out[static MOMENT_TEXT_BYTES], uint64_t us) {
    if (us > LAST_MS * 1000) us = LAST_MS * 1000;
    uint64_t ms = us / 1000;
    uint64_t seconds = ms / 1000 % DAY_SECONDS;
    int64_t days = (int64_t)(ms / 1000 / DAY_SECONDS) + 719468;
    int64_t era = days / 146097, day_of_era = days % 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t from_march = (5 * day_of_year + 2) / 153;
    unsigned day = (unsigned)(day_of_year - (153 * from_march + 2) / 5 + 1);
    unsigned month = (unsigned)(from_march < 10 ? from_march + 3 : from_march - 9);
    unsigned year = (unsigned)(year_of_era + era * 400 + (month <= 2));
    const struct {
        unsigned value, width;
        char after;
    } parts[] = {{year % 10000, 4, '-'},
                 {month, 2, '-'},
                 {day, 2, 'T'},
                 {(unsigned)(seconds / 3600), 2, ':'},
                 {(unsigned)(seconds / 60 % 60), 2, ':'},
                 {(unsigned)(seconds % 60), 2, '.'},
                 {(unsigned)(us % SECOND_US), 6, 'Z'}};
    char *at = out;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        at = digits_put(at, parts[i].value, parts[i].width);
        *at++ = parts[i].after;
    }
    *at = 0;
}
