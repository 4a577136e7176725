"""An analysis is the same in every process, so that its id is: Python orders sets anew in each."""

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[4]
# Files of names with many words, each word in another number of files: sums of such weights depend on their order.
ANALYSE = """
from hashlib import sha256
import orjson
from coordination.domain.file_index import FileIndex, IndexedFile
from coordination.domain.plan.analysis import Complexity, analyse
from coordination.domain.plan.corpus import Corpus
from coordination.domain.plan.task import PlannedTask

words = "amber basil cedar delta ember fjord grove heron iris jade kelp lotus".split()
names = ["_".join(words[end - many : end]) for many in (5, 6, 7) for end in range(many, 13)]
tasks = [PlannedTask(f"t{end}", " ".join(words[end - 6 : end])) for end in range(6, 13)]
index = FileIndex(tuple(IndexedFile(f"{name}.py") for name in sorted(names)))
print(sha256(orjson.dumps(analyse(Corpus(index), tasks, Complexity.MODERATE))).hexdigest())
"""


def test_the_same_question_has_the_same_answer_in_every_process() -> None:
    assert len({analysed(hash_seed) for hash_seed in ("1", "2", "3")}) == 1


def analysed(hash_seed: str) -> str:
    """Return what identifies the analysis of such tasks in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", ANALYSE],
        cwd=PROJECT,
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
