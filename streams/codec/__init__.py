"""Codecs: the bytes of one record to the samples in it."""

from streams.codec.native import NativeCodec, encode_batch, encode_row

__all__ = ["NativeCodec", "encode_batch", "encode_row"]
