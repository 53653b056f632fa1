"""Property tests give the same examples each time, so that a failure can be repeated by running the test again."""

from hypothesis import settings

settings.register_profile("same-each-time", derandomize=True, database=None, deadline=None)
settings.load_profile("same-each-time")
