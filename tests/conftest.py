"""Hypothesis draws the same cases in every run, so that only a change turns a test red.

MERITNET_EXPLORE=1 draws others, and many more of them.
"""

import os

from hypothesis import HealthCheck, settings

# No deadlines: they would measure the machine.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile(
    "explore", max_examples=1_000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("explore" if os.environ.get("MERITNET_EXPLORE") else "steady")
