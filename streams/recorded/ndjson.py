"""A sink that writes one message per line."""

from typing import BinaryIO

from streams.records import Headers


class NdjsonSink:
    """Sink that writes the value of each message as one line of a file; keeps `streams.base.Sink`.

    Parameters
    ----------
    file : binary file
        Opened for writing; not closed here. Values must hold no line feed, as JSON never does.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def send(
        self,
        topic: str,  # noqa: ARG002 - one file holds one topic
        key: bytes | None,  # noqa: ARG002 - the system stands in the value
        value: bytes,
        headers: Headers = (),  # noqa: ARG002 - the content type is known
    ) -> None:
        """Queue one line."""
        self._file.write(value + b"\n")

    def flush(self, timeout_s: float) -> None:  # noqa: ARG002 - a file does not wait
        """Hand what was queued to the operating system."""
        self._file.flush()

    def close(self) -> None:
        """Do nothing: the file belongs to the caller."""
