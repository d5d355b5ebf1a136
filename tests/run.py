#!/usr/bin/python3
"""run: runs all tests and ends with "N passed, N failed[, N skipped]"; exit 1 when one failed.

Usage: tests/run.py [--build DIR] [--jobs N] [--suite NAME[,NAME]] [--list] [FILTER...]
Suites: tidy (tests/tidy.sh), unit and sim (binaries below DIR/tests), e2e (tests/e2e/test_*.py). A FILTER is a part of a test's name.
Each test is a process that prints TAP (cmocka does with CMOCKA_MESSAGE_OUTPUT=TAP). Its output is kept in DIR/tests/log and shown
only when it fails. JOBS sets how many processors to fill (default 2): as many tests that compute run at once, or twice as many stories, which
mostly wait. COMITY_TEST_SECONDS is the longest time of one process.
"""
import argparse
import os
import re
import signal
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RESULT = re.compile(r"^\s*(not ok|ok)\b(?:\s+\d+)?(.*)$")
PLAN = re.compile(r"^\s*1\.\.(\d+)\b")
SKIP = re.compile(r"#\s*SKIP", re.IGNORECASE)
PRINTING = threading.Lock()


class Test:
    def __init__(self, suite, name, words, seconds):
        self.suite, self.name, self.words, self.seconds = suite, name, words, seconds
        self.passed = self.failed = self.skipped = 0
        self.trouble, self.output, self.took = "", "", 0.0


def binaries(build, suite, seconds):
    """Built unit tests whose source still stands (a leftover of another branch is not run), and the simulations."""
    folder = os.path.join(build, "tests", suite)
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        path = os.path.join(folder, name)
        source = os.path.join(ROOT, "tests", suite, name + ".c")
        wanted = suite == "sim" or (name.startswith("test_") and os.path.isfile(source))
        if wanted and "." not in name and os.path.isfile(path) and os.access(path, os.X_OK):
            yield Test(suite, name, [path], seconds)


def discover(build):
    yield Test("tidy", "tidy", ["sh", os.path.join(ROOT, "tests", "tidy.sh"), build], 300)
    yield from binaries(build, "unit", 600)
    yield from binaries(build, "sim", 900)
    folder = os.path.join(ROOT, "tests", "e2e")
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        if name.startswith("test_") and name.endswith(".py"):
            yield Test("e2e", name[:-3], ["/usr/bin/python3", "-B", os.path.join(folder, name)], 1800)


def count(test, text):
    planned = seen = 0
    for line in text.splitlines():
        plan, result = PLAN.match(line), RESULT.match(line)
        if plan:
            planned += int(plan.group(1))
        elif result:
            seen += 1
            # cmocka writes "not ok N # SKIP name" for a skipped test.
            if SKIP.search(result.group(2)):
                test.skipped += 1
            elif result.group(1) != "ok":
                test.failed += 1
            else:
                test.passed += 1
    if planned > seen:
        test.trouble = test.trouble or "ended after %d of %d tests" % (seen, planned)


def run(test, build, environment):
    started = time.monotonic()
    process = subprocess.Popen(test.words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT,
                               env=environment, start_new_session=True)
    try:
        output, _ = process.communicate(timeout=float(os.environ.get("COMITY_TEST_SECONDS", test.seconds)))
    except subprocess.TimeoutExpired:
        # First politely, so that a story stops what it started.
        test.trouble = "took longer than %g s" % test.seconds
        process.terminate()
        try:
            output, _ = process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
    test.took = time.monotonic() - started
    test.output = output.decode("utf-8", "replace")
    count(test, test.output)
    if process.returncode != 0 and test.failed == 0:
        test.trouble = test.trouble or ("died of signal %d" % -process.returncode if process.returncode < 0
                                        else "exit code %d" % process.returncode)
    if test.passed + test.failed + test.skipped == 0:
        test.trouble = test.trouble or "no test in it"
    if test.trouble:
        test.failed += 1
    with open(os.path.join(build, "tests", "log", test.name + ".log"), "w", encoding="utf-8") as log:
        log.write(test.output)
    report(test)


def run_all(tests, jobs, build, environment):
    """The heavy ones first; each test begins as soon as there is room for it. A story (e2e) takes half a processor."""
    room = threading.Condition()
    left, free = sorted(tests, key=lambda test: test.suite == "e2e"), 2 * jobs
    threads = []

    def carry_out(test, weight):
        nonlocal free
        try:
            run(test, build, environment)
        finally:
            with room:
                free += weight
                room.notify_all()
    while left:
        test = left.pop(0)
        weight = 1 if test.suite == "e2e" else 2
        with room:
            room.wait_for(lambda: free >= weight)
            free -= weight
        threads.append(threading.Thread(target=carry_out, args=(test, weight)))
        threads[-1].start()
    for thread in threads:
        thread.join()


def report(test):
    with PRINTING:
        print("%-7s %-5s %-34s %4d passed%s%s  %.1f s" % (
            "FAILED" if test.failed else "ok", test.suite, test.name, test.passed,
            ", %d failed" % test.failed if test.failed else "", ", %d skipped" % test.skipped if test.skipped else "", test.took))
        if test.failed:
            lines = test.output.splitlines()
            for line in lines[-120:]:
                print("    " + line)
            if len(lines) > 120:
                print("    (the last 120 of %d lines; all of them: tests/log/%s.log in the build folder)" % (len(lines), test.name))
            if test.trouble:
                print("    " + test.name + ": " + test.trouble)
        sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(add_help=True, usage=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--jobs", type=int, default=int(os.environ.get("JOBS", "2")))
    parser.add_argument("--suite", default="tidy,unit,sim,e2e")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("filters", nargs="*")
    options = parser.parse_args()
    build = os.path.join(ROOT, options.build)
    tests = [test for test in discover(build) if test.suite in options.suite.split(",")
             and (not options.filters or any(each in test.name for each in options.filters))]
    if options.list:
        for test in tests:
            print(test.suite, test.name)
        return 0
    os.makedirs(os.path.join(build, "tests", "log"), exist_ok=True)
    environment = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP", COMITY_BUILD=build, PYTHONDONTWRITEBYTECODE="1")
    # Several at once wait for each other: a limit that passes for a failure is no measurement.
    environment.setdefault("COMITY_PATIENCE", "2")
    run_all(tests, max(1, options.jobs), build, environment)
    passed, failed, skipped = (sum(getattr(test, field) for test in tests) for field in ("passed", "failed", "skipped"))
    if not tests:
        print("no test matches")
    for test in tests:
        if test.failed:
            print("FAILED: %s %s" % (test.suite, test.name))
    print("%d passed, %d failed%s" % (passed, failed, ", %d skipped" % skipped if skipped else ""))
    return 1 if failed or not tests else 0


sys.exit(main())
