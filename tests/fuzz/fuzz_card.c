/* Cards from files: the text form, the binary form, and a binary one whose sum the target mends, so that the parts are reached. */
#include "crypto/hash.h"
#include "crypto/selftest.h"
#include "gossip/card.h"

#include <string.h>

static struct card card;

static void mended(const uint8_t *data, size_t size) {
    struct buf copy = {0};
    uint8_t sum[HASH_BYTES];
    buf_put_raw(&copy, data, size);
    hash_of(sum, "comity-card", bytes_of_buf(&copy), bytes_of(NULL, 0));
    buf_put_raw(&copy, sum, sizeof sum);
    if (!copy.failed && card_read(&card, bytes_of_buf(&copy)) != OK) { /* refused: fine */
    }
    buf_free(&copy);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv) {
    const char *what;
    (void)argc, (void)argv;
    return selftest_run(&what) == OK ? 0 : 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct buf binary = {0};
    if (card_dearmour(&binary, bytes_of(data, size)) == OK && card_read(&card, bytes_of_buf(&binary)) != OK) { /* refused: fine */
    }
    buf_free(&binary);
    mended(data, size);
    return 0;
}
