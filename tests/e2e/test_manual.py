#!/usr/bin/python3
"""Manual pages and completion tell what the program does: all of it, and nothing else."""
import os
import re
import shutil
import subprocess

from lib import BUILD, COMITY, ROOT, check, check_equal, comity, main, note, skip, story

MAN = os.path.join(BUILD, "man")
COMPLETION = os.path.join(ROOT, "deploy", "completion")


def commands():
    said = comity("help").text
    return [line.split()[0] for line in said.split("Commands:\n")[1].split("\n\n")[0].splitlines() if line.split()[0] != "help"]


def options(command):
    """Its options as its help has them: {"--to": "NAME", "--json": ""}."""
    said = comity("help", command).text.split("\nOptions:\n")[1]
    return {words[0]: " ".join(words[1:]) for words in re.findall(r"^  (--[a-z-]+)(?: (\S+))?", said, re.MULTILINE)}


def page(name):
    with open(os.path.join(MAN, name), encoding="utf-8") as file:
        return file.read()


def shown(name):
    """A page as a reader sees it, in one line."""
    done = subprocess.run(["mandoc", "-T", "utf8", "-O", "width=1000", os.path.join(MAN, name)], stdout=subprocess.PIPE, text=True, check=True)
    return re.sub(r"\s+", " ", re.sub(r".\x08", "", done.stdout)).replace("- ", "-")


@story
def pages(place):
    """A page for every command, with each of its options and its words of help; no page without a command."""
    del place
    check_equal(sorted(name for name in os.listdir(MAN) if re.match(r"comity-.*\.1$", name)), sorted("comity-%s.1" % name for name in commands()),
                "each command has a page, and each page a command")
    index = page("comity.1")
    check_equal(re.findall(r"^\.It Xr comity-(\S+) 1$", index, re.MULTILINE), commands(), "comity(1) lists them all, in the order of the help")
    for command in commands():
        said, text = options(command), page("comity-%s.1" % command)
        told = re.findall(r'^\.It Fl \\-(\S+)(?: Ar "(.*)")?$', text, re.MULTILINE)
        check_equal({"--" + name.replace("\\-", "-"): value.replace("\\-", "-") for name, value in told}, said, "%s: the options of its help" % command)
        used = set(re.findall(r"\\fB(\\-\\-[a-z\\-]+)\\fR", text.split(".Sh DESCRIPTION")[0]))
        check(used <= {name.replace("-", "\\-") for name in said}, "%s: its synopsis uses no other" % command, used)


@story
def words(place):
    """What a page says can be read, and is what the help says."""
    del place
    if not shutil.which("mandoc"):
        skip("mandoc is not installed")
    lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning"] + [os.path.join(MAN, name) for name in sorted(os.listdir(MAN)) if name != "made"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    check_equal((lint.returncode, lint.stdout), (0, ""), "mandoc finds nothing to warn of")
    for command in commands():
        said = comity("help", command).text
        plain = lambda text: re.sub(r"\s+", " ", text.replace("`", "")).strip().replace("- ", "-")
        text = shown("comity-%s.1" % command)
        for paragraph in said.split("\nOptions:\n")[0].split("\n\n")[2:]:
            check(plain(paragraph) in text, "%s: the page has the words of its help" % command, plain(paragraph), text)
    pages_there = {tuple(name.rsplit(".", 1)) for name in os.listdir(MAN) if name != "made"}
    for name in sorted(os.listdir(MAN)):
        if name != "made":
            named = set(re.findall(r"^\.Xr (\S+) (\d)", page(name), re.MULTILINE)) - {("systemd-creds", "1")}
            check(named <= pages_there, "%s names pages that there are" % name, named - pages_there)


