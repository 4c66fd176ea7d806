"""The aligner: grid, watermark, late, duplicate, future, refused, and its state."""

import math
from typing import Any

import numpy as np
import pytest

from streams.align.aligner import Aligner
from streams.records import Frame, Late, Samples

A = ("a:x",)
AB = ("a:x", "b:x")
nan = np.nan


def samples(time: float, names: tuple[str, ...] = A, *values: float) -> Samples:
    return Samples("shop", time, names, np.array(values or [1.0] * len(names), dtype=float))


def push(aligner: Aligner, *pushed: Samples) -> list[Frame]:
    return [frame for one in pushed for frame in aligner.push(one)]


def seen(frames: list[Frame]) -> list[tuple[float, dict[str, float]]]:
    """Return time and values by name, missing ones left out."""
    return [
        (
            f.time,
            {n: v for n, v in zip(f.names, f.values.tolist(), strict=True) if not math.isnan(v)},
        )
        for f in frames
    ]


class TestGrid:
    def test_a_tick_closes_when_the_next_one_begins(self) -> None:
        """A frame comes with the first sample of a later tick, not before."""
        aligner = Aligner(10)
        before = push(aligner, samples(0, A, 1), samples(9, A, 2))

        assert [] == before
        assert [(9, {"a:x": 2})] == seen(push(aligner, samples(10, A, 3)))

    def test_lateness_holds_ticks_open(self) -> None:
        """A tick waits until the newest sample is `lateness_s` past its end."""
        aligner = Aligner(10, lateness_s=5)
        before = push(aligner, samples(0), samples(14), samples(8, A, 2))

        assert [] == before
        assert [(8, {"a:x": 2})] == seen(push(aligner, samples(15)))

    def test_a_gap_gives_no_frames(self) -> None:
        """Ticks without samples do not appear."""
        frames = push(Aligner(1), samples(0), samples(7), samples(8))

        assert [0, 7] == [f.time for f in frames]

    def test_border_with_rounded_times(self) -> None:
        """Float noise below a border does not put a sample into the tick before."""
        aligner = Aligner(0.1)
        frames = push(aligner, *[samples(1.7e9 + i * 0.1) for i in range(1000)])

        assert 1000 == len(frames + aligner.flush())

    def test_series_of_a_tick_come_together(self) -> None:
        """Samples of one tick in several records give one frame, missing ones stay NaN."""
        aligner = Aligner(10)
        frames = push(aligner, samples(0, A, 1), samples(3, ("c:x",), 3), samples(10, ("b:x",), 2))
        frames += aligner.flush()

        assert [(3, {"a:x": 1, "c:x": 3}), (10, {"b:x": 2})] == seen(frames)
        assert ("a:x", "c:x", "b:x") == frames[1].names

    def test_frame_is_as_wide_as_the_registry(self) -> None:
        """A series first seen while a tick is open is missing in it."""
        aligner = Aligner(10, lateness_s=10)
        (frame,) = push(aligner, samples(0), samples(11, ("b:x",)), samples(20))

        assert AB == frame.names
        np.testing.assert_array_equal([1.0, nan], frame.values)

    def test_names_are_the_same_object(self) -> None:
        """Consecutive frames share their names unless a series was added."""
        one, two, three = push(Aligner(1), samples(0), samples(1), samples(2, AB), samples(3))

        assert (False, True) == (one.names is two.names, two.names is three.names)

    def test_frames_are_read_only_and_input_is_untouched(self) -> None:
        """Nobody can write into a frame, and the aligner does not write into samples."""
        given = samples(0, AB, 1, nan)
        aligner = Aligner(1)
        push(aligner, given, samples(0.5, AB, 2, 3))
        (frame,) = aligner.flush()

        assert not frame.values.flags.writeable
        np.testing.assert_array_equal([1, nan], given.values)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"interval_s": 0}, "interval_s > 0, got 0"),
            ({"interval_s": nan}, "interval_s > 0, got nan"),
            ({"interval_s": 1, "lateness_s": -1}, "lateness_s >= 0, got -1"),
            ({"interval_s": 1, "lateness_s": 2, "max_future_s": 3}, r"= 3, got 3\."),
            ({"interval_s": 1, "max_series": 0}, "max_series >= 1, got 0"),
        ],
    )
    def test_rejects(self, arguments: dict[str, Any], message: str) -> None:
        """Parameters that make no grid are refused with the rule and the value."""
        with pytest.raises(ValueError, match=message):
            Aligner(**arguments)


