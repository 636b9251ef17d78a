"""What the demo claims, each claim a question put to what was seen and answered with a figure.

A question is asked again and again until it has an answer or its time is up; then the answer is
what is missing. Nothing here knows how a daemon works: a claim rests on `watch` objects alone.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations, pairwise

from smilesyncd.demo.instant import MS_NS, SECOND_NS
from smilesyncd.demo.sightings import SHOWING, Seen, Sighting

PHASE_WINDOW_NS = 5 * SECOND_NS
PHASE_STEP_NS = 50 * MS_NS
PHASE_AGE_NS_MAX = 150 * MS_NS
PHASE_PAIRS_MIN = 500
PHASE_MS_MAX = 2.0
PRESENT_PERCENT_MIN = 90
DARK_SECONDS_MAX = 5.54
REJOIN_SECONDS_MAX = 10.0
AT_ONCE_MS_MAX = 100.0
LEDS_DARK_MS_MAX = 1000.0
STAYS_NS = 1500 * MS_NS
STREAM_GAP_NS_MAX = SECOND_NS
PERCENT = 95
DEMO_SECONDS_MAX = 90.0


@dataclass(frozen=True, slots=True)
class Fact:
    """One claim and how it came out. `figure` is None where there was nothing to measure."""

    name: str
    passed: bool
    text: str
    figure: float | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """Which claim, about which devices, counted from when.

    `until_ns` 0: still going on. `reference`: the devices that the claim compares them with.
    """

    kind: str
    since_ns: int
    devices: tuple[int, ...]
    within_s: float
    until_ns: int = 0
    reference: tuple[int, ...] = ()


Answer = Fact | str
"""A fact, or what is still missing for one."""


def answer(seen: Seen, question: Question) -> Answer:
    """Return the fact if what was seen is enough, else what is missing."""
    return CLAIMS[question.kind](seen, question)


def unanswered(question: Question, missing: str) -> Fact:
    """Return the failed fact of a question whose time is up."""
    return Fact(question.kind, False, f"not within {question.within_s:g} s: {missing}")


def _found(seen: Seen, question: Question) -> Answer:
    wanted = len(question.devices) - 1
    firsts = _firsts(seen, question, lambda one: one.peers >= wanted)
    if isinstance(firsts, str):
        return f"{firsts} has not found all {wanted} others"
    seconds = _seconds(max(firsts.values()) - question.since_ns)
    text = f"all {wanted + 1} found one another"
    return Fact("found", True, text, seconds, "s")


def _committed(seen: Seen, question: Question) -> Answer:
    """Everyone selected one and the same slot; the figure is when the last one did."""
    common: dict[int, list[int]] = {}
    for track in seen.of(question.devices):
        for slot, first_ns in _first_selections(track.since(question.since_ns)).items():
            common.setdefault(slot, []).append(first_ns)
    complete = [max(firsts) for firsts in common.values() if len(firsts) == len(question.devices)]
    if not complete:
        return f"no slot was selected by all {len(question.devices)}"
    seconds = _seconds(min(complete) - question.since_ns)
    text = f"all {len(question.devices)} show one certified pattern"
    return Fact("committed", True, text, seconds, "s")


def _phase(seen: Seen, question: Question) -> Answer:
    """The 95th percentile, over all pairs and instants, of how far apart two phases are.

    Every device must take part: an instant at which nobody shows a pattern is the gap between two
    leases, and of all others each device may miss but few.
    """
    tracks = list(seen.of(question.devices))
    end_ns = question.since_ns + PHASE_WINDOW_NS
    if any(track.latest is None or track.latest.monotonic_ns < end_ns for track in tracks):
        return "the window is still open"
    series = [_Series(track.since(question.since_ns - PHASE_AGE_NS_MAX)) for track in tracks]
    errors_ms: list[float] = []
    instants = 0
    present = [0] * len(tracks)
    for at_ns in range(question.since_ns, end_ns, PHASE_STEP_NS):
        at_once = [each.at(at_ns) for each in series]
        shown = [one for one in at_once if one is not None]
        instants += bool(shown)
        present = [count + (one is not None) for count, one in zip(present, at_once, strict=True)]
        for first, second in combinations(shown, 2):
            if first.slot == second.slot and first.period_us == second.period_us:
                errors_ms.append(_apart_ms(first, second, at_ns))
    for track, count in zip(tracks, present, strict=True):
        if 100 * count < PRESENT_PERCENT_MIN * instants:
            percent = 100 * count // instants
            text = f"{track.name} is in the pattern at {percent} % of the instants "
            return Fact("phase", False, text + f"(gate {PRESENT_PERCENT_MIN} %)")
    if len(errors_ms) < PHASE_PAIRS_MIN:
        return f"only {len(errors_ms)} pairs showed one pattern at one instant"
    p95_ms = percentile(errors_ms, PERCENT)
    text = f"in phase: p95 of {len(errors_ms)} pairs (gate {PHASE_MS_MAX:g} ms)"
    return Fact("phase", p95_ms <= PHASE_MS_MAX, text, p95_ms, "ms")


def _suggested(seen: Seen, question: Question) -> Answer:
    """The sensor's hint waits for its wearer; no emotion changed, nobody else knows of it."""
    (track,) = seen.of(question.devices)
    recent = track.since(question.since_ns)
    hint = next((one for one in recent if one.suggestion is not None), None)
    if hint is None:
        return "no suggestion arrived"
    after = [one for one in recent if one.monotonic_ns >= hint.monotonic_ns]
    if after[-1].monotonic_ns < hint.monotonic_ns + STAYS_NS:
        return "waiting whether the suggestion acts by itself"
    before = track.before(hint.monotonic_ns)
    is_unmoved = before is not None and all(one.emotion == before.emotion for one in after)
    others = seen.of(seen.others(question.devices))
    is_private = not any(
        one.suggestion is not None for other in others for one in other.since(question.since_ns)
    )
    text = f"the heart rhythm suggests '{hint.suggestion}' to {track.name}, "
    text += "and nothing changes" if is_unmoved and is_private else "AND ACTS WITHOUT AN ANSWER"
    seconds = _seconds(hint.monotonic_ns - question.since_ns)
    return Fact("suggested", is_unmoved and is_private, text, seconds, "s")


