"""What devices may know of voters that they hear over others only, in true time.

A beacon counts from the tick in which its voter let it go, an answer from the tick in which its
asker let the question go: whoever passed it on, and whenever. A signature that nobody made counts
for nothing. SPEC sections Spreading and Selection (LSE-007).
"""

from smilesim.device import Device
from smilesim.verify import SignThrough
from smilesim.votecheck import VoteCheck
from smilesync.errors import Malformed
from smilesync.ids import VoterKey
from smilesync.wire import cbor, codec
from smilesync.wire.messages import Ask, Beacons, Status, Told

CLOCK_DOMAIN = b"smilesync/1/clock\0"
NO_EPOCH = bytes(8)
KEY_NONCE, KEY_TIME, KEY_STATUS = 1, 2, 4
GENERATION = 20_000
"""Beacons and questions remembered, at least: those of the last seconds."""


class FarCheck:
    """Follows beacons and questions from who made them to who hears them, or their answers."""

    def __init__(self, verifier: SignThrough, votes: VoteCheck) -> None:
        self._verifier = verifier
        self._votes = votes
        self._made: dict[bytes, tuple[int, int]] = {}
        self._older: dict[bytes, tuple[int, int]] = {}

    def sending(self, device: Device, message: Beacons | Ask | Told, tick: int) -> None:
        """`device` lets go of a message; what is its own in it begins to be known."""
        if isinstance(message, Ask):
            self._make(message.nonce, device.index, tick)
        elif not self._votes.rolls.ever[device.index] or device.circle is None:
            return  # a follower only passes on
        elif isinstance(message, Beacons):
            for beacon in message.beacons:
                seat = self._votes.rolls.at(device.circle, beacon.slot).place(_key(device))
                is_own = beacon.voter == seat
                if is_own and self._make(beacon.signature, device.index, tick):
                    self._publish(device, beacon.circle_us, tick)
        elif message.voter == self.seat(device):
            circle_us = _fields(message.body).get(KEY_TIME)
            if isinstance(circle_us, int):
                self._publish(device, circle_us, tick)

    def seat(self, device: Device) -> int:
        """Return the roster index of a device in the slot that it has open, -1 without a seat."""
        if device.circle is None:
            return -1
        return self._votes.roll(device).place(_key(device))

    def heard(self, device: Device, message: Beacons | Told) -> tuple[int, Status] | None:
        """A message reaches `device`; returns who answers its question, if it is an answer."""
        if device.circle is None:
            return None
        if isinstance(message, Beacons):
            for beacon in message.beacons:
                made = self._find(beacon.signature)
                if made is not None:
                    _note(device.far_heard, *made)
            return None
        asked = self._find(message.nonce)
        voter = self._voter_of(device, message)
        if asked is None or asked[0] != device.index or voter is None:
            return None
        _note(device.far_read, voter, asked[1])
        _note(device.far_heard, voter, asked[1])
        answer = _fields(message.body).get(KEY_STATUS)
        told = codec.decode(answer) if isinstance(answer, bytes) else None
        return (voter, told) if isinstance(told, Status) else None

    def _voter_of(self, device: Device, told: Told) -> int | None:
        """Return the device that signed this over the nonce of this question, None if none did."""
        assert device.circle is not None
        voters = self._votes.roll(device).seated
        if told.voter >= len(voters) or _fields(told.body).get(KEY_NONCE) != told.nonce:
            return None
        voter, circle_id = voters[told.voter], device.circle.roster.circle
        data = CLOCK_DOMAIN + circle_id + NO_EPOCH + told.body
        is_true = self._verifier.verify(VoterKey(_key(voter)), data, told.signature)
        return voter.index if is_true else None

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


def _key(device: Device) -> bytes:
    return device.keys.voter.public


def _note(ticks: dict[int, int], voter: int, tick: int) -> None:
    ticks[voter] = max(ticks.get(voter, 0), tick)


def _fields(body: bytes) -> dict[int, cbor.CborValue]:
    try:
        fields = cbor.decode(body)
    except Malformed:
        return {}
    return fields if isinstance(fields, dict) else {}
