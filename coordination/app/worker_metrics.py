"""The folder in which the workers of one service share their numbers, so that a scrape of one of them is whole.

The parent of the workers makes it empty at each start, names it to them in a variable of prometheus-client, and takes
away the moment's values (gauges) of a worker that ended: its counts stay, its connections do not. It imports no library
for that, because the parent serves nothing and is to stay small; a test holds it against what the library does.
"""

import os
import shutil
from pathlib import Path
from typing import Final

import psutil

VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
FOLDER: Final = "metrics"


def fresh_folder(data_dir: Path) -> Path:
    """Make an empty folder for the workers of this process and return it; those of processes that were killed go.

    Raises:
        OSError: the data folder cannot be written.
    """
    folder = data_dir / FOLDER / str(os.getpid())
    for left in (data_dir / FOLDER).glob("[0-9]*"):
        if left == folder or not psutil.pid_exists(int(left.name)):
            remove(left)
    folder.mkdir(mode=0o700, parents=True)
    return folder


def remove(folder: Path) -> None:
    """Remove the folder, once no worker lives any more."""
    shutil.rmtree(folder, ignore_errors=True)


def forget_worker(folder: Path, pid: int) -> None:
    """Take away the moment's values of a worker that has ended."""
    for path in folder.glob(f"gauge_live*_{pid}.db"):
        path.unlink(missing_ok=True)
