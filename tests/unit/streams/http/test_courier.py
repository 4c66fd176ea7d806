"""A courier: it tries again, waits longer each time, and nobody waits for it."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from served import until

from streams.clock import ManualClock, SystemClock
from streams.errors import UnreachableError
from streams.http.client import Answer
from streams.http.courier import Courier, Delivered, Letter

START = 1_000.0


class Pile:
    """The simplest mailbox."""

    def __init__(self, *bodies: bytes) -> None:
        self.waiting = deque(Letter(body, {}) for body in bodies)
        self.lost = 0
        self.broken = False

    def next(self) -> Letter | None:
        if self.broken:
            self.broken = False
            raise KeyError("a defect")
        return self.waiting[0] if self.waiting else None

    def done(self, letter: Letter) -> None:
        self.waiting.remove(letter)

    def idle_s(self) -> float:
        return float("inf")

    def __len__(self) -> int:
        return len(self.waiting)


class Post:
    """Answers as it is told to, and notes what it was asked to send."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self.answers = deque(answers)
        self.sent: list[bytes] = []

    def __call__(self, letter: Letter) -> Answer:
        self.sent.append(letter.body)
        answer = self.answers.popleft() if self.answers else Answer(200)
        if isinstance(answer, Exception):
            raise answer
        return answer


def made(
    pile: Pile, post: Callable[[Letter], Answer], clock: Any = None
) -> tuple[Courier[Pile], list[tuple[str, str]]]:
    said: list[tuple[str, str]] = []
    courier = Courier(pile, post, clock or ManualClock(START), lambda *told: said.append(told))
    return courier, said


def test_what_is_taken_is_not_sent_again() -> None:
    """One after the other, in order."""
    post = Post()
    courier, said = made(Pile(b"a", b"b"), post)

    assert [0.0, 0.0, float("inf")] == [courier.step() for _ in range(3)]
    assert ([b"a", b"b"], []) == (post.sent, said)
    assert Delivered(taken=2, last=START) == courier.delivered()


@pytest.mark.parametrize(
    "trouble", [UnreachableError("away"), Answer(500), Answer(503), Answer(429), Answer(408)]
)
def test_trouble_that_may_pass_is_waited_out(trouble: Answer | Exception) -> None:
    """Twice as long each time, at least half of that, up to a minute; and said once."""
    clock, post = ManualClock(START), Post(*[trouble] * 9)
    courier, said = made(Pile(b"a"), post, clock)
    waits = []
    for _ in range(9):
        waits.append(courier.step())
        assert pytest.approx(waits[-1]) == courier.step()  # not before its time
        clock.advance(waits[-1] + 1e-6)
    courier.step()

    for n, wait in enumerate(waits):
        longest = min(60.0, 2.0**n)
        assert longest / 2 <= wait <= longest
    assert [b"a"] * 10 == post.sent
    assert ["failing", "restored"] == [what for what, _ in said]
    assert (1, 9, False) == (
        courier.delivered().taken,
        courier.delivered().failed_attempts,
        courier.delivered().failing,
    )


def test_waits_are_not_the_same_for_all() -> None:
    """Or a thousand of them would come back at the same time."""
    couriers = [made(Pile(b"a"), Post(Answer(500)))[0] for _ in range(50)]

    assert len({courier.step() for courier in couriers}) > 40


@pytest.mark.parametrize(("asked", "waited"), [(30.0, 30.0), (9e9, 300.0)])
def test_who_asks_for_a_pause_gets_it(asked: float, waited: float) -> None:
    """Up to five minutes."""
    courier, _ = made(Pile(b"a"), Post(Answer(429, "", asked)))

    assert waited == courier.step()


@pytest.mark.parametrize("status", [302, 400, 401, 404, 413])
def test_what_would_be_the_same_again_is_not_tried_again(status: int) -> None:
    """It is counted and said, and the next one goes on."""
    post = Post(Answer(status, "why"))
    courier, said = made(Pile(b"a", b"b"), post)
    courier.step()
    courier.step()

    assert [b"a", b"b"] == post.sent
    assert (1, 1) == (courier.delivered().taken, courier.delivered().refused)
    ((what, reason),) = said
    assert "refused" == what
    assert reason.startswith(f"HTTP {status}")
    assert ("redirects are not followed" in reason) == (status == 302)


@pytest.fixture
def held() -> Iterator[threading.Event]:
    """What a slow receiver waits for; no test leaves one waiting."""
    event = threading.Event()
    yield event
    event.set()


def test_nobody_waits_for_a_slow_receiver(held: threading.Event) -> None:
    """While it takes its time, more is put in, and what was done is told."""
    begun = threading.Event()

    def slow(_: Letter) -> Answer:
        begun.set()
        held.wait(60)
        return Answer(200)

    courier, _ = made(Pile(b"a"), slow, SystemClock())
    courier.start()
    assert begun.wait(60)
    courier.change(lambda pile: pile.waiting.append(Letter(b"b", {})))

    assert (0, 2) == (courier.delivered().taken, courier.delivered().waiting)
    held.set()
    until(lambda: courier.delivered().taken == 2)
    courier.end()
    courier.join(60)


def test_what_is_put_in_later_is_sent_at_once() -> None:
    """An idle courier is woken."""
    courier, _ = made(Pile(), Post(), SystemClock())
    courier.start()
    for n in range(1, 51):
        courier.change(lambda pile: pile.waiting.append(Letter(b"a", {})))
        until(partial(_has_taken, courier, n))
    courier.end()
    courier.join(60)

    assert not courier._thread.is_alive()


def _has_taken(courier: Courier[Pile], count: int) -> bool:
    return courier.delivered().taken == count


def test_at_the_end_what_is_due_is_sent() -> None:
    """And what fails is left: the process has to end."""
    for post, taken in ((Post(), 2), (Post(Answer(500)), 0)):
        courier, _ = made(Pile(b"a", b"b"), post, SystemClock())
        courier.end()
        courier.start()
        courier.join(60)

        assert (False, taken) == (courier._thread.is_alive(), courier.delivered().taken)


def test_a_defect_ends_no_thread() -> None:
    """It is said, and what follows is sent."""
    pile = Pile(b"a")
    pile.broken = True
    courier, said = made(pile, Post(), SystemClock())
    courier.start()
    until(lambda: courier.delivered().taken == 1)
    courier.end()
    courier.join(60)

    assert [("crashed", "KeyError: 'a defect'"), ("failing", "crashed"), ("restored", "")] == said