def _accepted(seen: Seen, question: Question) -> Answer:
    (track,) = seen.of(question.devices)
    before = track.before(question.since_ns)
    if before is None or before.suggestion is None:
        return "there is no suggestion to accept"
    wanted = {"activated": "excited", "calm": "calm"}[before.suggestion]
    for one in track.since(question.since_ns):
        if one.suggestion is None and one.emotion == wanted:
            ms = (one.monotonic_ns - question.since_ns) / MS_NS
            return Fact("accepted", True, f"{track.name} accepts and feels {wanted}", ms, "ms")
    return f"{track.name} does not feel {wanted}"


def _going_on(seen: Seen, question: Question) -> Answer:
    """The others still show one certified pattern when it would be dark without a quorum.

    New slots are no measure: while nothing changes one lease may run for 16 s.
    """
    bound_ns = question.since_ns + int(DARK_SECONDS_MAX * SECOND_NS)
    firsts = [_first_selections(track.since(bound_ns)) for track in seen.of(question.devices)]
    common = set.intersection(*map(set, firsts))
    if not common:
        return f"no slot selected by all {len(question.devices)} after {DARK_SECONDS_MAX:g} s"
    at_ns = min(max(slots[slot] for slots in firsts) for slot in common)
    text = f"{len(question.devices)} go on: one certified pattern after {DARK_SECONDS_MAX:g} s, "
    text += "which takes a quorum"
    return Fact("going on", True, text, _seconds(at_ns - question.since_ns), "s")


def _dark(seen: Seen, question: Question) -> Answer:
    """When each cut-off device selected a certified value for the last time; None did it longer.

    Asked for a closed interval, from the cut to the healing, so that a late relapse counts too.
    """
    assert question.until_ns > question.since_ns
    worst_s = 0.0
    for track in seen.of(question.devices):
        latest = track.latest
        if latest is None or latest.monotonic_ns < question.until_ns:
            return f"{track.name} has not been seen up to the healing"
        during = [o for o in track.since(question.since_ns) if o.monotonic_ns < question.until_ns]
        if _widest_gap_ns(during) > STREAM_GAP_NS_MAX:
            return f"the view of {track.name} was interrupted"
        lit = [one.monotonic_ns for one in during if one.is_selected]
        worst_s = max([worst_s, *(_seconds(at_ns - question.since_ns) for at_ns in lit)])
    text = f"cut off, no certified pattern selected after (gate {DARK_SECONDS_MAX:g} s)"
    return Fact("dark", worst_s <= DARK_SECONDS_MAX, text, worst_s, "s")


def _solo(seen: Seen, question: Question) -> Answer:
    firsts = _firsts(seen, question, lambda one: one.rung == "SOLO")
    if isinstance(firsts, str):
        return f"{firsts} is not on SOLO"
    seconds = _seconds(max(firsts.values()) - question.since_ns)
    return Fact("solo", True, "both are down the ladder to SOLO, each its own smile", seconds, "s")


def _rejoined(seen: Seen, question: Question) -> Answer:
    """Each of the devices shows a certified pattern that the circle shows as well.

    The circle is the devices that were never cut off. The device must have been out of the light:
    what it kept from the time before the cut does not count. The slot may be the one from before,
    since a lease of 16 s may still run.
    """
    assert question.reference
    known: set[int] = set()
    for other in seen.of(question.reference):
        known |= set(_first_selections(other.since(question.since_ns)))
    firsts: dict[str, int] = {}
    for track in seen.of(question.devices):
        before, recent = track.before(question.since_ns), track.since(question.since_ns)
        was_out = [one.monotonic_ns for one in recent if not one.is_selected]
        if before is None or not before.is_selected:
            was_out.insert(0, question.since_ns)
        slots = _first_selections(track.since(was_out[0])) if was_out else {}
        shown = [first_ns for slot, first_ns in slots.items() if slot in known]
        if not shown:
            return f"{track.name} does not show the circle's pattern"
        firsts[track.name] = min(shown)
    seconds = _seconds(max(firsts.values()) - question.since_ns)
    names = " and ".join(firsts)
    text = f"healed, {names} shows the circle's pattern again (gate {REJOIN_SECONDS_MAX:g} s)"
    return Fact("rejoined", seconds <= REJOIN_SECONDS_MAX, text, seconds, "s")


