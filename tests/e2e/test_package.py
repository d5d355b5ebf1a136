#!/usr/bin/python3
"""The Debian package and `make install`: what they hold, and their life on a machine (a throw-away copy of this one)."""
import hashlib
import os
import re
import shutil
import subprocess

from clone import Clone
from lib import BUILD, NOT_RUNNING, PATIENCE, ROOT, check, check_equal, free_port, main, must, note, skip, story

with open(os.path.join(ROOT, "node/version.h"), encoding="utf-8") as _file:
    VERSION = re.search(r'COMITY_VERSION "(.*)"', _file.read()).group(1)
NEXT = VERSION + "+1"
SANITIZED = BUILD.endswith("-san")


def make(*words):
    """make with a variable or two, as a person calls it."""
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    done = subprocess.run(["make", "--no-print-directory", "SAN=%s" % ("1" if SANITIZED else "")] + list(words), cwd=ROOT, env=environment,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300 * PATIENCE,
                          check=False)
    check(done.returncode == 0, "make %s" % words[0], done.stdout[-4000:])


def deb(folder, version=VERSION):
    if not shutil.which("dpkg-shlibdeps"):
        skip("dpkg-shlibdeps is not installed (package dpkg-dev)")
    make("deb", "DEBDIR=" + folder, "VERSION=" + version)
    found = [name for name in os.listdir(folder)]
    check(len(found) == 1 and found[0].startswith("comity_%s_" % version) and found[0].endswith(".deb"), "it leaves the package and nothing else", found)
    return os.path.join(folder, found[0])


_packages = {}


def deb_bytes(place, version):
    """The package of this version, made once."""
    if version not in _packages:
        with open(deb(place.path("deb-" + version), version), "rb") as file:
            _packages[version] = file.read()
    return _packages[version]


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def below(folder):
    return {os.path.relpath(os.path.join(at, name), folder) for at, _, names in os.walk(folder) for name in names}


