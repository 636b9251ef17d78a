"""A random run of faults over one circle: loss, doubles, delay, cuts, crashes, power loss.

Everything follows from the seed. The run ends healed, and everyone must then decide again.
"""

import random
from dataclasses import dataclass

from smilesync.circle.quorum import value_hash
from smilesync.circle.validity import expected_previous
from smilesync.circle.value import decode_value
from smilesync.effects import Event
from smilesync.wire.messages import VoteKind, Votes
from support.lab import Lab, double_votes, forks

SIZES = (3, 4, 5, 7)
PATIENCE_S = 30.0
STEP_S = 0.2
RESTART_SHARE = 0.005
"""How often a liar's victim restarts, per step of about 60 ms: once in 12 s."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run showed. `took_s` is the time from the heal to a new decision everywhere."""

    size: int
    took_s: float
    faults: tuple[str, ...]


def storm(seed: int, size: int | None = None, episodes: int = 8) -> Outcome:
    """Run one circle through `episodes` of faults, heal it, and judge."""
    draw = random.Random(seed)
    count = draw.choice(SIZES)
    lab = _lab(seed, size or count, draw)
    side: list[int] = [0] * lab.size
    lab.passes = lambda source, to, message: side[source] == side[to]
    for _ in range(episodes):
        lab.run(draw.uniform(0.2, 1.5))
        side[:] = [draw.randrange(2) if draw.random() < 0.6 else 0 for _ in range(lab.size)]
        _break(lab, draw)
    side[:] = [0] * lab.size
    took_s = _heal(lab)
    everyone = tuple(range(lab.size))
    faults = [f"fork in slot {slot}" for slot in forks(lab, everyone)]
    faults += double_votes(lab, everyone)
    faults += [f"honest member {member} became amnesic" for member in lab.amnesic()]
    faults += leases_at_fault(lab)
    if took_s > PATIENCE_S:
        faults.append(f"no decision within {PATIENCE_S:g} s of the heal")
    return Outcome(lab.size, took_s, tuple(faults))


def lies(seed: int, size: int = 4, seconds: float = 20.0) -> Outcome:
    """Run a circle with one liar that votes for everything and shows two values where it leads."""
    draw = random.Random(seed)
    liar = draw.randrange(size)
    lab = _lab(seed, size, draw, silent=frozenset({liar}))
    lab.loss, lab.delay_ms = draw.choice([0, 0.2]), (1, draw.choice([20, 60]))
    while lab.now_ns < seconds * 1e9:
        lab.run(draw.uniform(0.02, 0.1))
        for member in sorted(lab.circles):
            _tempt(lab, liar, member, draw)
        if draw.random() < RESTART_SHARE:
            member = draw.choice(sorted(lab.circles))
            lab.stop(member)
            lab.start(member)
    honest = tuple(sorted(lab.circles))
    faults = [f"fork in slot {slot}" for slot in forks(lab, honest)]
    faults += double_votes(lab, honest)
    faults += [f"honest member {member} became amnesic" for member in lab.amnesic()]
    faults += leases_at_fault(lab)
    accused = {notice.peer for _, notice in lab.notices if notice.event is Event.EQUIVOCATION_SEEN}
    if accused - {lab.roster.identities[liar]}:
        faults.append("an honest member is accused")
    if any(lab.top(member) < 2 for member in honest):
        faults.append(f"fewer than 2 slots in {seconds:g} s")
    return Outcome(size, 0.0, tuple(faults))


def _tempt(lab: Lab, liar: int, member: int, draw: random.Random) -> None:
    """Show one member another value than its neighbours see, and every vote it might like."""
    slot = lab.circles[member].slot
    now_us = lab.true_us + lab.now_ns // 1_000
    pattern = b"\xa0" + bytes([100 + draw.randrange(2)])
    begin_us = max(slot.head.not_after_us, now_us + 300_000)
    previous, previous_us = expected_previous(pattern, begin_us, slot.head)
    body = lab.value(
        slot=slot.number,
        parent=slot.head.hash,
        pattern=pattern,
        not_before_us=begin_us,
        not_after_us=begin_us + lab.genesis.parameters.lease_us,
        start_us=begin_us,
        previous=previous,
        previous_start_us=previous_us,
    ).encode()
    hashes = [value_hash(body), *slot.bodies]
    if slot.leader(slot.view) == liar:
        lab.post(liar, member, lab.proposal(liar, body, slot.view, slot.number))
    kind = draw.choice(list(VoteKind))
    value = None if kind is VoteKind.NULLIFY else draw.choice(hashes)
    view = max(1, slot.view - draw.randrange(2))
    votes = lab.votes((liar,), (kind, view, value), slot.number)
    lab.post(liar, member, Votes(slot.number, (votes,)))


def leases_at_fault(lab: Lab) -> list[str]:
    """Return what is wrong with the leases of decided values, judged apart from validity.py."""
    values = {
        slot: decode_value(body)
        for member in range(lab.size)
        for slot, body in lab.decided(member).items()
    }
    faults: list[str] = []
    for slot, value in sorted(values.items()):
        length_us, wanted_us = (
            value.not_after_us - value.not_before_us,
            lab.genesis.parameters.lease_us,
        )
        last = values.get(slot - 1)
        if last is not None:
            if value.not_before_us < last.not_after_us:
                faults.append(f"slot {slot} begins before the last lease ends")
            same = (last.not_after_us, last.pattern, last.start_us)
            if (value.not_before_us, value.pattern, value.start_us) == same:
                wanted_us = min(16_000_000, 2 * (last.not_after_us - last.not_before_us))
        if length_us != wanted_us:
            faults.append(f"slot {slot} has a lease of {length_us} us, not {wanted_us}")
    return faults


def _lab(seed: int, size: int, draw: random.Random, silent: frozenset[int] = frozenset()) -> Lab:
    lab = Lab(
        size,
        seed=seed,
        silent=silent,
        loss=draw.choice([0, 0.1, 0.3, 0.5]),
        duplication=draw.choice([0, 0.1]),
        delay_ms=(1, draw.choice([20, 100, 400])),
        offsets_us=tuple(draw.randint(-15_000, 15_000) for _ in range(size)),
    )
    lab.pattern = lambda member, slot: b"\xa0" + bytes([member])
    return lab


def _break(lab: Lab, draw: random.Random) -> None:
    """Crash some inside an effect list, wake some that are down, sometimes cut all power."""
    for _ in range(draw.randrange(3)):
        member = draw.randrange(lab.size)
        if member in lab.circles:
            lab.crash_at[member] = draw.randrange(6)
    for member in range(lab.size):
        if member not in lab.circles and draw.random() < 0.7:
            lab.crash_at.pop(member, None)
            lab.start(member)
    if draw.random() < 0.25:
        lab.crash_at.clear()
        for member in range(lab.size):
            lab.stop(member)


def _heal(lab: Lab) -> float:
    """Give everyone power and a good network; return how long the next decision took."""
    lab.crash_at.clear()
    lab.loss, lab.delay_ms = 0, (1, 20)
    for member in range(lab.size):
        if member not in lab.circles:
            lab.start(member)
    healed_ns, waited_s = lab.now_ns, 0.0
    top = max(lab.top(member) for member in range(lab.size))
    while waited_s <= PATIENCE_S:
        lab.run(STEP_S)
        waited_s = (lab.now_ns - healed_ns) / 1e9
        if all(lab.top(member) > top for member in range(lab.size)):
            break
    return waited_s
