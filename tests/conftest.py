"""What all tests share: how hard Hypothesis searches, assertions, and outputs of their own."""

import os

from hypothesis import HealthCheck, settings

from smilesyncd.outputs import owner

# A loaded machine is slow, not wrong: no deadline per example. The default repeats itself exactly,
# so that a red run is red again; `explore` looks for what nobody thought of.
settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("explore", parent=settings.get_profile("ci"), derandomize=False)
settings.register_profile("quick", parent=settings.get_profile("ci"), max_examples=15)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

# Tests that run beside these drive the same addresses, at nobody's lamps.
owner.LOCAL_SOCKETS += b"test %d/" % os.getpid()
