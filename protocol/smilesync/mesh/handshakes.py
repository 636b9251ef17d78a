"""Handshakes in progress, on both sides, until they become a session.

SPEC section Link, the state table. Three bounded tables: dials waiting for a second packet,
half-open answers waiting for a third, and sessions of ours that the responder has not confirmed
yet. The responder never sends on its own account: each of its packets answers one of at least the
same size, so a forged source address gains an attacker nothing.
"""

from collections.abc import Container
from dataclasses import dataclass

from smilesync.entropy import Entropy
from smilesync.errors import Malformed, Unauthentic, Unwelcome
from smilesync.ids import Address, PeerId
from smilesync.keys import Signer, Verifier
from smilesync.mesh.config import LinkConfig
from smilesync.mesh.gate import Gate
from smilesync.mesh.noise import Handshake, StaticKey
from smilesync.mesh.session import Session
from smilesync.wire import frame
from smilesync.wire.envelope import Domain, signed_bytes
from smilesync.wire.frame import Hello, PacketType

PROLOGUE = b"smilesync/1/link\x00"
INDEX_SIZE_BYTES = 4
INSTANCE_SIZE_BYTES = 8
FEATURES = bytes(8)
"""Feature bits, 64, big-endian; revision 0 knows none and ignores all."""

_IDENTITY_END = 32
_SIGNATURE_END = _IDENTITY_END + 64
_INSTANCE_END = _SIGNATURE_END + INSTANCE_SIZE_BYTES
_PROOF_SIZE_BYTES_MIN = _INSTANCE_END + len(FEATURES)


@dataclass(slots=True)
class _Dial:
    """A first packet of ours that waits for an answer."""

    address: Address
    index: int
    handshake: Handshake
    rest: bytes
    datagram: bytes
    until_ns: int
    turn: int
    cookie_count: int = 0


@dataclass(slots=True)
class _HalfOpen:
    """An answer of ours that waits for a third packet."""

    source: Address
    index: int
    remote_index: int
    handshake: Handshake
    ephemeral: bytes
    answer: bytes
    until_ns: int
    repeat_count: int = 0


@dataclass(slots=True)
class _Unconfirmed:
    """A session of ours whose third packet may still be lost."""

    session: Session
    datagram: bytes
    next_ns: int
    until_ns: int


@dataclass(frozen=True, slots=True)
class _Proof:
    """What a handshake payload says about its sender, verified."""

    identity: PeerId
    instance: bytes


