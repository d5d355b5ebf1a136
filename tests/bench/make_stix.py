"""make_stix: STIX 2.1 indicators of about 540 bytes each, from real values where the shared lists are, else from made-up ones.

Values come in the order of the lists (maltrail's malware trails file by file, then ipsum), as somebody who publishes a feed sends
them; shuffled=True mixes them, which compresses worse. Ids are as random as UUIDv4; times are those of a program that converts a list,
some milliseconds apart. Same input, same output. The lists are read where they lie, and never copied.
Run alone: make_stix.py COUNT [shuffled] writes a bundle to standard output."""
import datetime
import hashlib
import ipaddress
import os
import random
import re
import subprocess
import sys
import uuid

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHARED = os.environ.get("COMITY_SHARED", os.path.join(ROOT, "..", "shared"))
LISTS = os.path.join(SHARED, "data", "lists")
AUTHOR = "identity--f431f809-377b-45e0-aa1c-6a4751cae5ff"
GREEN = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
START = datetime.datetime(2026, 1, 1)

_DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$")
_URL = re.compile(r"(https?://)?[a-z0-9][a-z0-9.-]*\.[a-z0-9]+(:\d+)?/[A-Za-z0-9._~/-]*$")
_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}$")


def _classified(value):
    """(object path, value) of a line that is a plain value, else None."""
    if _ADDRESS.match(value):
        try:
            return "ipv4-addr:value", str(ipaddress.IPv4Address(value))
        except ValueError:
            return None
    if _DOMAIN.match(value):
        return "domain-name:value", value
    if _URL.match(value):
        return "url:value", value if value.startswith("http") else "http://" + value
    return None


def _maltrail():
    path = os.path.join(LISTS, "maltrail", "maltrail-trails-malware.tar.zst")
    import tarfile
    unpacked = subprocess.Popen(["zstd", "-dcq", path], stdout=subprocess.PIPE)
    with tarfile.open(fileobj=unpacked.stdout, mode="r|") as archive:
        for member in archive:
            if not member.isfile() or not member.name.endswith(".txt"):
                continue
            family = os.path.basename(member.name)[:-4].replace("_", " ")
            for line in archive.extractfile(member).read().decode("utf-8", "replace").splitlines():
                yield line.split("#")[0].strip(), family
    unpacked.wait()


def _ipsum():
    with open(os.path.join(LISTS, "ipsum.txt"), encoding="utf-8") as file:
        for line in file:
            yield line.split("#")[0].split("\t")[0].strip(), "ipsum"


def _made_up():
    """Where there are no lists: names and addresses that nobody has."""
    dice = random.Random(1)
    families = ["family %d" % i for i in range(300)]
    while True:
        if dice.random() < 0.15:
            yield "198.%d.%d.%d" % (18 + dice.getrandbits(1), dice.getrandbits(8), dice.getrandbits(8)), dice.choice(families)
        else:
            yield "%s.%s" % ("".join(dice.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=dice.randrange(6, 18))),
                             dice.choice(["example", "example.com", "example.net", "invalid"])), dice.choice(families)


def real():
    return os.path.isdir(os.path.join(LISTS, "maltrail"))


def values(count, shuffled=False):
    """`count` different (object path, value, family)."""
    found, seen = [], set()

    def take(source):
        for value, family in source:
            if len(found) == count and not shuffled:
                return
            known = _classified(value.lower() if "/" not in value else value)
            if known and known[1] not in seen:
                seen.add(known[1])
                found.append((*known, family))

    if real():
        take(_maltrail())
        take(_ipsum())
        if shuffled:
            random.Random(7).shuffle(found)
            del found[count:]
    if len(found) < count:
        source = _made_up()
        while len(found) < count:
            take([next(source)])
    return found


def _id(value):
    """As random as a UUIDv4, and the same each time."""
    return str(uuid.UUID(bytes=hashlib.md5(value.encode()).digest(), version=4))


def indicator(number, path, value, family):
    at = START + datetime.timedelta(milliseconds=number * 20 + number * 7919 % 19)
    stamp = at.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (at.microsecond // 1000)
    return ('{"type":"indicator","spec_version":"2.1","id":"indicator--%s","created_by_ref":"%s","created":"%s","modified":"%s",'
            '"name":"%s: %s","indicator_types":["malicious-activity"],"pattern":"[%s = \'%s\']","pattern_type":"stix",'
            '"valid_from":"%s","labels":["%s"],"object_marking_refs":["%s"]}'
            % (_id(value), AUTHOR, stamp, stamp, family, value, path, value, stamp, family, GREEN))


def bundle_write(path, made):
    """Writes a bundle of values(...) and returns the mean size of an object."""
    total = 0
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"type":"bundle","id":"bundle--%s","objects":[' % _id(path))
        for number, each in enumerate(made):
            text = indicator(number, *each)
            total += len(text)
            file.write((",\n" if number else "\n") + text)
        file.write("\n]}\n")
    return total / max(1, len(made))


if __name__ == "__main__":
    wanted = values(int(sys.argv[1]), len(sys.argv) > 2)
    sys.stderr.write("%.1f bytes an indicator\n" % bundle_write("/dev/stdout", wanted))
