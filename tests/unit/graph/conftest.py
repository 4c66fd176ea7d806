"""Simulated incidents that several test files of the graph share."""

import pytest
from naive import graph as naive
from typed import FloatArray, IntArray


@pytest.fixture(scope="package")
def incidents() -> list[tuple[FloatArray, FloatArray, FloatArray, FloatArray, IntArray]]:
    return [naive.incident(seed) for seed in range(8)]
