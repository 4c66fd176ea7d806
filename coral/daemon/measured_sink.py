"""A sink that says how long the brokers take."""

from collections.abc import Callable

from streams.base import Sink
from streams.clock import Clock
from streams.records import Headers

__all__ = ["MeasuredSink"]


class MeasuredSink:
    """Hands everything on, and measures every flush that something was sent before.

    Parameters
    ----------
    sink : Sink
    clock : Clock
    took : callable
        Gets the seconds of a flush.
    """

    def __init__(self, sink: Sink, clock: Clock, took: Callable[[float], None]) -> None:
        self._sink, self._clock, self._took = sink, clock, took
        self._sent = False

    def send(self, topic: str, key: bytes | None, value: bytes, headers: Headers = ()) -> None:
        """Queue one message."""
        self._sent = True
        self._sink.send(topic, key, value, headers)

    def flush(self, timeout_s: float) -> None:
        """Return when every message sent before is stored."""
        begun = self._clock.monotonic()
        self._sink.flush(timeout_s)
        if self._sent:
            self._took(self._clock.monotonic() - begun)
        self._sent = False

    def close(self) -> None:
        """Give up the connection without flushing."""
        self._sink.close()
