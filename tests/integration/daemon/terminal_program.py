"""A terminal as a process of its own: it runs hooks as its children, and listens for messages, as Claude Code does.

Each line on its standard input is an order, each on its standard output what came of it; both are JSON. It runs under
the bare interpreter, so it imports nothing of ours.
"""

import json
import socket
import subprocess
import sys
import threading


def tell(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def run_hooks(number: int, command: list[str], given: list[str], environment: dict[str, str]) -> None:
    """Run hooks, all at once, and tell what they printed."""
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        for _ in given
    ]
    for hook, body in zip(running, given, strict=True):
        assert hook.stdin is not None
        hook.stdin.write(body.encode())
        hook.stdin.close()
    printed: list[str] = []
    for hook in running:
        assert hook.stdout is not None
        printed.append(hook.stdout.read().decode())
        hook.wait()
    tell(number=number, printed=printed)


def listen(path: str) -> None:
    """Take messages on a socket, and tell each."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    while True:
        connection, _ = listener.accept()
        with connection, connection.makefile() as lines:
            tell(message=[json.loads(line) for line in lines])


def main() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        if "listen" in order:
            threading.Thread(target=listen, args=(order["listen"],), daemon=True).start()
        else:
            threading.Thread(target=run_hooks, kwargs=order, daemon=True).start()


if __name__ == "__main__":
    main()
