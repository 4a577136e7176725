"""Where a command finds itself: its settings, the service to talk to, and how the lines that it prints must look.

Every line that is printed can be pasted into the shell in which the command ran: `coord` is written as a path where
it is not on the PATH, and the variables that led the command to its data folder and service stand in front, except
the one that holds a credential. Which service is meant where a hosted one was named or logged in to is in `target`.
"""

import getpass
import os
import re
import shlex
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from coordination.app import local_token, running
from coordination.app.command_line import program
from coordination.app.running import RunningService
from coordination.cli.output import USAGE, Failure
from coordination.settings import CONFIG_VARIABLE, VARIABLES, InvalidSetting, Problem, Settings, load

COMMAND: Final = "coord"
LINES: Final = 5
"""How many lines to choose from are printed at most."""
TYPED: Final = ContextVar[Sequence[str]]("TYPED", default=("status",))
"""The command line that is being run, without the program."""
AGENT: Final = "${COORD_AGENT:-planner}"
URL_VARIABLE: Final = "COORDINATION_URL"
TOKEN_VARIABLE: Final = "COORDINATION_TOKEN"  # noqa: S105 - the name of the variable
WORKSPACE_VARIABLE: Final = "COORDINATION_WORKSPACE"
"""Which hosted service is meant, as whom, and in which workspace. No file may say so but the login file of the user."""
_FOLDER_VARIABLES: Final = (VARIABLES["data_dir"], CONFIG_VARIABLE, "XDG_DATA_HOME", "XDG_CONFIG_HOME")
_LISTENS_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where such a service is found
_FOREIGN: Final = re.compile(r"[^A-Za-z0-9._@+-]+|__+")
_PART_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class Remote:
    """What is known of a service that is not the local one.

    Attributes:
        user: as whom we come there, None when only the service knows.
        workspace: the id of the workspace that was named, None when the credential names it.
        logged_in: whether the login file has a login there; else the variables named it.
    """

    user: str | None
    workspace: str | None
    logged_in: bool


@dataclass(frozen=True, slots=True)
class Target:
    """The service that commands talk to.

    Attributes:
        url: its address with its prefix, without a slash at its end.
        token: the credential: the local token when it asks for one, of a login what gives the one of the moment.
        service: its record when it runs on our data folder, None when the settings alone name it.
        remote: what is known of it when it asks for a credential: on another machine, or a hosted one on this.
    """

    url: str
    token: str | Callable[[], str] | None
    service: RunningService | None
    remote: Remote | None = None

    @property
    def bearer(self) -> str | None:
        """The credential of the moment, None when there is none."""
        return self.token() if callable(self.token) else self.token


def settings() -> Settings:
    """Read the settings.

    Raises:
        Failure: one of them cannot be used.
    """
    try:
        return load()
    except InvalidSetting as error:
        raise unusable(error.problems) from None


def unusable(problems: Sequence[Problem], *more: str) -> Failure:
    """Return the failure for settings that cannot be used, what mends each, and what else can be done."""
    mends = [problem.mend for problem in problems] + list(more)
    return Failure(
        "\n".join(problem.says for problem in problems),
        mend="\n".join([*mends, f"See all settings: {coord('config show')}"]),
        exit_code=USAGE,
        code="setting",
    )


def services(chosen: Settings) -> list[RunningService]:
    """Return the services that run on the data folder; only the one on PORT when the environment names a port."""
    found = running.find(chosen.data_dir)
    if chosen.is_from_environment("port") and chosen.port:
        return [service for service in found if service.port == chosen.port]
    return found


def local_target(chosen: Settings) -> Target:
    """Return the local service: the one that runs on the data folder, else the one of HOST and PORT."""
    found = services(chosen)
    if found:
        service = found[0]
        return Target(service.url, token_of(chosen, service), service)
    return Target(
        url_of(_LISTENS_EVERYWHERE.get(chosen.host, chosen.host), chosen.port, chosen.root_path), None, None
    )


