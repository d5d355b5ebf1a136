#!/usr/bin/python3
"""C carries what it cannot read: no plaintext of it stands in C's directory, and nothing at C tells who the readers are."""
import uuid

from lib import carried_unread, check, check_equal, indicators, main, must, must_hold, story


def needles(objects, values):
    """All that would give an object away, also as hexadecimal digits or bytes."""
    for value in values:
        yield value.encode()
        yield value.upper().encode()
        yield value.encode().hex().encode()
        yield value.encode("utf-16-le")
        yield value.split(".")[0].encode()
    for each in objects:
        word = each["id"].split("--")[1]
        yield word.encode()
        yield uuid.UUID(word).hex.encode()
        yield uuid.UUID(word).bytes
        yield each["name"].encode()


def everything(node):
    for path in node.files():
        try:
            with open(path, "rb") as file:
                yield path, file.read()
        except OSError:
            continue


def found(node, wanted):
    """The first needle that stands somewhere below the node's directory or in its log."""
    wanted = list(wanted)
    places = list(everything(node)) + [(node.log_path, open(node.log_path, "rb").read())]
    for path, data in places:
        for needle in wanted:
            if needle in data:
                return "%r in %s" % (needle, path)
    return None


@story
def nothing_in_clear(place):
    """A publishes AMBER and RED for B: the whole directory of C holds none of it, running, stopped or killed."""
    a, b, c = place.mesh("agency.a", "agency.b", "agency.c")
    amber, amber_values = indicators("amber", 150)
    red, red_values = indicators("scarlet", 100)
    green, green_values = indicators("green", 50)
    a.publish_good(amber, "TLP:AMBER", [b])
    a.publish_good(red, "TLP:RED", [b])
    a.publish_good(green, "TLP:GREEN", "all")
    must_hold(b, 300, 45, "B has all 300", b.log_tail)
    must_hold(c, 50, 45, "C has the 50 for all", c.log_tail)
    must(lambda: carried_unread(c) >= 1, 45, "C carries what it cannot read", c.log_tail)
    check(b.finds(amber_values[7]) and b.finds(red_values[7]), "B finds values of its own")
    check(not any(c.finds(value) for value in amber_values[:5] + red_values[:5]), "C finds none of them")
    for each in (amber[0], red[0]):
        check_equal(c("get", each["id"]).code, 1, "C does not get the object by its id")
    secrets = list(needles(amber + red, amber_values + red_values))
    check_equal(found(c, secrets), None, "nothing of it stands in C's files while C runs")
    # A search that finds nothing proves something only if it can find.
    check(c.contains(b"agency.c") is not None, "the same search does find what C knows")
    # Readers keep no plaintext values on disk either.
    check_equal(found(b, secrets), None, "nor in the files of B, who can read it")
    check(c.stop() is not None, "C stops")
    check_equal(found(c, secrets), None, "nothing of it stands in C's files after it stopped")
    place.start(c)
    c.kill()
    check_equal(found(c, secrets), None, "nothing of it stands in C's files after kill -9")


def counters(value, path=""):
    """All numbers of a document by their place, but for clocks, disk and traffic."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, dict):
        for key, each in value.items():
            if not any(word in key for word in ("time", "_ms", "uptime", "disk", "rtt", "since", "memory", "in", "out", "messages")):
                yield from counters(each, path + "/" + key)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from counters(each, "%s/%d" % (path, index))
    elif isinstance(value, (int, float)):
        yield path, value


@story
def readers_look_alike(place):
    """What C sees of a publication for B is what it sees of one for D: the same counts, and no name."""
    a, b, c, d = place.mesh("agency.a", "agency.b", "agency.c", "agency.d")
    seen = []
    for number, reader in enumerate([b, d, b, d]):
        before = dict(counters(c.status()))
        objects, _ = indicators("alike%d" % number, 64)
        carried = carried_unread(c)
        a.publish_good(objects, "TLP:AMBER", [reader])
        must_hold(reader, 64 * (number // 2 + 1), 45, "%s has it" % reader.name, reader.log_tail)
        must(lambda: carried_unread(c) > carried, 45, "C carries it", c.log_tail)
        after = dict(counters(c.status()))
        seen.append({path: after[path] - before.get(path, 0) for path in after if after[path] != before.get(path, 0)})
    # The first two open an epoch each, the other two use it.
    shape = [{path: change for path, change in each.items() if "bytes" not in path} for each in seen]
    check_equal(shape[1], shape[0], "the first block for D looks like the first for B")
    check_equal(shape[3], shape[2], "and so do the second ones")
    text = c("status", "--json").text + c("feed", "--json").text
    check("readers" not in text and "audience" not in text, "C's status and feed name no audience")


main()
