"""The cast of villains. A new one is a file with a class like those here, and a line in the table.

A villain wraps the honest peer of its device, or replaces it. It has the device's keys and links,
and no check judges it; the checks judge what it does to the others.
"""

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from smilesim.villains.replayer import Replayer
from smilesync.entropy import Entropy

if TYPE_CHECKING:
    from smilesim.device import Device, LivePeer


class Villain(NamedTuple):
    """One habit: what it does, what it counts, and how to make one of an honest peer.

    `make` gets the honest peer, its device, its draws, and the counter of what it did.
    """

    meaning: str
    counts: str
    make: "Callable[[LivePeer, Device, Entropy, Counter[str]], LivePeer]"


VILLAINS: dict[str, Villain] = {
    "replayer": Villain("they send old messages again and again", "replayed-message", Replayer),
}
