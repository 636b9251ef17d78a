"""Circles whose people come and go under random faults, judged from their journals alone."""

import random
from collections.abc import Callable

import pytest

from smilesync.circle import lawful, proposing
from smilesync.circle.changes import Changes
from smilesync.circle.genesis import Parameters, Policy
from smilesync.circle.members import Members
from smilesync.circle.petitions import invite_from_text
from smilesync.circle.roster import Roster
from smilesync.circle.state import State
from smilesync.circle.witness import Witness
from smilesync.commands import Join, Leave
from smilesync.errors import LocalError
from smilesync.wire.messages import Evidence
from support.membership import faults
from support.street import Street

DEVICES = 10
FOUNDERS = 4
MINUTE_US = 60_000_000
Plant = Callable[[pytest.MonkeyPatch], None]


def _churn(seed: int, steps: int = 24, bold: bool = False) -> tuple[list[str], Street]:
    """Let people join, leave, lose power and each other at random; then heal and judge."""
    draw = random.Random(seed)
    street = Street(
        DEVICES,
        seed,
        FOUNDERS,
        parameters=Parameters(policy=Policy.INVITE),
        loss=draw.choice([0.0, 0.1, 0.2]),
    )
    side = [0] * DEVICES
    street.passes = lambda source, to, message: side[source] == side[to]
    if bold:
        _embolden(street, draw)
    street.run(3)
    for _ in range(steps):
        _act(street, draw, side)
        street.run(draw.uniform(0.5, 8))
    side[:] = [0] * DEVICES
    for device in range(DEVICES):
        if device not in street.peers:
            street.start(device)
    before = _top(street)
    street.run(60)
    assert street.genesis is not None
    found, rosters = faults(street.genesis, street.journals, street.verifier)
    if _top(street) <= before and _has_quorum(street):
        found.append("no decision within a minute of the heal")
    if any(isinstance(message, Evidence) for *_, message in street.sent):
        found.append("an honest voter is accused")
    print(f"seed={seed} slots={len(rosters) - 1} sizes={sorted({len(r) for r in rosters})}")
    return found, street


def _lawless(
    changes: Changes, roster: Roster, state: State, at_us: int, parameters: Parameters
) -> tuple[Roster, State]:
    """Compute what follows, lawful or not: for leaders that propose anything."""
    return roster.changed(changes.removed, changes.added), state.after(changes, roster, at_us)


def _embolden(street: Street, draw: random.Random) -> None:
    """Let every leader propose too much: who is outside is seated, who is inside put out."""
    for peer in street.peers.values():
        members = peer.circle.members

        def changes(circle_us: int, view: int, now_ns: int, members: Members = members) -> Changes:
            seats = tuple(one.seat for one in members.around.state.standby[:2])
            return Changes(removed=draw.choice([0, 1, 3]), added=tuple(sorted(seats)))

        members.changes = changes


def _act(street: Street, draw: random.Random, side: list[int]) -> None:
    device = draw.randrange(DEVICES)
    what = draw.random()
    if what < 0.4:
        _invite(street, draw, device)
    elif what < 0.5 and device in street.peers:
        _try(street, device, Leave(is_now=draw.random() < 0.5))
    elif what < 0.75:
        if device in street.peers:
            street.stop(device)
        else:
            street.start(device)
    else:
        side[:] = [int(draw.random() < 0.2) for _ in range(DEVICES)]


def _invite(street: Street, draw: random.Random, guest: int) -> None:
    by = draw.randrange(DEVICES)
    if by not in street.peers or guest not in street.peers:
        return
    try:
        word = street.peers[by].invitation(MINUTE_US, None, street.local_ns(by))
    except LocalError:
        return
    _try(street, guest, Join(invite_from_text(word, street.verifier)[1]))


def _try(street: Street, device: int, command: Join | Leave) -> None:
    try:
        street.command(device, command)
    except LocalError:
        return


def _top(street: Street) -> int:
    return max(
        peer.statistics(street.local_ns(device)).decided_slot
        for device, peer in street.peers.items()
    )


def _has_quorum(street: Street) -> bool:
    """Do q of the last voters still have a key that may vote? Who leaves at once takes it away."""
    circles = [peer.circle for peer in street.peers.values() if peer.circle is not None]
    roster = max(circles, key=lambda circle: circle.chain.head().slot).roster
    able = [
        street.peers[street.identities.index(identity)].circle for identity in roster.identities
    ]
    return sum(one is not None and not one.guard.is_amnesic for one in able) >= roster.quorum


@pytest.mark.spec("MEM-011", "MEM-012", "MEM-013", "MEM-014", "MEM-015", "MEM-021", "MEM-023")
@pytest.mark.parametrize("seed", range(12))
def test_no_coming_and_going_breaks_a_circle(seed: int) -> None:
    found, _ = _churn(seed)

    assert found == []


@pytest.mark.spec("MEM-012", "MEM-014", "MEM-030")
@pytest.mark.parametrize("seed", range(3))
def test_bold_leaders_change_nothing_that_is_not_lawful(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(proposing, "following", _lawless)
    found, _ = _churn(seed, steps=10, bold=True)

    assert found == []


def no_bound_on_the_step(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lawful, "step_max", lambda size: 99)
    patch.setattr(lawful, "ABSENCE_SIZE_MIN", 0)
    patch.setattr(Witness, "objection", lambda *_: None)


def no_floor_for_absence(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lawful, "ABSENCE_SIZE_MIN", 0)
    patch.setattr(Witness, "objection", lambda *_: None)


@pytest.mark.parametrize(
    ("plant", "says"),
    [
        (no_bound_on_the_step, "out and"),
        (no_floor_for_absence, "below four"),
    ],
)
def test_planted_fault_is_seen(monkeypatch: pytest.MonkeyPatch, plant: Plant, says: str) -> None:
    monkeypatch.setattr(proposing, "following", _lawless)
    plant(monkeypatch)

    seen = [fault for seed in range(3) for fault in _churn(seed, steps=10, bold=True)[0]]

    assert any(says in fault for fault in seen), seen
