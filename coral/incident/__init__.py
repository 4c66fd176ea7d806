"""One incident from its onset to its resolution: alarm, findings, words. Pure."""
