"""The seed of leaders and seats: committed to, shown, and used where nobody knew it before."""

import hashlib
from dataclasses import replace

import pytest

from smilesync.circle.chain import Chain
from smilesync.circle.circle import Circle
from smilesync.circle.circumstances import Moment
from smilesync.circle.draw import (
    COMMIT_SLOTS,
    EPOCH_SLOTS,
    LINKS,
    Anchor,
    Draw,
    Reveal,
    after_slot,
    draw_of,
    is_committing,
    next_reveal,
)
from smilesync.circle.genesis import Parameters, Policy
from smilesync.circle.judge import of_a_fresh_value, of_every_value
from smilesync.circle.lawful import state_after
from smilesync.circle.roster import Seat
from smilesync.circle.seating import CHANGES_BYTES_MAX, _in_order
from smilesync.circle.state import EMPTY, State, Waiting
from smilesync.circle.validity import Verdict
from smilesync.circle.value import PATTERN_SIZE_BYTES_MAX, decode_value, named
from smilesync.config import PIECED_BYTES_MAX, VALUE_BYTES_MAX
from smilesync.effects import Rung
from smilesync.errors import Malformed
from smilesync.ids import PeerId, VoterKey
from smilesync.wire import cbor, records
from support.lab import Lab
from support.membership import faults
from support.street import Street
from support.vectors import FOLDER, Case, by_name, load
from vectors import make_draw
from vectors.writing import text_of

LAB = Lab(4, silent=frozenset(range(4)))
ROSTER = LAB.roster
BOTH = (ROSTER, ROSTER)
SIGNERS = [voter for _, voter in LAB.pairs]
GOVERNED = Parameters(policy=Policy.INVITE)


def test_vectors_are_what_their_maker_writes() -> None:
    made = text_of("draw", make_draw.cases())

    assert (FOLDER / "draw.json").read_text(encoding="utf-8") == made, (
        "run `python -m vectors.make_draw` and look at the difference"
    )


@pytest.mark.parametrize("case", load("draw"), ids=by_name)
def test_draw_vector(case: Case) -> None:
    given = {key: bytes.fromhex(str(value)) for key, value in case["given"].items()}
    if case["expect"] == "accept":
        assert case["result"] == {"draw": make_draw.outcome(given).hex()}
        return
    with pytest.raises(Malformed) as caught:
        make_draw.outcome(given)
    assert caught.value.rule == case["error"]


def _after(draw: Draw | None, slot: int, leader: int | None) -> Draw | None:
    circle = ROSTER.circle
    reveal = None
    if leader is not None:
        reveal = next_reveal(draw, slot, leader, SIGNERS[leader], circle)
    return after_slot(draw, reveal, slot, slot * 1_000, BOTH)


def _epochs(count: int, silent: int = -1) -> list[bytes]:
    """Return the seed after each epoch in which all lead in turn, one without showing anything."""
    draw, seeds = None, []
    for slot in range(count * EPOCH_SLOTS):
        leader = slot % ROSTER.size
        draw = _after(draw, slot, leader if leader != silent else None)
        if slot % EPOCH_SLOTS == EPOCH_SLOTS - 1:
            assert draw is not None
            assert draw.mix == b""
            seeds.append(draw.seed)
    return seeds


@pytest.mark.spec("ROT-003", "ROT-005", "ROT-006")
def test_every_epoch_has_a_new_seed_that_depends_on_all_who_show_a_link() -> None:
    seeds = _epochs(4)

    assert len(set(seeds)) == 4
    assert all(len(seed) == 32 for seed in seeds)
    assert not set(seeds) & set(_epochs(4, silent=2))


@pytest.mark.spec("ROT-006")
def test_honest_leader_commits_once_shows_link_after_link_and_then_commits_anew() -> None:
    circle, signer = ROSTER.circle, SIGNERS[1]
    assert next_reveal(None, COMMIT_SLOTS, 1, signer, circle) is None, "nothing to show yet"
    first = next_reveal(None, 3, 1, signer, circle)
    assert first is not None
    draw = after_slot(None, first, 3, 0, BOTH)
    assert draw is not None
    assert next_reveal(draw, 5, 1, signer, circle) is None
    shown = next_reveal(draw, COMMIT_SLOTS, 1, signer, circle)
    assert shown is not None
    assert hashlib.sha256(shown.link).digest() == first.link

    secret = first.link
    for _ in range(LINKS):
        used = Draw(anchors=(Anchor(ROSTER.voters[1], secret, 3),))
        more = next_reveal(used, COMMIT_SLOTS, 1, signer, circle)
        assert more is not None
        secret = more.link

    spent = Draw(anchors=(Anchor(ROSTER.voters[1], secret, 3),))
    assert next_reveal(spent, COMMIT_SLOTS, 1, signer, circle) is None
    anew = next_reveal(spent, EPOCH_SLOTS, 1, signer, circle)
    assert anew is not None
    assert anew.link != first.link, "what was shown is known to all"


@pytest.mark.spec("ROT-002")
def test_commitments_and_links_have_their_slots() -> None:
    assert [slot for slot in range(2 * EPOCH_SLOTS) if not is_committing(slot)] == [
        *range(24, 32),
        *range(56, 64),
    ]


