"""The real Supabase CLI as a test runs it: a home of its own, no telemetry, and nothing but loopback to talk to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
_NOWHERE = "http://127.0.0.1:1"
SECONDS = 120.0


class CommandLine:
    """The program in a folder that holds a copy of our `supabase/`, as somebody has it who checked us out."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._program = program
        self._folder = folder / "checkout"
        shutil.copytree(ROOT / "supabase", self._folder / "supabase", ignore=shutil.ignore_patterns(".temp"))
        home = folder / "home"
        home.mkdir()
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "DO_NOT_TRACK": "1",
            "SUPABASE_TELEMETRY_DISABLED": "1",
            "HTTP_PROXY": _NOWHERE,
            "HTTPS_PROXY": _NOWHERE,
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command, whatever comes of it."""
        return subprocess.run(
            [self._program, *arguments],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def findings(self, *arguments: str) -> list[dict[str, Any]]:
        """What an advisor or a linter lists.

        Raises:
            RuntimeError: it could not do its work.
        """
        done = self(*arguments)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(arguments[:2])} failed:\n{done.stdout}\n{done.stderr}")
        found: list[dict[str, Any]] = json.loads(done.stdout or "[]")
        return found

    def push(self, dsn: str) -> str:
        """Run `supabase db push` and return what it said.

        Raises:
            RuntimeError: it failed.
        """
        done = self("db", "push", f"--remote={dsn}", "--yes", "--skip-vault")
        said = done.stdout + done.stderr
        if done.returncode != 0:
            raise RuntimeError(f"supabase db push failed:\n{said}")
        return said

    def history(self, dsn: str) -> list[tuple[str, str]]:
        """The pairs of `supabase migration list`: which one is here, and which one is there."""
        done = self("migration", "list", f"--remote={dsn}")
        rows = [line.replace("`", "").split("|") for line in done.stdout.splitlines() if "`" in line]
        return [(row[0].strip(), row[1].strip()) for row in rows]
