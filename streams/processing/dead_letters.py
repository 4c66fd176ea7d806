"""Records that could not be decoded: what becomes of them."""

from dataclasses import dataclass

from streams.clock import Clock
from streams.errors import DecodeError
from streams.records import Headers, Message, Record


@dataclass(frozen=True)
class DeadLetterPolicy:
    """Where dead letters go, and how many at most.

    Parameters
    ----------
    topic : str
        Dead-letter topic.
    max_letters : int
        Most letters in one window, >= 0; the rest is only counted. A broken producer must not
        turn the dead-letter topic into a copy of its own.
    window_s : float
        Length of a window on the clock, seconds, > 0.
    max_bytes : int
        Longest payload in a letter, > 0, well below what the topic takes; a longer one is cut. So
        is a key at a quarter of it, and original headers that take more than that are left out:
        the three together must fit into one message, or a letter would end the process.
    """

    topic: str = "coral.metrics.dlq.v1"
    max_letters: int = 600
    window_s: float = 60.0
    max_bytes: int = 512 << 10

    def __post_init__(self) -> None:
        if self.max_letters < 0:
            raise ValueError(
                f"`DeadLetterPolicy` requires max_letters >= 0, got {self.max_letters!r}."
            )
        if not self.window_s > 0:
            raise ValueError(f"`DeadLetterPolicy` requires window_s > 0, got {self.window_s!r}.")
        if self.max_bytes < 1:
            raise ValueError(f"`DeadLetterPolicy` requires max_bytes > 0, got {self.max_bytes!r}.")


class DeadLetters:
    """State of a `DeadLetterPolicy`: turns errors into messages until the window is full.

    Parameters
    ----------
    policy : DeadLetterPolicy
    clock : Clock

    Attributes
    ----------
    written, suppressed : int
        Letters handed out, and errors beyond the limit, so far.
    newest : DecodeError or None
        What the newest of them was about.
    """

    def __init__(self, policy: DeadLetterPolicy, clock: Clock) -> None:
        self._policy = policy
        self._clock = clock
        self._window_start = clock.monotonic()
        self._in_window = 0
        self.written = 0
        self.suppressed = 0
        self.newest: DecodeError | None = None

    def letter(self, record: Record, error: DecodeError) -> Message | None:
        """Return the message for the dead-letter topic, None if the window is full.

        It has the original key and bytes; headers `reason` (path and rule), `topic`, `partition`,
        `offset` and `length` of the original bytes (decimal) come before the original headers.
        """
        self.newest = error
        now = self._clock.monotonic()
        if now - self._window_start >= self._policy.window_s:
            self._window_start, self._in_window = now, 0
        if self._in_window >= self._policy.max_letters:
            self.suppressed += 1
            return None
        self._in_window += 1
        self.written += 1
        most = self._policy.max_bytes
        headers: Headers = (
            ("reason", f"{error.where}: {error.reason}".encode("utf-8", "backslashreplace")),
            ("topic", record.topic.encode()),
            ("partition", str(record.partition).encode()),
            ("offset", str(record.offset).encode()),
            ("length", str(len(record.value)).encode()),
        )
        if sum(len(name) + len(value) for name, value in record.headers) <= most // 4:
            headers += record.headers
        key = None if record.key is None else record.key[: most // 4]
        return Message(self._policy.topic, key, record.value[:most], headers)
