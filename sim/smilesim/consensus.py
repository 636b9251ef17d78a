"""One circle under everything at once: faults and f villains drawn from a seed, then peace.

Each run has a few kinds of faults, and each faulty voter a habit of its own; over a sweep all of
them meet. All is over after some ten seconds. Then the circle must decide again, and have light:
16 s are just enough to judge it. Wearers wish for patterns all the time, so that leases are not
renewed and slots come every four seconds.
"""

from smilesim import drawing
from smilesim.dice import shuffled, stream
from smilesim.drawing import Span, fault
from smilesim.faults.kind import Fault
from smilesim.faults.table import KINDS, UNDRAWN, over_s
from smilesim.scenario import Scenario
from smilesim.villains.cast import VILLAINS
from smilesync.entropy import Entropy

NAME = "consensus"
SUMMARY = "One circle: any faults and f villains at once, drawn from the seed, then peace."

PEERS = 7
FAULTS_MIN, FAULTS_MAX = 2, 4
HABITS = 7
"""f of the largest circle; in a smaller one the first ones find somebody."""

QUIET_S = 16
SPAN = Span(
    2.5,
    5.5,
    4.5,
    {
        ("", "points"): (2, 3),
        ("", "every_s"): (1, 1.5),
        ("", "outage_s"): (0.5, 1.5),
        ("", "spread_s"): (0.5, 1.5),
        ("", "pause_s"): (0.1, 3),
        ("", "age_s"): (0.5, 3),
        ("", "retry_s"): (0.5, 1),
        ("", "rate_hz"): (1, 20),
        ("", "copies"): (2, 10),
        ("islands", "islands"): (2, 3),
    },
)
WISHES = Fault("wishes", 2.0, {"at_s": 2.0, "spread_s": 7.0, "percent": 100.0})


def draw(seed: int) -> Scenario:
    """Return the scenario of a seed."""
    entropy = stream(seed, NAME)
    weather = drawing.weather(entropy)
    villains = _some(list(VILLAINS), HABITS, entropy)
    count = FAULTS_MIN + entropy.below(FAULTS_MAX - FAULTS_MIN + 1)
    taken = {*VILLAINS, *UNDRAWN, WISHES.kind}
    others = [kind for kind in KINDS if kind not in taken]
    faults = [fault(kind, SPAN, entropy) for kind in _some(others, count, entropy)]
    faults += [_turning(kind, entropy) for kind in villains]
    faults = sorted([*faults, WISHES], key=lambda one: one.at_s)
    return Scenario(
        name=NAME,
        summary=f"Drawn from seed {seed}.",
        seconds=int(max(map(over_s, faults))) + 1 + QUIET_S,
        peers=PEERS,
        weather=weather,
        faults=tuple(faults),
        expect={},
        is_one_circle=True,
    )


def _some(kinds: list[str], count: int, entropy: Entropy) -> list[str]:
    return [kinds[place] for place in shuffled(len(kinds), entropy)[:count]]


def _turning(kind: str, entropy: Entropy) -> Fault:
    """Return the fault that turns all faulty voters that are this kind's."""
    at_s = drawing.between(SPAN.first_s, 3.5, entropy)
    return Fault(kind, at_s, {"at_s": at_s, "spread_s": 0.5, "percent": 100.0})
