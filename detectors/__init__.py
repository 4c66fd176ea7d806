"""Streaming change detectors: arrays in, scores out.

Knows no Kafka, no log, no clock and no configuration.
"""