@story
def files(place):
    """The pages made of other files tell all that these do."""
    del place
    if not shutil.which("mandoc"):
        skip("mandoc is not installed")
    with open(os.path.join(ROOT, "deploy/comity.yaml.example"), encoding="utf-8") as file:
        example = file.read()
    text = shown("comity.yaml.5")
    settings = re.findall(r"^([a-z_.]+: ?.*)$", example, re.MULTILINE)
    check(len(settings) > 5, "the example has settings")
    for setting in settings:
        check(setting.strip() in text, "comity.yaml(5) tells of %s" % setting.split(":")[0], text)
    for name, source in (("comity-policy.5", "deploy/policies/POLICY.md"), ("comity-agreement.5", "deploy/policies/AGREEMENTS.md"),
                         ("comity-ledger.5", "deploy/audit/LEDGER.md"), ("comity-backup.8", "deploy/BACKUP.md"), ("comity-filter.7", "node/formats/FILTER.md"),
                         ("comity-operations.8", "deploy/OPERATIONS.md")):
        with open(os.path.join(ROOT, source), encoding="utf-8") as file:
            manual = file.read()
        text = shown(name)
        terms = {term for term in re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", manual, flags=re.DOTALL)) if "|" not in term}
        check(len(terms) > 10, "%s has terms" % source)
        missing = [term for term in sorted(terms) if re.sub(r"\s+", " ", term).replace("- ", "-") not in text]
        check_equal(missing, [], "%s tells of all that %s has" % (name, source))
        check("```" not in text and "**" not in text and "| |" not in text, "%s: no mark of the source is left in it" % name)


# --- completion ---

def complete(*line):
    """What may stand in the place of the last word: {word: what it is}."""
    done = subprocess.run([COMITY, "--complete"] + list(line), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    check_equal((done.returncode, done.stderr), (0, ""), "completing '%s' is quiet" % " ".join(line))
    return dict((text.split("\t") + [""])[:2] for text in done.stdout.splitlines())


@story
def completed(place):
    """Commands, verbs, options, values, paths and names, each where it may stand."""
    check_equal(sorted(complete("")), sorted(commands() + ["help"]), "first a command")
    for command in commands():
        check(set(complete(command, "-")) == set(options(command)), "%s: its options" % command, complete(command, "-"), options(command))
    first, second = place.node("agency.a", relayed=False), place.node("agency.b", relayed=False)
    first.trust(second)
    first("token", "add", "soc")
    first.start()
    check_equal(first("group", "create", "nightfall").code, 0, "a group is there")
    at = ["--dir", first.dir]
    table = [
        (["trust", ""], ["add", "card", "list", "remove", "update"]),
        (["trust", "add", ""], [":file"]),
        (["trust"] + at + ["remove", ""], ["agency.b"]),
        (["trust", "list", "--j"], ["--json"]),
        (["group", "create", "x", "--history", ""], ["all", "none"]),
        (["group"] + at + ["close", ""], ["nightfall"]),
        (["group"] + at + ["add", "nightfall", ""], ["agency.b"]),
        (["group", "create", ""], ["--admins", "--dir", "--ends", "--help", "--hidden", "--history", "--json", "--purpose", "--starts", "--threshold", "--tlp-max"]),
        (["token"] + at + ["remove", ""], ["soc"]),
        (["token", "add", "x", "--collections", "all,am"], ["all,amber", "all,amber-strict"]),
        (["publish", "f"] + at + ["--to", ""], ["agency.b", "group:nightfall"]),
        (["publish", "f"] + at + ["--to", "group:nightfall - a"], ["group:nightfall - agency.b"]),
        (["publish", "f", "--tlp", "r"], ["red"]),
        (["publish", "f", "--tlp=amber+"], ["--tlp=amber+strict"]),
        (["why"] + at + ["x", "a"], ["agency.b"]),
        (["why", "x", "export-"], ["export-blocking", "export-list", "export-stix"]),
        (["verify"] + at + ["--with", ""], ["agency.b"]),
        (["node", "add", "--from", ""], [":folder"]),
        (["node", "revoke", "--a"], ["--after"]),
        (["node", "revoke", "s"], ["self"]),
        (["root", "rotate", "one", "two", ""], [":file"]),
        (["help", "pub"], ["publish"]),
        (["nonesuch", ""], []),
    ]
    for line, wanted in table:
        check_equal(sorted(complete(*line)), wanted, "completing '%s'" % " ".join(word for word in line if word not in at))


@story
def values(place):
    """Every value that is offered is one that the command takes."""
    node = place.node("agency.a", relayed=False)
    file = place.path("list.txt")
    with open(file, "w", encoding="ascii") as out:
        out.write("198.51.100.7\n")
    # A value that no option takes ends with 2; without a running node the others end later, with 4.
    lines = [["publish", file, "--to-all", "--tlp"], ["publish", file, "--to-all", "--tlp", "red", "--pap"], ["publish", file, "--to-all", "--tlp", "red", "--format"],
             ["publish", file, "--to-all", "--tlp", "red", "--handling"], ["export", "list", "--kind"], ["export", "list", "--tlp-max"], ["feed", "--tlp-max"],
             ["request", "send", "--to", "b", "--kind"], ["request", "send", "--to", "b", "--kind", "sample", "--urgency"], ["export", "--out", place.path("out")],
             ["alert", "send", "--to-all", "--tlp", "red", "--text", "x", "--kind"], ["group", "create", "x", "--tlp-max"], ["group", "create", "x", "--history"],
             ["permission", "grant", "x", "--to", "b", "--codes"]]
    for line in lines:
        offered = complete(*line, "")
        check(len(offered) > 1, "values are offered for '%s'" % " ".join(line[:2] + line[-1:]))
        for value in offered:
            done = comity(*line, value, "--dir", node.dir)
            check_equal(done.code, 4, "%s %s: understood" % (" ".join(line[:1] + line[-1:]), value), done)
        check_equal(comity(*line, "nonesuch", "--dir", node.dir).code, 2, "%s: another is not" % " ".join(line[:1] + line[-1:]))
    for kind in complete("ledger", "show", "--kind", ""):
        check(node("ledger", "show", "--kind", kind).code != 2, "ledger --kind %s: understood" % kind)
    for option in ("--max-label", "--collections"):
        for value in complete("token", "add", "x", option, ""):
            check_equal(node("token", "add", option.strip("-") + value.replace("+", "."), option, value).code, 0, "token %s %s: understood" % (option, value))


@story
def shells(place):
    """The scripts of the shells hand the words over, and give back what a shell wants."""
    script = """
PATH=%s:$PATH
. %s/comity.bash
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
_comity
((${#COMPREPLY[@]} == 0)) || printf '%%s\\n' "${COMPREPLY[@]}"
""" % (BUILD, COMPLETION)

    def bash(*line):
        done = subprocess.run(["bash", "-c", script, "bash"] + list(line), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=place.dir,
                              check=False)
        return done.stdout.splitlines()
    with open(place.path("bundle one.json"), "w", encoding="ascii"):
        pass
    os.mkdir(place.path("bundles"))
    check_equal(bash("comity", "stat"), ["status"], "bash: a command")
    check_equal(bash("comity", "publish", "bun"), ["bundle one.json", "bundles"], "bash: a file, also with a blank in its name")
    check_equal(bash("comity", "init", "--dir", "bun"), ["bundles"], "bash: a folder")
    # As bash parts them.
    check_equal(bash("comity", "publish", "x", "--tlp", "=", "am"), ["amber", "amber+strict"], "bash: a value behind =")
    check_equal(bash("comity", "publish", "x", "--tlp", "="), ["clear", "green", "amber", "amber+strict", "red"], "bash: all values behind =")
    check_equal(bash("comity", "help", "nonesuch"), [], "bash: nothing where nothing fits")
    node = place.node("agency.a", relayed=False)
    node.start()
    node("group", "create", "nightfall")
    check_equal(bash("comity", "publish", "--dir", node.dir, "x", "--to", "group", ":", "n"), ["nightfall"], "bash: what follows a colon, which bash parts at")
    for shell in ("zsh", "fish"):
        if not shutil.which(shell):
            note("skipped: %s is not installed" % shell)
            continue
        done = subprocess.run([shell, "-n", os.path.join(COMPLETION, "comity." + shell)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
        check_equal((done.returncode, done.stdout), (0, ""), "%s reads its script" % shell)
    if shutil.which("zsh"):
        stubs = "_describe() { print -l -- ${(P)4}; }; _files() { print FILES $*; }; words=(\"$@\"); CURRENT=$#; . %s/comity.zsh" % COMPLETION

        def zsh(*line):
            done = subprocess.run(["zsh", "-f", "-c", "PATH=%s:$PATH; %s" % (BUILD, stubs), "zsh"] + list(line), stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, check=False)
            return done.stdout.splitlines()
        check_equal(zsh("comity", "trust", ""), ["add", "update", "list", "card", "remove"], "zsh: verbs")
        check_equal(zsh("comity", "why", "x", "export-l"), ["export-list:exit"], "zsh: a value and what it is")
        check_equal(zsh("comity", "publish", ""), ["FILES"], "zsh: a file")
        check_equal(zsh("comity", "init", "--dir", ""), ["FILES -/"], "zsh: a folder")
    if shutil.which("fish"):
        done = subprocess.run(["fish", "--no-config", "-c", "set PATH %s $PATH; source %s/comity.fish; complete -C 'comity trust '" % (BUILD, COMPLETION)],
                              stdout=subprocess.PIPE, text=True, check=False, env=dict(os.environ, HOME=place.dir))
        check_equal(sorted(done.stdout.split()), ["add", "card", "list", "remove", "update"], "fish: verbs")


main()
