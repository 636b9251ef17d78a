"""Swarm testing: a whole scenario from a seed.

Each run leaves out most kinds of faults, so that those it has meet in ever new combinations, and
none hides what another would show (Groce et al. 2012). After the last fault the city is left in
peace for long enough that every promise about coming back can be judged.
"""

from smilesim import consensus, drawing
from smilesim.dice import shuffled, stream
from smilesim.drawing import Span, fault
from smilesim.faults.kind import Fault
from smilesim.faults.table import KINDS, UNDRAWN, over_s
from smilesim.interrupts import check
from smilesim.scenario import Scenario, load
from smilesync.entropy import Entropy

NAME = "swarm"
SUMMARY = "A scenario of its own for every seed: any faults, at any time, in any combination."

PEERS_MIN, PEERS_MAX = 4, 60
KINDS_MAX = 8
QUIET_S = 25
"""After the last fault: 15 s in which light must come back, and some in which it must stay."""

START_S, CHAOS_S = 3.0, 30.0
"""Faults begin and end between these."""

LIT_SHARE_MIN = 0.5
"""Half of every run is in peace. 22 small cities were lit for 0.89 of their time at least; a share
of an instant would be no bound, since in a city of four one view without light is all of it."""

LAST_S_MAX = 12.0
SPAN = Span(START_S, CHAOS_S - LAST_S_MAX, LAST_S_MAX, {})

DRAWN = {NAME: SUMMARY, consensus.NAME: consensus.SUMMARY}
"""The scenarios that follow from a seed, and what each is."""


def resolve(name: str, seed: int) -> Scenario:
    """Return a scenario by name or path; `swarm` and `consensus` are drawn from the seed.

    Errors: SettingsError as `scenario.load`; KeyboardInterrupt, since a sweep draws a million.
    """
    check()
    if name == consensus.NAME:
        return consensus.draw(seed)
    return draw(seed) if name == NAME else load(name)


def draw(seed: int) -> Scenario:
    """Return the scenario of a seed, the same one for ever."""
    entropy = stream(seed, "swarm")
    peers = PEERS_MIN + entropy.below(PEERS_MAX - PEERS_MIN + 1)
    weather = drawing.weather(entropy)
    faults = tuple(sorted(_faults(entropy), key=lambda fault: fault.at_s))
    end_s = max((over_s(fault) for fault in faults), default=START_S)
    return Scenario(
        name=NAME,
        summary=f"Drawn from seed {seed}.",
        seconds=int(end_s) + 1 + QUIET_S,
        peers=peers,
        weather=weather,
        faults=faults,
        expect={"lit_share_min": LIT_SHARE_MIN},
    )


def _faults(entropy: Entropy) -> list[Fault]:
    """Draw up to some kinds, each as likely as any other, and their numbers."""
    names = [kind for kind in KINDS if kind not in UNDRAWN]
    count = entropy.below(KINDS_MAX + 1)
    chosen = [names[place] for place in shuffled(len(names), entropy)[:count]]
    return [fault(kind, SPAN, entropy) for kind in chosen]
