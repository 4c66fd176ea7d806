"""Batches of messages unpacked piece by piece, so that none takes more memory than it may.

54 kB on a broker can be 2.5 GB in memory. kafka-python unpacks all of a batch at once.
"""

import io
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import cramjam
import lz4.frame
import zstandard

__all__ = ["CODECS", "UnpackError", "unpacked"]

_PIECE: Final = 1 << 20  # bytes
_GZIP: Final = 16 + zlib.MAX_WBITS
# What Java's snappy writes before its blocks: eight bytes of magic, then two versions.
_XERIAL: Final = b"\x82SNAPPY\0"
_XERIAL_HEADER: Final = 16
_LENGTH: Final = struct.Struct(">I")


class UnpackError(Exception):
    """A batch is not what its codec makes, or more than may be unpacked."""


def unpacked(codec: int, packed: bytes, most: int) -> bytearray:
    """Return what `packed` holds.

    Parameters
    ----------
    codec : int
        Kafka's number of it, one of `CODECS`.
    packed : bytes
    most : int
        Longest result, bytes. No more than about twice as much memory is used on the way,
        whatever `packed` is.

    Raises
    ------
    UnpackError
    """
    if codec not in CODECS:
        raise UnpackError(f"codec {codec} is unknown")
    name, pieces = CODECS[codec]
    whole = bytearray()
    try:
        for piece in pieces(packed, most):
            whole += piece
            if len(whole) > most:
                raise _too_long(most)
    except UnpackError as error:
        raise UnpackError(f"{name}: {error}") from None
    except (zlib.error, zstandard.ZstdError, cramjam.DecompressionError, *_LZ4_ERRORS) as error:
        raise UnpackError(f"{name}: broken: {error}") from None
    return whole


def _too_long(most: int) -> UnpackError:
    return UnpackError(f"at most {most} bytes expected when unpacked, got more")


def _gzip(packed: bytes, _most: int) -> Iterator[bytes]:
    """Yield the pieces of one member after the other."""
    rest = packed
    while rest:
        member = zlib.decompressobj(_GZIP)
        while not member.eof:
            piece = member.decompress(rest, _PIECE)
            if not piece and not member.unconsumed_tail and not member.eof:
                raise UnpackError("broken: it ends early")
            yield piece
            rest = member.unconsumed_tail
        rest = member.unused_data


def _lz4(packed: bytes, _most: int) -> Iterator[bytes]:
    frame: Any = lz4.frame.LZ4FrameDecompressor()
    rest = packed
    while not frame.eof:
        piece = frame.decompress(rest, _PIECE)
        if not piece and not frame.eof:
            raise UnpackError("broken: it ends early")
        yield piece
        rest = b""


def _zstd(packed: bytes, _most: int) -> Iterator[bytes]:
    decompressor = zstandard.ZstdDecompressor()
    with decompressor.stream_reader(io.BytesIO(packed), read_across_frames=True) as reader:
        while piece := reader.read(_PIECE):
            yield piece


def _snappy(packed: bytes, most: int) -> Iterator[bytes]:
    """Yield Java's blocks, or the one block that others write: each says how long it will be."""
    if not packed.startswith(_XERIAL):
        yield _block(packed, most)
        return
    at = _XERIAL_HEADER
    while at < len(packed):
        if at + _LENGTH.size > len(packed):
            raise UnpackError("broken: it ends early")
        (length,) = _LENGTH.unpack_from(packed, at)
        at += _LENGTH.size
        yield _block(packed[at : at + length], most)
        at += length


def _block(packed: bytes, most: int) -> bytes:
    if cramjam.snappy.decompress_raw_len(packed) > most:
        raise _too_long(most)
    return bytes(cramjam.snappy.decompress_raw(packed))


# It has no exception of its own.
_LZ4_ERRORS: Final = (RuntimeError,)
CODECS: Final[Mapping[int, tuple[str, Callable[[bytes, int], Iterator[bytes]]]]] = {
    1: ("gzip", _gzip),
    2: ("snappy", _snappy),
    3: ("lz4", _lz4),
    4: ("zstd", _zstd),
}
"""Name and way of unpacking, by the number in the attributes of a batch."""
