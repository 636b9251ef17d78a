"""When which address is tried."""

from itertools import pairwise

import pytest

from smilesync.config import MS_NS, SECOND_NS
from smilesync.entropy import Entropy
from smilesync.ids import Address, PeerId
from smilesync.mesh.config import LinkConfig
from smilesync.mesh.dialer import NEVER_NS, Dialer

HOME: Address = ("10.0.0.9", 7412)
PEER = PeerId(b"p" * 32)


def _dialer(config: LinkConfig | None = None) -> Dialer:
    return Dialer(LinkConfig() if config is None else config, Entropy(b"d" * 16))


def _times(dialer: Dialer, until_ns: int) -> list[int]:
    """Return when HOME is dialled, up to a time."""
    times = []
    while dialer.deadline_ns() <= until_ns:
        now_ns = dialer.deadline_ns()
        times += [now_ns for address in dialer.due(now_ns) if address == HOME]
        assert dialer.deadline_ns() > now_ns
    return times


@pytest.mark.spec("DSC-008", "DSC-010")
def test_a_static_address_is_tried_for_ever_at_a_falling_pace() -> None:
    dialer = _dialer()
    dialer.hint(HOME, 0, is_permanent=True)

    times = _times(dialer, 600 * SECOND_NS)
    gaps = [b - a for a, b in pairwise(times)]

    assert times[0] == 0
    assert gaps[0] <= 313 * MS_NS
    assert all(gap <= 2500 * MS_NS for gap in gaps)
    assert all(gap >= 1500 * MS_NS for gap in gaps[5:])
    assert times[-1] > 590 * SECOND_NS
    assert len(set(gaps)) > 50


def test_a_hint_that_turns_out_static_is_never_forgotten() -> None:
    dialer = _dialer()
    dialer.hint(HOME, 0, is_permanent=False)
    dialer.hint(HOME, 0, is_permanent=True)
    dialer.hint(HOME, 0, is_permanent=False)

    _times(dialer, 600 * SECOND_NS)

    assert len(dialer) == 1


@pytest.mark.spec("DSC-008")
def test_a_hint_is_forgotten_after_twelve_tries() -> None:
    dialer = _dialer()
    dialer.hint(HOME, 0, is_permanent=False)

    times = _times(dialer, 3600 * SECOND_NS)

    assert len(times) == 12
    assert max(b - a for a, b in pairwise(times)) <= 75 * SECOND_NS
    assert len(dialer) == 0
    assert dialer.deadline_ns() == NEVER_NS


def test_a_repeated_hint_starts_anew_but_never_hurries() -> None:
    dialer = _dialer()
    dialer.hint(HOME, 0, is_permanent=False)
    _times(dialer, 100 * SECOND_NS)

    dialer.hint(HOME, 101 * SECOND_NS, is_permanent=False)
    assert dialer.due(101 * SECOND_NS) == [HOME]
    dialer.hint(HOME, 101 * SECOND_NS, is_permanent=False)

    assert dialer.due(101 * SECOND_NS) == []
    assert dialer.deadline_ns() == 101 * SECOND_NS + 250 * MS_NS


@pytest.mark.spec("DSC-011")
def test_a_peer_that_fell_silent_is_dialled_until_it_is_heard() -> None:
    dialer = _dialer()
    dialer.hint(HOME, 0, is_permanent=False)
    dialer.due(0)
    dialer.reached(HOME, PEER)
    assert dialer.deadline_ns() == NEVER_NS

    dialer.redial(PEER, ("10.0.0.8", 1), 9 * SECOND_NS)
    assert dialer.due(9 * SECOND_NS) == [HOME, ("10.0.0.8", 1)]
    dialer.redial(PEER, HOME, 9 * SECOND_NS)
    assert dialer.due(9 * SECOND_NS) == []
    times = _times(dialer, 69 * SECOND_NS)
    gaps = [b - a for a, b in pairwise(times)]
    assert all(240 * MS_NS <= gap <= 400 * MS_NS for gap in gaps)
    late = _times(dialer, 300 * SECOND_NS)
    gaps = [b - a for a, b in pairwise(late[1:])]
    assert all(1200 * MS_NS <= gap <= 2000 * MS_NS for gap in gaps)

    dialer.rest(PEER)
    assert dialer.deadline_ns() == NEVER_NS
    assert len(dialer) == 2


def test_addresses_of_a_lost_peer_go_back_to_the_ordinary_pace() -> None:
    dialer = _dialer()
    dialer.hint(HOME, 0, is_permanent=True)
    dialer.due(0)
    dialer.reached(HOME, PEER)

    dialer.lost(PEER, SECOND_NS)

    assert SECOND_NS < dialer.deadline_ns() <= 2 * SECOND_NS


@pytest.mark.spec("DSC-009")
@pytest.mark.parametrize("is_permanent", [False, True])
def test_the_own_address_is_not_dialled_for_a_while(is_permanent: bool) -> None:
    dialer = _dialer()
    dialer.hint(HOME, 0, is_permanent=is_permanent)
    dialer.due(0)

    dialer.disown(HOME, SECOND_NS)
    dialer.hint(HOME, 2 * SECOND_NS, is_permanent=is_permanent)

    assert _times(dialer, 600 * SECOND_NS) == []
    dialer.hint(HOME, 601 * SECOND_NS, is_permanent=is_permanent)
    assert dialer.due(601 * SECOND_NS) == [HOME]


@pytest.mark.spec("DSC-012")
def test_a_flood_of_hints_never_pushes_out_a_static_address() -> None:
    dialer = _dialer(LinkConfig(addresses_max=10))
    dialer.hint(HOME, 0, is_permanent=True)

    for number in range(100):
        dialer.hint(("10.1.0.1", number), number, is_permanent=False)
        dialer.due(number)

    assert len(dialer) == 10
    assert _times(dialer, 10 * SECOND_NS)


def test_a_static_address_takes_the_place_of_a_hint() -> None:
    dialer = _dialer(LinkConfig(addresses_max=2))
    dialer.hint(("10.1.0.1", 1), 0, is_permanent=False)
    dialer.hint(("10.1.0.1", 2), 0, is_permanent=False)

    dialer.hint(HOME, 0, is_permanent=True)
    dialer.hint(("10.1.0.1", 3), 0, is_permanent=True)
    dialer.hint(("10.1.0.1", 4), 0, is_permanent=True)

    assert dialer.due(0) == [HOME, ("10.1.0.1", 3)]
