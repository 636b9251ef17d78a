"""The genesis of a successor in parts: told, put together, and judged as an enemy's."""

from dataclasses import replace

import pytest

from smilesync import boot
from smilesync.circle.circumstances import Circumstances
from smilesync.circle.genesis import Genesis, Parameters, Policy, found
from smilesync.circle.heirs import TELLERS_MAX, Heirs, read_heir
from smilesync.circle.lineage import Lineage
from smilesync.config import CircleConfig
from smilesync.effects import Send
from smilesync.errors import Unauthentic, Unwelcome
from smilesync.ids import CircleId, PeerId, ValueHash
from smilesync.wire.messages import Heir
from support.lab import CachedVerifier, cards, signers, successor_of

PAIRS = signers(9)
INVITE = Parameters(policy=Policy.INVITE)
OLD = found(cards(PAIRS[:7]), bytes(32), INVITE)
HEAD = ValueHash(bytes([5]) * 32)
GAP_NS = 4_000_000_000
PEERS = [PeerId(bytes([n]) * 32) for n in range(TELLERS_MAX + 1)]


def around(*, has_seat: bool = True) -> Circumstances:
    keys = boot.Keys(PAIRS[0][0], PAIRS[0][1] if has_seat else None)
    return boot.circumstances(CircleConfig(), keys, CachedVerifier(), OLD)


def heir(*who: int, head: ValueHash = HEAD, parameters: Parameters = INVITE) -> Genesis:
    lineage = Lineage(OLD.circle_id, head)
    return successor_of(lineage, [PAIRS[index] for index in who], parameters)


def parts_of(genesis: Genesis, to: PeerId = PEERS[0]) -> list[Heir]:
    effects = Heirs(GAP_NS).tell(to, genesis, 0)
    return [
        one.message for one in effects if isinstance(one, Send) and isinstance(one.message, Heir)
    ]


@pytest.mark.spec("SUC-040")
def test_genesis_is_told_in_parts_in_order_and_not_again_at_once() -> None:
    heirs, genesis = Heirs(GAP_NS), heir(0, 1, 2, 3, 4, 5)

    told = heirs.tell(PEERS[0], genesis, 0)

    assert len(told) == 2
    assert b"".join(part.data for part in parts_of(genesis)) == genesis.encode()
    assert heirs.tell(PEERS[0], genesis, GAP_NS - 1) == []
    assert len(heirs.tell(PEERS[1], genesis, GAP_NS - 1)) == 2
    assert len(heirs.tell(PEERS[0], genesis, GAP_NS)) == 2


@pytest.mark.spec("SUC-040")
def test_parts_are_put_together_in_order_or_not_at_all() -> None:
    heirs, genesis = Heirs(GAP_NS), heir(0, 1, 2, 3, 4, 5)
    first, second = parts_of(genesis)

    assert heirs.take(second, PEERS[0], 0) is None
    assert heirs.take(first, PEERS[0], 0) is None
    assert heirs.take(second, PEERS[1], 0) is None, "parts of two tellers are not mixed"
    assert heirs.take(replace(second, size_bytes=1030), PEERS[0], 0) is None
    assert heirs.take(second, PEERS[0], 0) is None, "it begins again"
    assert heirs.take(first, PEERS[0], 0) is None
    assert heirs.take(second, PEERS[0], 0) == genesis.encode()


@pytest.mark.spec("SUC-040")
def test_only_so_many_are_put_together_at_a_time_and_the_oldest_gives_way() -> None:
    """Else strangers that begin and never end would keep every successor out."""
    heirs = Heirs(GAP_NS)
    first, second = parts_of(heir(0, 1, 2, 3, 4, 5))

    for peer in PEERS:
        assert heirs.take(first, peer, 0) is None

    assert heirs.take(second, PEERS[0], 0) is None
    assert heirs.take(second, PEERS[-1], 0) is not None