class Handshakes:
    """All handshakes of one device. `taken` are the receiver indices already in use."""

    def __init__(
        self,
        config: LinkConfig,
        identity: Signer,
        *,
        verifier: Verifier,
        static_seed: bytes,
        entropy: Entropy,
        gate: Gate,
        taken: Container[int],
    ) -> None:
        self._config = config
        self._verifier = verifier
        self._entropy = entropy
        self._gate = gate
        self._taken = taken
        self._static = StaticKey(static_seed)
        signature = identity.sign(signed_bytes(Domain.NOISE_STATIC, self._static.public))
        instance = entropy.draw(INSTANCE_SIZE_BYTES)
        self._proof = identity.public + signature + instance + FEATURES
        self._dials: dict[int, _Dial] = {}
        self._turns: dict[Address, int] = {}
        self._half_open: dict[int, _HalfOpen] = {}
        self._unconfirmed: dict[int, _Unconfirmed] = {}
        self._answered: dict[bytes, int] = {}

    @property
    def half_open_count(self) -> int:
        """Return how many answers wait for their third packet."""
        return len(self._half_open)

    @property
    def is_idle(self) -> bool:
        """Return whether nothing is waiting, so that no wake is needed."""
        return not (self._dials or self._half_open or self._unconfirmed)

    @property
    def is_confirming(self) -> bool:
        """Return whether a third packet waits for its answer."""
        return bool(self._unconfirmed)

    def dial(self, address: Address, now_ns: int) -> bytes:
        """Return the first packet for `address`; the same bytes while its key is young."""
        for dial in self._dials.values():
            if dial.address == address and dial.until_ns > now_ns:
                return dial.datagram
        turn = self._turns.get(address, 0)
        self.cancel(address)
        versions = frame.pack_versions(frame.VERSIONS)
        handshake = Handshake(
            self._static, PROLOGUE + versions, entropy=self._entropy, is_initiator=True
        )
        index = self._draw_index()
        padding_size = frame.hello_noise_size_bytes(frame.VERSIONS) - frame.EPHEMERAL_SIZE_BYTES
        payload = index.to_bytes(INDEX_SIZE_BYTES, "big").ljust(padding_size, b"\x00")
        rest = versions + handshake.write(payload)
        datagram = self._gate.stamp(rest, frame.NO_COOKIE, turn)
        until_ns = now_ns + self._config.handshake_lifetime_ns
        self._dials[index] = _Dial(address, index, handshake, rest, datagram, until_ns, turn)
        self._turns[address] = turn + 1
        if len(self._turns) > self._config.addresses_max:
            del self._turns[next(iter(self._turns))]
        return datagram

    def cancel(self, address: Address) -> None:
        """Drop a dial that is no longer needed; the next one begins with the first gate key."""
        self._turns.pop(address, None)
        for index in [i for i, dial in self._dials.items() if dial.address == address]:
            del self._dials[index]

    def answer(self, datagram: bytes, source: Address, now_ns: int) -> bytes:
        """Return the reply to a first packet: HS2 or COOKIE. Cheap checks come first.

        Errors: Unwelcome LNK-010, 012, 014, 015, 016, Malformed and Unauthentic; nothing is sent.
        """
        hello = frame.parse_hello(datagram)
        if max(set(hello.versions) & set(frame.VERSIONS), default=0) != frame.VERSION:
            raise Unwelcome("LNK-012", "version is not the highest common one")
        for half_open in self._half_open.values():
            if half_open.ephemeral == hello.ephemeral and half_open.source == source:
                return self._repeat(half_open)
        if self._answered.get(hello.ephemeral, 0) >= self._config.hello_answers_max:
            raise Unwelcome("LNK-014", "first packet answered before")
        is_proven = self._gate.is_cookie_valid(hello.cookie, source, now_ns)
        is_loaded = len(self._half_open) >= self._config.cookie_threshold
        if is_proven:
            self._make_room(source)
        if (is_loaded and not is_proven) or not self._gate.take_token(now_ns):
            if is_proven:
                raise Unwelcome("LNK-016", "too many first packets")
            initiator_index = _read_index(hello.noise[frame.EPHEMERAL_SIZE_BYTES :])
            cookie = self._gate.cookie(source, now_ns)
            return frame.pack_cookie(initiator_index, hello.nonce, cookie)
        return self._open_half(hello, source, now_ns)

    def second(self, datagram: bytes, receiver_index: int, now_ns: int) -> tuple[Session, bytes]:
        """Return the unconfirmed session and the third packet that a second packet leads to.

        Errors: Unwelcome LNK-008, Malformed, Unauthentic LNK-004, 005; the dial goes on waiting.
        """
        noise = frame.parse_handshake(datagram, frame.HS2_SIZE_BYTES_MIN)
        dial = self._dials.get(receiver_index)
        if dial is None:
            raise Unwelcome("LNK-008", "second packet for no dial of ours")
        payload = dial.handshake.read(noise)
        try:
            remote_index = _read_index(payload)
            proof = self._verify(payload[INDEX_SIZE_BYTES:], dial.handshake.remote_static)
        except (Malformed, Unauthentic):
            dial.handshake.unread()
            raise
        del self._dials[dial.index]
        third = frame.pack_handshake(
            PacketType.HS3, remote_index, dial.handshake.write(self._proof)
        )
        session = _session(dial, remote_index, proof=proof, address=dial.address, now_ns=now_ns)
        return session, third

    def await_confirmation(self, session: Session, third: bytes, now_ns: int) -> None:
        """Repeat the third packet until the session's first packet arrives, or give up."""
        next_ns = now_ns + self._config.confirm_repeat_ns
        until_ns = now_ns + self._config.handshake_lifetime_ns
        self._unconfirmed[session.local_index] = _Unconfirmed(session, third, next_ns, until_ns)

    def unconfirmed(self, receiver_index: int) -> Session | None:
        """Return the unconfirmed session with this index."""
        waiting = self._unconfirmed.get(receiver_index)
        return None if waiting is None else waiting.session

    def confirmed(self, receiver_index: int) -> None:
        """Stop repeating the third packet of a session that works."""
        del self._unconfirmed[receiver_index]

    def third(self, datagram: bytes, receiver_index: int, now_ns: int) -> Session:
        """Return the session that a third packet completes.

        Errors: Unwelcome LNK-008, Malformed, Unauthentic LNK-004 with the half-open answer kept;
        LNK-005 ends it, because only its own initiator can have sent that packet.
        """
        noise = frame.parse_handshake(datagram, frame.HS3_SIZE_BYTES_MIN)
        half_open = self._half_open.get(receiver_index)
        if half_open is None:
            raise Unwelcome("LNK-008", "third packet for no answer of ours")
        payload = half_open.handshake.read(noise)
        del self._half_open[half_open.index]
        proof = self._verify(payload, half_open.handshake.remote_static)
        session = _session(
            half_open,
            half_open.remote_index,
            proof=proof,
            address=half_open.source,
            now_ns=now_ns,
        )
        session.last_hs3 = datagram
        return session

    def take_cookie(self, datagram: bytes, receiver_index: int) -> tuple[Address, bytes]:
        """Return where to send our first packet again, now with the cookie.

        Errors: Malformed FRM-012, Unwelcome LNK-033 when it answers no recent packet of ours.
        """
        nonce, cookie = frame.parse_cookie(datagram)
        dial = self._dials.get(receiver_index)
        if dial is None or frame.mac1_fields(dial.datagram)[0] != nonce:
            raise Unwelcome("LNK-033", "cookie for no first packet of ours")
        if dial.cookie_count >= self._config.cookies_per_dial_max:
            raise Unwelcome("LNK-033", "too many cookies for one dial")
        dial.cookie_count += 1
        dial.datagram = self._gate.stamp(dial.rest, cookie, dial.turn)
        return dial.address, dial.datagram

    def is_expecting(self, receiver_index: int) -> bool:
        """Return whether a packet with this index may belong to a handshake of ours."""
        tables = (self._dials, self._half_open, self._unconfirmed)
        return any(receiver_index in table for table in tables)

    def is_dialling(self, address: Address) -> bool:
        """Return whether a first packet of ours to this address waits for an answer."""
        return any(dial.address == address for dial in self._dials.values())

    def wake(self, now_ns: int) -> list[tuple[Address, bytes]]:
        """Forget what waited too long; return the third packets to repeat."""
        self._dials = {i: d for i, d in self._dials.items() if d.until_ns > now_ns}
        self._half_open = {i: h for i, h in self._half_open.items() if h.until_ns > now_ns}
        self._unconfirmed = {i: u for i, u in self._unconfirmed.items() if u.until_ns > now_ns}
        repeats: list[tuple[Address, bytes]] = []
        for waiting in self._unconfirmed.values():
            if waiting.next_ns <= now_ns:
                waiting.next_ns = now_ns + self._config.confirm_repeat_ns
                repeats.append((waiting.session.address, waiting.datagram))
        return repeats

    def _repeat(self, half_open: _HalfOpen) -> bytes:
        if half_open.repeat_count >= self._config.hello_repeats_max:
            raise Unwelcome("LNK-015", "first packet repeated too often")
        half_open.repeat_count += 1
        return half_open.answer

    def _make_room(self, source: Address) -> None:
        """Drop the oldest answer when the table is full; bound what one host can hold of it."""
        same_host = sum(h.source[0] == source[0] for h in self._half_open.values())
        if same_host >= self._config.half_open_per_host_max:
            raise Unwelcome("LNK-016", "too many half-open handshakes from one host")
        if len(self._half_open) >= self._config.half_open_max:
            del self._half_open[next(iter(self._half_open))]

    def _open_half(self, hello: Hello, source: Address, now_ns: int) -> bytes:
        handshake = Handshake(
            self._static,
            PROLOGUE + hello.prologue_versions,
            entropy=self._entropy,
            is_initiator=False,
        )
        remote_index = _read_index(handshake.read(hello.noise))
        index = self._draw_index()
        noise = handshake.write(index.to_bytes(INDEX_SIZE_BYTES, "big") + self._proof)
        answer = frame.pack_handshake(PacketType.HS2, remote_index, noise)
        assert len(answer) <= frame.HS2_SIZE_BYTES_MAX
        self._half_open[index] = _HalfOpen(
            source=source,
            index=index,
            remote_index=remote_index,
            handshake=handshake,
            ephemeral=hello.ephemeral,
            answer=answer,
            until_ns=now_ns + self._config.handshake_lifetime_ns,
        )
        self._answered[hello.ephemeral] = self._answered.get(hello.ephemeral, 0) + 1
        if len(self._answered) > self._config.hellos_remembered_max:
            del self._answered[next(iter(self._answered))]
        return answer

    def _verify(self, proof: bytes, static: bytes) -> _Proof:
        """Return identity and instance of a payload whose signature covers the static key."""
        if len(proof) < _PROOF_SIZE_BYTES_MIN:
            raise Malformed("LNK-003", "handshake payload too short")
        identity = proof[:_IDENTITY_END]
        signature = proof[_IDENTITY_END:_SIGNATURE_END]
        signed = signed_bytes(Domain.NOISE_STATIC, static)
        if not self._verifier.verify(identity, signed, signature):
            raise Unauthentic("LNK-005", "static key not signed by the identity")
        return _Proof(PeerId(identity), proof[_SIGNATURE_END:_INSTANCE_END])

    def _draw_index(self) -> int:
        """Return a receiver index that nothing of ours uses; never 0."""
        while True:
            index = int.from_bytes(self._entropy.draw(INDEX_SIZE_BYTES), "big")
            if index and index not in self._taken and not self.is_expecting(index):
                return index


def _session(
    waiting: _Dial | _HalfOpen, remote_index: int, *, proof: _Proof, address: Address, now_ns: int
) -> Session:
    keys = waiting.handshake.keys
    assert keys is not None
    return Session(
        keys,
        proof.identity,
        instance=proof.instance,
        local_index=waiting.index,
        remote_index=remote_index,
        is_initiator=isinstance(waiting, _Dial),
        address=address,
        now_ns=now_ns,
    )


def _read_index(payload: bytes) -> int:
    """Return the receiver index at the start of a handshake payload; Malformed LNK-007."""
    index = int.from_bytes(payload[:INDEX_SIZE_BYTES], "big")
    if len(payload) < INDEX_SIZE_BYTES or index == 0:
        raise Malformed("LNK-007", "receiver index missing or zero")
    return index
