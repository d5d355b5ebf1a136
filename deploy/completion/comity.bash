# Completion of comity(1) for bash: the program itself tells what may stand next.
_comity() {
    local words=() word i colon= line
    # bash parts words at "=" and ":", the program does not. Behind "=" a value follows, as it would behind a blank.
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $word == "=" ]]; then
            ((i < COMP_CWORD)) || words+=("")
        elif [[ $word == ":" || -n $colon ]]; then
            words[${#words[@]} - 1]+=$word
        else
            words+=("$word")
        fi
        [[ $word == ":" ]] && colon=1 || colon=
    done
    # A quoted word is completed as it is meant.
    for i in "${!words[@]}"; do words[i]=${words[i]#[\"\']}; done
    local typed=${words[${#words[@]} - 1]} before=
    [[ $typed == *:* ]] && before=${typed%"${typed##*:}"}
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            :file | :folder)
                [[ $line == :file ]] && i=-f || i=-d
                compopt -o filenames 2>/dev/null
                while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen "$i" -- "$typed")
                ;;
            *)
                word=${line%%$'\t'*}
                COMPREPLY+=("${word#"$before"}")
                # A list may go on.
                [[ $word == *,* ]] && compopt -o nospace 2>/dev/null
                ;;
        esac
    done < <("${COMP_WORDS[0]/#\~/$HOME}" --complete "${words[@]}" 2>/dev/null)
}
complete -F _comity comity
