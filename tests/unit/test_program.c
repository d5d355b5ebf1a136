/* What a program needs to be started: itself, its interpreter, the loader; and what of that is missing. */
#include "node/hook/program.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/test_program.XXXXXX";
static struct program_paths found;
static struct hook hook;
static char why[256], path[64];

static char *made(const char *name, const char *text, mode_t mode) {
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fchmod(fd, mode) == 0);
    close(fd);
    return path;
}

static enum err paths_of(char *program) {
    hook = (struct hook){.name = "h", .command = {.words = {program}, .count = 1}};
    why[0] = 0;
    return program_paths(&found, &hook, why);
}

static unsigned may(const char *wanted) {
    unsigned all = 0;
    for (size_t i = 0; i < found.count; i++)
        if (strcmp(found.paths[i].path, wanted) == 0) all |= found.paths[i].may;
    return all;
}

static size_t runs(void) {
    size_t count = 0;
    for (size_t i = 0; i < found.count; i++) count += (found.paths[i].may & LANDLOCK_RUN) != 0;
    return count;
}

static void test_binary(void **state) {
    (void)state;
    assert_int_equal(paths_of((char[]){"/bin/true"}), OK);
    assert_int_equal(may("/bin/true"), LANDLOCK_RUN);
    assert_int_equal(runs(), 2); /* and the loader of shared libraries */
    assert_int_equal(may("/usr"), LANDLOCK_READ);
    assert_int_equal(may("/proc"), 0);
    assert_int_equal(may("/tmp"), 0);
}

static void test_script(void **state) {
    (void)state;
    assert_int_equal(paths_of(made("script", "#! /bin/sh -e\necho\n", 0755)), OK);
    assert_int_equal(may(path), LANDLOCK_RUN);
    assert_int_equal(may("/bin/sh"), LANDLOCK_RUN);
    assert_int_equal(runs(), 3);
}

/* Not the same as a hook's own lines: what it may read and write besides, and the folder of its file. */
static void test_lines(void **state) {
    (void)state;
    static const struct export_format format = {.name = "list"};
    hook = (struct hook){.name = "h",
                         .file = "/srv/here/list",
                         .format = &format,
                         .command = {.words = {(char[]){"/bin/true"}}, .count = 1},
                         .runs = {.words = {(char[]){"/bin/date"}}, .count = 1},
                         .reads = {.words = {(char[]){"/srv/a"}}, .count = 1},
                         .writes = {.words = {(char[]){"/srv/b"}}, .count = 1}};
    assert_int_equal(program_paths(&found, &hook, why), OK);
    assert_int_equal(may("/srv/a"), LANDLOCK_READ);
    assert_int_equal(may("/srv/b"), LANDLOCK_READ | LANDLOCK_WRITE);
    assert_int_equal(may("/srv/here"), LANDLOCK_READ);
    assert_int_equal(may("/bin/date"), LANDLOCK_RUN);
}

static void test_bad(void **state) {
    (void)state;
    assert_int_equal(paths_of((char[]){"/nonexistent/program"}), ERR_NOT_FOUND);
    assert_non_null(strstr(why, "/nonexistent/program: No such file"));
    assert_int_equal(paths_of((char[]){"/usr"}), ERR_DENIED);
    assert_int_equal(paths_of(made("plain", "text\n", 0644)), ERR_DENIED);
    assert_non_null(strstr(why, "it is no program"));
    assert_int_equal(paths_of(made("lost", "#!/nonexistent/interpreter\n", 0755)), ERR_NOT_FOUND);
    assert_non_null(strstr(why, "/nonexistent/interpreter"));
    /* Itself as its interpreter: the kernel refuses that; here it ends. */
    char text[80];
    snprintf(text, sizeof text, "#!%s/circle\n", dir);
    assert_int_equal(paths_of(made("circle", text, 0755)), OK);
    /* Heads that end early. */
    assert_int_equal(paths_of(made("short", "\177ELF\2", 0755)), OK);
    assert_int_equal(runs(), 1);
    assert_int_equal(paths_of(made("hash", "#!", 0755)), OK);
    assert_int_equal(paths_of(made("empty", "", 0755)), OK);
}

int main(void) {
    if (!mkdtemp(dir)) return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_binary), cmocka_unit_test(test_script), cmocka_unit_test(test_lines),
                                       cmocka_unit_test(test_bad)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    static const char *const names[] = {"script", "plain", "lost", "circle", "short", "hash", "empty"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    rmdir(dir);
    return failed;
}
