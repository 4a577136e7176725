"""The settings: one frozen object, read once at the top and passed down as values. Nobody else reads the environment.

A value comes from the environment, else from `coordination.toml`, else from its default. What can be set is in
`values`, where it is looked for in `sources`.
"""

from coordination.settings.sources import (
    CONFIG_VARIABLE,
    FILE_NAME,
    Examined,
    InvalidSetting,
    Problem,
    examine,
    load,
)
from coordination.settings.values import DEFAULT, EMBEDDED, VARIABLES, Settings

__all__ = [
    "CONFIG_VARIABLE",
    "DEFAULT",
    "EMBEDDED",
    "FILE_NAME",
    "VARIABLES",
    "Examined",
    "InvalidSetting",
    "Problem",
    "Settings",
    "examine",
    "load",
]
