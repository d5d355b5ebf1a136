/* Agreement files: whatever is taken decodes as an agreement. */
#include "node/sharing/agreement_file.h"

#include <string.h>

static struct agreement agreement;

static bool resolve(void *context, const char *name, uint8_t agency_id[static AGENCY_ID_BYTES]) {
    (void)context;
    memset(agency_id, name[0], AGENCY_ID_BYTES);
    return name[0] > ' ';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t salt[AGREEMENT_SALT_BYTES];
    char message[AGREEMENT_FILE_TEXT_MAX];
    struct buf out = {0};
    enum err err = agreement_file_read(&out, bytes_of(data, size), "f", salt, 1, resolve, NULL, message);
    if (err == OK && agreement_decode(&agreement, bytes_of_buf(&out)) != OK) __builtin_trap();
    if (err != OK && err != ERR_MEMORY && !message[0]) __builtin_trap();
    buf_free(&out);
    return 0;
}
