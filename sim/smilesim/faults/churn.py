"""People come and go all the time: a festival, in circles whose voters may change.

Who comes switches on and follows; some of them find a voter who invites them, and ask for a seat.
Who goes says so, and stays near for a moment, or is just gone; some are founders. Rates are per
hundred people, so that a small run is as busy as a large one. Never so many founders are out at
once that those who are left cannot decide: that is another fault (`power.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from smilesim.faults.kind import (
    AT,
    HEAL,
    Act,
    Fault,
    Ground,
    Key,
    Kind,
    Stage,
    Step,
    chance,
    during,
    in_order,
    over_after,
    some,
    ticks,
)
from smilesync.circle.petitions import invite_from_text
from smilesync.commands import Join, Leave, SetConsent, Switch
from smilesync.entropy import Entropy
from smilesync.errors import LocalError
from smilesync.peer import Peer
from smilesync.wire.messages import Carried

GOODBYE_MS = 6_000
"""Who says goodbye walks away after this: long enough to be heard, too short to be voted out."""
LOOK_AROUND_MS = 10_000
"""Who came asks for a seat after this; by then it follows the circle."""
AWAY_MS_MIN, AWAY_MS_SPAN = 5_000, 15_000
FOUNDER_AWAY_MS_MIN, FOUNDER_AWAY_MS_SPAN = 16_000, 14_000
"""Longer than the 12 s after which a voter counts as away, so that seats are taken."""
INVITATION_US = 600_000_000
FOUNDERS_OUT_SHARE = 2
"""Of the f voters that may be missing one in so many is out at once."""


@dataclass
class Guests:
    """Who is here and who is not, while the script is written; `gone` by when they may return."""

    here: list[int]
    founders: list[int]
    gone: list[tuple[int, int]] = field(default_factory=list)
    left: set[int] = field(default_factory=set)
    """Who said goodbye: such a device follows from then on, with no key to vote."""

    def draw(self, among: list[int], entropy: Entropy) -> int:
        """Take somebody out of a list."""
        return among.pop(entropy.below(len(among)))

    def back_at(self, tick: int, first: set[int]) -> int | None:
        """Return who comes back: one of `first`, else the one who has been out for longest."""
        due = sorted((who not in first, at, who) for at, who in self.gone if at <= tick)
        if not due:
            return None
        _, at, who = due[0]
        self.gone.remove((at, who))
        return who


def _churn(fault: Fault, ground: Ground) -> list[Step]:
    numbers, entropy = fault.numbers, chance(fault, ground)
    founders = [who for circle in ground.circles for who in circle.members]
    others = sorted(set(range(ground.size)) - set(founders))
    late = some(others, numbers["late_percent"], entropy) if others else []
    guests = Guests([who for who in others if who not in late], list(founders))
    guests.gone = [(ticks(fault.at_s), who) for who in late]
    most_out = sum(c.roster.faults // FOUNDERS_OUT_SHARE for c in ground.circles)
    steps = [Step(1, _not_yet(who)) for who in late]
    for tick, is_arrival in _moments(fault, ground, entropy):
        if is_arrival:
            steps += _arrival(guests, set(founders), tick, fault, entropy)
        else:
            out = len(founders) - len(guests.founders)
            is_founder = entropy.below(100) < numbers["founder_percent"] and out < most_out
            steps += _departure(guests, tick, fault, entropy, is_founder=is_founder)
    begin, end = ticks(fault.at_s), ticks(fault.numbers["heal_s"])
    steps += during(begin, end, "seat-given", lambda world: world.checks.seats.given)
    steps += during(begin, end, "seat-taken", lambda world: world.checks.seats.taken)
    steps += [Step(end, _came(who)) for _, who in guests.gone if who in founders]
    return in_order(steps)


def _moments(fault: Fault, ground: Ground, entropy: Entropy) -> list[tuple[int, bool]]:
    """Return when somebody comes (True) or goes, in order of time."""
    begin, end = ticks(fault.at_s), ticks(fault.numbers["heal_s"])
    minutes = (fault.numbers["heal_s"] - fault.at_s) / 60
    found: list[tuple[int, bool]] = []
    for key, is_arrival in (("come_percent_per_min", True), ("go_percent_per_min", False)):
        count = max(1, round(ground.size * minutes * fault.numbers[key] / 100))
        found += [(begin + entropy.below(end - begin), is_arrival) for _ in range(count)]
    return sorted(found)


def _departure(
    guests: Guests, tick: int, fault: Fault, entropy: Entropy, *, is_founder: bool
) -> Iterator[Step]:
    among = guests.founders if is_founder and guests.founders else guests.here
    if not among:
        return
    who = guests.draw(among, entropy)
    away = AWAY_MS_MIN + entropy.below(AWAY_MS_SPAN)
    if among is guests.founders:
        away = FOUNDER_AWAY_MS_MIN + entropy.below(FOUNDER_AWAY_MS_SPAN)
    if entropy.below(100) < fault.numbers["goodbye_percent"] and among is guests.here:
        guests.left.add(who)
        yield Step(tick, _goodbye(who, is_now=entropy.below(2) == 0))
        tick += GOODBYE_MS
    yield Step(tick, _gone(who))
    guests.gone.append((tick + away, who))


def _arrival(
    guests: Guests, founders: set[int], tick: int, fault: Fault, entropy: Entropy
) -> Iterator[Step]:
    who = guests.back_at(tick, founders)
    wants_seat = entropy.below(100) < fault.numbers["seat_percent"]
    if who is None:
        return
    (guests.founders if who in founders else guests.here).append(who)
    yield Step(tick, _came(who))
    if who in guests.left:
        yield Step(tick + GOODBYE_MS, _again(who))
    elif wants_seat and who not in founders:
        yield Step(tick + LOOK_AROUND_MS, _ask(who, entropy.below(1 << 16)))


def _not_yet(index: int) -> Act:
    def act(stage: Stage) -> None:
        stage.world.begin_outage(stage.world.devices[index])
        stage.world.power_off(stage.world.devices[index])

    return act


def _came(index: int) -> Act:
    def act(stage: Stage) -> None:
        device = stage.world.devices[index]
        stage.world.fired["arrived"] += not device.is_on
        stage.world.end_outage(device)

    return act


def _gone(index: int) -> Act:
    def act(stage: Stage) -> None:
        device = stage.world.devices[index]
        stage.world.fired["departed"] += device.is_on
        stage.world.begin_outage(device)
        stage.world.power_off(device)

    return act


def _goodbye(index: int, *, is_now: bool) -> Act:
    def act(stage: Stage) -> None:
        device = stage.world.devices[index]
        stage.world.fired["said-goodbye"] += device.is_on
        stage.world.command(device, Leave(is_now))

    return act


def _again(index: int) -> Act:
    """Who left once and is back wants to see the light again."""
    consent = SetConsent(Switch.COLLECTIVE, on=True)
    return lambda stage: stage.world.command(stage.world.devices[index], consent)


def _ask(index: int, draw: int) -> Act:
    def act(stage: Stage) -> None:
        device = stage.world.devices[index]
        peer = device.peer
        if not isinstance(peer, Peer) or peer.circle is None or device.circle is None:
            return
        around, is_amnesic = peer.circle.around, peer.circle.guard.is_amnesic
        if around.me is not None or around.signer is None or is_amnesic:
            return
        grant = _invitation(stage, peer, device.circle.voters, draw)
        if grant is not None:
            stage.world.fired["seat-asked"] += 1
            stage.world.command(device, Join(grant))

    return act


def _invitation(stage: Stage, guest: Peer, voters: tuple[int, ...], draw: int) -> Carried | None:
    """Let a voter write an invitation, which goes from screen to camera."""
    assert guest.circle is not None
    for place in range(len(voters)):
        host = stage.world.devices[voters[(draw + place) % len(voters)]]
        if not isinstance(host.peer, Peer):
            continue
        now_ns = host.oscillator.at(stage.world.tick)
        try:
            text = host.peer.invitation(INVITATION_US, guest.me, now_ns)
        except LocalError:  # its clock is not found yet, or it lost its seat just now
            continue
        return invite_from_text(text, guest.circle.around.verifier)[1]
    return None


def _per_minute(name: str, meaning: str) -> Key:
    return Key(name, 0.1, 600, f"{meaning}, per 100 people and minute", 30)


KINDS: tuple[Kind, ...] = (
    Kind(
        "churn",
        "people come, some of them for a seat, and go, with a goodbye or without",
        (
            AT,
            HEAL,
            _per_minute("come_percent_per_min", "who comes"),
            _per_minute("go_percent_per_min", "who goes"),
            Key("late_percent", 0.1, 90, "followers who are not there at first", 20),
            Key("seat_percent", 0, 100, "of those who come: who asks for a seat", 20),
            Key("goodbye_percent", 0, 100, "followers who say that they leave", 50),
            Key("founder_percent", 0, 100, "of those who go: who is a founder", 8),
        ),
        ("arrived", "departed", "said-goodbye", "seat-asked", "seat-given", "seat-taken"),
        _churn,
        over_after(),
    ),
)
