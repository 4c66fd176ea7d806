"""From samples in any order to one frame a tick, in event time."""
