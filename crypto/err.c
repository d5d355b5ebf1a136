/* err: the one list of error codes and their texts. */
#include "crypto/err.h"

const char *err_text(enum err error) {
    static const char *const texts[ERR_COUNT] = {
#define ERR_AS_TEXT(name, text) [name] = text,
        ERR_LIST(ERR_AS_TEXT)
#undef ERR_AS_TEXT
    };
    return (unsigned)error < ERR_COUNT ? texts[error] : "unknown error";
}

const char *err_name(enum err error) {
    static const char *const names[ERR_COUNT] = {
#define ERR_AS_NAME(name, text) [name] = #name,
        ERR_LIST(ERR_AS_NAME)
#undef ERR_AS_NAME
    };
    return (unsigned)error < ERR_COUNT ? names[error] : "ERR_UNKNOWN";
}
