/* Whatever stands in a configuration file: it is refused with a message, or its settings survive writing and reading. */
#include "node/process/config.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct config config, again; /* static: compared as a whole, so without stray bytes */
    char message[CONFIG_ERROR_TEXT_MAX];
    struct buf yaml = {0};
    if (config_parse(&config, bytes_of(data, size), "fuzz", message) != OK) {
        if (message[0] == 0 || !memchr(message, 0, sizeof message)) abort();
        return 0;
    }
    if (config_write(&yaml, &config) != OK) abort();
    if (config_parse(&again, bytes_of_buf(&yaml), "written", message) != OK) abort();
    if (strcmp(config.agency_name, again.agency_name) != 0 || strcmp(config.listen, again.listen) != 0 ||
        strcmp(config.advertise, again.advertise) != 0 || strcmp(config.log_level, again.log_level) != 0 ||
        config.payload_quota_bytes != again.payload_quota_bytes || config.cache_bytes != again.cache_bytes ||
        config.sync != again.sync)
        abort();
    buf_free(&yaml);
    return 0;
}
