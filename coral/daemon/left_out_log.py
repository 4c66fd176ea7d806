"""What the log says about parts of records that could not be used: a sum once a minute."""

from typing import Final

import structlog

from streams.clock import Clock
from streams.processing.left_out import LeftOut

__all__ = ["LeftOutLog"]

REPORT_S: Final = 60.0

log = structlog.stdlib.get_logger()


class LeftOutLog:
    """Logs what was left out so far, if anything was since the last time.

    Parameters
    ----------
    clock : Clock
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._logged = 0
        self._last = -REPORT_S

    def polled(self, left_out: LeftOut) -> None:
        """Log at most once a minute."""
        if self._clock.monotonic() - self._last >= REPORT_S:
            self.report(left_out)

    def report(self, left_out: LeftOut) -> None:
        """Log reasons, the metrics that have most of it, and the newest part."""
        total = left_out.by_kind.total()
        if total == self._logged:
            return
        self._logged, self._last = total, self._clock.monotonic()
        most = [f"{metric} ({kind}) {parts}" for kind, metric, parts in left_out.most() if metric]
        facts: dict[str, object] = {"parts": total, "reasons": dict(left_out.by_kind)}
        if most:
            facts["most"] = most
        log.warning("left_out_so_far", **facts, newest=str(left_out.newest))
