"""What happened, above the link, as bytes: the same in every way of running the same city.

An item is (tick, peer, blob): a message that reached a peer and from whom, or a state change of
it (a record journalled, a scene shown, power on or off). The digest is SHA-256 over all items in
the order (tick, peer, order at that peer), so it does not depend on who ran first in a tick. Each
virtual second begins with the digest of those before it: so two runs can be compared by second,
and between two seconds the state of the digest is 32 bytes.
"""

import hashlib
import struct
from collections.abc import Callable
from operator import itemgetter
from typing import Any

from smilesim.engine import TICKS_PER_SECOND
from smilesim.stored import attributes, restore
from smilesync.effects import Scene
from smilesync.timeline import Timeline
from smilesync.wire import codec
from smilesync.wire.messages import (
    Ask,
    Beacons,
    Body,
    Call,
    Carried,
    Clock,
    Decided,
    Evidence,
    Feelings,
    Heir,
    Hello,
    Meet,
    Message,
    Piece,
    Pledge,
    Proof,
    Propose,
    Prove,
    Ready,
    Status,
    Stranded,
    Told,
    Votes,
    VoteSet,
    Want,
)

_CARRIED = struct.Struct(">IBI64s")
_pack_clock = struct.Struct(">IBIqqqq??Q").pack
_pack_scene = struct.Struct(">IBBBQ9qBHH5I").pack
_pack_status = struct.Struct(">QIQQQBBBQ").pack
NO_CIRCLE_TIME = -1
NO_LINE = Timeline(-1, -1)
_peer_of = itemgetter(slice(4))

KIND_CLOCK = 1
KIND_CARRIED = 2
KIND_PROPOSE, KIND_VOTES, KIND_STATUS = 3, 4, 5
KIND_DECIDED, KIND_WANT, KIND_BODY = 6, 7, 8
KIND_RECORD, KIND_SCENE, KIND_POWER, KIND_LINK, KIND_PIECE = 16, 17, 18, 19, 20
KIND_EVIDENCE = 21
KIND_HELLO, KIND_BEACONS, KIND_ASK, KIND_TOLD, KIND_FEELINGS = 24, 25, 26, 27, 28
KIND_SUCCESSION = 40
KIND_MEETING = 44

Blobs = list[bytes]
TickListener = Callable[[int, Blobs], None]


