"""What Claude Code runs at each of its events: it asks the daemon of this user what to say, and prints that.

    python3 -I -S hook.py EVENT [edit]     an event; its JSON on standard input, the answer on standard output
    python3 -I -S hook.py headers          the headers of the plugin's MCP connection, as JSON

It decides nothing: the bytes go to the daemon as they came (docs/reference/plugin.md has the frames), which parses
them and renders the answer. Whatever happens - no daemon, a foreign one, a slow one, half an answer, a signal - it
prints one JSON object, ends with 0, and takes less than two seconds: for a hook that fails counts as one that agrees.

When the daemon cannot answer, this program answers in its place, and never as if all were well. What happens to edits
then is the person's word, in a file of theirs (lines `PATTERN warn` or `PATTERN block`, the last that fits counts):
`warn` lets the edit pass and says so to model and person, `block` refuses it. No file means `warn`. What cannot be
understood never makes it weaker than what was written: a file that cannot be read, that others own or may read, or
with a line that cannot be read counts as `block` for everything, and an edit of which the path is unknown is blocked
as soon as any line blocks.

Where socket and policy are comes from the file `pinned` beside this one, which `coord install` writes, else from the
password database: never from the environment or the folder, which a repository can set. For speed it imports what is
built in, and `json` only where there is something to say; so it runs on any Python from 3.9 without `site`.
"""

import sys

try:
    # The modules below os, signal and socket; each of those would take longer than all the rest.
    import _signal as signal
    import _socket as socket
    import posix as os
except ImportError:
    import os
    import signal
    import socket

ASK_SECONDS = 1.4
FALL_BACK_SECONDS = 0.3
PRINT_SECONDS = 0.15
HEADERS_SECONDS = 8.0
"""Claude Code ends a headers helper after 10 s."""
AGAIN_SECONDS = 0.1
REQUEST_MAX = 8 << 20
INPUT_MAX = 64 << 20
REPLY_MAX = 1 << 20
FILE_MAX = 64 << 10
LONG = 64 << 10
"""Characters of a string that are kept when a request is too long: nothing that counts is as long."""
PATH_MAX = 100
"""Bytes of a socket's path; a longer one lies in a short private folder."""
DELIVERED = b"\x06"
OTHERS = 0o077
KIND = 0o170000
FOLDER = 0o040000
REGULAR = 0o100000
TOLD = (
    "CLAUDE_PID",
    "CLAUDE_PROJECT_DIR",
    "CLAUDE_CODE_MESSAGING_SOCKET",
    "CLAUDE_CODE_MESSAGING_TOKEN",
    "CLAUDE_PLUGIN_ROOT",
    "COORD_AGENT",
    "COORD_SESSION",
)

NOTHING = "{}"
DENY = (
    '{"hookSpecificOutput":{"hookEventName":"PreToolUse","permissionDecision":"deny",'
    '"permissionDecisionReason":"coordination: refused. The coordination daemon does not answer, so nobody knows '
    "whether another agent is editing this file, and the policy of this person is to refuse edits then%s. Nothing is "
    "wrong with your edit. Ask the person to type: coord daemon start. Then try again; do not edit the file another "
    'way."},"systemMessage":"coordination: an edit was refused, because the daemon does not answer%s. Start it: coord '
    'daemon start"}'
)
WARN = (
    '{"hookSpecificOutput":{"hookEventName":"PreToolUse","additionalContext":"coordination: NOT PROTECTED. The '
    "coordination daemon does not answer, so nobody knows whether another agent is editing this file at this moment. "
    "Read the file again after your edit, and tell the person that edits are not protected (coord daemon start "
    'starts it)."},"systemMessage":"coordination: NOT PROTECTED. The daemon does not answer; this edit was let pass '
    'unguarded. Start it: coord daemon start"}'
)
SAID = (
    '{"hookSpecificOutput":{"hookEventName":"%s","additionalContext":"coordination: %s"},'
    '"systemMessage":"coordination: %s"}'
)
STARTING = "starting, unprotected. The daemon was not running and is being started"
MISSING = (
    "NOT PROTECTED. The program coord is not installed, so nothing keeps agents from overwriting each other's work. "
    "The one command that installs it, typed in the folder of coordination: make install"
)
REMOVED = (
    "NOT PROTECTED. The plugin of coordination was removed while this terminal runs. Start the terminal again, and it "
    "is gone from here too"
)
SILENT = "NOT PROTECTED. The daemon does not answer. Start it again: coord daemon stop; coord daemon start"
UNTIL = (
    " Until it answers, nothing keeps you and other agents from editing one file at once, and locks say nothing: "
    "every edit will tell you whether it was protected."
)


