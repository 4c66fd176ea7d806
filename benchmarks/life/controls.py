"""What is done to the system at each instant, by benign life and by faults alike."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from life.topology import EDGES, NODES, STATIONS

__all__ = ["Controls", "span", "untouched"]

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]


class Controls(NamedTuple):
    """One row an instant; what is not touched holds its neutral value.

    Parameters
    ----------
    arrivals : ndarray of shape (rows,), requests a second at the gateway
    work : ndarray of shape (rows, stations), factor of the CPU time of a request
    hog : ndarray of shape (rows, stations), cores taken inside the limit of the station
    down : ndarray of shape (rows, stations), share of the replicas that do not serve
    failing : ndarray of shape (rows, stations), share of the requests that fail by themselves
    lock : ndarray of shape (rows, stations), seconds that a request waits without using CPU
    leak : ndarray of shape (rows, stations), MB a second that stay in the heap
    restart : ndarray of shape (rows, stations), 1 where its processes begin anew
    heap : ndarray of shape (rows, stations), factor of the live data
    pool : ndarray of shape (rows, stations), share of the connections that are lost
    io : ndarray of shape (rows, stations), share of the disk's time taken by others
    fill : ndarray of shape (rows, stations), GB a second written beside the requests
    clean : ndarray of shape (rows, stations), share of the growth that is removed at once
    delay : ndarray of shape (rows, edges), seconds
    loss : ndarray of shape (rows, edges), share of the packets
    retries : ndarray of shape (rows, edges), further attempts
    load : ndarray of shape (rows, nodes), cores
    hits : ndarray of shape (rows,), factor of the cache's hit ratio
    bank : ndarray of shape (rows,), factor of the external dependency's latency
    """

    arrivals: Floats
    work: Singles
    hog: Singles
    down: Singles
    failing: Singles
    lock: Singles
    leak: Singles
    restart: Singles
    heap: Singles
    pool: Singles
    io: Singles
    fill: Singles
    clean: Singles
    delay: Singles
    loss: Singles
    retries: Singles
    load: Singles
    hits: Singles
    bank: Singles


def untouched(arrivals: Floats) -> Controls:
    """Return the controls of a system that nothing is done to."""
    rows = len(arrivals)

    def zeros(width: int) -> Singles:
        return np.zeros((rows, width), dtype=np.float32)

    def ones() -> Singles:
        return np.ones((rows, len(STATIONS)), dtype=np.float32)

    stations, edges = len(STATIONS), len(EDGES)
    return Controls(
        arrivals=arrivals.copy(),
        work=ones(),
        hog=zeros(stations),
        down=zeros(stations),
        failing=zeros(stations),
        lock=zeros(stations),
        leak=zeros(stations),
        restart=zeros(stations),
        heap=ones(),
        pool=zeros(stations),
        io=zeros(stations),
        fill=zeros(stations),
        clean=zeros(stations),
        delay=zeros(edges),
        loss=zeros(edges),
        retries=zeros(edges),
        load=zeros(len(NODES)),
        hits=np.ones(rows, dtype=np.float32),
        bank=np.ones(rows, dtype=np.float32),
    )


def span(start: float, end: float, interval_s: float, rows: int) -> slice:
    """Return the rows of a span of time, at least one while there are any."""
    first = min(int(np.ceil(start / interval_s)), rows)
    return slice(first, min(max(int(np.ceil(end / interval_s)), first + 1), rows))
