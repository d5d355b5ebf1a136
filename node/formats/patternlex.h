/* patternlex: the tokens of a STIX pattern (STIX 2.1 part 9; STIXPattern.g4), longest match first as ANTLR takes them. */
#ifndef NODE_PATTERNLEX_H
#define NODE_PATTERNLEX_H

#include "crypto/bytes.h"

enum patternlex_token {
    TOKEN_END,
    TOKEN_BAD,  /* no token begins here */
    TOKEN_NAME, /* an identifier that is no keyword */
    TOKEN_NAME_HYPHEN,
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_NOT,
    TOKEN_FOLLOWEDBY,
    TOKEN_LIKE,
    TOKEN_MATCHES,
    TOKEN_ISSUPERSET,
    TOKEN_ISSUBSET,
    TOKEN_EXISTS,
    TOKEN_LAST,
    TOKEN_IN,
    TOKEN_START,
    TOKEN_STOP,
    TOKEN_SECONDS,
    TOKEN_WITHIN,
    TOKEN_REPEATS,
    TOKEN_TIMES,
    TOKEN_BOOL,
    TOKEN_INT, /* not negative */
    TOKEN_INT_NEGATIVE,
    TOKEN_FLOAT,
    TOKEN_FLOAT_NEGATIVE,
    TOKEN_STRING, /* text without its quotes, escapes as written */
    TOKEN_HEX,    /* the digits between the quotes; likewise the next two */
    TOKEN_BINARY,
    TOKEN_TIMESTAMP,
    TOKEN_EQ,
    TOKEN_NEQ,
    TOKEN_LT,
    TOKEN_LE,
    TOKEN_GT,
    TOKEN_GE,
    TOKEN_COLON,
    TOKEN_DOT,
    TOKEN_COMMA,
    TOKEN_PAREN_OPEN,
    TOKEN_PAREN_CLOSE,
    TOKEN_BRACKET_OPEN,
    TOKEN_BRACKET_CLOSE,
    TOKEN_ASTERISK
};

struct patternlex {
    struct bytes text;
    size_t next; /* where the token after this one is looked for */
    enum patternlex_token token;
    size_t at, size;      /* the token's place in the text, quotes and prefix included */
    struct bytes content; /* its text; of literals in quotes, what is between them */
    bool escaped;         /* a string with backslashes in it */
};

/* Stands at the first token afterwards. The text is valid UTF-8 and borrowed. */
void patternlex_init(struct patternlex *lex, struct bytes text);
void patternlex_next(struct patternlex *lex);

#endif
