"""No lawful seat is lost, and how many views a slot takes.

A seat may be taken for absence only. So a voter whom too many others heard all the time, since
before anybody voted for the value that removes it, has lost its seat unlawfully: of the rest there
are fewer than q. And whoever a decided value admitted waits until it has a seat, leaves, is
expelled, or gives way in a full list. Judged from who reached whom in true time, and from the
decided values in order (`rolls.py`).
"""

from collections import defaultdict
from collections.abc import Sequence

from smilesim.device import Device, SimCircle
from smilesim.rolls import Rolls, SeatStep
from smilesim.violations import Violations
from smilesync.peer import Peer
from smilesync.wire.records import DecidedRecord, Finalized, Notarized, Nullified, Record

RULE = "seat"
HEARD_TICKS = 4_000
SPARE_TICKS = 2_000
"""What is said reaches everybody in this time."""
STANDBY_MAX = 22
KEPT_SLOTS = 8

Ballot = tuple[int, bytes]
"""Slot and hash of a value."""


class SeatCheck:
    """Follows who is heard, who is removed, and who waits."""

    def __init__(
        self,
        circles: Sequence[SimCircle],
        devices: Sequence[Device],
        rolls: Rolls,
        violations: Violations,
    ) -> None:
        self._circles = circles
        self._devices = devices
        self._rolls = rolls
        self._violations = violations
        self._heard_since: dict[int, int] = {}
        self._first_vote: defaultdict[int, dict[Ballot, int]] = defaultdict(dict)
        """By circle, if it has a policy: nobody is removed as absent from the others."""
        self._decided: list[int] = []
        self.views_most = 0
        """The highest view of any slot in which an honest voter signed something."""
        self.given = self.taken = self.admitted = self.left = 0
        """Seats given and taken, people admitted to wait, and those whose leaving was decided."""

    def journalled(self, device: Device, record: Record, tick: int) -> None:
        """A record of `device` became durable, and `rolls` has read it."""
        circle = device.circle
        if circle is None:
            return
        if isinstance(record, DecidedRecord):
            self._decide(device, circle, record, tick)
        elif isinstance(record, (Notarized, Nullified, Finalized)):
            self.views_most = max(self.views_most, record.view)
            if isinstance(record, Notarized) and circle.genesis.parameters.policy:
                self._first_vote[circle.index].setdefault((record.slot, record.value_hash), tick)

    def _decide(self, device: Device, circle: SimCircle, record: DecidedRecord, tick: int) -> None:
        """The first decision of each slot tells what it changed."""
        while len(self._decided) <= circle.index:
            self._decided.append(0)
        if record.slot <= self._decided[circle.index]:
            return
        self._decided[circle.index] = record.slot
        self.views_most = max(self.views_most, record.certificate.view)
        self._violations.judged[RULE] += 1
        for step in self._rolls.take_steps(circle):
            self._judge(device, circle, step, tick)
        if circle.genesis.parameters.policy:
            old, ballots = record.slot - KEPT_SLOTS, self._first_vote[circle.index]
            for ballot in [one for one in ballots if one[0] < old]:
                del ballots[ballot]

    def sweep(self, tick: int) -> None:
        """Look at everybody with a seat; called once a second."""
        for circle in self._circles:
            if not circle.genesis.parameters.policy:
                continue
            for index in circle.voters:
                if self._is_heard(self._devices[index], circle, tick):
                    self._heard_since.setdefault(index, tick)
                else:
                    self._heard_since.pop(index, None)
            self._must_wait(circle, tick)

    def _is_heard(self, device: Device, circle: SimCircle, tick: int) -> bool:
        """Did so many voters hear it of late that fewer than q can say that it is away?

        Who has not found the circle's clock cannot prove to far voters when it spoke.
        """
        peer = device.peer
        is_synced = isinstance(peer, Peer) and peer.clock.is_synced
        if not device.is_on or device.is_paused or not is_synced:
            return False
        heard, since_tick = 1, tick - HEARD_TICKS
        for index in circle.voters:
            other = self._devices[index]
            way = other.inbound.get(device.index)
            is_near = way is not None and way.said_tick >= since_tick
            is_far = other.far_heard.get(device.index, -1) >= since_tick
            heard += other is not device and other.is_on and (is_near or is_far)
        return heard > len(circle.voters) - circle.quorum

    def _judge(self, device: Device, circle: SimCircle, step: SeatStep, tick: int) -> None:
        self.given += len(step.added)
        self.taken += step.removed
        self.admitted += step.admitted
        self.left += step.left
        if not step.absent:
            return
        voted = self._first_vote[circle.index].get((step.slot, step.value_hash), tick)
        for index in step.absent:
            since = self._heard_since.get(index)
            if since is not None and since + SPARE_TICKS <= voted:
                detail = f"slot {step.slot}: peer {index} is removed as absent, and was heard"
                self._violations.add(RULE, tick, device.index, detail)

    def _must_wait(self, circle: SimCircle, tick: int) -> None:
        """Somebody who knows the newest slot must know of all who were admitted."""
        waiting, head = self._rolls.waiting(circle)
        for index in circle.voters:
            peer = self._devices[index].peer
            if not isinstance(peer, Peer) or peer.circle is None:
                continue
            state = peer.circle.around.state
            if peer.circle.chain.head().slot != head or state is None:
                continue
            listed = {bytes(one.seat.identity) for one in state.standby}
            if waiting - listed and len(listed) < STANDBY_MAX:
                detail = f"slot {head}: {len(waiting - listed)} who were admitted wait no more"
                self._violations.add(RULE, tick, index, detail)
            return
