"""Which circle each device is in, as its own journal says: that of its founding, or a successor."""

from collections.abc import Sequence

from smilesim.decision import read_decision
from smilesim.device import NO_SEAT, Device, Registry, SimCircle
from smilesync.circle.genesis import decode_genesis
from smilesync.ids import CircleId
from smilesync.keys import Verifier
from smilesync.wire.records import CIRCLE_BOUND, DecidedRecord, Moved, Notarized, Record


class Successors:
    """Adds every circle that is founded during the run to `circles`, once."""

    def __init__(
        self,
        circles: list[SimCircle],
        devices: Sequence[Device],
        registry: Registry,
        verifier: Verifier,
    ) -> None:
        self._circles = circles
        self._verifier = verifier
        self._devices = registry
        self._by_id: dict[CircleId, SimCircle] = {one.roster.circle: one for one in circles}
        self._origin = [device.circle for device in devices]

    def started(self, device: Device, journal: Sequence[Record]) -> None:
        """A life begins from this journal, which may have lost what the last one wrote."""
        moved = [record for record in journal if isinstance(record, Moved)]
        origin = self._origin[device.index]
        circle = self._circle(device, moved[-1]) if moved else origin
        if circle is not None and circle is not device.circle:
            self._join(device, circle)

    def moved(self, device: Device, record: Moved) -> None:
        """The move of a device to a successor is on its disk."""
        self._join(device, self._circle(device, record))

    def _join(self, device: Device, circle: SimCircle) -> None:
        device.join(circle)
        device.has_abandoned = False
        if device.roster_index == NO_SEAT and device.index not in circle.followers:
            circle.followers += (device.index,)

    def _circle(self, device: Device, record: Moved) -> SimCircle:
        genesis = decode_genesis(record.genesis, self._verifier)
        known = self._by_id.get(genesis.circle_id)
        if known is None:
            roster = genesis.roster
            founders = (self._devices.find(one, device.circle) for one in roster.identities)
            members = tuple(one.index for one in founders if one is not None)
            index, quorum = len(self._circles), roster.quorum
            known = SimCircle(index, genesis, roster, members, members, quorum)
            self._by_id[genesis.circle_id] = known
            self._circles.append(known)
        return known


def binding(journal: Sequence[Record]) -> list[Record]:
    """Return the records that bind a device in the circle it is in, as SUC-032 says."""
    here = max((i for i, one in enumerate(journal) if isinstance(one, Moved)), default=-1)
    return [one for i, one in enumerate(journal) if i > here or not isinstance(one, CIRCLE_BOUND)]


def reached_us(journal: Sequence[Record]) -> int:
    """Return the circle time up to which leases of any circle ran: clocks start there (CLK-030).

    Those that the device decided, and those that it notarized.
    """
    bodies = (one.body for one in journal if isinstance(one, DecidedRecord | Notarized))
    known = (read_decision(body) for body in bodies)
    return max((one.not_after_us for one in known if one is not None), default=0)
