/* agency: the fingerprint that people read to each other. */
#include "crypto/agency.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* The characters were computed with Python's base64.b32encode. */
static void test_fingerprint(void **state) {
    (void)state;
    uint8_t id[AGENCY_ID_BYTES];
    char text[AGENCY_FINGERPRINT_CHARS + 1];
    for (size_t i = 0; i < sizeof id; i++) id[i] = (uint8_t)(7 * i + 200);
    agency_fingerprint(text, id);
    assert_string_equal(text, "ZDH5-NXPE-5PZP-SAAH-BYKR-YIZK-GE4D-6RSN");
    assert_true(agency_fingerprint_matches(text, id));
    static const char *const good[] = {"zdh5-nxpe-5pzp-saah-bykr-yizk-ge4d-6rsn", "ZDH5NXPE5PZPSAAHBYKRYIZKGE4D6RSN",
                                       " ZDH5 NXPE 5PZP SAAH BYKR YIZK GE4D 6RSN\n"};
    for (size_t i = 0; i < 3; i++) assert_true(agency_fingerprint_matches(good[i], id));
    static const char *const bad[] = {"", "-", "ZDH5NXPE5PZPSAAHBYKRYIZKGE4D6RS", "ZDH5NXPE5PZPSAAHBYKRYIZKGE4D6RSNA",
                                      "ZDH5NXPE5PZPSAAHBYKRYIZKGE4D6RSN="};
    for (size_t i = 0; i < 5; i++) assert_false(agency_fingerprint_matches(bad[i], id));
    for (size_t i = 0; i < strlen(text); i++) {
        if (text[i] == '-') continue;
        char kept = text[i];
        text[i] = kept == 'A' ? 'B' : 'A';
        assert_false(agency_fingerprint_matches(text, id));
        text[i] = kept;
    }
    id[20] ^= 0xff; /* past the first 20 bytes */
    assert_true(agency_fingerprint_matches(text, id));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fingerprint)};
    return cmocka_run_group_tests_name("agency_fingerprint", tests, NULL, NULL);
}
