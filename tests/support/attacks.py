"""Directed scenarios at n = 4: one liar B, played by the bench, against three honest voters.

Random search misses some of the faults they find. Each returns what went wrong, nothing if all
is well, so that the same scenario can show a rule holding and a planted bug being caught. Leaders
of slot 1 are fixed by the circle's id, so the liar is chosen to lead the view it needs.
"""

from dataclasses import replace

from smilesync.circle.quorum import VoteKey, value_hash
from smilesync.circle.value import decode_value
from smilesync.ids import ValueHash
from smilesync.wire.messages import (
    Body,
    CertificateName,
    CircleMessage,
    Propose,
    Status,
    VoteKind,
    Votes,
)
from support.lab import Lab, double_votes, forks
from support.storm import leases_at_fault

N, X, F = VoteKind.NOTARIZE, VoteKind.NULLIFY, VoteKind.FINALIZE
SIZE = 4
DELAY_MS = (10, 10)
ORDER = tuple(Lab(SIZE, silent=frozenset(range(SIZE))).leader(view) for view in range(1, 5))
"""Who leads views 1 to 4 of slot 1."""
ASKED_S = 0.1
"""After this all honest voters were answered and may vote."""


def _lab(liar: int, **changes: object) -> Lab:
    lab = Lab(SIZE, silent=frozenset({liar}), delay_ms=DELAY_MS)
    for name, value in changes.items():
        setattr(lab, name, value)
    lab.pattern = lambda member, slot: b"\xa0" + bytes([member])
    return lab


def _honest(liar: int) -> tuple[int, ...]:
    return tuple(member for member in range(SIZE) if member != liar)


def _faults(lab: Lab, liar: int, *, decided: int = 0) -> list[str]:
    """Judge the honest: agreement, own votes, leases, notarizations, and `decided` slots."""
    honest = _honest(liar)
    faults = [f"fork in slot {slot}" for slot in forks(lab, honest)]
    faults += double_votes(lab, honest)
    faults += leases_at_fault(lab)
    for member in honest:
        if lab.top(member) < decided:
            faults.append(f"member {member} decided {lab.top(member)} slots, {decided} due")
    return faults


def _notarized_twice(lab: Lab, view: int) -> list[str]:
    seen = {
        circle.slot.book.notarized(view)
        for circle in lab.circles.values()
        if circle.slot.number == 1
    }
    seen.discard(None)
    return [f"{len(seen)} notarizations in view {view}"] if len(seen) > 1 else []


def _lie(lab: Lab, liar: int, to: tuple[int, ...], *keys: VoteKey) -> None:
    """Send the liar's votes."""
    sets = tuple(lab.votes((liar,), key) for key in keys)
    for member in to:
        lab.post(liar, member, Votes(1, sets))


def _show(lab: Lab, liar: int, to: tuple[int, ...], body: bytes, view: int = 1) -> None:
    """Send the liar's proposal."""
    for member in to:
        lab.post(liar, member, lab.proposal(liar, body, view))


def skipped_nullification() -> list[str]:
    """D1: x is decided where nobody sees it; B proposes y in view 2 without nullifying view 1."""
    first, liar, lucky, other = ORDER
    lab = _lab(liar)

    def passes(source: int, to: int, message: CircleMessage) -> bool:
        sets = message.sets if isinstance(message, Votes) else ()
        return to == lucky or all((votes.kind, votes.view) != (F, 1) for votes in sets)

    lab.passes = passes
    lab.run(2 * ASKED_S)
    if lab.top(lucky) != 1 or lab.top(first) != 0:
        return ["the scenario did not come about"]
    body = lab.value(7).encode()
    _show(lab, liar, (first, other), body, view=2)
    _lie(lab, liar, (first, other), (N, 2, value_hash(body)), (F, 2, value_hash(body)))
    lab.run(0.3)
    lab.passes = lambda source, to, message: True
    lab.run(12)
    return _faults(lab, liar, decided=2)


