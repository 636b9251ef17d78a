"""What devices may know of voters that they hear over others only, in true time.

A beacon counts from the tick in which its voter let it go, an answer from the tick in which its
asker let the question go: whoever passed it on, and whenever. A signature that nobody made counts
for nothing. SPEC sections Spreading and Selection (LSE-007).
"""

from collections.abc import Sequence

from smilesim.device import NO_SEAT, Device, SimCircle
from smilesim.verify import SignThrough
from smilesim.votecheck import VoteCheck
from smilesync.errors import Malformed
from smilesync.wire import cbor, codec
from smilesync.wire.messages import Ask, Beacons, Status, Told

CLOCK_DOMAIN = b"smilesync/1/clock\0"
NO_EPOCH = bytes(8)
KEY_NONCE, KEY_TIME, KEY_STATUS = 1, 2, 4
GENERATION = 20_000
"""Beacons and questions remembered, at least: those of the last seconds."""


class FarCheck:
    """Follows beacons and questions from who made them to who hears them, or their answers."""

    def __init__(
        self, circles: Sequence[SimCircle], verifier: SignThrough, votes: VoteCheck
    ) -> None:
        self._circles = circles
        self._verifier = verifier
        self._votes = votes
        self._made: dict[bytes, tuple[int, int]] = {}
        self._older: dict[bytes, tuple[int, int]] = {}

    def sending(self, device: Device, message: Beacons | Ask | Told, tick: int) -> None:
        """`device` lets go of a message; what is its own in it begins to be known."""
        own = device.roster_index
        if isinstance(message, Ask):
            self._make(message.nonce, device.index, tick)
        elif isinstance(message, Beacons) and own != NO_SEAT:
            for beacon in message.beacons:
                if beacon.voter == own and self._make(beacon.signature, device.index, tick):
                    self._publish(device, beacon.circle_us, tick)
        elif isinstance(message, Told) and message.voter == own != NO_SEAT:
            circle_us = _fields(message.body).get(KEY_TIME)
            if isinstance(circle_us, int):
                self._publish(device, circle_us, tick)

    def heard(self, device: Device, message: Beacons | Told) -> Status | None:
        """A message reaches `device`; returns the answer to its question, if it is one."""
        if device.circle is None:
            return None
        if isinstance(message, Beacons):
            for beacon in message.beacons:
                made = self._find(beacon.signature)
                if made is not None:
                    _note(device.far_heard, beacon.voter, made[1])
            return None
        asked = self._find(message.nonce)
        if asked is None or asked[0] != device.index or not self._is_true(device.circle, message):
            return None
        _note(device.far_read, message.voter, asked[1])
        _note(device.far_heard, message.voter, asked[1])
        answer = _fields(message.body).get(KEY_STATUS)
        told = codec.decode(answer) if isinstance(answer, bytes) else None
        return told if isinstance(told, Status) else None

    def _is_true(self, circle: SimCircle, told: Told) -> bool:
        """Did that voter sign this over the nonce of this question?"""
        roster = circle.roster
        if told.voter >= roster.size or _fields(told.body).get(KEY_NONCE) != told.nonce:
            return False
        data = CLOCK_DOMAIN + roster.circle + NO_EPOCH + told.body
        return self._verifier.verify(roster.voters[told.voter], data, told.signature)

    def _publish(self, device: Device, circle_us: int, tick: int) -> None:
        if circle_us > device.covered_us and not device.is_villain:
            self._votes.clock_published(device, circle_us, tick)

    def _make(self, name: bytes, index: int, tick: int) -> bool:
        """Remember who let this go first, and when; returns whether it was new."""
        if self._find(name) is not None:
            return False
        if len(self._made) >= GENERATION:
            self._made, self._older = {}, self._made
        self._made[name] = (index, tick)
        return True

    def _find(self, name: bytes) -> tuple[int, int] | None:
        return self._made.get(name) or self._older.get(name)


def _note(ticks: dict[int, int], voter: int, tick: int) -> None:
    ticks[voter] = max(ticks.get(voter, 0), tick)


def _fields(body: bytes) -> dict[int, cbor.CborValue]:
    try:
        fields = cbor.decode(body)
    except Malformed:
        return {}
    return fields if isinstance(fields, dict) else {}
