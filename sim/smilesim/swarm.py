"""Swarm testing: a whole scenario from a seed.

Each run leaves out most kinds of faults, so that those it has meet in ever new combinations, and
none hides what another would show (Groce et al. 2012). After the last fault the city is left in
peace for long enough that every promise about coming back can be judged.
"""

from smilesim.dice import shuffled, stream
from smilesim.fate import Weather
from smilesim.faults.kind import Fault, Key
from smilesim.faults.table import KINDS, over_s
from smilesim.scenario import DRAWN, Scenario, load
from smilesync.entropy import Entropy

NAME = DRAWN
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
TENTHS = 10

RANGES: dict[str, tuple[float, float]] = {
    "late_ms": (64, 3_000),
    "more_ms": (0, 200),
    "islands": (2, 5),
    "percent_per_min": (30, 600),
    "points": (2, 6),
    "every_s": (1, 3),
    "outage_s": (0.5, 3),
    "spread_s": (0.5, 3.5),
    "period_s": (0.2, 3),
    "retry_s": (0.5, 3),
    "records": (1, 10),
    "jump_s": (0.001, 60),
    "busy_ms": (1, 30),
    "pause_s": (0.1, 6),
    "copies": (5, 50),
    "rate_hz": (1, 30),
    "percent": (5, 60),
}
"""Narrower than what a file may say: small cities, short runs, and every fault over in time."""

NARROWER: dict[tuple[str, str], tuple[float, float]] = {
    ("duplication", "percent"): (1, 50),
    ("sides", "percent"): (20, 50),
    ("slow", "percent"): (5, 30),
}


def resolve(name: str, seed: int) -> Scenario:
    """Return a scenario by name or path; `swarm` is drawn from the seed.

    Errors: SettingsError as `scenario.load`.
    """
    return draw(seed) if name == NAME else load(name)


def draw(seed: int) -> Scenario:
    """Return the scenario of a seed, the same one for ever."""
    entropy = stream(seed, "swarm")
    peers = PEERS_MIN + entropy.below(PEERS_MAX - PEERS_MIN + 1)
    weather = _weather(entropy)
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


def _weather(entropy: Entropy) -> Weather:
    """Return what the air is like all the time: half of all cities have it good.

    A clock is wrong by up to half a round trip, and who is more than g = 20 ms off shows nothing:
    slower air than this, for ever, is one in which no light is promised.
    """
    if entropy.below(2):
        return Weather()
    return Weather(
        delay_ms_min=1 + entropy.below(5),
        delay_ms_span=1 + entropy.below(15),
        loss_ppm=entropy.below(50_000),
        duplicate_ppm=entropy.below(20_000),
        reorder_ppm=entropy.below(50_000),
        reorder_ms_span=1 + entropy.below(200),
    )


def _faults(entropy: Entropy) -> list[Fault]:
    """Draw up to some kinds, each as likely as any other, and their numbers."""
    names = list(KINDS)
    count = entropy.below(KINDS_MAX + 1)
    chosen = [names[place] for place in shuffled(len(names), entropy)[:count]]
    return [_fault(kind, entropy) for kind in chosen]


def _fault(kind: str, entropy: Entropy) -> Fault:
    begin_s = _between(START_S, CHAOS_S - LAST_S_MAX, entropy)
    numbers: dict[str, float] = {}
    for key in KINDS[kind].keys:
        numbers[key.name] = _number(kind, key, begin_s, entropy)
    return Fault(kind, begin_s, numbers)


def _number(kind: str, key: Key, begin_s: float, entropy: Entropy) -> float:
    """Draw one number; what lasts is over before the chaos ends."""
    match key.name:
        case "at_s":
            return begin_s
        case "heal_s" | "charged_s" | "back_s":
            return _between(begin_s + LAST_S_MAX / 3, begin_s + LAST_S_MAX, entropy)
    low, high = NARROWER.get((kind, key.name)) or RANGES.get(key.name) or (key.low, key.high)
    number = _between(max(low, key.low), min(high, key.high), entropy)
    return max(key.low, float(round(number))) if key.is_whole else number


def _between(low: float, high: float, entropy: Entropy) -> float:
    """Return a number with one decimal, as a person would write it, if the range has room."""
    steps = int((high - low) * TENTHS)
    number = low + entropy.below(steps + 1) / TENTHS
    return round(min(high, number), 3)