class Trace:
    """Collects the items of a tick, then folds them into the digest.

    `on_tick`, if given, sees every finished tick; a test keeps them to find a first difference.
    """

    def __init__(self, on_tick: TickListener | None = None) -> None:
        self.items = 0
        self._seconds: list[bytes] = []
        self._closing_tick = TICKS_PER_SECOND
        self._sha = hashlib.sha256()
        self._blobs: Blobs = []
        self._on_tick = on_tick

    @property
    def seconds(self) -> tuple[str, ...]:
        """Return the digest at the end of each virtual second so far, 16 hexadecimal digits."""
        return tuple(digest.hex()[:16] for digest in self._seconds)

    def __getstate__(self) -> dict[str, object]:
        """Return the state between two seconds, without the listener; elsewhere there is none."""
        assert not self._blobs, "a trace is stored between two ticks"
        assert self._sha.digest() == self._begun().digest(), "and between two seconds"
        return {**attributes(self), "_sha": None, "_on_tick": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        restore(self, state)
        self._sha = self._begun()

    def received(self, peer: int, source: int, message: Message) -> None:
        """A message reached `peer`."""
        if isinstance(message, Clock):
            circle_us = message.circle_us
            self._blobs.append(
                _pack_clock(
                    peer,
                    KIND_CLOCK,
                    source,
                    message.stamp_us,
                    message.echo_us,
                    message.held_us,
                    NO_CIRCLE_TIME if circle_us is None else circle_us,
                    message.is_synced,
                    message.wants_reply,
                    message.away,
                )
            )
        elif isinstance(message, Carried):
            self._blobs.append(self.carried_item(peer, source, message))
        else:
            kind, key_of = _KEYS[type(message)]
            self._blobs.append(_head(peer, kind, source) + key_of(message))

    def carried_item(self, peer: int, source: int, carried: Carried) -> bytes:
        """Return the item of a carried object, the same for each copy of it."""
        return _CARRIED.pack(peer, KIND_CARRIED, source, carried.signature)

    def heard_again(self, item: bytes) -> None:
        """A carried object reached a peer once more."""
        self._blobs.append(item)

    def linked(self, peer: int, source: int, *, is_up: bool) -> None:
        """A link came up or went down at `peer`."""
        self._blobs.append(_head(peer, KIND_LINK, source) + bytes([is_up]))

    def persisted(self, peer: int, record: bytes) -> None:
        """A record went to the journal of `peer`."""
        self._blobs.append((peer << 8 | KIND_RECORD).to_bytes(5, "big") + record)

    def shown(self, peer: int, scene: Scene) -> None:
        """`peer` gave a scene to its lamp."""
        calm, excited, neutral, low, high = scene.harmony_counts
        line = scene.timeline or NO_LINE
        pattern, previous = scene.pattern or b"", scene.previous or b""
        fixed = _pack_scene(
            peer,
            KIND_SCENE,
            scene.rung,
            scene.own_state,
            scene.slot,
            scene.start_us,
            scene.until_us,
            scene.previous_start_us,
            scene.fade_from_us,
            scene.fade_us,
            line.local_ns,
            line.circle_us,
            line.rate_ppb,
            scene.fall_count,
            scene.is_selected | (scene.value_hash is not None) << 1,
            len(pattern),
            len(previous),
            calm,
            excited,
            neutral,
            low,
            high,
        )
        self._blobs.append(fixed + pattern + previous + (scene.value_hash or b""))

    def powered(self, peer: int, *, is_on: bool) -> None:
        """`peer` came to life or lost power."""
        self._blobs.append((peer << 8 | KIND_POWER).to_bytes(5, "big") + bytes([is_on]))

    def end_tick(self, tick: int, *, is_ordered: bool = False) -> None:
        """Fold in what was collected, peer by peer, as the wheel does it but tasks do not."""
        while tick > self._closing_tick:
            self._close_second()
        blobs = self._blobs
        if blobs:
            if not is_ordered:
                blobs.sort(key=_peer_of)
            self.items += len(blobs)
            self._sha.update(tick.to_bytes(8, "big"))
            self._sha.update(b"".join(blobs))
            if self._on_tick is not None:
                self._on_tick(tick, blobs)
            self._blobs = []
        if tick == self._closing_tick:
            self._close_second()

    def _close_second(self) -> None:
        self._closing_tick += TICKS_PER_SECOND
        self._seconds.append(self._sha.digest())
        self._sha = self._begun()

    def _begun(self) -> "hashlib._Hash":
        """Return the state of the digest at the beginning of a second."""
        return hashlib.sha256(self._seconds[-1] if self._seconds else b"")

    def digest(self) -> str:
        """Return the digest so far, in hexadecimal."""
        return self._sha.hexdigest()


def _head(peer: int, kind: int, source: int) -> bytes:
    """Return four bytes, one, and four: as one number, which compiled code writes at once."""
    return (peer << 40 | kind << 32 | source).to_bytes(9, "big")


def _triple(first: int, second: int, last: int) -> bytes:
    """Return eight bytes, four, and one; `first`, a slot or bitmap, is small in nearly all.

    What does not fit runs into its neighbour: views are of four bytes on the wire, counts of one.
    """
    return (first << 40 | second << 8 | last).to_bytes(13, "big")


def _propose_key(message: Propose) -> bytes:
    """The signature stands for the value."""
    key = _triple(message.slot, message.view, len(message.certificates))
    key += message.carried_view.to_bytes(4, "big") + message.signature
    for named in message.certificates:
        key += _triple(0, named.view, named.kind) + (named.value_hash or b"")
    return key


def _votes_key(message: Votes) -> bytes:
    key = _triple(message.slot, 0, len(message.sets))
    for votes in message.sets:
        key += _set_key(votes)
    return key


def _set_key(votes: VoteSet) -> bytes:
    key = _triple(votes.bitmap, votes.view, votes.kind) + (votes.value_hash or b"")
    for signature in votes.signatures:
        key += signature[:8]
    return key


def _status_key(message: Status) -> bytes:
    recalled = message.recalled
    parts = [
        _pack_status(
            message.slot,
            message.view,
            message.question,
            message.answer,
            message.recalled_slot,
            len(message.held),
            len(message.bodies),
            recalled is not None,
            message.away,
        )
    ]
    for held in message.held:
        parts.append(_triple(held.bitmap, held.view, held.kind))
        parts.append(held.value_hash or b"")
    parts += message.bodies
    if recalled is not None:
        parts.append(_set_key(recalled))
    return b"".join(parts)


def _beacons_key(message: Beacons) -> bytes:
    return b"".join(beacon.signature[:8] for beacon in message.beacons)


def _feelings_key(message: Feelings) -> bytes:
    voters = [one.voters.to_bytes(8, "big") + one.signature[:8] for one in message.feelings]
    return b"".join(voters)


_KEYS: dict[type, tuple[int, Callable[[Any], bytes]]] = {
    Propose: (KIND_PROPOSE, _propose_key),
    Votes: (KIND_VOTES, _votes_key),
    Status: (KIND_STATUS, _status_key),
    Decided: (KIND_DECIDED, codec.encode),
    Want: (KIND_WANT, codec.encode),
    Body: (KIND_BODY, codec.encode),
    Piece: (KIND_PIECE, codec.encode),
    Evidence: (KIND_EVIDENCE, codec.encode),
    Hello: (KIND_HELLO, codec.encode),
    Beacons: (KIND_BEACONS, _beacons_key),
    Ask: (KIND_ASK, codec.encode),
    Told: (KIND_TOLD, codec.encode),
    Feelings: (KIND_FEELINGS, _feelings_key),
    **dict.fromkeys((Stranded, Call, Pledge, Heir), (KIND_SUCCESSION, codec.encode)),
    **dict.fromkeys((Meet, Ready, Prove, Proof), (KIND_MEETING, codec.encode)),
}
"""The kind of each message, and bytes that two of them share only if they say the same.

A signature, or its beginning, stands there for what it covers.
"""
