"""Where settings are looked for, what is found there, and what of it cannot be used.

The environment comes first, then `coordination.toml` in the data folder, then the one in the user's configuration
folder (`COORDINATION_CONFIG` names another file instead of both); never the current directory, because no repository
may set a URL or weaken a policy. In a file the settings have the names of the attributes of `Settings`, in the
environment those of `VARIABLES`. An empty variable counts as unset.
"""

import json
import os
import shlex
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import platformdirs
from pydantic import ValidationError

from coordination.settings.values import APP, PLATFORM, SECRETS, VARIABLES, Settings

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

CONFIG_VARIABLE: Final = "COORDINATION_CONFIG"
FILE_NAME: Final = "coordination.toml"


@dataclass(frozen=True, slots=True)
class Problem:
    """A setting or a file that cannot be used.

    Attributes:
        setting: the name that was given, "" when it is about a whole file.
        origin: where that was: a variable or the path of a file.
        given: what was written, "" for a whole file and where it may hold a password.
        says: what is wrong and what can be used, in plain words.
        mend: what to do about it.
    """

    setting: str
    origin: str
    given: str
    says: str
    mend: str


class InvalidSetting(Exception):
    """Settings cannot be used; the message names each, where it comes from, and what to write instead."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(problem.says for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Examined:
    """What can be read of the settings, and what cannot.

    Attributes:
        settings: those that can be used; the others have their defaults.
        problems: what cannot be used.
        data_dir_known: whether the data folder is the one that was meant: nothing unusable could have named another.
    """

    settings: Settings
    problems: tuple[Problem, ...]
    data_dir_known: bool


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Read and validate the settings.

    Args:
        environment: variables to read instead of the process's own.

    Raises:
        InvalidSetting: a value or a file cannot be used.
    """
    found = examine(environment)
    if found.problems:
        raise InvalidSetting(found.problems)
    return found.settings


def examine(environment: Mapping[str, str] | None = None) -> Examined:
    """Read the settings as far as they can be used.

    Args:
        environment: variables to read instead of the process's own.
    """
    variables = os.environ if environment is None else environment
    given = {name: text for name, key in VARIABLES.items() if (text := variables.get(key, "").strip())}
    origins = {name: VARIABLES[name] for name in given}
    for name, variable in PLATFORM.items():
        if name not in given and (text := variables.get(variable, "").strip()):
            given[name], origins[name] = text, variable
    values: dict[str, Any] = dict(given)
    for name in ("data_dir", "log_file", "database_ca"):
        if name in given:
            values[name] = os.path.abspath(os.path.expanduser(given[name]))
    problems: list[Problem] = []
    files, known = _from_files(variables, given.get("data_dir"), problems)
    for path, found in files:
        for name, value in found.items():
            if name not in values:
                values[name] = value
                origins[name] = str(path)
    settings = _validated(values, origins, problems)
    return Examined(settings, tuple(problems), known and all(one.setting != "data_dir" for one in problems))


def _from_files(
    variables: Mapping[str, str], data_dir: str | None, problems: list[Problem]
) -> tuple[list[tuple[Path, dict[str, Any]]], bool]:
    """Read the files, the strongest first, and add what is wrong with them to `problems`.

    Returns:
        The files with what stands in them, and whether every file that could name the data folder could be read.
    """
    named = variables.get(CONFIG_VARIABLE, "").strip()
    path = Path(os.path.abspath(os.path.expanduser(named)))
    if named and not path.is_file():
        says = f"{CONFIG_VARIABLE} names {path}, and there is no such file."
        problems.append(Problem("", CONFIG_VARIABLE, "", says, _leave_out(CONFIG_VARIABLE)))
        return [], data_dir is not None
    naming = path if named else platformdirs.user_config_path(APP, appauthor=False) / FILE_NAME
    found = _read(naming, problems)
    known = data_dir is not None or all(problem.setting for problem in problems)
    if named:
        return [(naming, found)], known
    chosen = data_dir or found.get("data_dir")
    folder = chosen if isinstance(chosen, str) else str(platformdirs.user_data_path(APP, appauthor=False))
    beside = Path(os.path.expanduser(folder)) / FILE_NAME
    stronger = _read(beside, problems)
    if "data_dir" in stronger:
        says = f"data_dir in {beside}: a file in the data folder cannot name the data folder."
        given = str(stronger.pop("data_dir"))
        problems.append(Problem("data_dir", str(beside), given, says, f"Take data_dir out of {beside}."))
    return [(beside, stronger), (naming, found)], known


def _read(path: Path, problems: list[Problem]) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        says, mend = f"{path} cannot be read: {error.strerror}.", f"Make it readable for you: {path}"
        problems.append(Problem("", str(path), "", says, mend))
        return {}
    except ValueError as error:
        away = shlex.join(["mv", str(path), f"{path}.old"])
        says, mend = f"{path} cannot be read: {error}.", f"Mend it, or move it away: {away}"
        problems.append(Problem("", str(path), "", says, mend))
        return {}
    for name in sorted(set(found) - set(VARIABLES)):
        says = f"{name} in {path} is not a setting. The settings are: {', '.join(VARIABLES)}."
        del found[name]
        problems.append(Problem(name, str(path), "", says, f"Take {name} out of {path}."))
    return found


def _validated(values: dict[str, Any], origins: dict[str, str], problems: list[Problem]) -> Settings:
    told = False
    while True:
        try:
            settings = Settings(**values)
            break
        except ValidationError as error:
            # Without `input`: it may hold a password. What depends on a setting that falls away falls with it, and is
            # not told: it may be right.
            for wrong in error.errors(include_url=False, include_input=False):
                name = str(wrong["loc"][0])
                given, origin = str(values.pop(name)), origins.pop(name)
                if not told:
                    problems.append(_problem(name, origin, given, _says(wrong)))
            told = True
    settings._origins.update(origins)  # pyright: ignore[reportPrivateUsage]  filled once, here
    return settings


def _says(wrong: "ErrorDetails") -> str:
    if wrong["type"] == "literal_error":
        return f"write {wrong['ctx']['expected']}" if "ctx" in wrong else wrong["msg"]
    return wrong["msg"].removeprefix("Value error, ")


def _problem(name: str, origin: str, given: str, says: str) -> Problem:
    default = Settings.model_fields[name].default
    shown = "" if name in SECRETS else given
    if origin in {VARIABLES[name], PLATFORM.get(name)}:
        return Problem(name, origin, shown, f"{origin}: {says}.", _leave_out(origin))
    if isinstance(default, str | int):
        mend = f"In {origin} write: {name} = {json.dumps(default)}"
    else:
        mend = f"Take {name} out of {origin}, or set it right."
    return Problem(name, origin, shown, f"{name} in {origin}: {says}.", mend)


def _leave_out(variable: str) -> str:
    return f"Set it right, or leave it out: unset {variable}"
