"""Recordings that are played: run to their end and shown on a page of a thread."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from served import Reader, until

from coral.cli.replay_page import Played, Under, show_recordings
from coral.config import EngineConfig
from coral.replay.alerts import recorded_alerts
from coral.replay.beside import Beside
from coral.replay.changes import recorded_changes
from coral.replay.driver import system_of
from streams.recorded import Recording


def played_under(folder: Path, *engines: EngineConfig) -> Played:
    """A recording as it is run under several configurations, called `one`, `two` and so on."""
    recording = Recording.open(folder)
    beside = Beside(recorded_changes(recording)[0], recorded_alerts(recording)[0])
    names = ("one", "two", "three")
    system = system_of(recording.meta)
    under = [Under(name, system, engine) for name, engine in zip(names, engines, strict=False)]
    return Played(recording, beside, (), None, under)


@contextmanager
def playing(*played: Played) -> Iterator[Reader]:
    """Show recordings that have been run to their end."""
    end, told = threading.Event(), list[str]()
    thread = threading.Thread(target=show_recordings, args=(played, 0, end.is_set, told.append))
    thread.start()
    try:
        until(lambda: len(told) > sum(len(each.under) for each in played))
        found = re.match(r"The page: http://127\.0\.0\.1:(\d+)/#/replay/0 ", told[0])
        assert found is not None
        yield Reader(int(found[1]))
    finally:
        end.set()
        thread.join(60)
        assert not thread.is_alive()