def token_of(chosen: Settings, service: RunningService) -> str | None:
    """Return the local token when a service asks for it.

    Raises:
        Failure: its file is one that nobody should trust.
    """
    try:
        return local_token.read(chosen.data_dir) if service.needs_token else None
    except local_token.UnusableToken as error:
        raise Failure(str(error)) from None


def coord_at(chosen: Settings, service: RunningService, arguments: str) -> str:
    """Return a line to paste for this very service: with its port where the folder alone does not lead to it."""
    named = bool(os.environ.get(VARIABLES["port"]))
    if not named and len(running.find(chosen.data_dir)) < 2:  # noqa: PLR2004 - another one beside it
        return coord(arguments)
    return coord(arguments, PORT=str(service.port))


def url_of(host: str, port: int, root_path: str) -> str:
    """Return the address of a service, without a slash at its end."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{root_path}"


def coord(arguments: str, **variables: str) -> str:
    """Return a line to paste that runs `coord` with these arguments on the same data folder and port.

    Args:
        arguments: what follows `coord`, quoted where needed.
        variables: environment variables to set in front.
    """
    kept = {
        name: os.environ.get(name, "") for name in (VARIABLES["data_dir"], CONFIG_VARIABLE, VARIABLES["port"])
    }
    if not kept[VARIABLES["port"]].isdecimal() or not int(kept[VARIABLES["port"]]):
        # What is no port leads nowhere, nor does 0, which is any free one.
        del kept[VARIABLES["port"]]
    kept |= {name: os.environ.get(name, "") for name in (URL_VARIABLE, WORKSPACE_VARIABLE)}
    for name in (VARIABLES["data_dir"], CONFIG_VARIABLE):
        if kept[name]:
            kept[name] = os.path.abspath(os.path.expanduser(kept[name]))
    setting = " ".join(
        f"{name}={shlex.quote(value)}" for name, value in {**kept, **variables}.items() if value
    )
    return f"{setting} {program()} {arguments}".strip()


def folder_variables() -> dict[str, str]:
    """Return the variables that lead a command to its folders, as they are set here, for what starts it elsewhere.

    A hook and systemd start the daemon with an environment of their own, so that nothing else leads it astray.
    """
    named = {name: os.environ.get(name, "") for name in _FOLDER_VARIABLES}
    return {name: os.path.abspath(os.path.expanduser(value)) for name, value in named.items() if value}


def anywhere(arguments: str) -> str:
    """Return a line that somebody pastes on another machine, where the command has its name and no variables."""
    return f"{COMMAND} {arguments}"


def again(*first: str, **variables: str) -> str:
    """Return a line to paste that does what was typed, with more said to it.

    Args:
        first: what to put before the arguments that were typed: the session, or an option.
        variables: environment variables to set in front.
    """
    command, *rest = TYPED.get()
    return coord(shlex.join([command, *first, *rest]), **variables)


def elsewhere(chosen: Settings) -> str:
    """Return a line for each service of the data folder that PORT left out, to do there what was typed; or ""."""
    asked = services(chosen)
    others = [service for service in running.find(chosen.data_dir) if service not in asked]
    return "\n".join(
        f"On port {service.port} one runs: {again(PORT=str(service.port))}" for service in others[:LINES]
    )


def user() -> str:
    """Return the name of the person at this machine, in the form that a virtual user id allows."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        name = ""
    return _FOREIGN.sub("-", name).strip("-_")[:_PART_MAX].strip("-_") or "me"


def claude_line(place: Target, session: str) -> str:
    """Return the line that registers a session with Claude Code, for a person to paste."""
    url = f"{place.url}/mcp/v2/claude/{user()}__session__{session}__{AGENT}"
    # Single quotes: the shell must leave ${COORD_AGENT…} to Claude Code, which expands it in each terminal.
    line = f"claude mcp add --transport http coordination '{url}'"
    return f"{line} --header 'Authorization: Bearer {place.bearer}'" if place.bearer else line
