"""A proof on its way: asked for from one neighbour after the other, sent in parts.

Parts of one neighbour are put together in order, and the whole is judged as if it came from an
enemy. Source: SPEC section Merging (MRG-003, MRG-004, MRG-009).
"""

from collections.abc import Iterable, Mapping, Sequence

from smilesync.circle.bounded import NOTHING, noted
from smilesync.circle.provenance import Name, Provenance, read_proof
from smilesync.config import MergingConfig
from smilesync.effects import Effect, Send
from smilesync.errors import RemoteError
from smilesync.ids import PeerId
from smilesync.keys import Verifier
from smilesync.wire.meeting import PART_BYTES_MAX
from smilesync.wire.messages import Proof, Prove

PARTS_PER_ANSWER = 32
TRIES_MAX = 3
"""So often one neighbour is asked for one proof, since parts may be lost."""
PEERS_MAX = 256


class Proofs:
    """Sends the proofs that are held, and fetches the one that is wanted."""

    __slots__ = (
        "_answered_ns",
        "_asked",
        "_asked_ns",
        "_body",
        "_config",
        "_refused_ns",
        "_spelled",
        "_tries",
        "_turn",
        "_wanted",
        "held",
    )

    def __init__(self, config: MergingConfig) -> None:
        self.held: Provenance | None = None
        """The proof of another circle's offer that was fetched and verified last."""
        self._config = config
        self._wanted: Name | None = None
        self._asked: PeerId | None = None
        self._body = b""
        self._spelled: tuple[Name | None, bytes] = None, b""
        self._turn = self._tries = 0
        self._asked_ns = -config.say_ns
        self._answered_ns: Mapping[PeerId, int] = NOTHING
        self._refused_ns: Mapping[PeerId, int] = NOTHING

    def holds(self, name: Name) -> bool:
        """Is this the proof that is held?"""
        return self.held is not None and (self.held.genesis.circle_id, self.held.name) == name

    def in_turn(self, names: Iterable[Name]) -> list[Name]:
        """Return the names in the order of asking: what is under way, then what comes after it.

        So nobody keeps the proof of another circle away by telling of one of its own making.
        """
        last, is_asked = self._wanted, self._asked is not None
        if last is None:
            return sorted(names)
        return sorted(names, key=lambda one: (not is_asked or one != last, one <= last, one))

    def ask(self, name: Name, peers: Sequence[PeerId], now_ns: int) -> list[Effect]:
        """Ask for a proof: whoever answers is asked on, else the next one is.

        Not at once again, whatever is wanted: to verify a proof takes up to 0.1 s.
        """
        if now_ns - self._asked_ns < self._config.say_ns:
            return []
        if name == self._wanted and self._asked is not None:
            if self._tries < TRIES_MAX:
                self._tries += 1
                return self._go_on(now_ns)
            self._refuse(self._asked, now_ns)
        refused, since_ns = self._refused_ns, now_ns - self._config.refused_ns
        peers = [peer for peer in peers if refused.get(peer, since_ns) <= since_ns]
        if not peers:
            return []
        self._turn += 1
        self._tries = 1
        self._wanted, self._asked, self._body = name, peers[self._turn % len(peers)], b""
        return self._go_on(now_ns)

    def take(self, part: Proof, sender: PeerId, verifier: Verifier, now_ns: int) -> list[Effect]:
        """Take a part of what was asked for. Errors: RemoteError, and then the whole is forgotten.

        What nobody asked for, or comes out of order, is passed over.
        """
        if sender != self._asked or (part.circle, part.offer) != self._wanted:
            return []
        body = self._body + part.data
        if part.offset != len(self._body) or len(body) > part.size_bytes:
            return []
        self._body = body
        if len(body) < part.size_bytes:
            is_next = len(body) // PART_BYTES_MAX % PARTS_PER_ANSWER == 0
            return self._go_on(now_ns) if is_next else []
        name, self._asked, self._body = (part.circle, part.offer), None, b""
        try:
            found = read_proof(body, verifier, wanted=name)
        except RemoteError:
            self._refuse(sender, now_ns)
            raise
        self.held = found
        return []

    def tell(self, asked: Prove, to: PeerId, own: Provenance | None, now_ns: int) -> list[Effect]:
        """Send some parts of a proof: of the circle's `own` offer, or of the one that is held."""
        gap_ns = self._config.prove_gap_ns
        if now_ns - self._answered_ns.get(to, now_ns - gap_ns) < gap_ns:
            return []
        self._answered_ns = noted(self._answered_ns, to, now_ns, PEERS_MAX)
        proof = own
        if proof is None and self.holds((asked.circle, asked.offer)):
            proof = self.held
        if proof is None:
            return []
        name = asked.circle, asked.offer
        if self._spelled[0] != name:
            self._spelled = name, proof.encode()
        data, size_bytes = self._spelled[1], len(self._spelled[1])
        starts = range(asked.offset, size_bytes, PART_BYTES_MAX)[:PARTS_PER_ANSWER]
        return [
            Send(to, Proof(*name, at, size_bytes, data[at : at + PART_BYTES_MAX])) for at in starts
        ]

    def _refuse(self, peer: PeerId, now_ns: int) -> None:
        self._refused_ns = noted(self._refused_ns, peer, now_ns, PEERS_MAX)

    def _go_on(self, now_ns: int) -> list[Effect]:
        """Ask the same neighbour for the next parts."""
        assert self._wanted is not None
        assert self._asked is not None
        self._asked_ns = now_ns
        return [Send(self._asked, Prove(*self._wanted, len(self._body)))]
