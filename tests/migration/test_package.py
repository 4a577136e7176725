"""The revisions are found where the package lies: beside it in a checkout, inside it in a wheel."""

import subprocess
import sys
import zipfile
from pathlib import Path

from coordination.store import migration, migration_text, schema_version

ROOT = Path(__file__).resolve().parents[2]
SHOW = """
from coordination.store import migration, migration_text, schema_version
print(schema_version.folder(), migration.head(), *schema_version.known(), len(migration_text.script()), sep="\\n")
"""


def test_a_checkout_uses_its_own_revisions_wherever_it_is_called_from(tmp_path: Path) -> None:
    # An editable installation leaves a copy of the migrations behind that nobody keeps up to date.
    stale = tmp_path / "coordination" / "migrations"
    stale.mkdir(parents=True)
    assert show(f"{tmp_path}:{ROOT}", tmp_path) == [str(ROOT / "migrations"), migration.head(), *expected()]


def test_a_wheel_brings_its_revisions_along(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    inside = str(site / "coordination" / "migrations")
    assert show(str(site), tmp_path) == [inside, migration.head(), *expected()]


def expected() -> list[str]:
    return [*schema_version.known(), str(len(migration_text.script()))]


def show(path: str, folder: Path) -> list[str]:
    """What a Python with that path finds, started in a folder that is no checkout."""
    shown = subprocess.run(
        [sys.executable, "-c", SHOW],
        cwd=folder,
        env={"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    return shown.stdout.split()
