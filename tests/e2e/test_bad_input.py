#!/usr/bin/python3
"""Bad input gets a clear refusal: what is wrong, where; the objects before it are published; memory stays bounded."""
import json
import os
import subprocess
import threading

from lib import (COMITY, LONG, OK, PATIENCE, REFUSED, bundle, check, check_equal, indicator, indicators, main, must, must_hold, note,
                 peak_bytes, skip, story)


def sanitised():
    with open(COMITY, "rb") as file:
        return b"__asan_init" in file.read()


@story
def broken_files(place):
    """Each broken file: exit 3, the reason and the place are said, what stood before the error is published."""
    a, b = place.mesh("agency.a", "agency.b")
    published = []

    def refuse(text, data, *words, before=(), codes=(REFUSED,)):
        result = a("publish", "-", "--tlp", "TLP:GREEN", "--to-all", "--format", "stix", input=data, seconds=120)
        said = (result.out + result.err).decode("utf-8", "replace").lower()
        check(result.code in codes, "%s: exit %s" % (text, codes), str(result))
        for word in words:
            check(str(word).lower() in said, "%s: %r is said" % (text, word), str(result))
        published.extend(before)
        must_hold(a, len(published), 10, "%s: %d objects before it are published" % (text, len(before)))

    def good(name):
        made = indicator(name + ".example")
        return made, json.dumps(made).encode()

    first, first_text = good("malformed")
    data = b'{"type":"bundle","id":"bundle--x","objects":[' + first_text + b',{"type":"indicator" "id":1}]}'
    refuse("malformed JSON", data, "byte", before=[first])
    offset = data.index(b'"id":1')
    result = a("publish", "-", "--tlp", "TLP:GREEN", "--to-all", "--format", "stix", input=data)
    told = [int(word) for word in "".join(c if c.isdigit() else " " for c in (result.out + result.err).decode()).split()]
    check(any(abs(each - offset) <= 2 for each in told), "malformed JSON: the byte position %d is told" % offset, str(result))

    first, first_text = good("truncated")
    refuse("a truncated file", b'{"type":"bundle","objects":[' + first_text + b',{"type":"indica', before=[first])
    first, first_text = good("utf8")
    refuse("invalid UTF-8", b'{"type":"bundle","objects":[' + first_text + b',{"type":"indicator","name":"\xc3\x28"}]}', "utf-8", before=[first])
    refuse("overlong UTF-8", b'{"type":"bundle","objects":[{"type":"indicator","name":"\xc0\xaf"}]}', "utf-8")
    refuse("a lone surrogate", b'{"type":"bundle","objects":[{"type":"indicator","name":"\\ud800"}]}', "surrogate")
    refuse("a key twice", b'{"type":"bundle","objects":[{"type":"indicator","id":"a","id":"b"}]}', "twice")
    refuse("100,000 levels", b'{"type":"bundle","objects":[' + b"[" * 100000 + b"]" * 100000 + b"]}")
    refuse("100,000 levels of objects", b'{"a":' * 100000 + b"1" + b"}" * 100000)
    refuse("an empty file", b"", codes=(OK, REFUSED))
    refuse("a number", b"42")
    refuse("an object without type", b'{"type":"bundle","objects":[{"id":"indicator--1"}]}', "type")
    refuse("zero bytes", b"\0" * 100)
    made = indicator("impossible-date.example")
    made["created"] = "2022-101-27T00:00:00Z"
    refuse("an impossible date", bundle([made]), "2022-101-27")
    made = indicator("bad-pattern.example")
    made["pattern"] = "[domain-name:value = 'x'"
    refuse("a pattern that does not parse", bundle([made]), "pattern")
    made, fine = indicator("x.example"), indicator("fine-beside-it.example")
    made["id"] = "indicator--not-a-uuid"
    refuse("a bad id beside a good object", bundle([made, fine]), before=[fine])
    # The same file corrected: what was published before is known already, and nothing is doubled.
    check_equal(a.publish([indicator("malformed.example"), indicator("truncated.example"), fine], "TLP:GREEN", "all").code, OK,
                "repeating is harmless")
    ids = a.feed_ids()
    check_equal(sorted(ids), sorted(each["id"] for each in published), "each object is there once")
    must_hold(b, len(published), 45, "B has the same")


@story
def broken_lists(place):
    """In a list each line stands for itself: bad ones are refused with their number, the others are published."""
    a = place.alone("agency.a")
    lines = ["good-one.example", "not a value", "300.300.300.300", "a" * 64 + ".example", "10.0.0.0/33", "good-two.example", "-", "# fine",
             "0123456789abcdef", "x@"]
    result = a("publish", "-", "--tlp", "TLP:GREEN", "--to-all", "--format", "list", input="\n".join(lines).encode())
    check_equal(result.code, REFUSED, "a list with bad lines", str(result))
    said = (result.out + result.err).decode()
    for number in (2, 3, 4, 5):
        check(str(number) in said, "line %d is named" % number, said)
    check(a.finds("good-one.example") and a.finds("good-two.example"), "the good ones are published")
    result = a("publish", "-", "--tlp", "TLP:GREEN", "--to-all", "--format", "csv", input=b"type,value\ndomain,csv-one.example\ndomain,\n")
    check(result.code in (OK, REFUSED), "CSV with an empty value", str(result))
    check(a.finds("csv-one.example"), "the good row is published", str(result))


