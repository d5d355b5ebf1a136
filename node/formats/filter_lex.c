#include "node/formats/filter_lex.h"

static bool blank(uint8_t c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static bool name_char(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

static bool value_end(uint8_t c) { return blank(c) || c == ',' || c == '(' || c == ')' || c == '"' || c == '\''; }

void filter_lex_init(struct filter_lex *lex, struct bytes text) { *lex = (struct filter_lex){.text = text}; }

static void token_set(struct filter_lex *lex, enum filter_token token, size_t size) {
    lex->token = token;
    lex->size = size;
    lex->next = lex->at + size;
    lex->content = bytes_of(lex->text.data + lex->at, size);
}

static uint8_t at(const struct filter_lex *lex, size_t ahead) {
    return lex->at + ahead < lex->text.size ? lex->text.data[lex->at + ahead] : 0;
}

static void string_take(struct filter_lex *lex) {
    uint8_t quote = at(lex, 0);
    size_t size = 1;
    lex->escaped = false;
    while (lex->at + size < lex->text.size && at(lex, size) != quote) {
        bool escape = at(lex, size) == '\\' && lex->at + size + 1 < lex->text.size;
        lex->escaped |= escape;
        size += escape ? 2 : 1;
    }
    if (lex->at + size >= lex->text.size) {
        lex->unclosed = true;
        token_set(lex, FILTER_TOKEN_BAD, 1);
        return;
    }
    token_set(lex, FILTER_TOKEN_STRING, size + 1);
    lex->content = bytes_of(lex->text.data + lex->at + 1, size - 1);
}

/* What looks the same in both: blanks, the end, quotes, parentheses, commas. False: something else. */
static bool common_take(struct filter_lex *lex) {
    lex->unclosed = false;
    lex->at = lex->next;
    while (lex->at < lex->text.size && blank(lex->text.data[lex->at])) lex->at++;
    switch (at(lex, 0)) {
    case '(': token_set(lex, FILTER_TOKEN_OPEN, 1); return true;
    case ')': token_set(lex, FILTER_TOKEN_CLOSE, 1); return true;
    case ',': token_set(lex, FILTER_TOKEN_COMMA, 1); return true;
    case '"':
    case '\'': string_take(lex); return true;
    default: break;
    }
    if (lex->at < lex->text.size) return false;
    token_set(lex, FILTER_TOKEN_END, 0);
    return true;
}

static size_t sign_bytes(const struct filter_lex *lex) {
    uint8_t first = at(lex, 0), second = at(lex, 1);
    if (first == '=') return second == '=' ? 2 : 1;
    if (first == '!') return second == '=' || second == '~' ? 2 : 0;
    if (first == '<') return second == '=' || second == '>' ? 2 : 1;
    if (first == '>') return second == '=' ? 2 : 1;
    return first == '~' ? 1 : 0;
}

void filter_lex_next(struct filter_lex *lex) {
    if (common_take(lex)) return;
    size_t size = sign_bytes(lex);
    if (size > 0) {
        token_set(lex, FILTER_TOKEN_SIGN, size);
        return;
    }
    while (lex->at + size < lex->text.size && name_char(at(lex, size))) size++;
    token_set(lex, size > 0 ? FILTER_TOKEN_WORD : FILTER_TOKEN_BAD, size > 0 ? size : 1);
}

void filter_lex_value(struct filter_lex *lex) {
    size_t size = 0;
    if (common_take(lex)) return;
    while (lex->at + size < lex->text.size && !value_end(at(lex, size))) size++;
    token_set(lex, FILTER_TOKEN_WORD, size);
}

void filter_lex_place(struct bytes text, size_t place, unsigned *line, unsigned *column) {
    *line = *column = 1;
    for (size_t i = 0; i < place && i < text.size; i++) {
        bool end = text.data[i] == '\n';
        *line += end;
        *column = end ? 1 : *column + 1;
    }
}
