"""How a person calls `coord` from a shell, so that a printed line leads to the data folder and service it is about.

What the commands print is put together in `cli.place`; this is for what the service has its agents show to a person.
"""

import os
import shlex
import shutil
import sys
from pathlib import Path

import platformdirs

from coordination.settings import VARIABLES, Settings
from coordination.settings.values import APP


def program() -> str:
    """Return how to call this very `coord` from a shell: its name if that finds it, else its path."""
    own = Path(sys.argv[0])
    if own.name != "coord" or not own.exists():
        own = Path(sys.executable).with_name("coord")
    if not own.exists():
        return f"{shlex.quote(sys.executable)} -m coordination"
    found = shutil.which("coord")
    if found is not None and os.path.realpath(found) == os.path.realpath(own):
        return "coord"
    return shlex.quote(os.path.abspath(own))


def coord_on(settings: Settings) -> str:
    """Return how to call `coord` on the service that has these settings, without arguments.

    A data folder that is not everybody's stands in front, and a port that was given to the service. Whom a hosted
    service tells sits at another machine, and is told nothing of this one.
    """
    if settings.is_hosted:
        return "coord"
    kept: dict[str, str] = {}
    if settings.data_dir != platformdirs.user_data_path(APP, appauthor=False):
        kept[VARIABLES["data_dir"]] = str(settings.data_dir)
    if settings.is_from_environment("port") and settings.port:
        kept[VARIABLES["port"]] = str(settings.port)
    return " ".join([*(f"{name}={shlex.quote(value)}" for name, value in kept.items()), program()])
