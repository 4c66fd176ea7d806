"""CORAL: online root-cause analysis of metrics."""

__version__ = "0.1.0"
