"""Codecs: the bytes of one record to the samples in it."""

from streams.codec.formats import DEFAULT_MAPPINGS, Format, make_codec
from streams.codec.labelled.codec import CodecLimits, LabelledCodec
from streams.codec.labelled.mapping import SeriesMapping, template_problem
from streams.codec.native import NativeCodec, encode_batch, encode_row

__all__ = [
    "DEFAULT_MAPPINGS",
    "CodecLimits",
    "Format",
    "LabelledCodec",
    "NativeCodec",
    "SeriesMapping",
    "encode_batch",
    "encode_row",
    "make_codec",
    "template_problem",
]
