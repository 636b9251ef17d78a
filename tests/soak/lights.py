"""Judges what a crowd of daemons shows, from their `watch` objects alone, while they come in.

Wrong is: two devices that show values of different slots at one moment, one slot's pattern more
than 2g apart in phase, an older slot after a newer one, a certified light long after fewer than a
quorum were running, and codes that flash. Nothing here knows how a daemon works.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from analyser.trace import srgb_light
from smilesyncd.analyser.flashes import Rgb
from smilesyncd.analyser.judge import LightJudge, Limits
from smilesyncd.demo.instant import MS_NS, SECOND_NS
from smilesyncd.demo.sightings import Sighting

APART_MS_MAX = 40.0
"""2g: how far apart two SYNCED clocks may be, so also two phases."""
DARK_NS_MAX = 5_540 * MS_NS
FRESH_NS = 150 * MS_NS
"""Two sightings so close together show what held at one moment."""
GAP_NS_MAX = SECOND_NS
"""A stream with a longer gap was interrupted; what was shown meanwhile is not known."""
SPELLS_KEPT = 8
LIGHT = [srgb_light(code) for code in range(256)]
"""The daemons' lamps are terminals, which take sRGB."""
WRONGS_KEPT = 50
PHASES_KEPT = 200_000


@dataclass(slots=True)
class Spell:
    """One slot selected by one device, from the first to the last time it was seen so."""

    slot: int
    period_us: int
    first_ns: int
    last_ns: int
    zero_ns: int
    """An instant at which the pattern's phase was zero."""


@dataclass(slots=True)
class Life:
    """What is known of one device; a new process of it is the same device."""

    name: str
    spells: deque[Spell] = field(default_factory=lambda: deque(maxlen=SPELLS_KEPT))
    latest: Sighting | None = None
    lit_ns: int = 0
    seen_ns: int = 0
    slot_max: int = 0
    judges: list[LightJudge] = field(default_factory=list)

    @property
    def is_lit(self) -> bool:
        return self.latest is not None and self.latest.is_selected


