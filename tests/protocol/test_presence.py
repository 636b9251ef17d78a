"""Which voters were heard of late."""

import pytest

from smilesync.circle.presence import OTHERS_MAX, Presence
from smilesync.ids import PeerId
from support.lab import SECOND_NS, genesis_of

ROSTER = genesis_of(4).roster
WINDOW_NS = 1_500_000_000


def _presence(me: int | None, heard_s: dict[int, int]) -> Presence:
    presence = Presence(ROSTER, me, 0)
    for index, second in heard_s.items():
        presence.of(ROSTER.identities[index]).said_ns = second * SECOND_NS
    return presence


@pytest.mark.spec("LAD-001")
@pytest.mark.parametrize(
    ("me", "heard_s", "until_s"),
    [
        (0, {1: 10, 2: 20, 3: 30}, 20),
        (0, {0: 99, 1: 10, 2: 20}, 10),
        (None, {0: 5, 1: 10, 2: 20, 3: 30}, 10),
    ],
    ids=["itself counts", "own echo does not count twice", "a listener needs q others"],
)
def test_quorum_counts_as_heard_until(
    me: int | None, heard_s: dict[int, int], until_s: int
) -> None:
    presence = _presence(me, heard_s)

    assert presence.quorum_until_ns(WINDOW_NS) == until_s * SECOND_NS + WINDOW_NS


def test_without_a_quorum_there_is_no_until() -> None:
    assert _presence(0, {1: 10}).quorum_until_ns(WINDOW_NS) == -1


def test_one_voter_is_its_own_quorum_for_ever() -> None:
    presence = Presence(genesis_of(1).roster, 0, 0)

    assert presence.quorum_until_ns(WINDOW_NS) == 2**62 - 1


@pytest.mark.parametrize("size", [2, 3, 4, 7, 13, 22])
@pytest.mark.parametrize("step", [1, 5, 7])
def test_a_quorum_of_many_is_counted_from_the_latest(size: int, step: int) -> None:
    roster = genesis_of(size).roster
    presence = Presence(roster, None, 0)
    heard_ns = [SECOND_NS * (step * index % 9) for index in range(size)]  # some at once
    for who, said_ns in zip(roster.identities, heard_ns, strict=True):
        presence.of(who).said_ns = said_ns

    expected_ns = sorted(heard_ns, reverse=True)[roster.quorum - 1]

    assert presence.quorum_until_ns(WINDOW_NS) == expected_ns + WINDOW_NS


def test_strangers_are_passed_over() -> None:
    presence = Presence(ROSTER, 0, 0)

    presence.of(PeerId(bytes(32))).said_ns = SECOND_NS

    assert presence.absent(100 * SECOND_NS, SECOND_NS) == 0b1110


def test_a_word_that_came_over_others_counts_from_when_it_was_said() -> None:
    presence = _presence(0, {1: 10, 2: 10})

    presence.heard_of(ROSTER.identities[1], 20 * SECOND_NS)
    presence.heard_of(ROSTER.identities[2], 5 * SECOND_NS)
    presence.heard_of(PeerId(bytes(32)), 30 * SECOND_NS)

    assert presence.heard_ns(ROSTER.identities[1]) == 20 * SECOND_NS
    assert presence.heard_ns(ROSTER.identities[2]) == 10 * SECOND_NS
    assert presence.heard_ns(PeerId(bytes(32))) == -1


@pytest.mark.spec("CIR-014")
def test_absent_are_those_not_heard_for_a_whole_window() -> None:
    presence = _presence(0, {1: 10, 2: 14})

    assert presence.absent(3 * SECOND_NS, 4 * SECOND_NS) == 0, "nobody before the window passed"
    assert presence.absent(15 * SECOND_NS, 4 * SECOND_NS) == 0b1010
    assert presence.absent(14 * SECOND_NS, 4 * SECOND_NS) == 0b1000


@pytest.mark.spec("MEM-034", "MEM-035")
def test_a_newer_report_takes_the_place_of_the_older_one_also_if_nobody_is_away() -> None:
    presence = _presence(0, {})
    one, two = ROSTER.identities[1], ROSTER.identities[2]
    presence.reported(one, 0b1000, SECOND_NS)
    presence.reported(two, 0b1000, SECOND_NS)
    presence.reported(PeerId(bytes(32)), 0b1000, SECOND_NS)
    assert presence.agreed_away(0b1000, 2 * SECOND_NS) == 0b1000

    presence.reported(one, 0, 2 * SECOND_NS)

    assert presence.agreed_away(0b1000, 2 * SECOND_NS) == 0


def test_of_those_without_a_seat_who_has_a_link_is_never_forgotten() -> None:
    presence = Presence(ROSTER, 0, 0)
    names = [PeerId(number.to_bytes(32, "big")) for number in range(OTHERS_MAX + 2)]
    for number, name in enumerate(names[:-1]):
        presence.of(name).near_ns = presence.of(name).said_ns = number
    assert presence.heard_ns(names[0]) == 0, "all have a link, so nobody has to go"
    presence.of(names[2]).near_ns = presence.of(names[3]).near_ns = -1

    presence.of(names[-1]).said_ns = 1

    assert presence.heard_ns(names[2]) == -1, "of two without a link, who was heard longer ago"
    assert [presence.heard_ns(names[number]) for number in (0, 1, 3)] == [0, 1, 3]
