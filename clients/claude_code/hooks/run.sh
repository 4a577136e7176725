# Runs hook.py with the interpreter that `coord install` pinned, else with one where systems have it, and answers in its
# place where none works. It is no program: the lines of hooks.json read it into the shell that Claude Code starts
# anyway, with the event (and `edit`) as arguments and the folder of this file in `here`; it always ends that shell. The
# PATH and HOME are not asked: a repository's settings can set them. The policy is judged as in hook.py, but for the
# paths: unless every line of it is plainly "PATTERN warn", in ASCII, an edit is refused.
python=
policy=
if [ -r "$here/pinned" ]; then
    while IFS='=' read -r name value || [ -n "$name" ]; do
        case $name in
        interpreter) python=$value ;;
        policy) policy=$value ;;
        esac
    done <"$here/pinned"
fi
user=
if [ ! -x "$python" ] || [ -z "$policy" ]; then
    user=$(command -p id -un 2>/dev/null)
fi
case $user in
'' | *[!A-Za-z0-9._@+-]*) home= ;;
*) eval "home=~$user" ;;
esac
for one in "$python" /usr/bin/python3 /usr/local/bin/python3 /opt/homebrew/bin/python3 "$home/.local/bin/python3"; do
    [ -x "$one" ] && "$one" -I -S "$here/hook.py" "$@" 2>/dev/null && exit 0
done

case "$1 ${2-}" in
"PreToolUse edit") ;;
"SessionStart " | "UserPromptSubmit ")
    printf '{"hookSpecificOutput":{"hookEventName":"%s","additionalContext":"%s"},"systemMessage":"%s"}\n' "$1" \
        "coordination: NOT PROTECTED. There is no python3 here that works, so edits are not guarded." \
        "coordination: NOT PROTECTED. There is no python3 here that works. Type: coord install"
    exit 0
    ;;
*)
    printf '{}\n'
    exit 0
    ;;
esac

if [ -z "$policy" ]; then
    policy=$home/.config/coordination/policy
    [ -d "$home/Library/Application Support" ] && policy="$home/Library/Application Support/coordination/policy"
fi
above=${policy%/*}
if [ -e "$policy" ] || [ -h "$policy" ] || { [ -d "$above" ] && [ ! -x "$above" ]; }; then
    LC_ALL=C
    export LC_ALL
    # Ours alone, and no longer than hook.py reads it.
    plain=$(command -p find "$policy" -prune -type f -user "$(command -p id -u)" ! -perm -040 ! -perm -020 ! -perm -010 \
        ! -perm -004 ! -perm -002 ! -perm -001 -size -129 2>/dev/null)
    if [ -n "$plain" ]; then
        [ "$({ command -p tr -d '\011\012\015\040-\176' <"$policy"; } 2>&1 | command -p wc -c)" -eq 0 ] || plain=
        part='[.]?[A-Za-z0-9_*?][A-Za-z0-9_*?. -]*'
        command -p grep -Eqv "^[[:space:]]*(#.*)?\$|^[[:space:]]*(~?/)?$part(/+$part)*/?[[:space:]]+[Ww][Aa][Rr][Nn][[:space:]]*\$" \
            "$policy" 2>/dev/null
        [ $? -eq 1 ] || plain=
    fi
    if [ -z "$plain" ]; then
        printf '{"hookSpecificOutput":{"hookEventName":"PreToolUse","permissionDecision":"deny",'
        printf '"permissionDecisionReason":"%s"},"systemMessage":"%s"}\n' \
            "coordination: refused. There is no python3 here that works, so nobody knows whether another agent is editing this file, and the policy of this person is to refuse edits then. Ask the person to type: coord install" \
            "coordination: an edit was refused, because there is no python3 here that works. Type: coord install"
        exit 0
    fi
fi
printf '{"hookSpecificOutput":{"hookEventName":"PreToolUse","additionalContext":"%s"},"systemMessage":"%s"}\n' \
    "coordination: NOT PROTECTED. There is no python3 here that works, so nobody knows whether another agent is editing this file at this moment. Read the file again after your edit, and tell the person." \
    "coordination: NOT PROTECTED. There is no python3 here that works; this edit was let pass unguarded. Type: coord install"
exit 0