def stream(node, pieces, *words):
    """Pipes pieces into `comity publish -`; returns exit code, output, bytes fed, and the most memory that the command took."""
    process = subprocess.Popen([COMITY, "publish", "-", "--dir", node.dir, "--tlp", "TLP:GREEN", "--to-all", "--format", "stix"] + list(words),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output, peak, fed = [], 0, 0
    reader = threading.Thread(target=lambda: output.append(process.stdout.read(1 << 20)))
    reader.start()
    try:
        for piece in pieces:
            process.stdin.write(piece)
            fed += len(piece)
            if fed % (1 << 24) < len(piece):
                peak = max(peak, peak_bytes(process.pid))
        peak = max(peak, peak_bytes(process.pid))
        process.stdin.close()
    except BrokenPipeError:
        pass
    code = process.wait(600 * PATIENCE)
    reader.join()
    process.stdout.close()
    return code, output[0].decode("utf-8", "replace"), fed, peak


def large_bundle(bytes_wanted):
    yield b'{"type":"bundle","id":"bundle--1c1a5f7b-3d27-4e0c-9d50-e1cf94e7f4a2","objects":['
    filler, fed, number = "x" * 20000, 0, 0
    while fed < bytes_wanted:
        piece = (b"," if number else b"") + json.dumps(indicator("large-%d.example" % number, description=filler)).encode()
        fed += len(piece)
        number += 1
        yield piece
    yield b"]}"


@story
def large_file(place):
    """A bundle of 100 MB (1 GB with COMITY_LONG=1) through a pipe in at most 300 MB of memory."""
    a = place.alone("agency.a")
    size = (1000 if LONG else 100) * 1000 * 1000
    code, output, fed, peak = stream(a, large_bundle(size))
    note("%d MB fed, the command took %d MB" % (fed / 1e6, peak / 1e6))
    check_equal(code, OK, "a bundle of %d MB is published" % (size / 1e6), output[-2000:])
    check(0 < peak <= (300 if not sanitised() else 1500) * 1000 * 1000, "in %d MB of memory" % (peak / 1e6))
    check(a.finds("large-0.example") and a.finds("large-%d.example" % (size // 21000)), "first and last are found")
    total = sum(peak_bytes(pid) for pid in a.pids())
    note("all processes of the node together peaked at %d MB" % (total / 1e6))


@story
def large_string(place):
    """A string of 300 MB is refused without being kept, and an object after it is still taken or refused with a reason."""
    a = place.alone("agency.a")
    size = 300 * 1000 * 1000

    def pieces():
        yield b'{"type":"bundle","objects":[' + json.dumps(indicator("before-it.example")).encode() + b',{"type":"note","content":"'
        piece = b"y" * 1000000
        for _ in range(size // len(piece)):
            yield piece
        yield b'"},' + json.dumps(indicator("after-it.example")).encode() + b"]}"

    code, output, fed, peak = stream(a, pieces())
    note("%d MB fed, the command took %d MB" % (fed / 1e6, peak / 1e6))
    check_equal(code, REFUSED, "a string of 300 MB", output[-2000:])
    check(0 < peak <= (300 if not sanitised() else 1500) * 1000 * 1000, "in %d MB of memory" % (peak / 1e6))
    check(a.finds("before-it.example"), "what stood before it is published")
    check(a.ready(), "the node runs on")


@story
def disk_full(place):
    """No space left: what cannot be synced is not acknowledged; with space again, all that was acknowledged is there."""
    if os.geteuid() != 0:
        skip("mounting a small file system needs root")
    disk = place.path("disk")
    os.mkdir(disk)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=0700", "tmpfs", disk], stderr=subprocess.DEVNULL, check=False).returncode:
        skip("tmpfs cannot be mounted here")
    try:
        a = place.node("agency.a", init=False)
        a.dir = os.path.join(disk, "node")
        a.init()
        b = place.node("agency.b", relayed=False)
        a.trust(b)
        b.trust(a)
        place.start(a, b)
        acknowledged, refused = [], 0
        for step in range(60):
            made = [indicator("full-%d-%d.example" % (step, each), description=os.urandom(4000).hex()) for each in range(400)]
            result = a.publish(made, "TLP:GREEN", "all", seconds=120)
            if result.code == OK:
                acknowledged += [each["id"] for each in made]
            else:
                refused += 1
                check(result.code in (3, 4, 5) and (result.err or result.out), "a full disk is refused with a reason", str(result))
                break
        check(refused == 1 and acknowledged, "the disk filled up after %d objects" % len(acknowledged))
        a.kill()
        subprocess.run(["mount", "-o", "remount,size=256m", disk], check=True)
        a.start()
        ids = set(a.feed_ids())
        check(set(acknowledged) <= ids, "all %d acknowledged objects are there" % len(acknowledged), "missing: %d" % len(set(acknowledged) - ids))
        check_equal(a.publish(indicators("space", 5)[0], "TLP:GREEN", "all").code, OK, "and publishing works again")
        a.kill()
    finally:
        subprocess.run(["umount", "-l", disk], check=False)


main()
