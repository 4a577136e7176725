"""What tests of a deployment share."""

from __future__ import annotations

import logging
from collections.abc import Generator

import pytest
import structlog


@pytest.fixture
def logging_as_it_was() -> Generator[None]:
    """Leave the logging of the test run as it was."""
    root = logging.getLogger()
    handlers, level, kept = root.handlers[:], root.level, structlog.get_config()
    yield
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers, root.level = handlers, level
    logging.captureWarnings(capture=False)
    structlog.configure(**kept)
