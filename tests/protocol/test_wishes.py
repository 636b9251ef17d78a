"""Wishes: everybody's reaches whoever leads, in turn; old, hasty and foreign ones are refused."""

from dataclasses import replace

import pytest

from smilesync.circle.wishes import WishPool
from smilesync.commands import WishFor
from smilesync.config import CircleConfig
from smilesync.effects import Send
from smilesync.errors import LocalError, RemoteError
from smilesync.ids import CircleId, PeerId
from smilesync.light.choose import MOOD_PATTERNS
from smilesync.wire import envelope
from smilesync.wire.cbor import CborValue
from smilesync.wire.messages import Carried, ObjectKind
from support.lab import SECOND_NS, CachedVerifier, signers
from support.street import Street

CIRCLE = CircleId(bytes(range(32)))
PAIRS = signers(5)
MEMBERS = [PeerId(identity.public) for identity, _ in PAIRS[:4]]
STRANGER = PeerId(PAIRS[4][0].public)
WISHED, OTHER = MOOD_PATTERNS[1], MOOD_PATTERNS[3]
SLOT = 50


def made(member: int, pattern: bytes = WISHED, *, slot: int = SLOT, **keys: object) -> Carried:
    body: dict[int, CborValue] = {1: slot, 2: pattern}
    circle = CircleId(bytes(32)) if keys.get("foreign") else CIRCLE
    return envelope.sign(ObjectKind.WISH, PAIRS[member][0], body, circle=circle)


def of_body(body: CborValue) -> Carried:
    return envelope.sign(ObjectKind.WISH, PAIRS[0][0], body, circle=CIRCLE)


class Pool:
    """A pool of member 3, linked with the first three."""

    def __init__(self, config: CircleConfig | None = None) -> None:
        self.pool = WishPool(config or CircleConfig(), CIRCLE, CachedVerifier())
        for peer in MEMBERS[:3]:
            self.pool.connected(peer, 0)

    def take(
        self, wish: Carried, *, sender: PeerId = MEMBERS[0], slot: int = SLOT, now_s: float = 0
    ) -> list[PeerId]:
        now_ns = int(now_s * SECOND_NS)
        effects = self.pool.take(wish, sender, now_ns, members=MEMBERS, slot=slot)
        return [effect.to for effect in effects if isinstance(effect, Send)]

    def choose(
        self, slot: int = SLOT, shown: bytes | None = None, now_s: float = 0
    ) -> bytes | None:
        return self.pool.choose(slot, shown, int(now_s * SECOND_NS))


@pytest.mark.spec("WSH-007")
def test_a_wish_that_is_held_is_passed_over_whatever_signature_it_comes_with() -> None:
    pool = Pool()
    wish = made(0)
    assert pool.take(wish) != []

    assert pool.take(wish) == []
    assert pool.take(replace(wish, signature=bytes(64))) == []
    assert pool.choose() == WISHED


def test_what_is_held_is_another_mapping_after_each_change_and_only_then() -> None:
    pool = Pool()
    empty = pool.pool.held
    pool.take(made(0))
    held = pool.pool.held
    assert (len(empty), set(held)) == (0, {MEMBERS[0]})

    pool.take(made(0), sender=MEMBERS[1])
    pool.choose()
    assert pool.pool.held is held

    over_s = CircleConfig().wish_lifetime_ns / SECOND_NS
    pool.choose(now_s=over_s)
    assert pool.pool.held is not held
    assert len(pool.pool.held) == 0


@pytest.mark.spec("WSH-001", "WSH-007")
def test_a_wish_is_kept_and_passed_on_once_to_who_may_lack_it() -> None:
    pool = Pool()

    first = pool.take(made(0))
    again = pool.take(made(0), sender=MEMBERS[1])

    assert first == MEMBERS[1:3]
    assert again == []
    assert pool.choose() == WISHED


