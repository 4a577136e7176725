"""Histories on disk: JSON lines, one record a line.

A failing run can be kept, cut down and judged again. Nothing here looks into a record.
"""

from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from tests.history.checker.records import (
    Call,
    Event,
    Fault,
    Header,
    History,
    LockRow,
    Reader,
    Record,
    TaskRow,
    Waiter,
)

_RECORD: TypeAdapter[Record] = TypeAdapter(Annotated[Record, Field(discriminator="type")])


def save(history: History, path: Path) -> None:
    """Write a history to a file, replacing what was there.

    Args:
        history: what to keep.
        path: the file; its folder must exist.
    """
    with path.open("wb") as out:
        for record in history.records():
            out.write(_RECORD.dump_json(record, exclude_defaults=False) + b"\n")


def load(path: Path) -> History:
    """Read a history from a file; empty lines are passed over.

    Raises:
        ValueError: a line is no record (its number is named), or there is not exactly one header.
    """
    records: list[Record] = []
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                records.append(_RECORD.validate_json(line))
            except ValidationError as error:
                raise ValueError(f"{path.name}, line {number}: {error}") from error
    headers = [record for record in records if isinstance(record, Header)]
    if len(headers) != 1:
        raise ValueError(f"{path.name}: {len(headers)} headers; a history has exactly one")
    return History(
        header=headers[0],
        calls=tuple(record for record in records if isinstance(record, Call)),
        events=tuple(record for record in records if isinstance(record, Event)),
        waiters=tuple(record for record in records if isinstance(record, Waiter)),
        faults=tuple(record for record in records if isinstance(record, Fault)),
        readers=tuple(record for record in records if isinstance(record, Reader)),
        locks=tuple(record for record in records if isinstance(record, LockRow)),
        tasks=tuple(record for record in records if isinstance(record, TaskRow)),
    )
