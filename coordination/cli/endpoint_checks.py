"""What `coord doctor` looks at through HTTP: does the service answer, and what do Claude Code and Cursor see.

It speaks the real protocol, both eras of it, as those clients do. It comes as a visitor who leaves no trace
(`app.visitor`) and calls no tool.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from coordination import __version__
from coordination.app import port
from coordination.app.visitor import VISITOR
from coordination.cli.checks import Check
from coordination.cli.place import Target, coord
from coordination.cli.probe import Reply, ask

MODERN: Final = "2026-07-28"
OLDER: Final = "2025-11-25"
_META: Final = "io.modelcontextprotocol"
_OK: Final = 200

Era = Literal["modern", "older"]


def endpoint_checks(place: Target, others: str = "") -> Iterator[Check]:
    """Look at the service, and at what the clients see; skipped where there is no service.

    Args:
        place: the service to look at.
        others: the lines that lead to other services of the data folder, if there are any.
    """
    detailed = ask(f"{place.url}/health/detailed")
    known = _known(detailed)
    ours = bool(known)
    yield _service(place, detailed, known, others)
    yield _ready(place, ours=ours)
    yield from _clients(place, list(known.get("coordination_tools", [])), ours=ours)


def _known(reply: Reply | None) -> dict[str, Any]:
    """What the service says of itself; empty when it is none of ours."""
    try:
        found: dict[str, Any] = dict(reply.json()) if reply is not None and reply.status == _OK else {}
    except (TypeError, ValueError):
        return {}
    return found if found.keys() >= {"coordination_tools", "version", "status"} else {}


def _service(place: Target, reply: Reply | None, known: dict[str, Any], others: str) -> Check:
    if reply is None:
        return _unanswered(place, others)
    if not known:
        found = f"what answers at {place.url} is not coordination"
        return Check("service", "failed", found, _elsewhere(place.url))
    if known["version"] != __version__:
        found = f"release {known['version']} runs, this command is {__version__}"
        return Check("service", "failed", found, f"Start it anew: {_anew(place)}")
    return Check("service", "ok", f"{place.url}, release {known['version']}, {known['status']}")


def _unanswered(place: Target, others: str) -> Check:
    """Nobody answers: either nobody is there, or somebody who has the port is silent, and a start would fail."""
    at = urlsplit(place.url)
    if place.service is None and port.is_free(at.hostname or "", at.port or 0):
        mend = others or f"Start it: {coord('up')}"
        return Check("service", "failed", f"nobody answers at {place.url}", mend)
    found = f"what listens at {place.url} does not answer"
    if place.service is None:
        return Check("service", "failed", found, others or _elsewhere(place.url))
    found += f": ours, process {place.service.pid}; it starts still, or it hangs"
    return Check("service", "failed", found, f"If it stays so, start it anew: {_anew(place)}")


def _anew(place: Target) -> str:
    """Return the line that starts this service, and no other one, again."""
    port_of = {} if place.service is None else {"PORT": str(place.service.port)}
    return f"{coord('down', **port_of)} && {coord('up', **port_of)}"


def _elsewhere(url: str) -> str:
    """What to do when another program has the port: with a line only where a port is free."""
    taken = urlsplit(url)
    free = port.free_port(taken.hostname or "", max(taken.port or 0, 1024))
    other = f", or take another port: {coord('up', PORT=str(free))}" if free else "."
    return f"Stop what runs there{other}"


def _ready(place: Target, *, ours: bool) -> Check:
    if not ours:
        return Check("ready", "skipped", "no service to ask")
    reply = ask(f"{place.url}/ready", timeout=5.0)
    if reply is not None and reply.status == _OK:
        return Check("ready", "ok", "calls can be answered")
    found = "it does not answer" if reply is None else reply.detail
    log = place.service.log if place.service else None
    return Check("ready", "failed", found, f"The log says why: {log}" if log else "Its log says why.")


def _clients(place: Target, tools: list[str], *, ours: bool) -> Iterator[Check]:
    for era in ("modern", "older"):
        name = f"Claude Code ({era})"
        if not ours:
            yield Check(name, "skipped", "no service to ask")
            continue
        seen = list_tools(place, "claude", "claude-code", "claude-code/2.1.0 (cli)", era)
        if isinstance(seen, str):
            yield Check(name, "failed", seen, "Run with COORDINATION_LOG_LEVEL=debug and look into the log.")
        elif seen != tools or not seen:
            found = f"sees {', '.join(seen) or 'no tools'}; registered are {', '.join(tools) or 'none'}"
            yield Check(name, "failed", found, f"Start it anew: {_anew(place)}")
        else:
            yield Check(name, "ok", f"sees {', '.join(seen)}")
    if not ours:
        yield Check("Cursor", "skipped", "no service to ask")
        return
    seen = list_tools(place, "cursor", "cursor", "Cursor/2.0", "older")
    if seen:
        found = seen if isinstance(seen, str) else f"sees {', '.join(seen)}, and should see none"
        yield Check("Cursor", "failed", found, "This must not be: please report it.")
    else:
        yield Check("Cursor", "ok", "sees no tools, as it should")


def list_tools(
    place: Target, path: str, client: str, agent: str, era: Era, *, visitor: str = VISITOR
) -> list[str] | str:
    """List the tools as a client does.

    Args:
        place: the service.
        path: the client's part of the endpoint's path.
        client: the name that the client gives itself.
        agent: its User-Agent.
        era: which protocol it speaks.
        visitor: as whom it comes, a virtual user id.

    Returns:
        The tools' names, or what went wrong.
    """
    url = f"{place.url}/mcp/v2/{path}/{visitor}"
    headers = {"user-agent": agent, "accept": "application/json, text/event-stream"}
    bearer = place.bearer
    if bearer:
        headers["authorization"] = f"Bearer {bearer}"
    info = {"name": client, "version": __version__}
    if era == "older":
        hello = {"protocolVersion": OLDER, "capabilities": {}, "clientInfo": info}
        greeted = _call(url, "initialize", hello, headers)
        if isinstance(greeted, str):
            return greeted
        found = _call(url, "tools/list", {}, {**headers, "mcp-protocol-version": OLDER})
    else:
        meta = {f"{_META}/{key}": value for key, value in _modern(info).items()}
        modern = {**headers, "mcp-protocol-version": MODERN, "mcp-method": "tools/list"}
        found = _call(url, "tools/list", {"_meta": meta}, modern)
    return found if isinstance(found, str) else [str(tool["name"]) for tool in found.get("tools", [])]


def _modern(info: Mapping[str, str]) -> dict[str, object]:
    return {"protocolVersion": MODERN, "clientCapabilities": {}, "clientInfo": info}


def _call(url: str, method: str, params: object, headers: Mapping[str, str]) -> dict[str, Any] | str:
    reply = ask(
        url,
        body={"jsonrpc": "2.0", "id": 1, "method": method, "params": params},
        headers=headers,
        timeout=5.0,
    )
    if reply is None:
        return f"{method} was not answered"
    answer = reply.json()
    try:
        return dict(answer["result"])
    except (TypeError, LookupError, ValueError):
        said = reply.detail or reply.body[:200].decode(errors="replace")
        return f"{method} was answered with HTTP {reply.status}: {said}"