class TestWithinATick:
    def test_newest_value_wins(self) -> None:
        """The value with the largest event time wins, in either order of arrival."""
        for pushed in ([samples(1, A, 1), samples(2, A, 2)], [samples(2, A, 2), samples(1, A, 1)]):
            aligner = Aligner(10)
            push(aligner, *pushed)
            assert [(2, {"a:x": 2})] == seen(aligner.flush())

    def test_last_to_arrive_wins_a_tie(self) -> None:
        """Of two values for one instant the one that arrived last wins."""
        aligner = Aligner(10)
        push(aligner, samples(1, A, 1), samples(1, A, 2))

        assert [(1, {"a:x": 2})] == seen(aligner.flush())
        assert 0 == aligner.duplicate

    def test_missing_replaces_nothing(self) -> None:
        """A missing value, even a newer one, leaves the value before it."""
        aligner = Aligner(10)
        push(aligner, samples(1, AB, 1, nan), samples(2, AB, nan, 2))

        assert [(2, {"a:x": 1, "b:x": 2})] == seen(aligner.flush())

    def test_duplicates_change_nothing(self) -> None:
        """A sample delivered again is counted and has no effect."""
        aligner = Aligner(10)
        push(aligner, samples(1, AB, 1, nan), samples(2, A, 5), samples(1, AB, 1, nan))
        push(aligner, samples(2, A, 5))

        assert [(2, {"a:x": 5})] == seen(aligner.flush())
        assert 2 == aligner.duplicate


class TestWholeRows:
    """Rows that come one a tick close it themselves, if nothing is to be waited for."""

    calm = staticmethod(lambda: [samples(10 * k, AB, k, nan) for k in range(10)])

    def test_a_row_closes_its_tick(self) -> None:
        """After eight ticks of one row each a frame comes with its own row."""
        aligner = Aligner(10)
        counts = [len(aligner.push(one)) for one in self.calm()]

        assert [0, 1, 1, 1, 1, 1, 1, 1, 1, 2] == counts
        assert [] == aligner.flush()

    def test_not_while_samples_are_waited_for(self) -> None:
        """A system with a lateness waits for it, however regular its rows are."""
        aligner = Aligner(10, lateness_s=0.1)
        push(aligner, *self.calm())

        assert [80, 90] == [f.time for f in aligner.flush()]

    def test_other_series_begin_anew(self) -> None:
        """A row with other series, or in another order, says nothing of completeness."""
        aligner = Aligner(10)
        push(aligner, *self.calm()[:-1])

        assert [80] == [f.time for f in push(aligner, samples(90, ("b:x", "a:x")))]
        assert [90] == [f.time for f in aligner.flush()]

    def test_what_changes_a_closed_tick_is_late(self) -> None:
        """More for a tick closed at once is dropped, and the next ticks stay open for a while."""
        for more in (samples(90, AB, 1, nan), samples(95, AB, 9, nan), samples(90, ("c:x",), 1)):
            aligner = Aligner(10)
            push(aligner, *self.calm(), more, more)
            counts = [len(aligner.push(samples(10 * k, AB, k, k))) for k in range(10, 28)]

            assert (2, 0) == (aligner.late, aligner.duplicate)
            assert [0, *[1] * 15, 2, 1] == counts
            assert AB == aligner.series.names

    def test_a_repeated_row_changes_nothing(self) -> None:
        """What brings nothing new to a closed tick is a duplicate, and no reason to wait."""
        aligner = Aligner(10)
        older = samples(85, AB, 7, nan)
        push(aligner, *self.calm(), self.calm()[-1], samples(90, ("a:x",), 9), older)

        assert (1, 2) == (aligner.late, aligner.duplicate)
        assert [100] == [f.time for f in push(aligner, samples(100, AB, 1, 1))]

    def test_refused_series_of_a_repeated_row(self) -> None:
        """Series beyond the cap do not make a repeated row late."""
        aligner = Aligner(10, max_series=1)
        push(aligner, *self.calm(), self.calm()[-1])

        assert (0, 1) == (aligner.late, aligner.duplicate)

    def test_rows_of_half_a_tick(self) -> None:
        """Several rows a tick never close it, the newest value counts as ever."""
        aligner = Aligner(10)
        frames = push(aligner, *[samples(t, A, t) for t in range(0, 200, 5)])

        assert [{"a:x": t} for t in range(5, 195, 10)] == [values for _, values in seen(frames)]
        assert 0 == aligner.late

    def test_a_jump_of_time_begins_anew(self) -> None:
        """The tick after a long silence waits for the next one."""
        aligner = Aligner(10)
        push(aligner, *self.calm())
        frames = push(aligner, samples(1e6, AB, 1, 1), samples(1e6 + 10, AB, 2, 2))

        assert [1e6] == [f.time for f in frames]

    def test_state_of_before(self) -> None:
        """A checkpoint without the facts about rows is continued, with the wait."""
        aligner, restored = Aligner(10), Aligner(10)
        push(aligner, *self.calm()[:-1])
        state = aligner.state_dict()
        del state["whole"], state["last_whole"]
        restored.load_state_dict(state)

        assert [80] == [f.time for f in push(restored, self.calm()[-1])]