@pytest.mark.spec("ROT-001", "ROT-004")
def test_link_of_another_and_of_nobody_is_refused_where_it_is_proposed() -> None:
    value, reveal = LAB.value(), Reveal(1, bytes(32))
    state = replace(EMPTY, draw=after_slot(None, reveal, 1, value.not_before_us, BOTH))
    linked = replace(value, reveal=reveal, state_hash=state.hash(ROSTER.circle))
    stray = replace(linked, reveal=Reveal(9, bytes(32)))
    closed = LAB.circumstances(0)
    governed = replace(closed, parameters=GOVERNED)
    head = Chain(ROSTER, LAB.verifier).head()
    moment = Moment(0, value.not_before_us, 0, may_vote=True)

    found = [
        of_every_value(linked, head, closed),
        of_every_value(stray, head, governed),
        of_a_fresh_value(linked, governed, moment, 2),
    ]

    assert [reason and (reason.rule, reason.verdict) for reason in found] == [
        ("ROT-001", Verdict.REJECT),
        ("ROT-002", Verdict.REJECT),
        ("ROT-004", Verdict.REJECT),
    ]
    assert of_every_value(linked, head, governed) is None
    assert of_a_fresh_value(linked, governed, moment, 1) is None
    assert state_after(linked, ROSTER, EMPTY, is_next=True) == state
    assert state_after(stray, ROSTER, EMPTY, is_next=True) is None


@pytest.mark.spec("ROT-007")
def test_who_waits_is_drawn_by_the_seed_but_who_came_late_comes_after() -> None:
    seats = [Seat(VoterKey(bytes([n]) * 32), PeerId(bytes([n + 50]) * 32)) for n in range(8)]
    waiting = tuple(Waiting(seat, 100 + n) for n, seat in enumerate(seats))
    orders = []
    for seed in (b"", bytes(32), bytes([1]) * 32):
        draw = Draw(seed, eligible_us=106)
        found = _in_order(State(waiting, draw=draw))
        orders.append([one.since_us - 100 for one in found])

    assert orders[0] == list(range(8))
    assert orders[1] != orders[2]
    for order, seed in zip(orders[1:], (bytes(32), bytes([1]) * 32), strict=True):
        ranked = sorted(range(6), key=lambda n: hashlib.sha256(seed + seats[n].voter).digest())
        assert order == [*ranked, 6, 7]
    assert [one.since_us for one in _in_order(State(waiting))] == list(range(100, 108))


@pytest.mark.spec("CIR-012", "ROT-001", "ROT-005", "ROT-006")
def test_a_circle_draws_its_seed_leads_by_it_and_lives_through_a_blackout() -> None:
    street = Street(5, members=4, parameters=GOVERNED)
    seeds: list[bytes] = []
    while len(seeds) < 2 and street.now_ns < 1_200 * 10**9:
        street.run(20)
        state = _circle(street, 0).around.state
        assert state is not None
        if state.seed and state.seed not in seeds:
            seeds.append(state.seed)

    circle = _circle(street, 0)
    order = circle.roster.leaders(circle.slot.number, 0, seeds[-1])
    assert [circle.slot.leader(view) for view in range(1, 5)] == order
    assert street.rungs() == [Rung.COMMITTED] * 5
    for device in range(5):
        street.stop(device)
    street.run(2)
    for device in range(5):
        street.start(device)
    street.run(30)

    assert street.rungs() == [Rung.COMMITTED] * 5
    assert street.genesis is not None
    assert faults(street.genesis, street.journals, street.verifier)[0] == []
    links = [decode_value(body).reveal for body in _bodies(street)]
    assert sum(link is not None for link in links) >= 4 + 2 * 8 - 4


@pytest.mark.spec("ROT-005")
def test_who_jumped_over_slots_fetches_the_state_before_it_knows_who_leads() -> None:
    street = Street(5, members=4, parameters=GOVERNED)
    street.run(20)
    street.stop(4)
    street.run(60)

    street.start(4)
    street.run(30)

    state = _circle(street, 4).around.state
    assert state is not None
    assert state == _circle(street, 0).around.state
    assert street.rungs() == [Rung.COMMITTED] * 5


@pytest.mark.spec("MEM-004", "ROT-001")
def test_the_largest_draw_fits_a_state_and_a_link_fits_a_value() -> None:
    anchors = tuple(Anchor(VoterKey(bytes([n]) * 32), bytes(32), 2**53 - 1) for n in range(22))
    draw = Draw(bytes(32), bytes(32), 2**53 - 1, 2**53 - 1, anchors)
    assert draw_of(cbor.decode(cbor.encode(draw.fields()), limit_bytes=9_999), "MEM-004") == draw
    assert len(cbor.encode(draw.fields())) <= PIECED_BYTES_MAX - 14_200

    huge = 2**53 - 2
    pattern = bytes(PATTERN_SIZE_BYTES_MAX)
    value = LAB.value(
        slot=huge, not_before_us=huge, not_after_us=huge + 1, pattern=pattern, start_us=huge,
        previous=pattern, previous_start_us=huge, fade_us=4_000_000,
        inputs=(1_000,) * 5, reveal=Reveal(63, bytes(32)),
    )  # fmt: skip
    assert len(value.encode()) + CHANGES_BYTES_MAX <= VALUE_BYTES_MAX
    assert named(value.encode()).value == value


@pytest.mark.spec("MEM-004")
def test_a_draw_of_too_many_chains_or_a_short_seed_is_refused() -> None:
    anchor = [bytes(32), bytes(32), 1]
    for wrong in (
        [b"", b"", 0, 0, [anchor] * 23],
        [b"", b"", 0, 0, 7],
        [bytes(31), b"", 0, 0, [anchor]],
        [b"", bytes(1), 0, 0, [anchor]],
    ):
        with pytest.raises(Malformed) as caught:
            draw_of(cbor.decode(cbor.encode(wrong), limit_bytes=9_999), "MEM-004")
        assert caught.value.rule == "MEM-004"


def _circle(street: Street, device: int) -> Circle:
    circle = street.peers[device].circle
    assert circle is not None
    return circle


def _bodies(street: Street) -> list[bytes]:
    log = [records.decode(record) for record in street.journals[0]]
    return [one.body for one in log if isinstance(one, records.DecidedRecord)]
