"""The examples in the docstrings are true."""

import doctest
import importlib
import pkgutil

import pytest

import detectors

MODULES = [m.name for m in pkgutil.walk_packages(detectors.__path__, "detectors.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    """Every example of a module gives what it shows."""
    assert 0 == doctest.testmod(importlib.import_module(name)).failed