class TestLate:
    def test_late_is_dropped(self) -> None:
        """A sample of a closed tick is counted, dropped, and adds no series."""
        aligner = Aligner(10)
        push(aligner, samples(5), samples(15), samples(9, ("late:x",)), samples(25))
        frames = aligner.flush()

        assert 1 == aligner.late
        assert A == frames[-1].names

    def test_older_than_the_watermark_in_an_open_tick(self) -> None:
        """A sample behind the watermark still counts while its tick is open."""
        aligner = Aligner(10)
        push(aligner, samples(1), samples(8, A, 8), samples(3, ("b:x",), 3))

        assert [(8, {"a:x": 8, "b:x": 3})] == seen(aligner.flush())
        assert 0 == aligner.late

    def test_after_flush(self) -> None:
        """What comes after a flush for a closed tick is late, a new tick is not."""
        aligner = Aligner(10)
        push(aligner, samples(5), samples(15))
        aligner.flush()
        push(aligner, samples(16), samples(25))

        assert [25] == [f.time for f in aligner.flush()]
        assert 1 == aligner.late


class TestFuture:
    def test_a_lone_future_stamp_moves_nothing(self) -> None:
        """A sample a year ahead is dropped and counted, what follows is not late."""
        aligner = Aligner(10)
        frames = push(
            aligner, samples(0), samples(10), samples(3.2e7, A, 99), samples(20), samples(30)
        )

        assert [0, 10, 20] == [f.time for f in frames]
        assert (0, 1) == (aligner.late, aligner.future)

    def test_every_future_stamp_is_dropped_alone(self) -> None:
        """A skewed producer among good ones is dropped each time."""
        aligner = Aligner(10, lateness_s=1)
        frames = []
        for i in range(20):
            frames += push(aligner, samples(i * 10), samples(3.2e7 + i * 10, A, 99))
        frames += push(aligner, samples(201))

        assert list(range(0, 200, 10)) == [f.time for f in frames]
        assert (0, 20) == (aligner.late, aligner.future)

    def test_a_gap_is_believed_after_the_second_tick(self) -> None:
        """A long silence is no error: the second tick after it confirms, nothing is lost."""
        aligner = Aligner(10)
        push(aligner, samples(0), samples(10))
        pending = push(aligner, samples(1e6), samples(1e6 + 1, ("b:x",), 2))
        frames = push(aligner, samples(1e6 + 10))

        assert [] == pending
        assert [(10, {"a:x": 1}), (1e6 + 1, {"a:x": 1, "b:x": 2})] == seen(frames)
        assert 0 == aligner.future

    def test_two_disagreeing_future_stamps(self) -> None:
        """Two future samples far from each other do not confirm each other."""
        aligner = Aligner(10)
        push(aligner, samples(0), samples(10), samples(1e6), samples(5e8), samples(20))

        assert [20] == [f.time for f in aligner.flush()]
        assert 2 == aligner.future

    def test_a_wrong_first_stamp(self) -> None:
        """A first sample far ahead does not make everything after it late."""
        aligner = Aligner(10)
        frames = push(aligner, samples(3.2e7), samples(0), samples(10), samples(20))

        assert [0, 10] == [f.time for f in frames]
        assert (0, 1) == (aligner.late, aligner.future)

    def test_a_wrong_second_stamp(self) -> None:
        """A future sample right after the first one does not push the first one out."""
        aligner = Aligner(10)
        frames = push(aligner, samples(0), samples(3.2e7), samples(10), samples(20))

        assert [0, 10] == [f.time for f in frames]
        assert (0, 1) == (aligner.late, aligner.future)

    def test_parked_ticks_are_bounded(self) -> None:
        """A storm of disagreeing stamps is counted, not kept."""
        aligner = Aligner(10)
        push(aligner, samples(0), samples(10), *[samples(i * 1e6) for i in range(1, 51)])

        assert 46 == aligner.future
        assert 4 == len(aligner.state_dict()["parked"])

    def test_a_single_tick(self) -> None:
        """A recording of one tick gives its frame, for there is nothing to doubt it."""
        aligner = Aligner(10)
        push(aligner, samples(3), samples(4, A, 2))

        assert [(4, {"a:x": 2})] == seen(aligner.flush())
        assert 0 == aligner.future

    def test_flush_drops_an_unconfirmed_tick(self) -> None:
        """A lone future sample at the end is not believed."""
        aligner = Aligner(10)
        push(aligner, samples(0), samples(10), samples(1e6), samples(1e6 + 1))

        assert [10] == [f.time for f in aligner.flush()]
        assert 2 == aligner.future

    def test_confirmation_does_not_excuse_lateness(self) -> None:
        """The sample that confirms a tick but lies behind the watermark is late."""
        aligner = Aligner(10)
        push(aligner, samples(50), samples(20))

        assert [50] == [f.time for f in aligner.flush()]
        assert 1 == aligner.late

    def test_default_limit(self) -> None:
        """An hour, or a thousand intervals, is no future."""
        for interval in (1, 60):
            aligner = Aligner(interval)
            push(aligner, samples(0), samples(interval))
            ahead = interval + max(3600, 1000 * interval)
            assert [interval] == [f.time for f in push(aligner, samples(ahead))]