@story
def contents(place):
    """The same tree makes the same package twice; it holds what `make install` installs, owned by root, under the machine's own paths."""
    package = deb(place.path("one"))
    check_equal(hashlib.sha256(deb_bytes(place, VERSION)).hexdigest(), digest(package), "a second one is the same, byte for byte")
    field = lambda name: subprocess.run(["dpkg-deb", "-f", package, name], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    check_equal(field("Version"), VERSION, "its version is the program's")
    for library in ("libsodium23", "libzmq5", "libczmq4", "librocksdb", "libgnutls30", "libseccomp2"):
        check(library in field("Depends"), "it depends on %s" % library, field("Depends"))
    if shutil.which("lintian"):
        done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", package], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
        check(SANITIZED or done.returncode == 0, "lintian finds no fault", done.stdout)
    else:
        note("skipped: lintian is not installed")
    listed = subprocess.run(["dpkg-deb", "-c", package], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    check(all(line.split()[1] == "root/root" for line in listed), "all is root's")
    check(all(line[0] in "-d" and "w" not in line[4:10] and "s" not in line[:10] for line in listed), "nothing is others' to write, nothing setuid", listed)
    subprocess.run(["dpkg-deb", "-x", package, place.path("files")], check=True)
    files = below(place.path("files"))
    make("install", "DESTDIR=" + place.path("destdir"), "PREFIX=/usr/local")
    installed = {path.replace("usr/local/lib/systemd", "lib/systemd").replace("usr/local/", "usr/").replace("zsh/site-functions", "zsh/vendor-completions")
                 + (".gz" if "/share/man/" in path else "") for path in below(place.path("destdir"))}
    doc = "usr/share/doc/comity/"
    check_equal(sorted(files - installed), [doc + "changelog.gz", doc + "copyright"], "make install installs the same, but what is Debian's")
    check_equal(sorted(installed - files), [], "and no more")
    with open(place.path("destdir") + "/usr/local/lib/systemd/system/comity.service", encoding="utf-8") as unit:
        check("ExecStart=/usr/local/bin/comity run" in unit.read(), "the unit runs the program where it was installed")
    for path in ("usr/bin/comity", "lib/systemd/system/comity.service", "usr/lib/sysusers.d/comity.conf", "usr/lib/tmpfiles.d/comity.conf",
                 "usr/share/bash-completion/completions/comity", doc + "examples/comity.yaml.example", doc + "policies/POLICY.md",
                 "usr/share/man/man8/comity.8.gz"):
        check(path in files, "it holds " + path)


SUMS = "cd /var/lib/comity && find . -type f ! -name lock | sort | xargs sha256sum"


@story
def life(place):
    """Installed, a node made, upgraded, removed, installed again, purged: nothing starts by itself, and no key is ever lost."""
    if os.geteuid() != 0:
        skip("only root can make a copy of this machine")
    first, second = deb_bytes(place, VERSION), deb_bytes(place, NEXT)
    with Clone(place.path("clone")) as machine:
        if machine.why_not:
            skip("no copy of this machine can be made: " + machine.why_not)

        def does(script, text, wanted=0):
            code, said = machine.shell(script)
            check(code == wanted, text, "exit %d: %s" % (code, script), said)
            return said

        machine.shell("cat >/tmp/first.deb", input=first)
        machine.shell("cat >/tmp/second.deb", input=second)
        said = does("dpkg -i /tmp/first.deb", "it installs")
        check("comity init" in said and "systemctl enable" in said, "it says what to do next", said)
        check_equal(does("comity version", "the program runs").strip(), "comity " + VERSION, "it is this version")
        check_equal(does("stat -c '%a %U %G' /var/lib/comity /var/backups/comity /etc/comity", "its folders stand").split("\n")[:3],
                    ["700 comity comity", "700 comity comity", "750 root comity"], "they are whose they should be")
        does("getent passwd comity | grep -q '/usr/sbin/nologin$'", "its user cannot log in")
        does("! command -v man || man -w comity-publish && man -w 5 comity-policy && man -w 8 comity", "man finds its pages")
        does("bash -c '. /usr/share/bash-completion/completions/comity && complete -p comity'", "bash takes its completion")
        does("test -z \"$(find /etc/systemd -name 'comity*')\"", "the service is not enabled")
        check(not machine.running("comity"), "nothing was started")

        said = does("comity init --agency cert.example --no-passphrase --dir /var/lib/comity", "root makes no node in another user's folder", wanted=3)
        check("sudo -u 'comity' comity init" in said, "and is told to be that user", said)
        check_equal(machine.shell("ls -A /var/lib/comity")[1], "", "nothing was made")
        does("runuser -u comity -- comity init --agency cert.example --no-passphrase --dir /var/lib/comity", "its user makes a node")
        does("echo '# ours' >>/var/lib/comity/comity.yaml; echo certificate >/etc/comity/web.pem; echo 'version: 1' >/var/lib/comity/policy.yaml",
             "the operator sets it up")
        does("comity trust list --dir /var/lib/comity", "root does not work on its files either", wanted=3)
        before = does(SUMS, "what the node holds")
        said = does("dpkg -i /tmp/second.deb", "a newer one is installed over it")
        check("comity init" not in said, "it does not tell of a first node again", said)
        check_equal(does("dpkg-query -W -f '${Version} ${Status}' comity", "dpkg knows it"), NEXT + " install ok installed", "it is the newer one")
        check_equal(does(SUMS, "after it"), before, "settings, keys and store are as they were")
        said = does("useradd --create-home admin && runuser -u admin -- comity status", "another user has no node of its own", wanted=4)
        check("sudo -u 'comity' comity status" in said, "and is told where the machine's is", said)
        does("dpkg --verify comity", "no file of the package is missing or changed")
        does("runuser -u comity -- comity check-config --dir /var/lib/comity", "the new program reads the settings")

        does("dpkg --remove comity", "it is removed")
        does("! test -e /usr/bin/comity && ! test -e /lib/systemd/system/comity.service", "program and unit are gone")
        check_equal(does(SUMS, "after removal"), before, "settings, keys and store are as they were")
        does("dpkg -i /tmp/second.deb", "it is installed again")
        check("cert.example" in does("runuser -u comity -- comity card show /var/lib/comity/card", "the node can be used"), "and is the same agency")

        said = does("dpkg --purge comity", "it is purged")
        check("/var/lib/comity is kept" in said and "rm -r /var/lib/comity" in said, "it says that keys are kept, and how to erase them", said)
        check_equal(does(SUMS, "after the purge"), before, "keys and store are as they were")
        does("test -e /etc/comity/web.pem", "and so is the operator's file")
        does("getent passwd comity", "the user who owns them stays")


@story
def nothing_left(place):
    """Installed and purged without a node in between, it leaves its user and nothing else."""
    if os.geteuid() != 0:
        skip("only root can make a copy of this machine")
    package = deb_bytes(place, VERSION)
    with Clone(place.path("clone")) as machine:
        if machine.why_not:
            skip("no copy of this machine can be made: " + machine.why_not)
        machine.shell("cat >/tmp/comity.deb", input=package)
        find = "find /usr /etc /lib /var -xdev -name '*comity*' 2>/dev/null | sort"
        before = machine.shell(find)[1]
        code, said = machine("dpkg", "-i", "/tmp/comity.deb")
        check(code == 0, "it installs", said)
        check("/usr/bin/comity" in machine.shell(find)[1].split(), "its files are there")
        # As `systemctl enable` does.
        machine.shell("cd /etc/systemd/system && mkdir -p multi-user.target.wants && ln -s /lib/systemd/system/comity.service multi-user.target.wants/")
        code, said = machine("dpkg", "--purge", "comity")
        check(code == 0 and "is kept" not in said, "it is purged, and keeps nothing", said)
        check_equal(machine.shell(find)[1], before, "no file or folder of it is left")
        check_equal(machine("getent", "passwd", "comity")[0], 0, "its user is")


@story
def service(place):
    """What is asked of a service manager that runs: never a start; a restart of what runs at an upgrade; a stop at removal."""
    if os.geteuid() != 0:
        skip("only root can make a copy of this machine")
    first, second = deb_bytes(place, VERSION), deb_bytes(place, NEXT)
    with Clone(place.path("clone")) as machine:
        if machine.why_not:
            skip("no copy of this machine can be made: " + machine.why_not)
        # Stand-ins that write down what they are asked; the folder tells that systemd runs.
        machine.shell("mkdir -p /run/systemd/system; for tool in systemctl deb-systemd-invoke; do rm -f /usr/bin/$tool; "
                      "printf '#!/bin/sh\\necho \"%s $*\" >>/tmp/calls\\n' $tool >/usr/bin/$tool; chmod 755 /usr/bin/$tool; done")
        machine.shell("cat >/tmp/first.deb", input=first)
        machine.shell("cat >/tmp/second.deb", input=second)
        for words, wanted in ((["-i", "/tmp/first.deb"], []), (["-i", "/tmp/second.deb"], ["deb-systemd-invoke try-restart comity.service"]),
                              (["--remove", "comity"], ["deb-systemd-invoke stop comity.service"]),
                              (["--purge", "comity"], [])):
            machine.shell(": >/tmp/calls")
            code, said = machine("dpkg", *words)
            check(code == 0, "dpkg %s" % words[0], said)
            calls = machine.shell("cat /tmp/calls")[1].splitlines()
            check_equal([call for call in calls if "daemon-reload" not in call], wanted, "it asks for that, and nothing else")
            check(any("daemon-reload" in call for call in calls), "the manager reads the units again", calls)


def instructions():
    """The lines of the container file, as [(stage, word, rest)]."""
    with open(os.path.join(ROOT, "deploy/Containerfile"), encoding="utf-8") as file:
        text = "".join(line for line in file if not line.startswith("#"))
    found, stage = [], -1
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip():
            word, rest = line.split(None, 1)
            stage += word == "FROM"
            found.append((stage, word, rest))
    return found


@story
def container_build(place):
    """What the container file copies is there, and is all that `make deb` wants. The images themselves are not at hand."""
    lines = instructions()
    check_equal([rest for _, word, rest in lines if word == "FROM"], ["debian:bookworm-slim AS build", "debian:bookworm-slim"], "two stages of one base")
    tree = place.path("tree")
    os.mkdir(tree)
    for stage, word, rest in lines:
        if word == "COPY" and stage == 0:
            *sources, target = rest.split()
            for source in sources:
                check(os.path.exists(os.path.join(ROOT, source)), "%s is there to be copied" % source)
                if os.path.isdir(os.path.join(ROOT, source)):
                    shutil.copytree(os.path.join(ROOT, source), os.path.join(tree, target))
                else:
                    shutil.copy2(os.path.join(ROOT, source), tree)
    run = " ".join(rest for stage, word, rest in lines if stage == 0 and word == "RUN")
    made = re.search(r"\bmake [^&]*\bdeb\b.*", run).group(0)
    # -n: every file that the package is made of has a rule or is there; what a compiler does with it other tests show.
    done = subprocess.run(["sh", "-c", made.replace("make ", "make -n ", 1)], cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, timeout=120 * PATIENCE, env={"PATH": os.environ["PATH"], "SOURCE_DATE_EPOCH": ""})
    check(done.returncode == 0 and "deploy/debian/build.sh /out " + VERSION in done.stdout, "`%s` has all that it needs there" % made, done.stdout[-2000:])
    check("SOURCE_DATE_EPOCH= " not in done.stdout, "and a time for all files")
    check([rest for stage, word, rest in lines if word == "COPY" and stage == 1] == ["--from=build /out/ /tmp/comity/"], "the second stage takes the package")


@story
def container_run(place):
    """The second stage, done by hand in a copy of this machine: the package is installed, and the node runs as the user that it says."""
    if os.geteuid() != 0:
        skip("only root can make a copy of this machine")
    package = deb_bytes(place, VERSION)
    lines = [(word, rest) for stage, word, rest in instructions() if stage == 1]
    said = dict(lines)
    words = lambda text: re.findall(r'"([^"]+)"', text)
    with Clone(place.path("clone")) as machine:
        if machine.why_not:
            skip("no copy of this machine can be made: " + machine.why_not)
        machine.shell("userdel comity; groupdel comity; mkdir /tmp/comity; cat >/tmp/comity/comity_1.deb", input=package)
        for word, rest in lines:
            if word == "RUN":
                # The base image knows no packages; this machine has those that the package depends on.
                code, out = machine.shell(rest.replace("apt-get update", "true"))
                check(code == 0, "RUN %s ..." % " ".join(rest.split()[:3]), out)
        user, group = said["USER"].split(":")
        check_equal(machine.shell("stat -c '%u %g %a' " + said["VOLUME"])[1].strip(), "%s %s 700" % (user, group), "the volume is the user's")
        as_user = "cd / && exec env %s setpriv --reuid %s --regid %s --clear-groups --no-new-privs --bounding-set=-all " % (said["ENV"], user, group)
        entry, command, health = words(said["ENTRYPOINT"]), words(said["CMD"]), words(said["HEALTHCHECK"])
        check(entry == ["comity"] and health == ["comity", "status"], "it is the program that runs and is asked", said)
        port = free_port()
        code, out = machine.shell(as_user + "comity init --agency cert.example --no-passphrase --listen tcp://127.0.0.1:%d" % port)
        check(code == 0, "a node is made in the volume", out)
        check_equal(machine.shell(as_user + " ".join(health))[0], NOT_RUNNING, "before it runs it is not healthy")
        machine.shell("(%s %s) >/tmp/log 2>&1 & echo $! >/tmp/pid" % (as_user, " ".join(entry + command)))
        must(lambda: machine.shell(as_user + " ".join(health))[0] == 0, 30, "it runs and is healthy", lambda: machine.shell("cat /tmp/log")[1])
        machine.shell("kill -%s $(cat /tmp/pid)" % said["STOPSIGNAL"].replace("SIG", ""))
        must(lambda: not machine.running("comity"), 30, "it ends when it is told to", lambda: machine.shell("cat /tmp/log")[1])


main()
