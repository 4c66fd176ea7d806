"""The examples in the docstrings are true."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import numpy as np
import pytest

import streams
from streams.records import Record, Samples

MODULES = [m.name for m in pkgutil.walk_packages(streams.__path__, "streams.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every example of a module gives what it shows."""
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    globs = {"np": np, "Record": Record, "Samples": Samples, **vars(module)}

    assert 0 == doctest.testmod(module, globs=globs).failed