IN_REMOVED = (
    (
        "The coordination daemon does not answer",
        "The plugin of coordination was removed while this terminal runs",
    ),
    ("because the daemon does not answer", "because the plugin was removed"),
    ("The daemon does not answer", "The plugin was removed"),
    (
        "Ask the person to type: coord daemon start. Then try again",
        "Ask the person to start this terminal again",
    ),
    ("Start it: coord daemon start", "Start this terminal again"),
    ("(coord daemon start starts it)", "until this terminal is started again"),
)
"""What is said of an edit then, and in place of which words."""


class Late(Exception):
    """The time is over, or somebody ended us."""


class Gone(Exception):
    """Nobody listens at the socket."""


class Call:
    """One run: what it was called for, what it read and found on its way."""

    def __init__(self, event, edits):
        self.event = event
        self.edits = edits
        self.given = b""
        self.found = False
        self.pinned = {}
        self.home = None
        self.connection = None
        self.gone = False
        self.printing = False
        self.may_end = False


def interrupt(call):
    """Return what a signal does: end the waiting; while the answer is printed, end everything."""

    def act(number, _frame):
        if not call.printing:
            raise Late
        if number == signal.SIGALRM and call.may_end:
            os._exit(0)

    return act


def ask(call):
    """Ask the daemon; its answer as bytes.

    Raises:
        Late, Gone, OSError, ValueError, KeyError: there is none that can be trusted.
    """
    find(call)
    if call.event != "headers":
        call.given = read_input()
    request = framed(call)
    call.connection = connect(socket_path(call))
    call.connection.sendall(len(request).to_bytes(4, "big") + request)
    length = int.from_bytes(receive(call.connection, 4), "big")
    if length > REPLY_MAX:
        raise ValueError(length)
    reply = receive(call.connection, length)
    if reply != b"{}":
        check(reply.decode("utf-8"), call.event)
    return reply


def read_input():
    """Standard input to its end."""
    parts = []
    size = 0
    while True:
        part = os.read(0, 1 << 20)
        if not part:
            return b"".join(parts)
        parts.append(part)
        size += len(part)
        if size > INPUT_MAX:
            raise ValueError(size)


def find(call):
    """Read `pinned`."""
    try:
        content = contents(__file__.rpartition("/")[0] + "/pinned").decode("utf-8")
    except FileNotFoundError:
        content = ""
    for line in content.splitlines():
        name, _, value = line.partition("=")
        call.pinned[name.strip()] = value.strip()
    call.found = True


def home(call):
    """The home folder by the password database, "" for who has none."""
    if call.home is None:
        import pwd

        try:
            call.home = pwd.getpwuid(os.geteuid()).pw_dir
        except KeyError:
            # A user without a name has no place of their own, and can have written no policy.
            call.home = ""
    return call.home


