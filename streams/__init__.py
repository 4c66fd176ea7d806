"""Bytes, offsets and event time: sources, sinks, codecs and the aligner. Knows no mathematics."""
