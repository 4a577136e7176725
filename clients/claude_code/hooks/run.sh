# Runs hook.py with the interpreter that `coord install` pinned, else with python3, and answers in its place where there
# is none. It is no program: the lines of hooks.json read it into the shell that Claude Code starts anyway, with the event
# (and `edit`) as arguments and the folder of this file in `here`; it always ends that shell. The policy is judged as in
# hook.py, but for the paths: as soon as any line of it is not "PATTERN warn", or it cannot be read, an edit is refused.
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
[ -x "$python" ] || python=python3
"$python" -I -S "$here/hook.py" "$@" 2>/dev/null && exit 0

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
    user=$(command -p id -un 2>/dev/null)
    case $user in
    '' | *[!A-Za-z0-9._-]*) home=$HOME ;;
    *) eval "home=~$user" ;;
    esac
    policy=$home/.config/coordination/policy
    [ -d "$home/Library/Application Support" ] && policy="$home/Library/Application Support/coordination/policy"
fi
if [ -e "$policy" ]; then
    command -p grep -Eqv '^[[:space:]]*(#.*)?$|[[:space:]]warn[[:space:]]*$' "$policy" 2>/dev/null
    if [ $? -ne 1 ]; then
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
