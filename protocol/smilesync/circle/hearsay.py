"""Petitions and evidence on their way to voters that a device has no link with.

They go from partner to partner along the ways on which the voters' beacons came, as questions do,
and not to everybody: a thousand followers need not know who wants a seat. Each device verifies
before it passes on, holds few, and passes on once what it took, so nothing runs in circles; of
each partner it takes so many in a second. Source: SPEC section Spreading (SPR-040 to SPR-043).
"""

from collections.abc import Callable

from smilesync.circle.errands import Ways
from smilesync.circle.reception import PETITIONS
from smilesync.effects import Effect, Send
from smilesync.ids import PeerId
from smilesync.wire.messages import Carried, Evidence

IndexOf = Callable[[PeerId], int | None]
"""Returns the roster index of a voter, None for anybody else."""


def is_hearsay(effect: Effect) -> bool:
    """Is a petition or evidence sent here?"""
    if not isinstance(effect, Send):
        return False
    said = effect.message
    return isinstance(said, Evidence) or (isinstance(said, Carried) and said.kind in PETITIONS)


def over_others(
    effects: list[Effect], index_of: IndexOf, ways: Ways, sender: PeerId | None = None
) -> list[Effect]:
    """Return `effects` with what is said to far voters sent to the partners that lead there.

    Each partner gets each object once, and whom it came from, `sender`, does not get it back.
    """
    passed: list[Effect] = []
    for effect in effects:
        if not is_hearsay(effect):
            passed.append(effect)
            continue
        assert isinstance(effect, Send)
        index = index_of(effect.to)
        hops = ways(index) if index is not None else [effect.to]
        hop = next((one for one in hops if one != sender), None)
        if hop is not None and Send(hop, effect.message) not in passed:
            passed.append(Send(hop, effect.message))
    return passed
