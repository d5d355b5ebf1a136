#compdef comity
# Completion of comity(1) for zsh: the program itself tells what may stand next.
_comity() {
    local line word paths=
    local -a found
    while IFS= read -r line; do
        case $line in
            :file) paths=file ;;
            :folder) paths=folder ;;
            *)
                word=${line%%$'\t'*}
                [[ $line == *$'\t'* ]] && found+=("${word//:/\\:}:${line#*$'\t'}") || found+=("${word//:/\\:}")
                ;;
        esac
    done < <(${(Q)words[1]} --complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)
    (( ${#found} )) && _describe -t values comity found
    [[ $paths == file ]] && _files
    [[ $paths == folder ]] && _files -/
    return 0
}
_comity "$@"
