#!/usr/bin/python3
"""A TAXII client that nobody here wrote, with nothing but README.md: its lines of curl as they stand there."""
import json
import os
import re
import shlex
import shutil
import subprocess

from lib import OK, PATIENCE, check, check_equal, indicator, main, must, note, story
from web import enable, start

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
README, SAMPLE = os.path.join(ROOT, "README.md"), os.path.join(ROOT, "deploy", "demo", "sample.json")


def block():
    """The lines of commands of the section, without their comments."""
    with open(README, encoding="utf-8") as file:
        section = re.search(r"^## Response teams.*?^```\n(.*?)^```", file.read(), re.M | re.S)
    return [shlex.split(line, comments=True) for line in section.group(1).splitlines()]


@story
def readme(place):
    """The token that README makes, and the requests that it shows, work as they are written."""
    if not shutil.which("curl"):
        note("skipped: there is no curl")
        return
    a, b = place.mesh("agency.a", "agency.b", start=False)
    enable(a)
    start(place, a, link=False)
    place.start(b, link=False)
    place.link(a, b)
    a.publish_good([indicator("shown.example")], "TLP:GREEN", [b])
    lines = block()
    made = next(words[1:] for words in lines if words[:4] == ["comity", "token", "add", "soc"])
    result = a(*made)
    check_equal(result.code, OK, "README's token")
    fill = {"DIR": a.dir, "HOST:PORT": "127.0.0.1:%d" % a.web_port, "TOKEN": result.out.decode().strip()}
    asked = 0
    for words in (words for words in lines if words[0] == "curl"):
        for name, value in fill.items():
            words = [word.replace(name, value) for word in words]

        def answer():
            done = subprocess.run(words[:1] + ["--silent", "--fail", "--show-error", "--max-time", str(20 * PATIENCE)] + words[1:],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
            return json.loads(done.stdout) if done.returncode == 0 else None

        value = must(answer, 30, " ".join(words[-1:]), a.log_tail)
        asked += 1
        if words[-1].endswith("/taxii2/"):
            check("api_roots" in value, "discovery", value)
        elif words[-1].endswith("/collections/"):
            check_equal([each["alias"] for each in value["collections"]][:2], ["all", "clear"], "collections", value)
        else:
            must(lambda: [each["id"] for each in answer()["objects"]] == [indicator("shown.example")["id"]], 20, "objects", answer)
    check_equal(asked, 3, "all lines were tried")


@story
def sample(place):
    """The file that README gives to try is published whole, whatever label is given with it: its own markings are some that there are."""
    a, b = place.mesh("agency.a", "agency.b")
    result = a("publish", SAMPLE, "--tlp", "amber", "--to", "agency.b")
    check_equal((result.code, b" 0 refused" in result.out), (OK, True), "nothing of it is refused", result)
    result = a("publish", SAMPLE, "--tlp", "green", "--to", "agency.b")
    check_equal((result.code, b" 0 refused" in result.out), (OK, True), "nor under another label", result)
    must(lambda: len(b.feed_ids()) == 110, 20, "the partner has all of it", lambda: len(b.feed_ids()))


main()