def total_power_loss(outage_s: float = 0.1) -> list[str]:
    """D2: two finalize x, one nullifies, all lose power, and B is silent ever after."""
    liar, one, two, third = ORDER
    lab = _lab(liar)
    lab.run(ASKED_S)
    lab.passes = lambda source, to, message: third not in (source, to)
    body = lab.value(7).encode()
    _show(lab, liar, (one, two), body)
    _lie(lab, liar, (one, two), (N, 1, value_hash(body)))
    lab.run(0.6)
    votes = [lab.recorded[member] for member in (one, two, third)]
    finalized = (1, (F, 1, value_hash(body)))
    if not (finalized in votes[0] and finalized in votes[1] and (1, (X, 1, None)) in votes[2]):
        return ["the scenario did not come about"]
    for member in (one, two, third):
        lab.stop(member)
    lab.passes = lambda source, to, message: True
    lab.run(outage_s)
    for member in (one, two, third):
        lab.start(member)
    lab.run(20)
    return _faults(lab, liar, decided=2)


def restart_under_an_equivocating_leader() -> list[str]:
    """D3: one votes for x, restarts, is answered by others than the holder, and is shown y."""
    liar, target, holder, third = ORDER
    lab = _lab(liar)
    lab.run(ASKED_S)
    lab.passes = lambda source, to, message: third not in (source, to)
    x, y = lab.value(7).encode(), lab.value(8).encode()
    _show(lab, liar, (target, holder), x)
    lab.run(0.015)
    if (1, (N, 1, value_hash(x))) not in lab.recorded[target]:
        return ["the scenario did not come about"]
    lab.stop(target)
    lab.passes = lambda source, to, message: holder not in (source, to)
    lab.start(target)
    answer = Status(1, 1, (), answer=lab.circles[target].guard.question)
    lab.post(liar, target, answer)
    lab.run(0.05)
    _show(lab, liar, (target, third), y)
    _lie(lab, liar, (target, third), (N, 1, value_hash(y)))
    _lie(lab, liar, (holder,), (N, 1, value_hash(x)))
    lab.run(0.1)
    faults = _notarized_twice(lab, 1)
    lab.passes = lambda source, to, message: True
    lab.run(12)
    return faults + _faults(lab, liar, decided=2)


def resent_proposal() -> list[str]:
    """D4: B re-sends every honest proposal, faster, with another k and false certificates."""
    liar = ORDER[3]
    lab = _lab(liar, delay_ms=(10, 20))
    lab.pattern = lambda member, slot: b"\xa0" + bytes([slot])
    false = (CertificateName(N, 9, ValueHash(b"?" * 32)), CertificateName(X, 5, None))

    def passes(source: int, to: int, message: CircleMessage) -> bool:
        if isinstance(message, Propose):
            lab.delay_ms = (1, 1)
            lab.post(liar, to, replace(message, carried_view=message.view + 3, certificates=false))
            lab.delay_ms = (10, 20)
        return True

    lab.passes = passes
    lab.run(40)
    return _faults(lab, liar, decided=9)


def restored_backup() -> list[str]:
    """D6: after voting for x an honest voter is restored to an earlier journal; B shows it y."""
    liar, target, holder, third = ORDER
    lab = _lab(liar)
    lab.run(ASKED_S)
    lab.passes = lambda source, to, message: third not in (source, to)
    x, y = lab.value(7).encode(), lab.value(8).encode()
    backup = list(lab.journals[target])
    _show(lab, liar, (target, holder), x)
    lab.run(0.05)
    lab.stop(target)
    lab.journals[target] = backup
    lab.passes = lambda source, to, message: True
    lab.start(target)
    _show(lab, liar, (target, third), y)
    _lie(lab, liar, (target, third), (N, 1, value_hash(y)))
    _lie(lab, liar, (holder,), (N, 1, value_hash(x)))
    lab.run(0.3)
    faults = _notarized_twice(lab, 1)
    if lab.amnesic() != [target]:
        faults.append(f"amnesic are {lab.amnesic()}, not the restored member {target}")
    lab.run(12)
    faults += [f"fork in slot {slot}" for slot in forks(lab, _honest(liar))]
    return faults + double_votes(lab, _honest(liar))


def equivocating_leader() -> list[str]:
    """B shows x to two, y to two, one of them the same; who holds both tells, and all goes on."""
    liar, *others = ORDER
    lab = _lab(liar)
    lab.run(ASKED_S)
    x, y = lab.value(7).encode(), lab.value(8).encode()
    _show(lab, liar, (others[0], others[1]), x)
    _show(lab, liar, (others[0], others[2]), y)
    for member in others:
        _lie(lab, liar, (member,), (N, 1, value_hash(x)), (N, 1, value_hash(y)))
    lab.run(12)
    faults = _faults(lab, liar, decided=2)
    accused = {notice.peer for _, notice in lab.notices if notice.event.value.startswith("equi")}
    if accused != {lab.roster.identities[liar]}:
        faults.append(f"{len(accused)} accused of equivocation")
    return faults