def contents(path):
    """What a small file holds; ValueError where it is not small, for half of it may say the contrary."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        content = os.read(descriptor, FILE_MAX + 1)
    finally:
        os.close(descriptor)
    if len(content) > FILE_MAX:
        raise ValueError(path)
    return content


def socket_path(call):
    """Where the daemon listens; the same as `coordination.daemon.hook_socket.socket_path` says."""
    if "socket" in call.pinned:
        return call.pinned["socket"]
    if not home(call):
        raise Gone
    below = "/Library/Application Support" if sys.platform == "darwin" else "/.local/share"
    path = (home(call) + below + "/coordination/daemon/socket").encode("utf-8", "surrogateescape")
    if len(path) <= PATH_MAX:
        return path
    import hashlib

    mark = hashlib.sha256(path.rpartition(b"/")[0]).hexdigest()[:16]
    me = os.geteuid()
    top = "/run" if me == 0 and os.access("/run", os.W_OK | os.X_OK) else "/tmp"  # noqa: S108 - its owner is checked
    return "%s/coordination-%d-%s/socket" % (top, me, mark)


def connect(path):
    """A connection to a daemon of our own, in a folder of our own."""
    me = os.geteuid()
    try:
        folder = os.lstat(path.rpartition(b"/" if isinstance(path, bytes) else "/")[0])
        if folder.st_mode & (KIND | OTHERS) != FOLDER or folder.st_uid != me:
            raise ValueError("the folder of the socket is not ours alone")
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(path)
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        raise Gone from None
    if peer(connection) != me:
        raise ValueError("a daemon of somebody else")
    return connection


def peer(connection):
    """The user id of whoever listens."""
    if sys.platform == "darwin":
        # SOL_LOCAL, LOCAL_PEERCRED: struct xucred, of which the second number is the user.
        found = connection.getsockopt(0, 1, 76)
    else:
        found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int.from_bytes(found[4:8], sys.byteorder)


def framed(call):
    """The request: facts of this run, and then the input as it came."""
    environment = getattr(os, "environb", None) or os.environ
    facts = [
        (b"event", call.event.encode("utf-8", "surrogateescape")),
        (b"ppid", b"%d" % os.getppid()),
        (b"pid", b"%d" % os.getpid()),
        (
            b"host_python",
            ("%d.%d.%d " % sys.version_info[:3] + sys.executable).encode("utf-8", "surrogateescape"),
        ),
    ]
    for name in TOLD:
        value = environment.get(name.encode())
        if value is not None:
            facts.append((name.encode(), value))
    head = b"hook/1\0" + b"".join(name + b"=" + value + b"\0" for name, value in facts) + b"\0"
    given = call.given
    if len(head) + len(given) > REQUEST_MAX:
        import json

        given = json.dumps(shortened(json.loads(given))).encode()
        if len(head) + len(given) > REQUEST_MAX:
            raise ValueError(len(given))
    return head + given


def shortened(value):
    """A JSON value without the long texts: the daemon wants to know what is edited, not what is written there."""
    if isinstance(value, str):
        return value[:LONG]
    if isinstance(value, list):
        return [shortened(part) for part in value[:LONG]]
    if isinstance(value, dict):
        return {name: shortened(part) for name, part in value.items()}
    return value


def receive(connection, length):
    """Exactly so many bytes."""
    parts = []
    while length:
        part = connection.recv(min(length, 1 << 16))
        if not part:
            raise ValueError("half an answer")
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def check(reply, event):
    """Raise ValueError unless the answer is one JSON object, of headers one of texts."""
    import json

    def refuse(word):
        raise ValueError(word)

    found = json.loads(reply, parse_constant=refuse)
    if not isinstance(found, dict):
        raise ValueError("no object")
    if event == "headers" and not all(isinstance(value, str) for value in found.values()):
        raise ValueError("no headers")


def fall_back(call):
    """What to say in place of the daemon."""
    if call.edits:
        return of_edit(call)
    if call.event not in ("SessionStart", "UserPromptSubmit"):
        return NOTHING
    if not call.gone:
        said = SILENT
    elif removed(call):
        said = REMOVED
    elif start(call):
        said = STARTING
    else:
        said = MISSING
    if call.event == "SessionStart":
        return SAID % (call.event, said + "." + UNTIL, said + ".")
    return SAID % (call.event, said + ".", said + ".")


def of_edit(call):
    """What to say of an edit, in the words that are true here."""
    said = judge(call)
    for words, instead in IN_REMOVED if call.gone and removed(call) else ():
        said = said.replace(words, instead)
    return said


def judge(call):
    """Let an edit pass with a warning or refuse it, as the person's policy says."""
    if not call.found:
        find(call)
    path = call.pinned.get("policy")
    if not path and home(call):
        below = "/Library/Application Support" if sys.platform == "darwin" else "/.config"
        path = home(call) + below + "/coordination/policy"
    try:
        found = os.lstat(path or "")
    except (FileNotFoundError, NotADirectoryError):
        return WARN
    except OSError:
        return refusal(path, "cannot be read")
    try:
        content = contents(path)
        if found.st_mode & KIND != REGULAR:
            return refusal(path, "is no regular file")
        if content.strip() and (found.st_uid != os.geteuid() or found.st_mode & OTHERS):
            return refusal(path, "belongs or is open to others (chmod 600 mends that)")
        rules = read_rules(content, homes(call))
    except (OSError, ValueError):
        return refusal(path, "cannot be read, or has a line that cannot (coord policy names it)")
    return DENY % ("", "") if blocks(rules, call) else WARN


