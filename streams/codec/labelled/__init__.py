"""Labelled samples to series: templates, counters, histograms, replicas."""