class TestRefused:
    def test_cap(self) -> None:
        """Series beyond the cap are left out, counted by value, and named by entity."""
        aligner = Aligner(1, max_series=2)
        push(aligner, samples(0, ("a:x", "b:x", "pod:x"), 1, 2, 3))
        push(aligner, samples(1, ("pod:x", "b:x"), 4, 5), samples(2, ("pod:x", "b:x"), 6, 7))

        assert [(2, {"b:x": 7})] == seen(aligner.flush())
        assert 3 == aligner.refused
        assert [("pod", 2)] == aligner.series.top_refused()

    def test_index_cache_is_bounded(self) -> None:
        """Ever new sets of names are aligned right although the cache forgets them."""
        aligner = Aligner(1, max_series=10_000)
        for i in range(1000):
            push(aligner, samples(i, (f"pod:x{i}",), i))

        assert [(999, {"pod:x999": 999})] == seen(aligner.flush())
        assert len(aligner._cached) <= 256


class TestState:
    def test_watermark(self) -> None:
        """The watermark is the largest believed time less the lateness."""
        aligner = Aligner(10, lateness_s=3)
        first = aligner.watermark
        push(aligner, samples(0), samples(20), samples(12))

        assert (-np.inf, 17) == (first, aligner.watermark)

    def test_state_is_a_copy(self) -> None:
        """What happens after `state_dict` does not change what it returned."""
        aligner = Aligner(10)
        push(aligner, samples(0, A, 1), samples(10, A, 2))
        state = aligner.state_dict()
        push(aligner, samples(11, A, 3))
        restored = Aligner(10)
        restored.load_state_dict(state)

        assert [(10, {"a:x": 2})] == seen(restored.flush())


class TestLateSources:
    def test_who_was_late_and_how_much(self) -> None:
        """Each frame brings what was late since the one before, the aligner keeps the worst."""
        aligner = Aligner(10)
        pushed = [samples(10 * k, (f"{one}:x",)) for k in range(3) for one in "abc"]
        push(aligner, *pushed, samples(5.5, ("b:x",)), samples(1, ("b:x",)))
        (frame,) = push(aligner, samples(30), samples(30, ("c:x",)))
        after = push(aligner, samples(40), samples(40, ("c:x",)))

        assert (Late("b", 2, 19.0),) == frame.late
        assert [()] == [one.late for one in after]
        assert {"b": Late("b", 2, 19.0)} == aligner.sources.worst

    def test_whose_clock_is_ahead(self) -> None:
        """One that two others contradict, and by how much."""
        aligner = Aligner(10)
        push(aligner, *[samples(10 * k, (f"{one}:x",)) for k in range(3) for one in "abc"])
        push(aligner, samples(330), samples(30, ("b:x",)), samples(30, ("c:x",)))

        assert ("a", 300) == aligner.fast

    def test_state_of_before(self) -> None:
        """A checkpoint that knows no sources is continued."""
        aligner, restored = Aligner(10), Aligner(10)
        push(aligner, samples(0), samples(10), samples(1e6))
        state = aligner.state_dict()
        del state["agreement"], state["sources"]
        state["parked"] = [one[:5] for one in state["parked"]]
        restored.load_state_dict(state)

        assert [10, 1e6] == [f.time for f in push(restored, samples(1e6 + 10))]
        assert 0 == restored.future
