"""The bar that long work shows: on a terminal alone, and never when machines are answered."""

import io

import pytest

from coordination.cli import output


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "quiet", "shown"),
    [(Terminal, False, True), (Terminal, True, False), (io.StringIO, False, False)],
)
def test_a_bar_is_shown_on_a_terminal_alone(
    monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO], quiet: bool, shown: bool
) -> None:
    errors = stream()
    monkeypatch.setattr("sys.stderr", errors)
    monkeypatch.setenv("TERM", "xterm")
    with output.show_progress(quiet=quiet) as stage:
        for name, steps in (("listing", 0), ("reading", 200)):
            done = stage(name, steps)
            done(50)
            done(150)
    printed = errors.getvalue()
    assert ("reading" in printed, "100%" in printed) == (shown, shown)
    assert shown or printed == ""
