#define _GNU_SOURCE /* memmem */
#include "node/formats/patternlex.h"

#include <string.h>

static const struct keyword {
    const char *text;
    enum patternlex_token token;
} keywords[] = {
    {"AND", TOKEN_AND},
    {"OR", TOKEN_OR},
    {"NOT", TOKEN_NOT},
    {"FOLLOWEDBY", TOKEN_FOLLOWEDBY},
    {"LIKE", TOKEN_LIKE},
    {"MATCHES", TOKEN_MATCHES},
    {"ISSUPERSET", TOKEN_ISSUPERSET},
    {"ISSUBSET", TOKEN_ISSUBSET},
    {"EXISTS", TOKEN_EXISTS},
    {"LAST", TOKEN_LAST},
    {"IN", TOKEN_IN},
    {"START", TOKEN_START},
    {"STOP", TOKEN_STOP},
    {"SECONDS", TOKEN_SECONDS},
    {"WITHIN", TOKEN_WITHIN},
    {"REPEATS", TOKEN_REPEATS},
    {"TIMES", TOKEN_TIMES},
    {"true", TOKEN_BOOL},
    {"false", TOKEN_BOOL},
};

static bool digit(uint8_t c) { return c >= '0' && c <= '9'; }
static bool letter(uint8_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
static bool hex_digit(uint8_t c) { return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
static bool base64_char(uint8_t c) { return digit(c) || (letter(c) && c != '_') || c == '+' || c == '/'; }

/* The byte at `i`, or 0 beyond the end (0 stands in no token). */
static uint8_t peek(const struct patternlex *lex, size_t i) { return i < lex->text.size ? lex->text.data[i] : 0; }

/* Bytes of white space at `i`: ASCII, and the blanks of Unicode that the grammar names. */
static size_t blank_bytes(const struct patternlex *lex, size_t i) {
    uint8_t a = peek(lex, i), b = peek(lex, i + 1), c = peek(lex, i + 2);
    if (a == ' ' || (a >= '\t' && a <= '\r')) return 1;
    if (a == 0xc2) return b == 0x85 || b == 0xa0 ? 2 : 0;
    if (a == 0xe1) return b == 0x9a && c == 0x80 ? 3 : 0;
    if (a == 0xe3) return b == 0x80 && c == 0x80 ? 3 : 0;
    if (a != 0xe2) return 0;
    if (b == 0x80) return (c >= 0x80 && c <= 0x8a) || c == 0xa8 || c == 0xa9 || c == 0xaf ? 3 : 0;
    return b == 0x81 && c == 0x9f ? 3 : 0;
}

/* White space and comments; a comment that does not end is left standing and becomes a bad token. */
static size_t blanks_skip(const struct patternlex *lex, size_t i) {
    for (;;) {
        size_t blank = blank_bytes(lex, i);
        if (blank > 0) {
            i += blank;
        } else if (peek(lex, i) == '/' && peek(lex, i + 1) == '/') {
            while (i < lex->text.size && peek(lex, i) != '\r' && peek(lex, i) != '\n') i++;
        } else if (peek(lex, i) == '/' && peek(lex, i + 1) == '*') {
            const uint8_t *end = i + 2 < lex->text.size ? memmem(lex->text.data + i + 2, lex->text.size - i - 2, "*/", 2) : NULL;
            if (end == NULL) return i;
            i = (size_t)(end - lex->text.data) + 2;
        } else {
            return i;
        }
    }
}

static void found(struct patternlex *lex, enum patternlex_token token, size_t size) {
    lex->token = token;
    lex->size = size;
    lex->next = lex->at + size;
    lex->content = bytes_of(lex->text.data + lex->at, size);
}

/* A literal of one prefix letter (or none) and quotes, `size` bytes in all. */
static void found_quoted(struct patternlex *lex, enum patternlex_token token, size_t prefix, size_t size) {
    found(lex, token, size);
    lex->content = bytes_of(lex->content.data + prefix + 1, size - prefix - 2);
}

static void string(struct patternlex *lex) {
    size_t i = lex->at + 1;
    lex->escaped = false;
    while (i < lex->text.size) {
        uint8_t c = lex->text.data[i];
        if (c == '\'') {
            found_quoted(lex, TOKEN_STRING, 0, i + 1 - lex->at);
            return;
        }
        if (c == '\\') {
            lex->escaped = true;
            i++;
            if (peek(lex, i) != '\'' && peek(lex, i) != '\\') break;
        }
        i++;
    }
    found(lex, TOKEN_BAD, 1);
}

static void number(struct patternlex *lex) {
    size_t i = lex->at, start;
    bool negative = peek(lex, i) == '-';
    if (negative || peek(lex, i) == '+') i++;
    for (start = i; digit(peek(lex, i));) i++;
    if (peek(lex, i) == '.' && digit(peek(lex, i + 1))) {
        for (i++; digit(peek(lex, i));) i++;
        found(lex, negative ? TOKEN_FLOAT_NEGATIVE : TOKEN_FLOAT, i - lex->at);
    } else if (i == start) {
        found(lex, peek(lex, lex->at) == '.' ? TOKEN_DOT : TOKEN_BAD, 1);
    } else {
        if (peek(lex, start) == '0') i = start + 1; /* a zero is a number of its own */
        found(lex, negative ? TOKEN_INT_NEGATIVE : TOKEN_INT, i - lex->at);
    }
}

static bool digits2(const struct patternlex *lex, size_t i, unsigned low, unsigned high) {
    uint8_t a = peek(lex, i), b = peek(lex, i + 1);
    if (!digit(a) || !digit(b)) return false;
    unsigned value = (unsigned)(a - '0') * 10 + (unsigned)(b - '0');
    return value >= low && value <= high;
}

/* t'2016-06-01T01:30:00.123Z'. Returns its size, 0 when it is none; likewise the next two. */
static size_t timestamp_bytes(const struct patternlex *lex) {
    static const char form[] = "t'....-..-..T..:..:..";
    size_t i = lex->at;
    for (size_t k = 0; k < sizeof form - 1; k++)
        if (form[k] != '.' && peek(lex, i + k) != (uint8_t)form[k]) return 0;
    bool fits = digits2(lex, i + 2, 0, 99) && digits2(lex, i + 4, 0, 99) && digits2(lex, i + 7, 1, 12) &&
                digits2(lex, i + 10, 1, 31) && digits2(lex, i + 13, 0, 23) && digits2(lex, i + 16, 0, 59) &&
                digits2(lex, i + 19, 0, 60);
    if (!fits) return 0;
    i += sizeof form - 1;
    if (peek(lex, i) == '.') {
        if (!digit(peek(lex, ++i))) return 0;
        while (digit(peek(lex, i))) i++;
    }
    return peek(lex, i) == 'Z' && peek(lex, i + 1) == '\'' ? i + 2 - lex->at : 0;
}

static size_t hex_bytes(const struct patternlex *lex) {
    size_t i = lex->at + 2;
    while (hex_digit(peek(lex, i)) && hex_digit(peek(lex, i + 1))) i += 2;
    return peek(lex, i) == '\'' ? i + 1 - lex->at : 0;
}

static size_t binary_bytes(const struct patternlex *lex) {
    size_t start = lex->at + 2, i = start;
    while (base64_char(peek(lex, i))) i++;
    size_t padding = 0, chars = i - start;
    while (padding < 2 && peek(lex, i) == '=') padding++, i++;
    if (chars == 0 || (chars + padding) % 4 != 0 || peek(lex, i) != '\'') return 0;
    return i + 1 - lex->at;
}

static void name(struct patternlex *lex) {
    if (peek(lex, lex->at + 1) == '\'') {
        uint8_t c = peek(lex, lex->at);
        size_t size = c == 't' ? timestamp_bytes(lex) : c == 'h' ? hex_bytes(lex) : c == 'b' ? binary_bytes(lex) : 0;
        if (size > 0) {
            found_quoted(lex, c == 't' ? TOKEN_TIMESTAMP : c == 'h' ? TOKEN_HEX : TOKEN_BINARY, 1, size);
            return;
        }
    }
    size_t i = lex->at;
    bool hyphen = false;
    for (uint8_t c = peek(lex, i); letter(c) || digit(c) || c == '-'; c = peek(lex, ++i)) hyphen = hyphen || c == '-';
    found(lex, hyphen ? TOKEN_NAME_HYPHEN : TOKEN_NAME, i - lex->at);
    if (hyphen || lex->size > 10) return;
    for (size_t k = 0; k < sizeof keywords / sizeof *keywords; k++)
        if (keywords[k].text[0] == lex->content.data[0] && bytes_equal_text(lex->content, keywords[k].text))
            lex->token = keywords[k].token;
}

static void mark(struct patternlex *lex) {
    uint8_t after = peek(lex, lex->at + 1);
    switch (peek(lex, lex->at)) {
    case '=': found(lex, TOKEN_EQ, after == '=' ? 2 : 1); break;
    case '!': found(lex, after == '=' ? TOKEN_NEQ : TOKEN_BAD, after == '=' ? 2 : 1); break;
    case '<':
        found(lex, after == '>' ? TOKEN_NEQ : after == '=' ? TOKEN_LE : TOKEN_LT, after == '>' || after == '=' ? 2 : 1);
        break;
    case '>': found(lex, after == '=' ? TOKEN_GE : TOKEN_GT, after == '=' ? 2 : 1); break;
    case ':': found(lex, TOKEN_COLON, 1); break;
    case ',': found(lex, TOKEN_COMMA, 1); break;
    case '(': found(lex, TOKEN_PAREN_OPEN, 1); break;
    case ')': found(lex, TOKEN_PAREN_CLOSE, 1); break;
    case '[': found(lex, TOKEN_BRACKET_OPEN, 1); break;
    case ']': found(lex, TOKEN_BRACKET_CLOSE, 1); break;
    case '*': found(lex, TOKEN_ASTERISK, 1); break;
    default: found(lex, TOKEN_BAD, 1);
    }
}

void patternlex_init(struct patternlex *lex, struct bytes text) {
    *lex = (struct patternlex){.text = text};
    patternlex_next(lex);
}

void patternlex_next(struct patternlex *lex) {
    lex->at = blanks_skip(lex, lex->next);
    uint8_t c = peek(lex, lex->at);
    if (lex->at >= lex->text.size)
        found(lex, TOKEN_END, 0);
    else if (letter(c))
        name(lex);
    else if (c == '\'')
        string(lex);
    else if (digit(c) || c == '.' || c == '+' || c == '-')
        number(lex);
    else
        mark(lex);
}
