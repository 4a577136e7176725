"""The top level shows the parts of the project and nothing else, as design.md section 2 lists them."""

import subprocess

from tests.unit.architecture.sources import ROOT

ALLOWED = {
    ".ci",
    ".claude-plugin",  # Claude Code looks for a marketplace here only
    ".dockerignore",  # Docker looks for it here only
    ".editorconfig",
    ".env.example",  # beside the .env that compose reads
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Dockerfile",  # its context is the whole project
    "LICENSE",
    "Makefile",
    "README.md",
    "SECURITY.md",
    "benchmarks",
    "clients",
    "compose.yaml",  # docker compose looks for it here
    "constraints.txt",
    "coordination",
    "deploy",  # what machines and platforms read that look elsewhere
    "docs",
    "examples",
    "migrations",
    "pyproject.toml",
    "render.yaml",  # Render looks for it here
    # Where `supabase db push` looks, and nowhere else: the migrations again, generated.
    "supabase",
    "tests",
}


def tracked() -> set[str]:
    """What lies at the top: what git tracks, or in an unpacked copy without git, what is there."""
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "--cached"]
    if (ROOT / ".git").exists():
        listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        return {line.split("/")[0] for line in listing.splitlines()}
    return {
        path.name
        for path in ROOT.iterdir()
        if not path.name.startswith(".") and path.name not in {"build", "dist"}
    }


def test_the_top_level_holds_only_what_the_design_lists() -> None:
    names = tracked()
    assert names >= {"coordination", "pyproject.toml"}
    assert names - ALLOWED == set()
