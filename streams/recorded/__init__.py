"""Recorded incidents: reading, judging and replaying them."""

from streams.recorded.meta import Fault, RecordingMeta
from streams.recorded.problem import RecordingError, RecordingProblem
from streams.recorded.recording import Recording
from streams.recorded.source import RecordedSource
from streams.recorded.validate import validate

__all__ = [
    "Fault",
    "RecordedSource",
    "Recording",
    "RecordingError",
    "RecordingMeta",
    "RecordingProblem",
    "validate",
]
