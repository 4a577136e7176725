"""The files of `deploy` and of the top level that tell platforms how to run the service, as tests read them."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from coordination.settings.values import PLATFORM, VARIABLES
from tests.unit.docs.page import ROOT

KNOWN = {*VARIABLES.values(), *PLATFORM.values()}


def read_yaml(path: Path) -> dict[str, Any]:
    """The one document of a YAML file."""
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


@dataclass(frozen=True)
class Instruction:
    """One instruction of a Dockerfile: its name in capitals, and the rest as one line."""

    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """What follows the name: the JSON form as it is, else split as a shell does."""
        text = self.text[self.text.index("[") :] if self.name in {"CMD", "HEALTHCHECK"} else self.text
        words: list[str] = json.loads(text) if text.startswith("[") else shlex.split(text)
        return words


def stages() -> list[list[Instruction]]:
    """The stages of the Dockerfile, each with its instructions in order."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    found: list[list[Instruction]] = []
    for line in joined.splitlines():
        name, _, rest = line.partition(" ")
        if name == "FROM":
            found.append([])
        found[-1].append(Instruction(name, rest.strip()))
    return found


def of(stage: list[Instruction], name: str) -> list[Instruction]:
    """The instructions of a stage with that name."""
    return [one for one in stage if one.name == name]


def environment_of(stage: list[Instruction]) -> dict[str, str]:
    """What a stage sets in the environment."""
    return dict(pair.split("=", 1) for one in of(stage, "ENV") for pair in one.words)


def copied() -> list[str]:
    """What the build takes from the project."""
    return [name for one in of(stages()[0], "COPY") for name in one.words[:-1]]
