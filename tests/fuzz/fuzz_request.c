/* Requests and offers from files: the text form, and a binary one that the target arms and whose sum it mends, so that the parts are
   reached. */
#include "crypto/hash.h"
#include "crypto/selftest.h"
#include "gossip/armour.h"
#include "node/identity/offer.h"
#include "node/identity/request.h"

static void request_try(struct bytes text) {
    struct request request;
    struct buf out = {0};
    if (request_read(&request, text) == OK) {
        request_text(&out, &request);
        if (request_seal(&request) != OK) buf_clear(&out); /* unsigned: fine */
    }
    request_free(&request);
    buf_free(&out);
}

static void offer_try(struct bytes text) {
    struct offer offer;
    if (offer_read(&offer, text) != OK) return; /* refused: fine */
}

static void mended(const char *what, const char *label, struct bytes data, void (*attempt)(struct bytes)) {
    struct buf binary = {0}, text = {0};
    uint8_t sum[HASH_BYTES];
    buf_put(&binary, data);
    hash_of(sum, label, bytes_of_buf(&binary), bytes_of(NULL, 0));
    buf_put_raw(&binary, sum, sizeof sum);
    if (!binary.failed && armour_write(&text, what, bytes_of_buf(&binary)) == OK) attempt(bytes_of_buf(&text));
    buf_free(&binary);
    buf_free(&text);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv) {
    const char *what;
    (void)argc, (void)argv;
    return selftest_run(&what) == OK ? 0 : 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    request_try(bytes_of(data, size));
    offer_try(bytes_of(data, size));
    mended("REQUEST", "comity-request", bytes_of(data, size), request_try);
    mended("ROOT OFFER", "comity-offer", bytes_of(data, size), offer_try);
    return 0;
}
