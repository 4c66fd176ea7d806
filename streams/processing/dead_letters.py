"""Records that could not be used, in whole or in part: what becomes of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from streams.clock import Clock
from streams.records import Headers, Message, Problem, ProblemKind, Record

SHOWN: Final = 10
"""Most parts that a letter names; of further ones it says how many there are."""


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
    """State of a `DeadLetterPolicy`: turns problems into messages until the window is full.

    Parameters
    ----------
    policy : DeadLetterPolicy
    clock : Clock

    Attributes
    ----------
    written, suppressed : int
        Letters handed out, and records beyond the limit, so far.
    by_kind : Counter of str
        How many records there were so far, written or not, by what was wrong with the first of
        their parts that was left out; its keys are the closed list `ProblemKind`.
    newest : str
        What the newest of them was about, and where it lies; "" before the first.
    """

    def __init__(self, policy: DeadLetterPolicy, clock: Clock) -> None:
        self._policy = policy
        self._clock = clock
        self._window_start = clock.monotonic()
        self._in_window = 0
        self.written = 0
        self.suppressed = 0
        self.newest = ""
        self.by_kind: Counter[ProblemKind] = Counter()

    def letter(self, record: Record, problems: Sequence[Problem]) -> Message | None:
        """Return the message for the dead-letter topic, None if the window is full.

        It has the original key and bytes; headers `reason` (path and rule of each part that was
        left out), `left_out` (how many they are), `topic`, `partition`, `offset` and `length` of
        the original bytes (decimal) come before the original headers.

        Parameters
        ----------
        record : Record
        problems : sequence of Problem, length >= 1
        """
        where = f"topic {record.topic}, partition {record.partition}, offset {record.offset}"
        self.newest = f"{problems[0]} ({where})"
        self.by_kind[problems[0].kind] += 1
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
            ("reason", _reason(problems).encode("utf-8", "backslashreplace")),
            ("left_out", str(len(problems)).encode()),
            ("topic", record.topic.encode()),
            ("partition", str(record.partition).encode()),
            ("offset", str(record.offset).encode()),
            ("length", str(len(record.value)).encode()),
        )
        if sum(len(name) + len(value) for name, value in record.headers) <= most // 4:
            headers += record.headers
        key = None if record.key is None else record.key[: most // 4]
        return Message(self._policy.topic, key, record.value[:most], headers)


def _reason(problems: Sequence[Problem]) -> str:
    more = len(problems) - SHOWN
    said = "; ".join(map(str, problems[:SHOWN]))
    return f"{said}; and {more} more" if more > 0 else said
