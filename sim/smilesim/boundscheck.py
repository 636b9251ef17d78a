"""Invariants I11 and I13: nothing grows without bound, and every rung of the ladder in its time.

I11 a device keeps at most three votes per view and signer of its open slot, but for those of a
certificate, and it sends no more messages in a second than its links and its circle can call for:
only timers and changes cause sends, so that no mixture of devices talks itself into a storm.
I13 certified light is COMMITTED while q voters were heard in the last 1.5 s, and HOLD after that;
HARMONY needs somebody heard in the last 5 s; SOLO becomes GLOW after a minute without the wearer.
Judged once a second, from what reached the device.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence

from smilesim.device import NO_TICK, Device, SimCircle
from smilesim.rolls import quorum_of
from smilesim.violations import Violations
from smilesim.votecheck import VoteCheck
from smilesync.effects import Rung
from smilesync.peer import Peer

SENT_MIN, SENT_PER_LINK = 200, 60
"""The most that 400 drawn cities of 4 to 24 people showed is half of this."""

PASSED_PER_LINK = 600
"""Where questions go over others: 500 a second over each link (SPR-031), and what else is said."""

VOTES_PER_VIEW_AND_SIGNER = 3
LATE_TICKS = 30
"""Local clocks may be 100 ppm slow, and a wake is rounded up to a tick."""

HOLD_TICKS = 1_500 + LATE_TICKS
FAR_TICKS = 2_500 + 120 + LATE_TICKS
"""By beacons, whose time two clocks may read 120 ms apart (SPR-035)."""

COMPANY_TICKS = 5_000 + LATE_TICKS
SOLO_SWEEPS_MAX = 63
"""A sweep comes every 997 ms."""


class BoundsCheck:
    """Looks at every device once a second."""

    def __init__(self, violations: Violations, votes: VoteCheck, devices: Sequence[Device]) -> None:
        self._violations = violations
        self._votes = votes
        self._devices = devices
        self._solo = array("q", bytes(8 * len(devices)))
        """For how many sweeps each was SOLO."""
        self._met_tick = array("q", [NO_TICK]) * len(devices)
        self.sent_most = 0
        """The most messages any device sent between two sweeps."""

    def met(self, device: Device, tick: int) -> None:
        """A handshake ended at `device`: the other is company from then on (NBR-002)."""
        self._met_tick[device.index] = tick

    def commanded(self, device: Device) -> None:
        """The wearer did something: the minute of SOLO begins again."""
        self._solo[device.index] = 0

    def sweep(self, tick: int) -> None:
        """Judge everybody."""
        calm = timely = 0
        for device in self._devices:
            sent, device.sent = device.sent, 0
            if device.is_villain or not device.boots:
                continue
            calm += 1
            if sent > self.sent_most:
                self.sent_most = sent
            if sent > SENT_MIN:
                self._must_be_calm(device, sent, tick)
            if device.is_on and not device.is_paused and not device.slow_ms:
                self._must_be_small(device, tick)
                scene = device.scene
                if scene is not None and device.clock_off_until_tick <= tick:
                    timely += 1
                    self._must_be_in_time(device, scene.rung, tick)
        self._violations.judged["I11"] += calm
        self._violations.judged["I13"] += timely

    def _must_be_calm(self, device: Device, sent: int, tick: int) -> None:
        is_far = device.circle is not None and device.circle.is_spread
        per_link = PASSED_PER_LINK if is_far else SENT_PER_LINK
        most = SENT_MIN + per_link * len(device.links)
        if sent > most:
            detail = f"sent {sent} messages in a second, at most {most} have a cause"
            self._violations.add("I11", tick, device.index, detail)

    def _must_be_small(self, device: Device, tick: int) -> None:
        peer, circle = device.peer, device.circle
        if not isinstance(peer, Peer) or peer.circle is None or circle is None:
            return
        pages = peer.circle.slot.book.votes
        if len(pages) <= VOTES_PER_VIEW_AND_SIGNER:
            return  # nobody has a vote twice on a page
        counts: Counter[tuple[int, int]] = Counter()
        for (_, view, _), page in pages.items():
            if len(page) < quorum_of(circle):
                counts.update((view, signer) for signer in page)
        if counts and max(counts.values()) > VOTES_PER_VIEW_AND_SIGNER:
            detail = f"keeps {max(counts.values())} votes of one voter in one view"
            self._violations.add("I11", tick, device.index, detail)

    def _must_be_in_time(self, device: Device, rung: Rung, tick: int) -> None:
        circle, index = device.circle, device.index
        if rung is not Rung.SOLO and self._solo[index]:
            self._solo[index] = 0
        if rung is Rung.COMMITTED:
            if circle is not None:
                self._must_hear(device, circle, tick)
        elif rung is Rung.HARMONY:
            if not self._has_company(device, tick):
                self._late(device, "is in HARMONY and heard nobody in 5 s", tick)
        elif rung is Rung.SOLO:
            self._solo[index] += 1
            if self._solo[index] > SOLO_SWEEPS_MAX:
                self._late(device, "is SOLO for more than a minute", tick)

    def _must_hear(self, device: Device, circle: SimCircle, tick: int) -> None:
        if circle.is_spread:
            roll = self._votes.roll(device)
            heard, quorum = _heard_far(device, roll.seated, tick - FAR_TICKS), roll.quorum
        else:
            quorum = quorum_of(circle)
            heard = 1 + _heard(device, circle.members, tick - HOLD_TICKS, quorum - 1)
        if heard < quorum:
            self._late(device, f"is COMMITTED and heard {heard} voters in 1.5 s", tick)

    def _has_company(self, device: Device, tick: int) -> bool:
        since_tick = tick - COMPANY_TICKS
        is_met = self._met_tick[device.index] >= since_tick
        return is_met or _heard(device, device.inbound, since_tick, 1) > 0

    def _late(self, device: Device, detail: str, tick: int) -> None:
        self._violations.add("I13", tick, device.index, detail)


def _heard(device: Device, others: Iterable[int], since_tick: int, enough: int) -> int:
    """Return how many of `others` reached `device` since then, with any message; or `enough`."""
    inbound, count = device.inbound, 0
    for other in others:
        if count >= enough:
            break
        way = inbound.get(other)
        if way is not None and way.said_tick >= since_tick:
            count += 1
    return count


def _heard_far(device: Device, voters: Sequence[Device], since_tick: int) -> int:
    """Return how many voters it heard since then, itself included, over others too."""
    count = 0
    for voter in voters:
        way = device.inbound.get(voter.index)
        is_near = way is not None and way.said_tick >= since_tick
        is_far = device.far_heard.get(voter.index, NO_TICK) >= since_tick
        count += is_near or is_far or voter is device
    return count
