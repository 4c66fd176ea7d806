"""Recorded incidents: reading, judging and replaying them."""

from streams.recorded.meta import Fault, RecordingMeta
from streams.recorded.problem import Problem, RecordingError
from streams.recorded.recording import Recording
from streams.recorded.source import RecordedSource
from streams.recorded.validate import validate

__all__ = [
    "Fault",
    "Problem",
    "RecordedSource",
    "Recording",
    "RecordingError",
    "RecordingMeta",
    "validate",
]
