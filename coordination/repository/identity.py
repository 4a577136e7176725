"""Which session a terminal without configuration joins: that of its repository, on every machine the same.

A repository is known by where it came from, its remote `origin`, in a form in which all ways to reach it are one:
by ssh, as `user@host:path`, by https, with a port, a user or `.git` and without. A repository without origin is known
by the host and the real path of its main working tree, and so is what was cloned from it on this machine: two people
who both work in `/home/dev/app` of their own machines share nothing by that.

Git is not run: the one file that worktrees share is read. So what only git resolves does not count: `include` and
`includeIf`, `insteadOf`, configuration of the user, of the system or of one worktree. Letter case counts in the path,
because there are hosts for which it does. Two repositories of one path on two ports of a host are taken for one.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from coordination.repository.checkout import this_host
from coordination.repository.git_folder import git_folder
from coordination.repository.source import read_bounded

PREFIX: Final = "repo-"
DIGITS: Final = 8
_MOST_BYTES: Final = 1024 * 1024
_SECTION: Final = re.compile(r'\[\s*([A-Za-z0-9.-]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\]')
_URL_KEY: Final = re.compile(r"url\s*(?:=|$)", re.IGNORECASE)
_ESCAPED: Final = re.compile(r"\\(.)")
_ESCAPES: Final = {"n": "\n", "t": "\t", "b": "\b"}
_WITH_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)(.*)", re.DOTALL)
_FILE: Final = re.compile(r"file://(?:localhost)?(/.*)", re.IGNORECASE | re.DOTALL)
_SCP: Final = re.compile(r"((?:[^/@]*@)?(?:\[[^/\]]*\]|[^/:]+)):(.*)", re.DOTALL)
_HOST: Final = re.compile(r"\[?(\[[^\]]*\]|[^:\]]*)(?::\d*)?\]?")
_ONE_HOST: Final = {
    # The same servers, reachable by ssh where only the port of https is open.
    "ssh.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
}


def session_of(top: Path) -> str:
    """Return the session of a working tree's repository: `repo-` and 8 hex digits.

    Args:
        top: the real path of its top level.
    """
    folder = git_folder(top)
    content = read_bounded(folder.common / "config", _MOST_BYTES, follow=True)
    origin = _origin(os.fsdecode(content or b""))
    repository = folder.repository
    known_by = canonical_origin(origin, repository) if origin else _on_disk(repository)
    return PREFIX + hashlib.sha256(os.fsencode(known_by)).hexdigest()[:DIGITS]


def canonical_origin(url: str, repository: Path) -> str:
    """Return one form for all ways to reach a repository: `host/path`, or `host:` and a real path of this machine.

    Args:
        url: as it is configured.
        repository: the real path of the main working tree, in which a path of the disk begins.
    """
    if on_disk := _FILE.fullmatch(url):
        return _on_disk(Path(unquote(on_disk[1])))
    if with_scheme := _WITH_SCHEME.fullmatch(url):
        return _remote(with_scheme[1], unquote(with_scheme[2]))
    if by_ssh := _SCP.fullmatch(url):
        return _remote(by_ssh[1], by_ssh[2])
    return _on_disk(repository / url)


def _remote(authority: str, path: str) -> str:
    address = authority.rpartition("@")[2].lower()
    found = _HOST.fullmatch(address)
    host = (found[1] if found else address).strip("[]").rstrip(".")
    parts = [part for part in path.split("/") if part]
    return f"{_ONE_HOST.get(host, host)}/{_without_ending('/'.join(parts))}"


def _on_disk(place: Path) -> str:
    return f"{this_host().lower()}:{_without_ending(os.path.realpath(place))}"


def _without_ending(path: str) -> str:
    """Return a path without the `.git` at its end, be it a folder's name or an ending."""
    return path.removesuffix(".git").rstrip("/") or path


def _origin(configuration: str) -> str:
    """Return the first URL of the remote `origin`; '' when there is none."""
    urls: list[str] = []
    for section, line in _lines(configuration):
        if section == "remote.origin" and _URL_KEY.match(line):
            url = _value(line.partition("=")[2])
            # An empty one takes back those before it.
            urls = [*urls, url] if url else []
    return urls[0] if urls else ""


def _lines(configuration: str) -> Iterator[tuple[str, str]]:
    """Yield each line that is no header, with the section in which it stands."""
    section = ""
    for line in configuration.replace("\r\n", "\n").replace("\\\n", "").removeprefix("\ufeff").split("\n"):
        rest = line.strip()
        if header := _SECTION.match(rest):
            section = header[1].lower()
            if header[2] is not None:
                section += "." + _ESCAPED.sub(r"\1", header[2])
            rest = rest[header.end() :].strip()
        if rest and rest[0] not in "#;":
            yield section, rest


def _value(text: str) -> str:
    """Return a value as git reads it: without outer spaces, quotes and what stands behind a comment's sign."""
    kept: list[str] = []
    quoted = False
    end = 0
    characters = iter(text.strip())
    for character in characters:
        if character == '"':
            quoted = not quoted
            continue
        if character in "#;" and not quoted:
            break
        if character == "\\":
            escaped = next(characters, "")
            character = _ESCAPES.get(escaped, escaped)  # noqa: PLW2901 - what it stands for
        kept.append(character)
        if quoted or not character.isspace():
            end = len(kept)
    return "".join(kept[:end])
