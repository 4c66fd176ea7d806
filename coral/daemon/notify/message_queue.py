"""Messages of one webhook, in order: bounded, filled in and signed when they are sent."""

import hashlib
import hmac
from collections import deque
from typing import Final, NamedTuple

from coral.contract.notice import Notice
from coral.contract.template import Template
from streams.clock import Clock
from streams.http.courier import Letter

__all__ = ["MessageQueue", "Wording", "signature"]

GIVE_UP_S: Final = 3600.0
"""Longest time that a message waits: what is told later than that wakes nobody in time."""


def signature(secret: str, at: str, body: bytes) -> str:
    """Return the signature of a message, HMAC-SHA256 over `<timestamp>.<body>`.

    Parameters
    ----------
    secret : str
    at : str
        What the header with the time says, unix s.
    body : bytes

    Examples
    --------
    >>> signature("secret", "0", b"{}")[:11]
    'v1=04346ec8'
    """
    digest = hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"v1={digest}"


class Wording(NamedTuple):
    """How a webhook is spoken to.

    Attributes
    ----------
    template : Template or None
        None: the event itself.
    key : str
        What `{key}` in the template stands for.
    secret : str or None
        Signs each message.
    headers : dict of str to str
        Of every message.
    """

    template: Template | None
    key: str
    secret: str | None
    headers: dict[str, str]


class _QueuedNotice(NamedTuple):
    notice: Notice
    encoded: bytes  # the event, if it is to be sent itself
    at: float  # monotonic s


class MessageQueue:
    """A mailbox of messages.

    Parameters
    ----------
    clock : Clock
    most : int
        Messages that wait; the oldest make room.
    wording : Wording

    Attributes
    ----------
    lost : int
    """

    def __init__(self, clock: Clock, most: int, wording: Wording) -> None:
        self._clock, self._most, self._wording = clock, most, wording
        self._waiting = deque[_QueuedNotice]()
        self.lost = 0

    def put(self, notice: Notice, encoded: bytes) -> None:
        """Add a message."""
        kept = b"" if self._wording.template is not None else encoded
        self._waiting.append(_QueuedNotice(notice, kept, self._clock.monotonic()))
        if len(self._waiting) > self._most:
            self._waiting.popleft()
            self.lost += 1

    def next(self) -> Letter | None:
        """Return the oldest message, signed now."""
        while self._waiting and self._clock.monotonic() - self._waiting[0].at > GIVE_UP_S:
            self._waiting.popleft()
            self.lost += 1
        if not self._waiting:
            return None
        message = self._waiting[0]
        try:
            return self._letter(message)
        except Exception:  # a defect: it would be the same each time, and hold all that follow
            self._waiting.popleft()
            self.lost += 1
            raise

    def done(self, letter: Letter) -> None:
        """Forget a message; it may have made room for another meanwhile."""
        if self._waiting and self._waiting[0] is letter.what:
            self._waiting.popleft()

    def idle_s(self) -> float:
        """Return that nothing will be due by itself."""
        return float("inf")

    def __len__(self) -> int:
        """Return how many messages wait."""
        return len(self._waiting)

    def _letter(self, message: _QueuedNotice) -> Letter:
        template, key, secret, headers = self._wording
        body = message.encoded if template is None else template.filled(message.notice, key)
        headers = headers | {"X-Coral-Event": message.notice.id}
        if secret is not None:
            at = str(int(self._clock.time()))
            headers |= {
                "X-Coral-Timestamp": at,
                "X-Coral-Signature": signature(secret, at, body),
            }
        return Letter(body, headers, message)
