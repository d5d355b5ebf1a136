#!/bin/sh
# The commands that work without a running node: init, card, trust, check-config, help. TAP lines; exit 1 when one check failed.
# COMITY is the binary (default build/comity).
comity=${COMITY:-build/comity}
place=$(mktemp -d) || exit 2
trap 'rm -rf "$place"' EXIT
number=0
bad=0

# check TEXT EXIT-CODE WORD COMMAND...: runs it; its code and a word of what it says (empty: any) must be as told.
check() {
    text=$1 code=$2 word=$3
    shift 3
    number=$((number + 1))
    said=$("$@" 2>&1 </dev/null)
    got=$?
    if [ "$got" = "$code" ] && case $said in *"$word"*) true ;; *) false ;; esac then
        echo "ok $number - $text"
    else
        bad=1
        echo "not ok $number - $text"
        printf '%s\n' "exit $got, wanted $code and '$word'" "$said" | sed 's/^/# /'
    fi
}

a=$place/a b=$place/b
check "no command is a usage error" 2 "Commands:" "$comity"
check "help lists the commands" 0 "publish" "$comity" help
check "help of a command tells its options" 0 "--tlp LABEL" "$comity" help publish
check "--help after a command too" 0 "--follow" "$comity" feed --help
check "version" 0 "comity " "$comity" version
check "version as JSON" 0 '{"version":"' "$comity" version --json
check "a backup needs a path" 2 "PATH" "$comity" backup
check "a restore needs a backup" 1 "no whole backup" "$comity" restore "$place/nothing" --dir "$a"

check "init needs a name" 2 "--agency" "$comity" init --dir "$a" --no-passphrase
check "init refuses a bad endpoint" 2 "tcp://" "$comity" init --dir "$a" --agency "CERT A" --listen 127.0.0.1:1 --no-passphrase
check "init refuses a wildcard that nobody can dial" 2 "--advertise" "$comity" init --dir "$a" --agency A --listen tcp://0.0.0.0:1 --no-passphrase
check "init without terminal and passphrase" 3 "--passphrase-file" "$comity" init --dir "$a" --agency "CERT A"
check "init; options may follow" 0 "Fingerprint" "$comity" init --agency "CERT A" --listen tcp://127.0.0.1:7400 --no-passphrase --dir "$a"
check "init does not overwrite a node" 3 "already holds a node" "$comity" init --dir "$a" --agency "CERT A" --no-passphrase
mkdir "$b" "$place/other" && echo x >"$place/other/file"
check "init accepts an empty directory" 0 '"fingerprint":"' "$comity" init --dir "$b" --agency "CERT B" --no-passphrase --json
check "init refuses a directory with other files" 3 "not empty" "$comity" init --dir "$place/other" --agency C --no-passphrase
rm "$b/comity.yaml" && cp -r "$b" "$place/cut"
check "init tells an unfinished one" 3 "cut short" "$comity" init --dir "$place/cut" --agency C --no-passphrase
rm -rf "$b"
check "COMITY_DIR names the directory" 0 "$b now holds" env COMITY_DIR="$b" "$comity" init --agency "CERT B" --no-passphrase
check "the keys are for their user only" 0 "" sh -c "[ \"\$(stat -c %a '$a' '$a/node.key' '$a/ops.key' '$a/root.key' | tr '\n' ' ')\" = '700 600 600 600 ' ]"

check "check-config of what init wrote" 0 "is good" "$comity" check-config --dir "$a"
echo 'lisen: ""' >>"$a/comity.yaml"
check "check-config tells line and column" 3 "comity.yaml:$(wc -l <"$a/comity.yaml"):1: lisen:" "$comity" check-config --dir "$a"
sed -i '$d' "$a/comity.yaml"

"$comity" card --dir "$a" >"$place/a.card"
"$comity" card --dir "$b" >"$place/b.card"
fingerprint=$("$comity" card show "$place/b.card" | sed -n 's/^Fingerprint *//p')
check "card show" 0 "usable today" "$comity" card show "$place/a.card"
check "card show of no card" 3 "no good card" "$comity" card show "$a/comity.yaml"
check "card show of no file" 1 "not found" "$comity" card show "$place/none"
check "card without a node" 3 "comity init" "$comity" card --dir "$place/none"

check "trust add needs a comparison" 2 "--fingerprint" "$comity" trust add "$place/b.card" --as B --dir "$a"
check "trust add refuses another fingerprint" 3 "differs" "$comity" trust add "$place/b.card" --as B --dir "$a" --fingerprint AAAA-BBBB
check "trust add refuses a bad name" 2 "letters" "$comity" trust add "$place/b.card" --as a/b --yes --dir "$a"
check "trust add refuses our own card" 3 "own agency" "$comity" trust add "$place/a.card" --as me --yes --dir "$a"
check "trust add" 0 "B is pinned" "$comity" trust add "$place/b.card" --as B --dir "$a" --fingerprint "$(echo "$fingerprint" | tr 'A-Z-' 'a-z ')"
check "the same again" 0 "unchanged" "$comity" trust add "$place/b.card" --as B --dir "$a"
check "a second name for it" 3 "as B" "$comity" trust add "$place/b.card" --as C --yes --dir "$a"
"$comity" init --dir "$place/c" --agency "CERT C" --no-passphrase >/dev/null
"$comity" card --dir "$place/c" >"$place/c.card"
check "another agency under this name" 3 "CHANGED FINGERPRINT" "$comity" trust add "$place/c.card" --as B --yes --dir "$a"
sed '3s/./=/20' "$place/c.card" >"$place/bad.card"
check "an altered card" 3 "no good card" "$comity" trust add "$place/bad.card" --as X --yes --dir "$a"
check "trust list" 0 "$fingerprint" "$comity" trust list --dir "$a"
check "trust list as JSON" 0 "\"fingerprint\":\"$fingerprint\"" "$comity" trust list --json --dir "$a"
check "trust remove of nobody" 1 "pinned are: B" "$comity" trust remove nobody --dir "$a"
check "trust remove" 0 "no longer pinned" "$comity" trust remove B --dir "$a"
check "trust list of none" 0 "No agency" "$comity" trust list --dir "$a"

