/* Recipient expressions: whatever is parsed is evaluated, and stays within its bounds. */
#include "gossip/setexpr.h"

static struct setexpr expression;

static bool resolve(void *context, const struct setexpr_step *step, struct setexpr_set *set) {
    size_t *calls = context;
    setexpr_put(set, (*calls + step->name.size) % SETEXPR_SET_MAX);
    return ++*calls <= LIMIT_SETEXPR_TERMS;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct setexpr_set set;
    const char *what = NULL;
    size_t at = 0, calls = 0;
    enum err err = setexpr_parse(&expression, bytes_of(data, size), &at, &what);
    if (at > size || (err != OK) != (what != NULL)) __builtin_trap();
    if (err == OK && !setexpr_evaluate(&expression, resolve, &calls, &set)) __builtin_trap();
    return 0;
}
