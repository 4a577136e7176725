"""Of a list that is wrong in many places the first fault is told: each costs time in which nobody else is answered."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from coordination.wire.acting import LockClaim, Release, SyncReport
from coordination.wire.file_index import FileBatch
from coordination.wire.file_lock import ClaimFileLockArguments
from coordination.wire.plan import AnalyzeTaskConflictsArguments
from coordination.wire.planning import AnalysisRequest
from coordination.wire.rest import PersonMessage, Revocation
from coordination.wire.task import SyncProgressArguments

WRONG = [1] * 20
FILE = {"path": "a.py", "digest": "a"}


@pytest.mark.parametrize(
    ("model", "wrong", "place"),
    [
        *((FileBatch, {"files": [FILE, *[{**FILE, name: WRONG}] * 9]}, ("files", 1, name, 0))
          for name in ("symbols", "imports", "co_changes")),
        (FileBatch, {"files": WRONG}, ("files", 0)),
        (FileBatch, {"removed": WRONG}, ("removed", 0)),
        (AnalysisRequest, {"project_files": ["a.py", *WRONG]}, ("project_files", 1)),
        (AnalyzeTaskConflictsArguments, {"project_files": WRONG}, ("project_files", 0)),
        (ClaimFileLockArguments, {"file_paths": WRONG}, ("file_paths", 0)),
        (LockClaim, {"paths": WRONG}, ("paths", 0)),
        (Release, {"leases": WRONG}, ("leases", 0)),
        (Revocation, {"paths": WRONG}, ("paths", 0)),
        (PersonMessage, {"to": WRONG}, ("to", 0)),
        *((model, {name: WRONG}, (name, 0))
          for model in (SyncReport, SyncProgressArguments) for name in ("affected_files", "to")),
    ],
)  # fmt: skip
def test_the_first_fault_of_a_list_is_told_alone(
    model: type[BaseModel], wrong: dict[str, Any], place: tuple[str | int, ...]
) -> None:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(wrong)
    [field, *_] = wrong
    assert [one["loc"] for one in refused.value.errors() if one["loc"][0] == field] == [place]


@pytest.mark.parametrize("model", [AnalysisRequest, AnalyzeTaskConflictsArguments])
@pytest.mark.parametrize("field", ["files", "depends_on"])
def test_of_tasks_too_and_of_what_they_list(model: type[BaseModel], field: str) -> None:
    task = {"id": "t", "description": "d", field: WRONG}
    with pytest.raises(ValidationError) as refused:
        model.model_validate({"tasks": ["Mend it", *[task] * 9]})
    places = [one["loc"] for one in refused.value.errors() if one["loc"][0] == "tasks"]
    # A task is a sentence or an object, and this one is neither.
    assert places == [("tasks", 1, "constrained-str"), ("tasks", 1, "TaskArgument", field, 0)]