def _revoked(seen: Seen, question: Question) -> Answer:
    """The light leaves the pattern at once and stays out; the others go on."""
    (track,) = seen.of(question.devices)
    recent = track.since(question.since_ns)
    out = next((o for o in recent if not o.is_selected and o.rung not in SHOWING), None)
    if out is None:
        return f"{track.name} still shows the circle's pattern"
    if recent[-1].monotonic_ns < out.monotonic_ns + STAYS_NS:
        return "waiting whether the light stays out"
    stays = not any(one.is_selected for one in recent if one.monotonic_ns > out.monotonic_ns)
    others = list(seen.of(seen.others(question.devices)))
    are_on = all(any(o.is_selected for o in other.since(out.monotonic_ns)) for other in others)
    ms = (out.monotonic_ns - question.since_ns) / MS_NS
    text = f"{track.name} revokes consent: out of the pattern (gate {AT_ONCE_MS_MAX:g} ms), "
    text += "the others go on" if are_on else "but the others stopped"
    return Fact("revoked", stays and are_on and ms <= AT_ONCE_MS_MAX, text, ms, "ms")


def _unlit(seen: Seen, question: Question) -> Answer:
    (track,) = seen.of(question.devices)
    recent = track.since(question.since_ns)
    off = next((one for one in recent if one.rung == "OFF"), None)
    dark = next((one for one in recent if one.rung == "OFF" and one.is_dark), None)
    if off is None or dark is None:
        return f"{track.name} is still lit"
    off_ms = (off.monotonic_ns - question.since_ns) / MS_NS
    dark_ms = (dark.monotonic_ns - question.since_ns) / MS_NS
    passed = off_ms <= AT_ONCE_MS_MAX and dark_ms <= LEDS_DARK_MS_MAX
    text = f"{track.name} presses the off button: LEDs dark (gate {LEDS_DARK_MS_MAX:g} ms)"
    return Fact("off", passed, text, dark_ms, "ms")


CLAIMS: dict[str, Callable[[Seen, Question], Answer]] = {
    "found": _found,
    "committed": _committed,
    "phase": _phase,
    "suggested": _suggested,
    "accepted": _accepted,
    "going on": _going_on,
    "dark": _dark,
    "solo": _solo,
    "rejoined": _rejoined,
    "revoked": _revoked,
    "off": _unlit,
}


def in_time(seconds: float) -> Fact:
    """Judge how long the whole demo took."""
    text = f"the whole demo, from the first process to the last (gate {DEMO_SECONDS_MAX:g} s)"
    return Fact("in time", seconds <= DEMO_SECONDS_MAX, text, seconds, "s")


def percentile(values: Iterable[float], percent: int) -> float:
    """Return the nearest-rank percentile: the smallest value that `percent` % do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


class _Series:
    """Sightings of one device, to be asked what held at an instant."""

    def __init__(self, sightings: list[Sighting]) -> None:
        self._sightings = sightings
        self._instants = [one.monotonic_ns for one in sightings]

    def at(self, at_ns: int) -> Sighting | None:
        """Return the last sighting not after `at_ns`, if fresh and showing a certified pattern."""
        index = bisect_right(self._instants, at_ns) - 1
        if index < 0 or at_ns - self._instants[index] > PHASE_AGE_NS_MAX:
            return None
        one = self._sightings[index]
        return one if one.is_selected and one.phase is not None and one.period_us > 0 else None


def _apart_ms(first: Sighting, second: Sighting, at_ns: int) -> float:
    period_ms = first.period_us / 1000
    apart = _phase_at(first, at_ns) - _phase_at(second, at_ns)
    return abs(apart - round(apart)) * period_ms


def _phase_at(one: Sighting, at_ns: int) -> float:
    assert one.phase is not None
    return one.phase + (at_ns - one.monotonic_ns) / (1000 * one.period_us)


def _firsts(
    seen: Seen, question: Question, holds: Callable[[Sighting], bool]
) -> dict[str, int] | str:
    """Return when it first held for each device, or the name of one for which it never did."""
    firsts: dict[str, int] = {}
    for track in seen.of(question.devices):
        first = next((one for one in track.since(question.since_ns) if holds(one)), None)
        if first is None:
            return track.name
        firsts[track.name] = first.monotonic_ns
    return firsts


def _first_selections(sightings: list[Sighting]) -> dict[int, int]:
    """Return when each slot was first selected."""
    firsts: dict[int, int] = {}
    for one in sightings:
        if one.is_selected:
            firsts.setdefault(one.slot, one.monotonic_ns)
    return firsts


def _widest_gap_ns(sightings: list[Sighting]) -> int:
    instants = [one.monotonic_ns for one in sightings]
    return max((b - a for a, b in pairwise(instants)), default=0)


def _seconds(duration_ns: int) -> float:
    return duration_ns / SECOND_NS
