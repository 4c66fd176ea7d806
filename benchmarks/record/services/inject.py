"""Faults that live inside a service process, switched over its ``/fault`` path."""

from __future__ import annotations

import gc
import threading
import time


class CpuHog:
    """A thread that burns CPU next to the event loop, as a runaway background job does.

    It holds the interpreter lock while it burns, so the service's own cpu rises and its
    requests have to wait for their turn.
    """

    SLICE_S = 0.05

    def __init__(self) -> None:
        self._duty = 0.0
        self._thread: threading.Thread | None = None

    def set(self, on: bool, duty: float) -> None:
        """Start or stop burning.

        Parameters
        ----------
        on
            Whether to burn.
        duty
            Share of one core to ask for, 0 to 1.
        """
        self._duty = duty if on else 0.0
        if on and self._thread is None:
            self._thread = threading.Thread(target=self._burn, daemon=True)
            self._thread.start()

    def _burn(self) -> None:
        while self._duty > 0.0:
            # In CPU time of this thread: waiting for a core or the lock does not count.
            end = time.thread_time() + self.SLICE_S * self._duty
            while time.thread_time() < end:
                sum(range(200))
            time.sleep(self.SLICE_S * (1.0 - self._duty))
        self._thread = None


class MemoryLeak:
    """Session records that are kept for ever and looked through on every request.

    The latency suffers honestly: the search takes longer the more records there are, and the
    garbage collector has more to walk through.
    """

    def __init__(self) -> None:
        self._records_per_request = 0
        self._records: list[dict[str, str]] = []
        self._serial = 0

    def set(self, on: bool, records_per_request: int) -> None:
        """Start leaking `records_per_request` records a request, or stop and free them all."""
        self._records_per_request = records_per_request if on else 0
        if not on:
            self._records.clear()
            gc.collect()

    def touch(self, key: str) -> int:
        """Leak and search once; return how many old records carry `key`."""
        for _ in range(self._records_per_request):
            self._serial += 1
            # A fresh string each, as a copied payload would be; about 1.3 kB a record.
            self._records.append({"key": key, "payload": f"{self._serial:0>1024}"})
        return sum(1 for record in self._records if record["key"] == key)
