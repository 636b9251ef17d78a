"""Who counts as company."""

import pytest

from smilesync.heard import Heard
from smilesync.ids import PeerId
from smilesync.mesh.neighbours import Neighbours

SECOND = 1_000_000_000
ANN, BOB, EVE = PeerId(b"a" * 32), PeerId(b"b" * 32), PeerId(b"e" * 32)


@pytest.mark.spec("NBR-001", "NBR-002")
def test_a_handshake_makes_company_for_five_seconds() -> None:
    neighbours = Neighbours(5 * SECOND)
    neighbours.connected(ANN, Heard(), 0)

    assert neighbours.alive(5 * SECOND - 1) == (ANN,)
    assert neighbours.alive(5 * SECOND) == ()
    assert neighbours.company_until_ns() == 5 * SECOND
    assert neighbours.ages_ns(7 * SECOND) == ((ANN, 7 * SECOND),)


@pytest.mark.spec("NBR-002")
def test_every_message_prolongs_company() -> None:
    neighbours = Neighbours(5 * SECOND)
    neighbours.connected(BOB, Heard(), 0)
    neighbours.connected(ANN, Heard(), SECOND)

    assert neighbours.note(BOB, 3 * SECOND) is not None

    assert neighbours.company_until_ns() == 8 * SECOND
    assert neighbours.alive(2 * SECOND) == (ANN, BOB)
    assert neighbours.alive(7 * SECOND) == (BOB,)
    assert neighbours.ages_ns(4 * SECOND) == ((ANN, 3 * SECOND), (BOB, SECOND))


@pytest.mark.spec("NBR-001", "NBR-003")
def test_a_peer_without_a_link_never_counts() -> None:
    neighbours = Neighbours(5 * SECOND)

    assert neighbours.note(EVE, SECOND) is None
    neighbours.disconnected(EVE)

    assert neighbours.alive(SECOND) == ()
    assert neighbours.company_until_ns() == -1


@pytest.mark.spec("NBR-001")
def test_losing_the_last_heard_link_leaves_the_others() -> None:
    neighbours = Neighbours(5 * SECOND)
    neighbours.connected(ANN, Heard(), 0)
    neighbours.connected(BOB, Heard(), 2 * SECOND)

    neighbours.disconnected(BOB)

    assert neighbours.company_until_ns() == 5 * SECOND
    neighbours.disconnected(ANN)
    assert neighbours.company_until_ns() == -1


@pytest.mark.spec("NBR-002")
def test_who_is_company_is_so_in_another_circle_too() -> None:
    neighbours, other = Neighbours(5 * SECOND), Heard()
    neighbours.connected(ANN, Heard(), 0)
    neighbours.note(ANN, 2 * SECOND)

    neighbours.follow(lambda _peer: other)

    assert neighbours.company_until_ns() == 7 * SECOND
    assert neighbours.note(ANN, 3 * SECOND) is other
    assert neighbours.company_until_ns() == 8 * SECOND
