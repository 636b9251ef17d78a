"""Datagrams in, authenticated messages out: sessions with the peers around us.

SPEC section Link. `Link` routes: `gate` decides who is worth an answer, `handshakes` turns
strangers into sessions, `session` seals and opens, `dialer` says which address to try. Two peers
may hold several sessions with each other for a while (both dialled at once, keys were
renewed): the one with the smaller identity chooses which is used, the other follows what it hears.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from smilesync.effects import (
    LinkDown,
    LinkEffect,
    LinkUp,
    Received,
    Transmit,
)
from smilesync.entropy import Entropy
from smilesync.errors import Malformed, RemoteError, Unwelcome
from smilesync.ids import Address, PeerId
from smilesync.keys import Signer, Verifier
from smilesync.mesh.config import LinkConfig
from smilesync.mesh.dialer import NEVER_NS, Dialer
from smilesync.mesh.drops import Drops
from smilesync.mesh.gate import OPEN_GATE_KEY, Gate
from smilesync.mesh.handshakes import Handshakes
from smilesync.mesh.session import Session
from smilesync.wire import codec, frame
from smilesync.wire.frame import DATA_FIRST_BYTE, HEADER, PacketType
from smilesync.wire.messages import Message


@dataclass(frozen=True, slots=True)
class SessionStatistics:
    """One peer with a session; times are local ns."""

    peer: PeerId
    address: Address
    heard_ns: int
    since_ns: int


@dataclass(frozen=True, slots=True)
class LinkStatistics:
    """What the link knows and has counted; `drops` by rule, in order of first occurrence."""

    sessions: tuple[SessionStatistics, ...]
    dialled_addresses: int
    half_open: int
    datagrams_received: int
    drops: tuple[tuple[str, int], ...]


class _Contact:
    """A peer with at least one session; `current` is the one we send on."""

    __slots__ = ("current", "heard_ns", "instance", "is_silent", "peer", "sessions")

    def __init__(self, session: Session) -> None:
        self.peer = session.peer
        self.instance = session.instance
        self.sessions = [session]
        self.current = session
        self.heard_ns = session.heard_ns
        self.is_silent = False


class Link:
    """All sessions of one device, as a deterministic function from inputs to effects."""

    def __init__(
        self,
        config: LinkConfig,
        identity: Signer,
        verifier: Verifier,
        static_seed: bytes,
        entropy: Entropy,
        gate_keys: tuple[bytes, ...] = (OPEN_GATE_KEY,),
    ) -> None:
        self._config = config
        self._entropy = entropy
        self.me = PeerId(identity.public)
        self._sessions: dict[int, Session] = {}
        self._contacts: dict[PeerId, _Contact] = {}
        self._gate = Gate(config, gate_keys, entropy)
        self._handshakes = Handshakes(
            config,
            identity,
            verifier=verifier,
            static_seed=static_seed,
            entropy=entropy,
            gate=self._gate,
            taken=self._sessions,
        )
        self._dialer = Dialer(config, entropy)
        self._drops = Drops(config)
        self._datagram_count = 0
        self._tick_ns = NEVER_NS
        self._encoded: tuple[Message, bytes] | None = None

    def admit(
        self, gate_keys: tuple[bytes, ...], kept: Collection[PeerId], now_ns: int
    ) -> list[LinkEffect]:
        """Open to other gate keys, and part from whom is not `kept` (DRV-002).

        Without a key the link rests: it also forgets every address, and dials nobody.
        """
        self._gate.admit(gate_keys)
        if not gate_keys:
            self._dialer = Dialer(self._config, self._entropy)
        return self._part([peer for peer in self._contacts if peer not in kept], now_ns)

    def hint(self, address: Address, now_ns: int, *, permanent: bool = False) -> list[LinkEffect]:
        """Try an address: from the settings (permanent), discovery or a cache."""
        self._dialer.hint(address, now_ns, is_permanent=permanent)
        for contact in self._contacts.values():
            if contact.current.address == address and not contact.is_silent:
                self._dialer.reached(address, contact.peer)
        return self._dial_due(now_ns)

    def receive(self, datagram: bytes, source: Address, now_ns: int) -> list[LinkEffect]:
        """Handle one datagram; never raises on hostile bytes: they are counted, rarely noticed."""
        self._datagram_count += 1
        contact: _Contact | None = None
        try:
            size = len(datagram)
            if size < frame.OVERHEAD_BYTES or size > frame.MAX_DATAGRAM_BYTES:
                return self._receive_other(datagram, source, now_ns)
            first, _flags, index, counter = HEADER.unpack_from(datagram)
            if first != DATA_FIRST_BYTE:
                return self._receive_other(datagram, source, now_ns)
            session = self._sessions.get(index)
            if session is None:
                return self._receive_first(datagram, now_ns)
            plaintext = session.open(datagram, counter)
            contact = self._contacts[session.peer]
            if contact.current is not session or contact.is_silent:
                self._heard_anew(contact, session, now_ns)
            contact.heard_ns = session.heard_ns = now_ns
            session.last_hs3 = b""
            if source != session.address and counter == session.window.highest:
                session.address = source
            return self._deliver(contact, plaintext, now_ns)
        except RemoteError as error:
            return [*self._drops.count(error, None if contact is None else contact.peer, now_ns)]

    def claims(self, datagram: bytes, source: Address) -> bool:
        """Return whether `datagram` is for this link, of several that share a socket (DRV-005)."""
        try:
            header = frame.parse_header(datagram)
            if header.type is PacketType.HS1:
                self._gate.check(datagram)
                return True
        except RemoteError:
            return False
        if header.type is PacketType.VNEG:
            return self._handshakes.is_dialling(source)
        index = header.receiver_index
        return index in self._sessions or self._handshakes.is_expecting(index)

    def send(self, to: PeerId, message: Message, now_ns: int) -> list[LinkEffect]:
        """Seal `message` for `to`; counted and lost when there is no session."""
        contact = self._contacts.get(to)
        if contact is None:
            return [*self._drops.count(Unwelcome("LNK-018", "no session to send on"), to, now_ns)]
        # One message often goes to many peers in a row: encode it once.
        if self._encoded is None or self._encoded[0] is not message:
            self._encoded = (message, frame.pad_message(codec.encode(message)))
        session = contact.current
        return [Transmit(session.address, session.seal(self._encoded[1]))]

    def wake(self, now_ns: int) -> list[LinkEffect]:
        """Do what is due: dials, repeats, silence, expiry."""
        effects: list[LinkEffect] = []
        if now_ns >= self._tick_ns:
            effects += self._tick(now_ns)
        effects += self._dial_due(now_ns)
        return effects

    def next_wake_ns(self) -> int:
        """Return when `wake` has something to do."""
        return min(self._tick_ns, self._dialer.deadline_ns())

    def close(self, now_ns: int) -> list[LinkEffect]:
        """Tell every peer that we go, and forget all of them."""
        return self._part(list(self._contacts), now_ns)

    def statistics(self) -> LinkStatistics:
        """Return what people may want to know."""
        return LinkStatistics(
            sessions=tuple(
                SessionStatistics(c.peer, c.current.address, c.heard_ns, c.current.since_ns)
                for c in self._contacts.values()
            ),
            dialled_addresses=len(self._dialer),
            half_open=self._handshakes.half_open_count,
            datagrams_received=self._datagram_count,
            drops=self._drops.counts(),
        )

    def _receive_other(self, datagram: bytes, source: Address, now_ns: int) -> list[LinkEffect]:
        """Handle everything that is not DATA of a known session."""
        header = frame.parse_header(datagram)
        if header.type is PacketType.VNEG:
            return self._receive_vneg(datagram, source)
        if header.type is PacketType.HS1:
            self._gate.check(datagram)
            if header.version != frame.VERSION:
                return [Transmit(source, frame.pack_vneg(frame.VERSIONS))]
        if header.version != frame.VERSION:
            raise Malformed("FRM-005", "unknown version")
        match header.type:
            case PacketType.HS1:
                reply = self._handshakes.answer(datagram, source, now_ns)
                self._tick_soon(now_ns)
                return [Transmit(source, reply)]
            case PacketType.HS2:
                return self._receive_second(datagram, header.receiver_index, now_ns)
            case PacketType.HS3:
                return self._receive_third(datagram, header.receiver_index, now_ns)
            case PacketType.COOKIE:
                address, again = self._handshakes.take_cookie(datagram, header.receiver_index)
                return [Transmit(address, again)]
            case PacketType.DATA:
                raise Malformed("FRM-003", "data packet shorter than its tag")

    def _receive_vneg(self, datagram: bytes, source: Address) -> list[LinkEffect]:
        """Take note only: anybody can send one, so it must not stop a dial."""
        versions = frame.parse_vneg(datagram)
        if not self._handshakes.is_dialling(source) or frame.VERSION in versions:
            raise Unwelcome("LNK-034", "version packet that answers nothing")
        raise Unwelcome("LNK-011", "the other side speaks no version of ours")

    def _receive_second(
        self, datagram: bytes, receiver_index: int, now_ns: int
    ) -> list[LinkEffect]:
        session, third = self._handshakes.second(datagram, receiver_index, now_ns)
        if session.peer == self.me:
            self._dialer.disown(session.address, now_ns)
            raise Unwelcome("LNK-009", "the address dialled is our own")
        self._handshakes.await_confirmation(session, third, now_ns)
        self._dialer.answered(session.address, now_ns)
        self._tick_soon(now_ns)
        return [Transmit(session.address, third)]

    def _receive_third(self, datagram: bytes, receiver_index: int, now_ns: int) -> list[LinkEffect]:
        known = self._sessions.get(receiver_index)
        if known is not None and known.last_hs3 == datagram:
            return [self._control(known, frame.CONFIRM)]
        session = self._handshakes.third(datagram, receiver_index, now_ns)
        if session.peer == self.me:
            raise Unwelcome("LNK-009", "a handshake with our own identity")
        effects = self._establish(session, now_ns)
        return [self._control(session, frame.CONFIRM), *effects]

    def _receive_first(self, datagram: bytes, now_ns: int) -> list[LinkEffect]:
        """Handle DATA that may confirm one of our own handshakes."""
        _first, _flags, index, counter = HEADER.unpack_from(datagram)
        session = self._handshakes.unconfirmed(index)
        if session is None:
            raise Unwelcome("LNK-008", "data for no session of ours")
        plaintext = session.open(datagram, counter)
        self._handshakes.confirmed(index)
        effects = self._establish(session, now_ns)
        contact = self._contacts[session.peer]
        if contact.current is not session:
            self._heard_anew(contact, session, now_ns)
        elif self.me < session.peer:
            effects.append(self._control(session, frame.CONFIRM))
        return effects + self._deliver(contact, plaintext, now_ns)

    def _establish(self, session: Session, now_ns: int) -> list[LinkEffect]:
        """Take a finished handshake into use, beside or instead of older sessions."""
        peer = session.peer
        session.is_confirmed = True
        session.heard_ns = now_ns
        effects: list[LinkEffect] = []
        contact = self._contacts.get(peer)
        if contact is not None and contact.instance != session.instance:
            # The peer restarted: it has forgotten the old keys, and what we told it.
            effects += self._forget(peer, now_ns)
            contact = None
        if contact is None:
            effects += self._make_room(now_ns)
            contact = _Contact(session)
            self._contacts[peer] = contact
            effects.append(LinkUp(peer, session.address))
        else:
            self._add_session(contact, session, now_ns)
        contact.heard_ns = now_ns
        contact.is_silent = False
        self._sessions[session.local_index] = session
        self._handshakes.cancel(session.address)
        self._dialer.reached(session.address, peer)
        self._tick_soon(now_ns)
        return effects

    def _add_session(self, contact: _Contact, session: Session, now_ns: int) -> None:
        contact.sessions.append(session)
        if self.me < contact.peer:
            contact.current.retired_ns = now_ns
            contact.current = session
        while len(contact.sessions) > self._config.sessions_per_peer_max:
            others = [s for s in contact.sessions if s is not contact.current]
            quietest = min(others, key=lambda other: max(other.retired_ns, other.heard_ns))
            contact.sessions.remove(quietest)
            del self._sessions[quietest.local_index]

    def _make_room(self, now_ns: int) -> list[LinkEffect]:
        """Drop the peer that has been silent longest when the table is full."""
        if len(self._contacts) < self._config.peers_max:
            return []
        quietest = min(self._contacts.values(), key=lambda contact: contact.heard_ns)
        if now_ns - quietest.heard_ns < self._config.silent_after_ns:
            raise Unwelcome("LNK-035", "no room for another peer")
        return self._forget(quietest.peer, now_ns)

    def _heard_anew(self, contact: _Contact, session: Session, now_ns: int) -> None:
        """Follow the peer that chooses, and stop dialling one that is back."""
        if contact.is_silent:
            contact.is_silent = False
            self._dialer.rest(contact.peer)
        if contact.current is not session and contact.peer < self.me:
            contact.current.retired_ns = now_ns
            contact.current = session

    def _deliver(self, contact: _Contact, plaintext: bytes, now_ns: int) -> list[LinkEffect]:
        size, encoded = frame.unpad(plaintext)
        if size == frame.CONFIRM:
            return []
        if size == frame.CLOSE:
            return self._forget(contact.peer, now_ns)
        return [Received(contact.peer, codec.decode(encoded))]

    def _part(self, peers: Iterable[PeerId], now_ns: int) -> list[LinkEffect]:
        effects: list[LinkEffect] = []
        for peer in peers:
            session = self._contacts[peer].current
            effects.append(self._control(session, frame.CLOSE))
            effects += self._forget(peer, now_ns)
        return effects

    def _forget(self, peer: PeerId, now_ns: int) -> list[LinkEffect]:
        contact = self._contacts.pop(peer)
        for session in contact.sessions:
            del self._sessions[session.local_index]
        self._dialer.lost(peer, now_ns)
        return [LinkDown(peer)]

    def _control(self, session: Session, control: int) -> Transmit:
        return Transmit(session.address, session.seal(frame.pad_control(control)))

    def _dial_due(self, now_ns: int) -> list[LinkEffect]:
        addresses = self._dialer.due(now_ns)
        if addresses:
            self._tick_soon(now_ns)
        return [Transmit(a, self._handshakes.dial(a, now_ns)) for a in addresses]

    def _tick(self, now_ns: int) -> list[LinkEffect]:
        """Look after everything that waits or ages."""
        effects: list[LinkEffect] = [
            Transmit(address, datagram) for address, datagram in self._handshakes.wake(now_ns)
        ]
        for contact in list(self._contacts.values()):
            effects += self._look_after(contact, now_ns)
        self._tick_ns = NEVER_NS
        if self._contacts or not self._handshakes.is_idle:
            self._tick_soon(now_ns)
        return effects

    def _look_after(self, contact: _Contact, now_ns: int) -> list[LinkEffect]:
        config, current = self._config, contact.current
        silence_ns = now_ns - contact.heard_ns
        if silence_ns >= config.dead_after_ns:
            return self._forget(contact.peer, now_ns)
        for session in list(contact.sessions):
            idle_ns = now_ns - max(session.retired_ns, session.heard_ns)
            if session is not current and idle_ns >= config.retire_after_ns:
                contact.sessions.remove(session)
                del self._sessions[session.local_index]
        if silence_ns >= config.silent_after_ns and not contact.is_silent:
            contact.is_silent = True
            self._dialer.redial(contact.peer, current.address, now_ns)
        grace_ns = 0 if current.is_initiator else config.rekey_grace_ns
        is_old = now_ns - current.since_ns >= config.rekey_after_ns + grace_ns
        packets = max(current.sent_count, current.window.highest)
        if is_old or packets >= config.rekey_after_packets:
            self._dialer.redial(contact.peer, current.address, now_ns)
        return []

    def _tick_soon(self, now_ns: int) -> None:
        """Make sure of a tick: soon while a third packet may need repeating."""
        config = self._config
        is_urgent = self._handshakes.is_confirming
        wait_ns = config.confirm_repeat_ns if is_urgent else config.tick_ns
        self._tick_ns = min(self._tick_ns, now_ns + wait_ns)
