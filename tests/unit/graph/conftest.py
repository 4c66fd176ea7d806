"""Simulated incidents that several test files of the graph share."""

import pytest
from naive import graph as naive


@pytest.fixture(scope="package")
def incidents() -> list[naive.Simulated]:
    return [naive.incident(seed) for seed in range(8)]
