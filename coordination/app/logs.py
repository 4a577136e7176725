"""Logging: everything, also what libraries say, leaves through structlog, for people or as JSON, without secrets.

uvicorn, asyncpg and the rest use the standard library's logging; their records get the same treatment as ours. A
file is rotated at 8 MB, with three older ones beside it, and opened anew when somebody else moved it away, so that
logrotate works too. Of several processes that write one file, one rotates it. What is worth logging is decided where it
happens.
"""

import io
import logging
import logging.handlers
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from coordination.app.redaction import redacted
from coordination.domain.text import printable

MAX_BYTES: Final = 8 * 1024 * 1024
OLDER_FILES: Final = 3

_MANY_LINES: Final = {"exception", "stack"}

Format = Literal["auto", "json", "console"]

# Louder than they are useful: each says in many lines what ours say in one.
_QUIETER: Final = {"uvicorn": logging.WARNING, "alembic": logging.WARNING, "httpx": logging.WARNING}


class _PrivateFile(logging.handlers.RotatingFileHandler):
    """A rotated log file that only its owner reads."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, into a new file when the old one was moved away or deleted."""
        if self.stream is not None and self._is_moved(self.stream.fileno()):
            self.stream.close()
            self.stream = self._open()
        super().emit(record)

    def rotate_if_large(self) -> None:
        """Rotate the file when it is too large already; others write it too."""
        with suppress(OSError):
            if 0 < self.maxBytes <= os.path.getsize(self.baseFilename):
                self.acquire()
                try:
                    self.doRollover()
                finally:
                    self.release()

    def _is_moved(self, descriptor: int) -> bool:
        try:
            return not os.path.samestat(os.stat(self.baseFilename), os.fstat(descriptor))
        except FileNotFoundError:
            return True

    def _open(self) -> io.TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return io.TextIOWrapper(os.fdopen(descriptor, "ab"), encoding="utf-8", errors="replace")


def configure(*, form: Format, level: str, file: Path | None, rotates: bool = True) -> None:
    """Send all logs of this process to `file`, or to standard error when there is none.

    Args:
        form: how a line looks; `auto` is for people on a terminal and JSON elsewhere.
        level: debug, info, warning or error.
        file: the file; its folder is made when missing.
        rotates: whether this process rotates it, and not another one that writes it too.

    Raises:
        OSError: the file cannot be written.
    """
    if file is None:
        output: logging.Handler = logging.StreamHandler(sys.stderr)
    else:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        output = _PrivateFile(file, maxBytes=MAX_BYTES if rotates else 0, backupCount=OLDER_FILES)
    terminal = file is None and sys.stderr.isatty()
    as_json = form == "json" or (form == "auto" and not terminal)
    output.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_shared(),
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_written(as_json=as_json, colours=terminal),
            ],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    root.addHandler(output)
    number = logging.getLevelNamesMapping()[level.upper()]
    root.setLevel(number)
    for name, least in _QUIETER.items():
        logging.getLogger(name).setLevel(max(least, number))
    logging.captureWarnings(capture=True)
    reclaim()
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def rotate() -> None:
    """Rotate the log file, if there is one and it is too large, also when others wrote most of it."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _PrivateFile):
            handler.rotate_if_large()


def reclaim() -> None:
    """Take away the outputs that libraries gave themselves; call it again after importing such libraries.

    FastMCP does so when it is imported, and would print tracebacks past the redaction.
    """
    for logger in list(logging.root.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            for handler in logger.handlers[:]:
                logger.removeHandler(handler)
            logger.propagate = True


def _shared() -> list[Processor]:
    """What every record goes through, ours and those of libraries."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _written(*, as_json: bool, colours: bool) -> list[Processor]:
    # Tracebacks become text before the redaction, so that nothing in them escapes it.
    if as_json:
        return [
            structlog.processors.format_exc_info,
            redaction,
            structlog.processors.JSONRenderer(default=str),
        ]
    return [
        structlog.processors.format_exc_info,
        redaction,
        on_lines_of_its_own,
        structlog.dev.ConsoleRenderer(colors=colours),
    ]


def redaction(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The processor that takes credentials and whole virtual user ids out of a record."""
    return {name: redacted(name, value) for name, value in event.items()}


def on_lines_of_its_own(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The processor that lets no text look like another record, or steer the terminal of who reads it.

    Tracebacks keep their lines, indented. JSON needs nothing of it: it escapes by itself.
    """
    return {
        name: (_indented if name in _MANY_LINES else printable)(str(value)) for name, value in event.items()
    }


def _indented(text: str) -> str:
    return "\n".join(f"    {printable(line)}" for line in text.splitlines())