@pytest.mark.spec("SUC-043")
def test_who_told_a_false_one_is_not_heard_for_a_while() -> None:
    heirs = Heirs(GAP_NS)
    first, _ = parts_of(heir(0, 1, 2, 3, 4, 5))
    heirs.refuse(PEERS[0], 0)

    with pytest.raises(Unwelcome, match="SUC-043"):
        heirs.take(first, PEERS[0], 8 * GAP_NS - 1)

    assert heirs.take(first, PEERS[1], 0) is None
    assert heirs.take(first, PEERS[0], 8 * GAP_NS) is None


@pytest.mark.spec("SUC-030", "SUC-041", "SUC-042")
@pytest.mark.parametrize(
    ("genesis", "rule"),
    [
        (heir(0, 1, 2), None),
        (heir(0, 1, 2, head=ValueHash(bytes(32))), None),
        (heir(0, 1, 2, 7, head=ValueHash(bytes(32))), None),
        (heir(0, 1, 2, 7), "SUC-042"),
        (heir(0, 1), "SUC-042"),
        (heir(0, 1, 7, 8, head=ValueHash(bytes(32))), "SUC-042"),
        (heir(0, 1, 2, parameters=Parameters(policy=Policy.OPEN)), "SUC-041"),
        (found(cards(PAIRS[:3]), bytes(32), INVITE), "SUC-041"),
        (successor_of(Lineage(CircleId(bytes(32)), HEAD), PAIRS[:3], INVITE), "SUC-041"),
    ],
    ids=[
        "of the same head",
        "of an older head",
        "of an older head with somebody new",
        "of the same head with a stranger",
        "of the same head by no more than may lie",
        "of too few of the circle",
        "of another policy",
        "that succeeds nothing",
        "that succeeds another circle",
    ],
)
def test_successor_is_judged(genesis: Genesis, rule: str | None) -> None:
    data = genesis.encode()
    if rule is None:
        assert read_heir(data, around(), HEAD, own=None, is_trusting=True) == genesis
        return
    with pytest.raises(Unwelcome, match=rule):
        read_heir(data, around(), HEAD, own=None, is_trusting=True)


@pytest.mark.spec("SUC-042", "TRU-001")
def test_successor_of_another_head_needs_that_the_known_voters_may_vouch() -> None:
    same, other = heir(0, 1, 2).encode(), heir(0, 1, 2, head=ValueHash(bytes(32))).encode()

    assert read_heir(same, around(), HEAD, own=None, is_trusting=False)
    with pytest.raises(Unwelcome, match="SUC-042"):
        read_heir(other, around(), HEAD, own=None, is_trusting=False)


@pytest.mark.spec("SUC-042")
def test_who_has_no_seat_to_lose_follows_two_as_well() -> None:
    of_two, strange = heir(0, 1), heir(0, 1, 7)
    listener = around(has_seat=False)

    assert read_heir(of_two.encode(), listener, HEAD, own=None, is_trusting=False) == of_two
    with pytest.raises(Unwelcome, match="SUC-042"):
        read_heir(strange.encode(), listener, HEAD, own=None, is_trusting=False)


@pytest.mark.spec("SUC-031")
def test_founder_takes_part_however_few_founded_with_it() -> None:
    genesis = heir(0, 1)
    own = PAIRS[1][1].public

    assert read_heir(genesis.encode(), around(), HEAD, own=own, is_trusting=False) == genesis


@pytest.mark.spec("SUC-006", "GEN-004", "SUC-030")
def test_successor_without_one_of_the_signatures_is_no_genesis() -> None:
    genesis = heir(0, 1, 2)
    stolen = replace(genesis, founders=(*genesis.founders[:2], heir(0, 1, 2, 3).founders[2]))

    with pytest.raises(Unauthentic, match="GEN-004"):
        read_heir(stolen.encode(), around(), HEAD, own=None, is_trusting=True)