def split_in_half() -> list[str]:
    """Two and two cannot hear each other: neither half may decide."""
    lab = _lab(-1)
    lab.run(ASKED_S / 10)
    lab.passes = lambda source, to, message: (source < 2) == (to < 2)
    lab.run(8)
    lab.passes = lambda source, to, message: True
    lab.run(8)
    return _faults(lab, -1, decided=1)


def overlapping_lease() -> list[str]:
    """B leads slot 2 and proposes a lease that begins before the last one ends."""
    return _odd_lease(4_000_000, touches=False)


def stretched_lease() -> list[str]:
    """B leads slot 2 and proposes another pattern for 16 s at once."""
    return _odd_lease(16_000_000, touches=True)


def _odd_lease(length_us: int, *, touches: bool) -> list[str]:
    """B leads slot 2: another pattern for that long, when the last lease ends or at once."""
    liar = Lab(SIZE, silent=frozenset(range(SIZE))).leader(1, 2)
    lab = _lab(liar)
    honest = _honest(liar)
    while not all(lab.circles[member].slot.number == 2 for member in honest):
        lab.run(0.1)
    while not all(lab.circles[member].slot.is_open for member in honest):
        lab.run(0.01)
    head = decode_value(lab.decided(honest[0])[1])
    begin_us = head.not_after_us if touches else lab.true_us + lab.now_ns // 1_000 + 300_000
    body = lab.value(
        7,
        slot=2,
        not_before_us=begin_us,
        not_after_us=begin_us + length_us,
        start_us=begin_us,
        parent=value_hash(lab.decided(honest[0])[1]),
        previous=head.pattern,
        previous_start_us=head.start_us,
    ).encode()
    for member in honest:
        lab.post(liar, member, lab.proposal(liar, body, 1, 2))
        votes = lab.votes((liar,), (F, 1, value_hash(body)), 2)
        lab.post(liar, member, Votes(2, (votes,)))
    lab.run(10)
    return _faults(lab, liar, decided=3)


def late_votes() -> list[str]:
    """A view's timer fires everywhere before its notarization arrives."""
    lab = _lab(-1)
    lab.run(3)
    lab.delay_ms = (400, 400)
    lab.run(20)
    lab.delay_ms = DELAY_MS
    lab.run(10)
    return _faults(lab, -1, decided=3)


def solo_power_loss() -> list[str]:
    """A circle of one loses power between its own votes, and must count them again."""
    faults: list[str] = []
    for effects in range(1, 4):
        lab = Lab(1)
        lab.run(2)
        lab.crash_at[0] = effects
        lab.run(2)
        lab.crash_at.clear()
        lab.stop(0)
        lab.start(0)
        lab.run(4)
        if lab.top(0) < 2:
            faults.append(f"power lost after {effects} effects: nothing decided since")
    return faults


def one_is_dead() -> list[str]:
    """Exactly a quorum is left, so every own vote is needed."""
    lab = _lab(ORDER[3])
    lab.run(10)
    return _faults(lab, ORDER[3], decided=2)


def forged_votes() -> list[str]:
    """B sends votes in the name of all others; nothing may follow from them."""
    liar = ORDER[3]
    lab = _lab(liar)
    lab.run(ASKED_S / 10)
    body = lab.value(7).encode()
    key = (F, 1, value_hash(body))
    votes = lab.votes((0, 1, 2, 3), key)
    forged = replace(votes, signatures=(votes.signatures[liar],) * 4)
    for member in _honest(liar):
        lab.post(liar, member, Votes(1, (forged,)))
        lab.post(liar, member, Body(1, body))
    lab.run(10)
    faults = _faults(lab, liar, decided=2)
    if any(body in lab.decided(member).values() for member in _honest(liar)):
        faults.append("a forged decision was taken")
    refused = {rule for _, rule in lab.dropped}
    return faults if "CIR-033" in refused else [*faults, "forged votes were not refused"]
