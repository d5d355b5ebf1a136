/* agency: the fingerprint that people compare. PROTOCOL.md 3.5 */
#include "crypto/agency.h"

#define FINGERPRINT_SYMBOLS 32 /* of five bits each: 20 bytes of the id */
#define GROUP_SYMBOLS       4

static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* RFC 4648 section 6: five bits at a time from the most significant on. */
static uint8_t symbol_of(const uint8_t *id, size_t index) {
    size_t bit = 5 * index, byte = bit / 8;
    unsigned pair = (unsigned)id[byte] << 8 | id[byte + 1];
    return (uint8_t)(pair >> (11 - bit % 8) & 31);
}

void agency_fingerprint(char out[static AGENCY_FINGERPRINT_CHARS + 1], const uint8_t id[static AGENCY_ID_BYTES]) {
    for (size_t i = 0; i < FINGERPRINT_SYMBOLS; i++) {
        if (i > 0 && i % GROUP_SYMBOLS == 0) *out++ = '-';
        *out++ = base32[symbol_of(id, i)];
    }
    *out = '\0';
}

bool agency_fingerprint_matches(const char *typed, const uint8_t id[static AGENCY_ID_BYTES]) {
    size_t count = 0;
    for (; *typed != '\0'; typed++) {
        char c = *typed;
        if (c == '-' || c == ' ' || c == '\t' || c == '\n' || c == '\r') continue;
        if (c >= 'a' && c <= 'z') c = (char)(c - 'a' + 'A');
        if (count == FINGERPRINT_SYMBOLS || c != base32[symbol_of(id, count)]) return false;
        count++;
    }
    return count == FINGERPRINT_SYMBOLS;
}
