"""What is remembered of other circles, and what is made of their claims."""

import pytest

from smilesync.circle.encounter import HEADS_KEPT, VOICES_MAX, Encounters
from smilesync.config import SECOND_NS, MergingConfig
from smilesync.ids import CircleId, PeerId, ValueHash
from smilesync.wire.messages import Meet

OWN, OTHER = CircleId(b"b" * 32), CircleId(b"c" * 32)
LESSER = CircleId(b"a" * 32)
OFFER = ValueHash(b"o" * 32)


def who(number: int) -> PeerId:
    return PeerId(number.to_bytes(2, "big") * 16)


def head(slot: int) -> ValueHash:
    return ValueHash(slot.to_bytes(2, "big") * 16)


def meet(slot: int = 3, voters: int = 3, circle: CircleId = OTHER) -> Meet:
    return Meet(circle, slot, head(slot), voters)


def heard(*seconds: int, count: int = 2, said: Meet | None = None) -> Encounters:
    """Return what is known after so many devices spoke at these times."""
    encounters = Encounters(MergingConfig())
    for at_s in seconds:
        for number in range(count):
            encounters.heard(said or meet(), who(number), at_s * SECOND_NS)
    return encounters


@pytest.mark.spec("MRG-020")
@pytest.mark.parametrize(
    ("times_s", "count", "voters", "now_s", "is_known"),
    [
        ((0, 4, 8), 2, 3, 10, True),
        ((0, 4, 8), 2, 3, 9, False),
        ((0, 6, 10), 2, 3, 12, False),
        ((0, 4, 8), 1, 3, 10, False),
        ((0, 4, 8), 1, 1, 10, True),
        ((0, 4, 8), 2, 3, 13, True),
        ((0, 4, 8), 2, 3, 14, False),
        ((0, 4, 8), 2, 5, 10, False),
        ((0, 4, 8), 2, 4, 10, True),
    ],
    ids=[
        "two, for ten seconds",
        "not yet",
        "with a pause",
        "one of many",
        "one that is all",
        "present",
        "gone",
        "larger",
        "equal, of a higher id",
    ],
)
def test_circle_may_be_made_an_offer(
    times_s: tuple[int, ...], count: int, voters: int, now_s: int, is_known: bool
) -> None:
    encounters = heard(*times_s, count=count, said=meet(voters=voters))

    found = encounters.smaller(4, OWN, now_s * SECOND_NS)

    assert found == ([OTHER] if is_known else [])


@pytest.mark.spec("MRG-020")
def test_own_circle_is_none_that_was_met_and_others_come_by_their_id() -> None:
    encounters = heard(0, 5, 10, said=meet(circle=OWN))
    for at_s in (0, 5, 10):
        for number in range(2, 4):
            encounters.heard(meet(circle=OTHER), who(number), at_s * SECOND_NS)
            encounters.heard(meet(circle=LESSER), who(number + 2), at_s * SECOND_NS)

    assert encounters.smaller(4, OWN, 10 * SECOND_NS) == [LESSER, OTHER]


@pytest.mark.spec("MRG-020")
def test_who_changes_the_circle_speaks_for_the_new_one_from_then_on() -> None:
    encounters = heard(0, 5)
    for at_s in (6, 10):
        for number in range(2):
            encounters.heard(meet(circle=LESSER), who(number), at_s * SECOND_NS)

    assert encounters.smaller(4, OWN, 12 * SECOND_NS) == []
    assert not encounters.knows(OTHER, (3, head(3)))
    assert encounters.knows(LESSER, (3, head(3)))


@pytest.mark.spec("MRG-020")
def test_newest_head_that_others_had_time_to_hear_of_is_named() -> None:
    encounters = heard(0, 2, 4)
    for number in range(2):
        encounters.heard(meet(slot=4), who(number), 6 * SECOND_NS)

    assert encounters.settled_head(OTHER, 8 * SECOND_NS) == (3, head(3))
    assert encounters.settled_head(OTHER, 9 * SECOND_NS) == (4, head(4))
    assert encounters.settled_head(LESSER, 9 * SECOND_NS) is None
    assert encounters.knows(OTHER, (4, head(4)))
    assert not encounters.knows(OTHER, (5, head(5)))


def test_memory_is_bounded() -> None:
    encounters = Encounters(MergingConfig())
    for number in range(VOICES_MAX + 1):
        encounters.heard(meet(voters=1), who(number), 0)
    for slot in range(10, 11 + HEADS_KEPT):
        encounters.heard(meet(slot=slot), who(VOICES_MAX), (slot - 9) * SECOND_NS)

    assert not encounters.knows(OTHER, (10, head(10)))
    assert encounters.knows(OTHER, (11, head(11)))
    assert encounters.witnesses(OTHER, OFFER, [who(0)], 0) == 0
    said = Meet(OTHER, 3, head(3), 9, OFFER, OWN)
    encounters.heard(said, who(0), 0)
    assert encounters.witnesses(OTHER, OFFER, [who(0)], 0) == 1


@pytest.mark.spec("MRG-021")
def test_offer_is_open_as_long_as_voters_of_that_circle_say_so() -> None:
    said = Meet(OTHER, 3, head(3), 9, OFFER, OWN)
    encounters = heard(0, count=3, said=said)
    encounters.heard(meet(voters=9), who(3), 0)

    def count(now_s: int, *voters: int) -> int:
        named = [who(number) for number in voters]
        return encounters.witnesses(OTHER, OFFER, named, now_s * SECOND_NS)

    assert count(5, 0, 1, 2, 3) == 3
    assert count(5, 2, 3, 4) == 1
    assert count(6, 0, 1, 2) == 0


@pytest.mark.spec("MRG-016", "MRG-021")
def test_proof_is_asked_of_those_who_tell_of_an_offer_of_a_larger_circle() -> None:
    encounters = heard(0, said=Meet(OTHER, 3, head(3), 5, OFFER, OWN))
    encounters.heard(Meet(LESSER, 3, head(3), 3, OFFER, OWN), who(7), 0)
    encounters.heard(Meet(LESSER, 3, head(3), 9, OFFER, OTHER), who(8), 0)

    assert encounters.offers(4, OWN, 0) == {(OTHER, OFFER): [who(0), who(1)]}
    assert encounters.offers(4, OWN, 6 * SECOND_NS) == {}


@pytest.mark.spec("MRG-043")
def test_word_of_a_neighbour_that_comes_too_soon_is_passed_over() -> None:
    encounters = Encounters(MergingConfig())
    said = Meet(OTHER, 3, head(3), 9, OFFER, OWN)

    taken = [encounters.heard(meet(), who(0), 10**7 * n) for n in range(501)]

    assert taken.count(True) == 6, "one in a second"
    assert not encounters.heard(said, who(0), 10**7 * 501), "whatever it says"
    assert encounters.heard(said, who(1), 10**7 * 501)
    assert encounters.heard(said, who(0), 10**7 * 600)


@pytest.mark.spec("MRG-043")
@pytest.mark.parametrize(
    ("size", "tellers", "is_asked"), [(4, 1, False), (4, 2, True), (1, 1, True)]
)
def test_one_stranger_alone_makes_nobody_fetch_or_verify_a_proof(
    size: int, tellers: int, is_asked: bool
) -> None:
    encounters = heard(0, count=tellers, said=Meet(OTHER, 3, head(3), 64, OFFER, OWN))

    assert bool(encounters.offers(size, OWN, 0)) is is_asked