def refusal(path, why):
    """The refusal for a policy that cannot be understood, which names it."""
    import json

    said = json.dumps(" (%s %s, so every edit counts as blocked)" % (path, why))[1:-1]
    return DENY % (said, said)


def homes(call):
    """The home folder as the system names it, and with links followed."""
    from os.path import realpath

    return [home(call), realpath(home(call))] if home(call) else []


def read_rules(content, at_home):
    """Patterns with their words, in order; ValueError for a line that is no rule.

    Here and below it is what `coordination.domain.policy` does; both are tested with one table of cases.
    """
    rules = []
    for line in map(str.strip, content.decode("utf-8-sig").split("\n")):
        if line and not line.startswith("#"):
            pattern, word = line.rsplit(None, 1)
            if word.lower() not in ("warn", "block"):
                raise ValueError(line)
            rules.append((patterns(pattern, at_home), word.lower()))
    return rules


def patterns(pattern, at_home):
    """What a line matches, as rows of names from the root of the disk; `**` is any number of folders."""
    if (
        pattern.startswith("!")
        or "\\" in pattern
        or (pattern.startswith("~") and (not at_home or pattern[1:2] not in ("", "/")))
        or {".", ".."} & set(pattern.split("/"))
        or any(character < " " or character == "\x7f" for character in pattern)
    ):
        raise ValueError(pattern)
    stripped = pattern.rstrip("/")
    below = ["*", "**"] if stripped != pattern or stripped.endswith("/**") else ["**"]
    if pattern.startswith("~"):
        return [names(one) + names(pattern[1:]) + below for one in at_home]
    return [([] if pattern.startswith("/") else ["**"]) + names(pattern) + below]


def names(pattern):
    """The names in a pattern, folded; `**` at its end says nothing."""
    found = [name for name in fold(pattern).split("/") if name]
    while len(found) > 1 and found[-1] == "**":
        found.pop()
    return found


def fold(text):
    """A text without what does not count: letter case, and how letters are composed."""
    if text.isascii():
        return text.lower()
    from unicodedata import normalize

    return normalize("NFC", normalize("NFD", text).casefold())


def blocks(rules, call):
    """Whether these rules refuse an edit: as the path is written, or as it is on disk."""
    if not any(word == "block" for _, word in rules):
        return False
    import json

    try:
        given = json.loads(call.given)
        path = given["tool_input"]["notebook_path" if given["tool_name"] == "NotebookEdit" else "file_path"]
        if not isinstance(path, str) or not path.startswith("/"):
            return True
    except (ValueError, KeyError, TypeError):
        return True
    from os.path import normpath, realpath

    return any(judged(rules, spelled) == "block" for spelled in (normpath(path), realpath(path)))


def judged(rules, path):
    """What the last rule that matches says of a path; one that none matches is let pass."""
    found = [name for name in fold(path).split("/") if name]
    for rows, word in reversed(rules):
        if any(matches(row, found, "**", matches_name) for row in rows):
            return word
    return "warn"


def matches_name(pattern, name):
    """Whether one name answers to its pattern."""
    return matches(pattern, name, "*", lambda wanted, letter: wanted in ("?", letter))


