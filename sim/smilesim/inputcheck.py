"""Published counts against a recount by hand: of who shares, by seats, of five people or more.

What wearers feel and allow is read from the disks of their own devices, with its history; what the
voters heard is not asked. Where nothing keeps a withdrawal from its way it is over within seconds,
and the counts of a fresh value are those of people who still shared: the members in full, of all
others so many together as there are seats. A fresh value may leave a count as it was, so that one
stays behind the people by four, and two by rounding. Source: SPEC section Inputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from smilesim.decision import read_decision
from smilesim.device import Device, SimCircle
from smilesim.scenario import Scenario
from smilesim.violations import Violations
from smilesim.votecheck import VoteCheck
from smilesync.wire.records import ConsentSet, DecidedRecord, Felt, Record

RULE = "inputs"
STATES = 5
PEOPLE_MIN = 5
ASKED = 2 | 4
"""What a wearer must allow to be counted: to share, and the collective light."""
SWITCHES_AT_FIRST = 21
NEUTRAL = 2

GENTLE = frozenset({"moods", "withdraw", "off-wave", "wishes", "sybil-crowd"})
"""Faults beside which every withdrawal reaches everybody soon, if the air is not too bad."""

LOSS_PPM_MAX = 20_000

SOON_TICKS, LATE_TICKS = 12_000, 45_000
"""When a withdrawal that was lost three times has come; when every word is too old."""

ROUNDING, LAG = 2, 4
FRESH_VIEWS = 2

Inputs = tuple[int, ...]


Mood = int
"""From when on somebody felt a state and let it be known, or nothing: tick, then 3 bits."""

SILENT, MOOD_BITS = 7, 3


@dataclass(slots=True)
class Wearer:
    """What the disk of a device says of its wearer, and what it said of late, oldest first."""

    switches: int = SWITCHES_AT_FIRST
    state: int = NEUTRAL
    moods: tuple[Mood, ...] = (SILENT,)

    @property
    def shared(self) -> int:
        """Return what is let be known now."""
        return self.moods[-1] & SILENT


class Recount(NamedTuple):
    """What was decided last, and what is counted by hand: of how many people, in what shares."""

    decided: Inputs
    counted: Inputs
    people: int

    @property
    def gap(self) -> int:
        """Return by how much the two differ most, over the states."""
        pairs = zip(self.decided or (0,) * STATES, self.counted, strict=True)
        return max(abs(one - other) for one, other in pairs)


class InputCheck:
    """Follows wearers, and judges the counts of each decided value once."""

    def __init__(
        self,
        circles: Sequence[SimCircle],
        devices: Sequence[Device],
        votes: VoteCheck,
        violations: Violations,
        *,
        is_gentle: bool,
    ) -> None:
        self._circles = circles
        self._devices = devices
        self._votes = votes
        self._violations = violations
        self._reach_ticks = SOON_TICKS if is_gentle else LATE_TICKS
        self._wearers = [Wearer() for _ in devices]
        self._decided: dict[int, tuple[int, Inputs]] = {}

    def powered_on(self, device: Device, journal: Sequence[Record], tick: int) -> None:
        """`device` starts from what its disk kept."""
        wearer = self._wearers[device.index]
        wearer.switches, wearer.state = SWITCHES_AT_FIRST, NEUTRAL
        for record in journal:
            _read(wearer, record)
        self._note(device, wearer, tick)

    def persisted(self, device: Device, record: ConsentSet | Felt, tick: int) -> None:
        """The wearer of `device` said something, and it is on the disk."""
        wearer = self._wearers[device.index]
        _read(wearer, record)
        self._note(device, wearer, tick)

    def journalled(self, device: Device, record: DecidedRecord, tick: int) -> None:
        """A decision of `device` became durable; the first of each slot is judged."""
        circle = device.circle
        decision = read_decision(record.body)
        if circle is None or decision is None:
            return
        before_slot, before = self._decided.get(circle.index, (0, ()))
        if decision.slot <= before_slot:
            return
        self._decided[circle.index] = decision.slot, decision.inputs
        self._violations.judged[RULE] += 1
        is_fresh = record.certificate.view <= FRESH_VIEWS
        if decision.inputs and is_fresh and decision.slot == before_slot + 1:
            self._judge(device, circle, (before, decision.inputs), tick)

    def recount(self) -> Recount | None:
        """Count the largest circle by hand, None where nobody says anything."""
        found = [self._recounted(circle) for circle in self._circles]
        return max(found, key=lambda one: one.people, default=None)

    def _judge(
        self, device: Device, circle: SimCircle, counts: tuple[Inputs, Inputs], tick: int
    ) -> None:
        before, inputs = counts
        villains = [one for one in circle.everybody if self._devices[one].is_villain]
        waiting = len(self._votes.rolls.waiting(circle)[0])
        slot = self._decided[circle.index][0]
        seats = len(self._votes.rolls.at(circle, slot).seats)
        moods = [self._lately(index, tick) for index in circle.everybody]
        if not before and not villains and sum(map(bool, moods)) < PEOPLE_MIN:
            detail = f"slot {slot}: counts of {sum(map(bool, moods))} people are published"
            self._violations.add(RULE, tick, device.index, detail)
        for state, count in enumerate(inputs):
            said = [i for i, mood in zip(circle.everybody, moods, strict=True) if state in mood]
            inside = sum(self._votes.rolls.ever[index] for index in said)
            others = min(seats, seats if villains else len(said) - inside)
            most = inside + others + waiting + ROUNDING
            is_kept = bool(before) and before[state] == count
            if villains:
                # A leader may say what is near what voters hear, or what was said before.
                most += len(villains) + max(PEOPLE_MIN, most // 5)
            if count > most + (LAG if is_kept else 0) and not (is_kept and villains):
                detail = f"slot {slot}: {count} feel state {state}, at most {most} shared it"
                self._violations.add(RULE, tick, device.index, detail)

    def _lately(self, index: int, tick: int) -> set[int]:
        """Return all that somebody let be known in the time that a withdrawal takes."""
        moods = self._wearers[index].moods[self._over(index, tick) :]
        return {mood & SILENT for mood in moods} - {SILENT}

    def _over(self, index: int, tick: int) -> int:
        """Return how many moods ended before the time that a withdrawal takes."""
        since = (tick - self._reach_ticks + 1) << MOOD_BITS
        return sum(mood < since for mood in self._wearers[index].moods[1:])

    def _note(self, device: Device, wearer: Wearer, tick: int) -> None:
        shared = wearer.state if wearer.switches & ASKED == ASKED else SILENT
        if wearer.shared != shared:
            over = self._over(device.index, tick)
            wearer.moods = (*wearer.moods[over:], tick << MOOD_BITS | shared)

    def _recounted(self, circle: SimCircle) -> Recount:
        """Count everybody who is on: members one by one, all others by seats."""
        voters, seats = set(circle.voters), len(circle.voters)
        members, others = [0] * STATES, [0] * STATES
        for index in circle.everybody:
            shared = self._wearers[index].shared
            if shared != SILENT and self._devices[index].is_on:
                (members if index in voters else others)[shared] += 1
        crowd = max(seats, sum(others), 1)
        counted = tuple(
            mine + theirs * seats // crowd for mine, theirs in zip(members, others, strict=True)
        )
        decided = self._decided.get(circle.index, (0, ()))[1]
        return Recount(decided, counted, sum(members) + sum(others))


def is_gentle(scenario: Scenario) -> bool:
    """Does every withdrawal come soon to all, whatever goes wrong in `scenario`?"""
    weather = scenario.weather
    is_clear = weather.loss_ppm <= LOSS_PPM_MAX and not (weather.tail_ppm or weather.damage_ppm)
    return is_clear and {fault.kind for fault in scenario.faults} <= GENTLE


def _read(wearer: Wearer, record: Record) -> None:
    if isinstance(record, ConsentSet):
        wearer.switches = record.switches
    elif isinstance(record, Felt):
        wearer.state = record.state
