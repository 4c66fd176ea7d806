"""What the daemon's modules log, as dictionaries; and a process whose log is put back."""

import logging
from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
import structlog


@pytest.fixture
def logged() -> Iterator[list[MutableMapping[str, Any]]]:
    """The entries so far, the bound context merged into them."""
    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as entries:
        yield entries
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def log_put_back() -> Iterator[None]:
    """For tests that configure the log of their process; handlers and levels all tests put back."""
    yield
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