def matches(pattern, found, star, one):
    """Whether a row answers to a pattern in which `star` is any number of items; only the last one ever takes more."""
    at = here = resume = 0
    last = -1
    while here < len(found):
        if at < len(pattern) and pattern[at] == star:
            last, resume = at, here
            at += 1
        elif at < len(pattern) and one(pattern[at], found[here]):
            at, here = at + 1, here + 1
        elif last >= 0:
            resume += 1
            at, here = last + 1, resume
        else:
            return False
    return all(item == star for item in pattern[at:])


def removed(call):
    """Whether `coord uninstall` removed what we are a part or a copy of; then no daemon is started any more."""
    try:
        return "installed" in call.pinned and not os.stat(call.pinned["installed"])
    except (FileNotFoundError, NotADirectoryError):
        return True


def start(call):
    """Start the daemon, apart from us; False when there is no program to start."""
    program = find_coord(call)
    if program is None:
        return False
    if os.fork() == 0:
        try:
            os.setsid()
            nowhere = os.open("/dev/null", os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(nowhere, descriptor)
            # Nothing of the folder's environment: it must be the same daemon whoever starts it.
            environment = {
                "PATH": "/usr/local/bin:/opt/homebrew/bin:/usr/bin:/bin:/usr/sbin",
                "LANG": "C.UTF-8",
            }
            if home(call):
                environment.update(PATH=home(call) + "/.local/bin:" + environment["PATH"], HOME=home(call))
            if "data_dir" in call.pinned:
                environment["COORDINATION_DATA_DIR"] = call.pinned["data_dir"]
            os.chdir("/")
            os.execve(program, [program, "daemon", "start"], environment)  # noqa: S606 - it is a path, not a line
        finally:
            os._exit(127)
    return True


def find_coord(call):
    """The program `coord`: pinned, or where it is usually put; never on the PATH, which a repository can set."""
    places = [call.pinned.get("coord", "")]
    for folder in (home(call) + "/.local", "/usr/local", "/opt/homebrew", "/usr"):
        places.append(folder + "/bin/coord")
    for place in places:
        if place.startswith("/") and os.access(place, os.X_OK):
            return place
    return None


def headers(call):
    """Ask for the headers, from a daemon that may only be on its way."""
    from select import select

    started = False
    while True:
        try:
            return ask(call)
        except Gone:
            if not started and (removed(call) or not start(call)):
                raise
            started = True
        select([], [], [], AGAIN_SECONDS)


def stop_at(seconds):
    """Let SIGALRM come after so many seconds, and again: where an interpreter swallows what it raises, it waits on."""
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_SECONDS)


def answer(call):
    """The answer: the daemon's, else ours; bytes."""
    try:
        stop_at(HEADERS_SECONDS if call.event == "headers" else ASK_SECONDS)
        return headers(call) if call.event == "headers" else ask(call)
    except BaseException as error:
        # Whatever it is: there is an answer.
        call.connection = None
        call.gone = isinstance(error, Gone)
    try:
        stop_at(FALL_BACK_SECONDS)
        return fall_back(call).encode("utf-8", "replace")
    except BaseException:
        return constant(call)


def constant(call):
    """The answer that needs nothing."""
    return (DENY % ("", "") if call.edits else NOTHING).encode()


def main(arguments):
    """Answer and end."""
    call = Call(arguments[0] if arguments else "", "edit" in arguments[1:])
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            # Else the socket would take its place, and be read or printed to.
            os.open("/dev/null", os.O_RDWR)
    act = interrupt(call)
    for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, act)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
    try:
        reply = answer(call)
    except BaseException:
        # Ended once more just when it had noticed that it was.
        call.connection = None
        reply = constant(call)
    call.printing = True
    stop_at(PRINT_SECONDS)
    # Not before: an alarm of the time before may still be on its way.
    call.may_end = True
    try:
        rest = reply + b"\n"
        while rest:
            rest = rest[os.write(1, rest) :]
        if call.connection is not None:
            call.connection.sendall(DELIVERED)
    except OSError:
        pass
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