@pytest.mark.spec("WSH-007")
def test_a_new_link_hears_what_is_wished_and_a_lost_one_no_more() -> None:
    pool = Pool()
    pool.take(made(0))

    told = pool.pool.connected(MEMBERS[1], 59 * SECOND_NS)
    pool.pool.disconnected(MEMBERS[2])
    passed_on = pool.take(made(1, OTHER), now_s=59, sender=MEMBERS[1])
    late = pool.pool.connected(MEMBERS[2], 200 * SECOND_NS)

    assert told == [Send(MEMBERS[1], made(0))]
    assert passed_on == [MEMBERS[0]]
    assert late == []


@pytest.mark.spec("WSH-002", "WSH-003", "WSH-004", "WSH-006")
@pytest.mark.parametrize(
    ("rule", "wish", "sender"),
    [
        ("WSH-002", of_body([1, 2]), MEMBERS[0]),
        ("WSH-002", of_body({1: SLOT}), MEMBERS[0]),
        ("WSH-002", of_body({1: 0, 2: WISHED}), MEMBERS[0]),
        ("WSH-002", of_body({1: SLOT, 2: b""}), MEMBERS[0]),
        ("WSH-002", of_body({1: SLOT, 2: bytes(201)}), MEMBERS[0]),
        ("WSH-002", of_body({1: SLOT, 2: WISHED, 3: 1}), MEMBERS[0]),
        ("WSH-003", made(0), STRANGER),
        ("WSH-003", made(4), MEMBERS[0]),
        ("WSH-004", made(0, slot=SLOT - 17), MEMBERS[0]),
        ("WSH-004", made(0, slot=SLOT + 2), MEMBERS[0]),
        ("OBJ-006", made(0, foreign=True), MEMBERS[0]),
        ("OBJ-006", Carried(20, MEMBERS[0], made(0).body, bytes(64)), MEMBERS[0]),
    ],
)
def test_a_bad_wish_is_refused_and_changes_nothing(
    rule: str, wish: Carried, sender: PeerId
) -> None:
    pool = Pool()

    with pytest.raises(RemoteError) as caught:
        pool.take(wish, sender=sender)

    assert caught.value.rule == rule
    assert pool.choose() is None
    assert pool.take(made(0)) == MEMBERS[1:3]


@pytest.mark.spec("WSH-003", "WSH-007")
def test_a_copy_is_of_a_wish_that_is_held_and_comes_from_and_of_members() -> None:
    pool = Pool()
    wish = made(0)
    assert not pool.pool.has(wish, MEMBERS[0], MEMBERS)
    pool.take(wish)

    assert pool.pool.has(wish, MEMBERS[1], MEMBERS)
    assert pool.pool.has(replace(wish), MEMBERS[1], MEMBERS), "whoever made the object"
    assert not pool.pool.has(replace(wish, signature=bytes(64)), MEMBERS[1], MEMBERS)
    assert not pool.pool.has(wish, STRANGER, MEMBERS)
    assert not pool.pool.has(wish, MEMBERS[1], MEMBERS[1:]), "its wearer is no member any more"


@pytest.mark.spec("WSH-004")
@pytest.mark.parametrize("slot", [SLOT - 16, SLOT + 1])
def test_a_wish_of_a_near_slot_is_taken(slot: int) -> None:
    pool = Pool()

    pool.take(made(0, slot=slot))

    assert pool.choose() == WISHED


@pytest.mark.spec("WSH-005")
def test_a_wearers_second_wish_waits_its_time_and_then_replaces_the_first() -> None:
    pool = Pool()
    pool.take(made(0))

    with pytest.raises(RemoteError) as caught:
        pool.take(made(0, OTHER), now_s=27.9)
    unchanged = pool.choose(now_s=27.9)
    pool.take(made(0, OTHER), now_s=28)

    assert caught.value.rule == "WSH-005"
    assert unchanged == WISHED
    assert pool.choose(now_s=28) == OTHER


