#!/usr/bin/python3
"""policy_mutants: every comparison and connective of the policy's rules, changed one at a time; the table of decisions must notice.

Usage: tests/unit/policy_mutants.py [--build DIR] [--jobs N]

Each changed file is compiled alone and linked before the archive's own. A change that no case can notice, because it means the same
or cannot be reached behind the rules before it, stands in SAME with its reason.
"""
import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FILES = ["exit", "tlp", "time", "level", "codes", "iep", "purpose", "group", "agreement"]
CHANGES = [(" <= ", " < "), (" < ", " <= "), (" >= ", " > "), (" > ", " >= "), (" && ", " || "), (" || ", " && "), (" == ", " != "),
           (" != ", " == "), ("return false", "return true"), ("return true", "return false"), ("!", "")]
# part of the line, what is changed: why nothing can notice
SAME = {
    ("? exit_names[exit] : NULL", " < "): "one past the end is never given a name, and exit.unknown denies",
    ("settings->agencies[i].name, name", " == "): "found by name in the node, not in the table",
    ("return false;\n}\n\n/* Without a file", "return false"): "an exit's name that is none is refused by the table's reader",
    ("until_ms > now_ms && until_ms - now_ms > most_ms", " > "): "at the very moment retain.passed has denied",
    ("if (!authority || place == 0) continue;", " || "): "level.authority and level.unknown have denied",
    ("known->count > 0 && said.size > 0", " > "): "an empty basis is in no list, and 0 known ones are none",
    ("valid_ms != 0 && valid_ms < until_ms", " < "): "of two equal moments either will do",
    ("(until_ms <= question->context->now_ms ||", " <= "): "at the very moment expired has denied",
    ("words[said->count < 2", " < "): "two purposes are told by the third word either way",
    ("if (!named) named = agreement;", "!"): "whose name is told when nothing came close",
}


def mutants():
    for name in FILES:
        path = os.path.join("gossip", "policy_%s.c" % name)
        with open(os.path.join(ROOT, path)) as file:
            source = file.read()
        for old, new in CHANGES:
            for match in re.finditer(r"!(?=[a-z(])" if old == "!" else re.escape(old), source):
                start = source.rfind("\n", 0, match.start()) + 1
                line = source[start:source.find("\n", match.start())]
                if line.lstrip().startswith(("/*", "*", "for (", "#")) or line.startswith(" *"):
                    continue
                around = source[start:match.end() + 60]
                same = any(part in around and change == old for part, change in SAME)
                yield path, source.count("\n", 0, match.start()) + 1, old, line.strip(), same, source[:match.start()] + new + source[match.end():]


def run(mutant, build, folder, number):
    path, line, old, text, same, source = mutant
    base = os.path.join(folder, str(number))
    with open(base + ".c", "w") as file:
        file.write(source)
    compiled = subprocess.run(["cc", "-std=gnu11", "-I.", "-w", "-c", base + ".c", "-o", base + ".o"], cwd=ROOT, capture_output=True, check=False)
    if compiled.returncode:
        return None
    linked = subprocess.run(["cc", base + ".o", build + "/tests/unit/test_golden_policy.o", build + "/helpers.a", build + "/gossip.a",
                             build + "/crypto.a", "-lmsgpackc", "-lsodium", "-lzstd", "-lcmocka", "-o", base], cwd=ROOT, capture_output=True, check=False)
    if linked.returncode:
        sys.exit("linking failed: " + linked.stderr.decode()[-2000:])
    try:
        code = subprocess.run([base], cwd=ROOT, capture_output=True, timeout=60, check=False).returncode
    except subprocess.TimeoutExpired:
        code = 1
    os.unlink(base)
    return code != 0 or same, "%s:%d: '%s' changed in: %s" % (path, line, old.strip(), text)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(lambda each: run(each[1], options.build, folder, each[0]), enumerate(mutants())))
    results = [result for result in results if result]
    for caught, text in results:
        if not caught:
            print("not noticed: " + text)
    missed = sum(not caught for caught, _ in results)
    print("%d passed, %d failed" % (len(results) - missed, missed))
    return 1 if missed else 0


sys.exit(main())