check "trust update of who is not pinned" 1 "not pinned" "$comity" trust update "$place/b.card" --dir "$a"

check "node list" 0 "this node" "$comity" node list --dir "$a"
check "node list as JSON" 0 '"state":"valid"' "$comity" node list --json --dir "$a"
check "node of an unknown verb" 2 "list, add, renew or revoke" "$comity" node stop --dir "$a"
check "node renew while it stands still" 0 "when it starts" "$comity" node renew --dir "$a"
check "node renew as JSON" 0 '"change":"renewed"' "$comity" node renew --json --dir "$a"
check "node revoke needs a node" 2 "NODE is missing" "$comity" node revoke --dir "$a"
check "node revoke of nobody" 1 "comity node list" "$comity" node revoke 00112233 --dir "$a"
check "node renew with another agency's key" 3 "may not sign" "$comity" node renew --key "$place/b/ops.key" --dir "$a"
check "node add needs an agency" 2 "--from DIR" "$comity" node add --dir "$place/a2" --no-passphrase
check "node add" 0 "is added" "$comity" node add --dir "$place/a2" --from "$a" --listen tcp://127.0.0.1:7401 --no-passphrase
check "node add does not overwrite a node" 3 "already holds a node" "$comity" node add --dir "$place/a2" --from "$a" --no-passphrase
check "it knows its sister" 0 "127.0.0.1:7400" "$comity" node list --dir "$place/a2"
check "and the sister knows it" 0 "127.0.0.1:7401" "$comity" node list --dir "$a"
check "root show" 0 "Generation 0" "$comity" root show --dir "$a"
check "root rotate while it stands still" 0 "generation 1" "$comity" root rotate --dir "$a"
check "root sign of no request" 3 "no good request" "$comity" root sign "$place/b.card" --dir "$a"
check "a chain that the sister does not know yet" 3 "trust update" "$comity" node revoke self --after 0 --dir "$place/a2" --key "$a/root.key"
check "comes to it with a card" 0 "is updated" sh -c "'$comity' card --dir '$a' >'$place/a.card' && '$comity' trust update '$place/a.card' --dir '$place/a2'"
check "node revoke of all that it wrote" 0 "is revoked" "$comity" node revoke self --after 0 --dir "$place/a2" --key "$a/root.key"
check "a revoked node is not renewed" 3 "never comes back" "$comity" node renew --dir "$place/a2" --key "$a/root.key"
check "trust update from a sister's card" 0 "is updated" sh -c "'$comity' card --dir '$place/a2' >'$place/a2.card' && '$comity' trust update '$place/a2.card' --dir '$a'"
check "the sister knows the revocation now" 0 "revoked" "$comity" node list --dir "$a"

check "publish without a node" 4 "comity run" "$comity" publish "$place/a.card" --tlp green --to-all --dir "$a"
check "publish to nobody" 2 "--to" "$comity" publish "$place/a.card" --tlp green --dir "$a"
check "publish with an unknown label" 2 "TLP:AMBER+STRICT" "$comity" publish "$place/a.card" --tlp pink --to-all --dir "$a"
check "publish of no file" 1 "none" "$comity" publish "$place/none" --tlp green --to-all --dir "$a"
check "status without a node" 4 '"publishing":false' "$comity" status --json --dir "$a"
check "search without a node" 4 "comity run" "$comity" search example.org --dir "$a"
check "feed with a bad cursor" 2 "cursor" "$comity" feed --after x --dir "$a"

echo "right horse" >"$place/right" && echo "wrong horse" >"$place/wrong" && mkdir "$place/credentials" && cp "$place/right" "$place/credentials/passphrase"
check "init with a passphrase file" 0 "sealed under" "$comity" init --dir "$place/p" --agency P --passphrase-file "$place/right"
check "a wrong passphrase" 3 "wrong passphrase" "$comity" run --dir "$place/p" --passphrase-file "$place/wrong"
check "no passphrase" 3 "--passphrase-file" "$comity" run --dir "$place/p"
check "node renew asks for it" 3 "wrong passphrase" "$comity" node renew --dir "$place/p" --passphrase-file "$place/wrong"
check "node renew with it" 0 "is renewed" "$comity" node renew --dir "$place/p" --passphrase-file "$place/right"
check "node add for this directory under the same passphrase" 0 "is added" "$comity" node add --dir "$place/p" --passphrase-file "$place/right"
check "rebuild asks for it too" 3 "wrong passphrase" "$comity" rebuild --dir "$place/p" --passphrase-file "$place/wrong"
check "init with a systemd credential" 0 "sealed under" env CREDENTIALS_DIRECTORY="$place/credentials" "$comity" init --dir "$place/q" --agency Q
: >"$place/empty"
check "an empty passphrase file" 3 "empty" "$comity" init --dir "$place/r" --agency R --passphrase-file "$place/empty"
echo "1..$number"
exit $bad
