/* Whatever stands in a policy file: it is refused with a message, or what is shown of it parses to the same again. */
#include "node/policy/policy_file.h"
#include "node/policy/policy_print.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct policy_settings settings, again;
    char message[POLICY_FILE_ERROR_MAX];
    struct buf first = {0}, second = {0};
    if (policy_file_parse(&settings, bytes_of(data, size), "fuzz", message) != OK) {
        if (message[0] == 0) abort();
        return 0;
    }
    policy_print_yaml(&first, &settings);
    if (policy_file_parse(&again, bytes_of_buf(&first), "shown", message) != OK) abort();
    policy_print_yaml(&second, &again);
    if (!bytes_equal(bytes_of_buf(&first), bytes_of_buf(&second))) abort();
    policy_file_free(&settings);
    policy_file_free(&again);
    buf_free(&first);
    buf_free(&second);
    return 0;
}