@pytest.mark.spec("WSH-006")
def test_a_full_pool_refuses_others_but_not_a_wearers_next() -> None:
    pool = Pool(CircleConfig(wishes_max=1))
    pool.take(made(0))

    with pytest.raises(RemoteError) as caught:
        pool.take(made(1))
    pool.take(made(0, OTHER), now_s=28)

    assert caught.value.rule == "WSH-006"
    assert pool.choose(now_s=28) == OTHER


@pytest.mark.spec("WSH-007")
def test_a_wish_is_forgotten_after_its_lifetime() -> None:
    pool = Pool()
    pool.take(made(0))

    assert pool.choose(now_s=59.9) == WISHED
    assert pool.choose(now_s=60) is None
    assert pool.take(made(0, slot=SLOT + 1), now_s=61) == MEMBERS[1:3]


@pytest.mark.spec("WSH-008")
def test_everybody_is_served_in_turn_and_a_wish_stays_while_nobody_waits() -> None:
    patterns = MOOD_PATTERNS[:3]
    pool = Pool()
    for member, pattern in enumerate(patterns):
        pool.take(made(member, pattern), sender=MEMBERS[member])

    shown: list[bytes | None] = [None]
    for slot in range(SLOT, SLOT + 5):
        shown.append(pool.choose(slot, shown[-1]))
        pool.pool.decided(slot, shown[-1] or b"")

    assert sorted(map(bytes, shown[1:4])) == sorted(patterns)
    assert shown[3] == shown[4] == shown[5]


@pytest.mark.spec("WSH-008")
def test_who_was_served_of_late_waits_for_who_was_not() -> None:
    pool = Pool()
    pool.take(made(0, WISHED))
    pool.pool.decided(SLOT, WISHED)
    pool.take(made(1, OTHER), sender=MEMBERS[1])

    chosen = [pool.choose(SLOT + 1), pool.choose(SLOT + 101, OTHER)]
    pool.pool.decided(SLOT + 1, OTHER)
    pool.pool.decided(SLOT + 101, b"-")

    assert chosen[0] == OTHER
    assert {pool.choose(slot) for slot in range(SLOT + 102, SLOT + 130)} == {WISHED, OTHER}


@pytest.mark.spec("WSH-008")
def test_the_draw_differs_from_slot_to_slot_and_agrees_between_members() -> None:
    one, two = Pool(), Pool()
    for member in range(3):
        one.take(made(member, MOOD_PATTERNS[member]), sender=MEMBERS[member])
        two.take(made(2 - member, MOOD_PATTERNS[2 - member]), sender=MEMBERS[2 - member])

    draws = [one.choose(slot) for slot in range(SLOT, SLOT + 20)]

    assert draws == [two.choose(slot) for slot in range(SLOT, SLOT + 20)]
    assert len(set(draws)) == 3


@pytest.mark.spec("WSH-001", "WSH-008")
def test_a_circle_shows_a_wish_and_goes_back_to_its_mood() -> None:
    street = Street(size=4, seed=3)
    street.run(6)

    street.command(2, WishFor(WISHED))
    street.run(10)
    during = {peer.scene.pattern for peer in street.peers.values()}
    street.run(75)
    after = {peer.scene.pattern for peer in street.peers.values()}

    assert during == {WISHED}
    assert after == {MOOD_PATTERNS[2]}


@pytest.mark.spec("WSH-001")
def test_a_wearer_hears_why_a_wish_is_not_made() -> None:
    street = Street(size=3, members=2)
    street.run(5)
    street.command(0, WishFor(WISHED))

    for device, pattern, why in (
        (0, OTHER, "the next in 30 s"),
        (1, b"\xa0", "this pattern breaks"),
        (2, WISHED, "no circle"),
    ):
        with pytest.raises(LocalError, match=why):
            street.peers[device].command(WishFor(pattern), street.local_ns(device))


def test_a_device_without_a_circle_passes_over_wishes() -> None:
    street = Street(size=2, members=0)

    street.deliver(0, 1, made(0))

    assert dict(street.peers[1].statistics(street.local_ns(1)).dropped) == {}
