"""Values of the command line's options: what they must be, in words."""

import argparse

__all__ = ["count", "seconds", "speed"]


def speed(text: str) -> float | None:
    """Return a number > 0, or None for `max`."""
    if text == "max":
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"a number > 0 or `max` expected, got {text!r}")
    return value


def seconds(text: str) -> float:
    """Return a number of seconds > 0."""
    value = speed(text)
    if value is None:
        raise argparse.ArgumentTypeError(f"seconds > 0 expected, got {text!r}")
    return value


def count(text: str) -> int:
    """Return a whole number >= 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number >= 1 expected, got {text!r}")
    return int(text)