class Lights:
    """All devices, and every wrong that was seen. Times in ns since boot."""

    def __init__(self, names: Sequence[str], quorum: int) -> None:
        self.lives = [Life(name) for name in names]
        self.wrongs: list[str] = []
        self.wrong_count = 0
        self.phases_ms: deque[float] = deque(maxlen=PHASES_KEPT)
        self.first_selected_ns: dict[int, int] = {}
        """When each slot was selected by anybody for the first time."""
        self._quorum = quorum
        self._running = 0
        self._short_since_ns: int | None = None

    def started(self, now_ns: int) -> None:
        """One more device is running."""
        self._count(self._running + 1, now_ns)

    def killed(self, device: int, now_ns: int) -> None:
        """A device has lost its power: its light is out, and there is one fewer to vote."""
        self._count(self._running - 1, now_ns)
        life = self.lives[device]
        life.latest = None
        for judge in life.judges:
            judge.lost_power(now_ns)

    def add(self, device: int, sighting: Sighting) -> None:
        """Judge one sighting against all that is known."""
        life = self.lives[device]
        self._judge_codes(life, sighting)
        before = life.latest
        if before is not None:
            step_ns = sighting.monotonic_ns - before.monotonic_ns
            if 0 <= step_ns <= GAP_NS_MAX:
                life.seen_ns += step_ns
                life.lit_ns += step_ns if before.is_selected else 0
        life.latest = sighting
        if sighting.is_selected:
            self._judge_selection(life, _prolonged(life, sighting), sighting)

    def finish(self) -> None:
        """Collect what can be said only at the end."""
        for life in self.lives:
            for judge in life.judges:
                for one in judge.finish():
                    text = f"{one.limit} {one.found:.3f}, allowed {one.allowed:.3f}"
                    self._wrong(one.time_ns, life, text)

    def share_lit(self) -> float:
        """Return the share of watched device time with certified light."""
        seen_ns = sum(life.seen_ns for life in self.lives)
        return sum(life.lit_ns for life in self.lives) / seen_ns if seen_ns else 0.0

    def _judge_selection(self, life: Life, spell: Spell, sighting: Sighting) -> None:
        at_ns = sighting.monotonic_ns
        self.first_selected_ns.setdefault(spell.slot, at_ns)
        if spell.slot < life.slot_max:
            self._wrong(at_ns, life, f"slot {spell.slot} after slot {life.slot_max}")
        life.slot_max = max(life.slot_max, spell.slot)
        short_ns = self._short_since_ns
        if short_ns is not None and at_ns > short_ns + DARK_NS_MAX:
            text = f"certified light {(at_ns - short_ns) / SECOND_NS:.2f} s after the quorum"
            self._wrong(at_ns, life, text)
        for other in self.lives:
            if other is not life:
                self._compare(life, spell, other)

    def _compare(self, life: Life, spell: Spell, other: Life) -> None:
        for theirs in other.spells:
            overlap_ns = min(spell.last_ns, theirs.last_ns) - max(spell.first_ns, theirs.first_ns)
            if overlap_ns >= 0 and theirs.slot != spell.slot:
                text = f"slot {spell.slot} while {other.name} showed slot {theirs.slot}"
                self._wrong(spell.last_ns, life, text)
        theirs = other.spells[-1] if other.spells else None
        if theirs is None or not other.is_lit or theirs.slot != spell.slot:
            return
        if abs(theirs.last_ns - spell.last_ns) > FRESH_NS:
            return
        if theirs.period_us != spell.period_us:
            self._wrong(spell.last_ns, life, f"another pattern than {other.name} in one slot")
        elif spell.period_us:
            apart_ms = _apart_ms(spell, theirs)
            self.phases_ms.append(apart_ms)
            if apart_ms > APART_MS_MAX:
                text = f"{apart_ms:.1f} ms from {other.name} in slot {spell.slot}"
                self._wrong(spell.last_ns, life, text)

    def _judge_codes(self, life: Life, sighting: Sighting) -> None:
        if not life.judges and sighting.zones:
            # Codes are seen up to a frame after they were lit, so how fast they move is not.
            limits = replace(Limits().with_fall(), slew_per_s=None, fall_per_s=None)
            life.judges = [LightJudge(limits) for _ in sighting.zones]
        for judge, (red, green, blue) in zip(life.judges, sighting.zones, strict=True):
            light: Rgb = (LIGHT[red], LIGHT[green], LIGHT[blue])
            judge.add(sighting.monotonic_ns, light)

    def _count(self, running: int, now_ns: int) -> None:
        self._running = running
        if running >= self._quorum:
            self._short_since_ns = None
        elif self._short_since_ns is None:
            self._short_since_ns = now_ns

    def _wrong(self, at_ns: int, life: Life, text: str) -> None:
        self.wrong_count += 1
        if len(self.wrongs) < WRONGS_KEPT:
            self.wrongs.append(f"{at_ns / SECOND_NS:.3f} {life.name}: {text}")


def quorum_of(count: int) -> int:
    """Return q of SPEC CIR-002, written anew: a judge takes no sizes from whom it judges."""
    faults = (count - 1) // 3
    return next(q for q in range(1, count + 1) if 2 * q - count > faults)


def longest_wait_s(firsts_ns: Sequence[int], begin_ns: int, end_ns: int) -> float:
    """Return the longest time without a new slot."""
    instants = sorted([begin_ns, *firsts_ns, end_ns])
    return max(later - earlier for earlier, later in pairwise(instants)) / SECOND_NS


def _prolonged(life: Life, sighting: Sighting) -> Spell:
    """Return the device's spell of this slot, made longer or begun."""
    at_ns, period_us = sighting.monotonic_ns, sighting.period_us
    zero_ns = at_ns - int((sighting.phase or 0.0) * period_us * 1000)
    last = life.spells[-1] if life.spells else None
    if last is not None and last.slot == sighting.slot and at_ns - last.last_ns <= FRESH_NS:
        last.last_ns, last.zero_ns = at_ns, zero_ns
        return last
    spell = Spell(sighting.slot, period_us, at_ns, at_ns, zero_ns)
    life.spells.append(spell)
    return spell


def _apart_ms(first: Spell, second: Spell) -> float:
    period_ns = first.period_us * 1000
    apart_ns = (first.zero_ns - second.zero_ns) % period_ns
    return min(apart_ns, period_ns - apart_ns) / MS_NS
