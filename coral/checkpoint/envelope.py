"""A checkpoint as bytes: who wrote what, in which format, with a checksum over all of it.

``CORALCKP``, format and length of the rest (little endian), SHA-256 of these two and the rest; the
rest is one map: key, engine version and state. These first 52 bytes are the same in every format,
so that any version can tell a broken checkpoint from one that is newer than itself.
"""

import hashlib
import struct
from typing import Any, Final

from coral import __version__
from coral.checkpoint.tree import pack, unpack
from coral.errors import CorruptCheckpointError, ForeignCheckpointError, FutureCheckpointError

__all__ = ["FORMAT", "decode", "encode"]

FORMAT: Final = 2
"""Grows by one in a release in which the layout of any part's state changes."""

MAX_BYTES: Final = 2**32
_MAGIC: Final = b"CORALCKP"
_PREFIX: Final = struct.Struct("<IQ")
_DIGEST: Final = hashlib.sha256().digest_size
_HEAD: Final = len(_MAGIC) + _PREFIX.size + _DIGEST


def encode(key: str, state: dict[str, Any]) -> bytes:
    """Encode the state that is kept under `key`."""
    body = pack({"key": key, "engine": __version__, "state": state})
    prefix = _PREFIX.pack(FORMAT, len(body))
    return b"".join((_MAGIC, prefix, _checksum(prefix, body), body))


def decode(key: str | None, data: bytes, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """Return the state that `encode` was given.

    Parameters
    ----------
    key : str or None
        Under which the state must have been kept; None for whichever.
    data : bytes
    max_bytes : int
        Most bytes of its arrays, checked before they are allocated.

    Raises
    ------
    CorruptCheckpointError
        Empty, truncated, with flipped bits, or no checkpoint at all.
    FutureCheckpointError
        Of a later format.
    ForeignCheckpointError
        Of another key.
    """
    if len(data) < _HEAD or not data.startswith(_MAGIC):
        raise CorruptCheckpointError(
            f"{_MAGIC.decode()} and {_HEAD - len(_MAGIC)} bytes more expected at the start, "
            f"got {data[:8]!r} of {len(data)} bytes"
        )
    prefix = data[len(_MAGIC) : _HEAD - _DIGEST]
    number, length = _PREFIX.unpack(prefix)
    body = memoryview(data)[_HEAD:]
    if len(body) != length:
        raise CorruptCheckpointError(f"{length} bytes expected, got {len(body)}")
    if _checksum(prefix, body) != data[_HEAD - _DIGEST : _HEAD]:
        raise CorruptCheckpointError("the checksum does not fit the content")
    if number > FORMAT:
        raise FutureCheckpointError(
            f"format {FORMAT} at most expected, got {number}: a later version of CORAL wrote it; "
            "start that version again, or go on here without what it learned"
        )
    found = unpack(body, max_bytes)
    if key is not None and found.get("key") != key:
        raise ForeignCheckpointError(f"key {key!r} expected, got {found.get('key')!r}")
    state = found.get("state")
    if not isinstance(state, dict):
        raise CorruptCheckpointError(f"a state expected, got {type(state).__name__}")
    return state


def _checksum(prefix: bytes, body: bytes | memoryview) -> bytes:
    digest = hashlib.sha256(prefix)
    digest.update(body)
    return digest.digest()
