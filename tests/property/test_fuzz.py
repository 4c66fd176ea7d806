"""A short, repeatable slice of `make fuzz`: nothing that comes from outside breaks a reader."""

import pytest
from fuzzed import HURTS, NAMES, bounded, opened, watched
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@st.composite
def changed(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """A seed with a few short pieces replaced, taken out or put in."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 8)))
        data[start:end] = draw(st.one_of(st.binary(max_size=8), st.sampled_from(HURTS)))
    return bytes(data)


@pytest.mark.parametrize("name", NAMES)
def test_no_bytes_break_a_reader(name: str) -> None:
    """What it does not promise to raise is not raised, and no input takes more than 64 MB."""
    with opened(name) as (seeds, read), watched():
        for data in (*seeds, *HURTS, b""):
            bounded(read, data)
        for seed in seeds:
            before, quote, after = seed.rpartition(b'"')
            for hurt in HURTS:
                bounded(read, before + hurt + quote + after)

        @settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
        @given(data=changed(seeds))
        def fuzzed(data: bytes) -> None:
            bounded(read, data)

        fuzzed()
