/* filter_lex: the tokens of a filter. What a name may hold and what a value may hold differ: the parser says which it expects. */
#ifndef NODE_FILTER_LEX_H
#define NODE_FILTER_LEX_H

#include "crypto/bytes.h"

enum filter_token {
    FILTER_TOKEN_END,
    FILTER_TOKEN_BAD,    /* no token begins here; or quotes without an end: `unclosed` */
    FILTER_TOKEN_WORD,   /* a name: letters, digits, '_', '-', '.' */
    FILTER_TOKEN_STRING, /* a value in quotes */
    FILTER_TOKEN_OPEN,   /* ( */
    FILTER_TOKEN_CLOSE,  /* ) */
    FILTER_TOKEN_COMMA,  /* , */
    FILTER_TOKEN_SIGN    /* = == != <> < <= > >= ~ !~ */
};

struct filter_lex {
    struct bytes text;
    size_t next;
    enum filter_token token;
    size_t at, size;      /* place of the token, quotes included */
    struct bytes content; /* its text; of a string what is between the quotes, escapes as written */
    bool escaped;         /* a string with backslashes in it */
    bool unclosed;
};

void filter_lex_init(struct filter_lex *lex, struct bytes text);
/* Moves to the next token; or to the next value: a string, or what stands up to a blank, a comma, a parenthesis or a quote. */
void filter_lex_next(struct filter_lex *lex);
void filter_lex_value(struct filter_lex *lex);
/* Line and column of a place, from 1. */
void filter_lex_place(struct bytes text, size_t at, unsigned *line, unsigned *column);

#endif
