"""Settings that hold for all tests."""

from hypothesis import settings

# No deadline: a test must not fail because the machine is busy. Derandomised: the same examples
# in every run, so that a red build is a change of the code.
settings.register_profile("coral", deadline=None, derandomize=True)
settings.load_profile("coral")
