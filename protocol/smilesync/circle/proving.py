"""A proof on its way: asked for from one neighbour after the other, sent in parts.

Parts of one neighbour are put together, what is lost is asked for again, and the whole is judged as
if it came from an enemy. Nobody is waited for longer than others may wait for their turn.
Source: SPEC section Merging (MRG-003, MRG-004, MRG-009, MRG-025, MRG-045).
"""

from collections.abc import Iterable, Mapping, Sequence

from smilesync.circle.allowance import Allowance
from smilesync.circle.bounded import NOTHING, noted
from smilesync.circle.circumstances import NEVER_NS
from smilesync.circle.jigsaw import Jigsaw
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
TRIES_AFTER_MAX = 6
"""After so many questions in a row that brought nothing new a neighbour is given up: who answered
once has a longer credit."""
PEERS_MAX = 256


class Proofs:
    """Sends the proofs that are held, and fetches the one that is wanted."""

    __slots__ = (
        "_answered_ns",
        "_answers",
        "_answers_in_all",
        "_asked",
        "_asked_ns",
        "_begun_ns",
        "_config",
        "_due_ns",
        "_parts",
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
        self._parts = Jigsaw()
        self._spelled: tuple[Name | None, bytes] = None, b""
        self._turn = self._tries = 0
        self._asked_ns = self._begun_ns = -config.say_ns
        self._due_ns = NEVER_NS
        self._answers = Allowance(config.prove_cost_ns, config.prove_burst_ns)
        self._answers_in_all = Allowance(config.prove_all_cost_ns, config.prove_all_burst_ns)
        self._answered_ns: Mapping[PeerId, int] = NOTHING
        self._refused_ns: Mapping[PeerId, int] = NOTHING

    def deadline_ns(self) -> int:
        """Return when to call `go_on`."""
        return self._due_ns

    def may_ask(self, now_ns: int) -> bool:
        """Is the last question long enough ago for another one?"""
        return now_ns - self._asked_ns >= self._config.say_ns

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
        if not self.may_ask(now_ns):
            return []
        if name == self._wanted and self._asked is not None:
            effects = self.go_on(now_ns)
            if self._asked is not None:
                return effects
        refused, since_ns = self._refused_ns, now_ns - self._config.refused_ns
        peers = [peer for peer in peers if refused.get(peer, since_ns) <= since_ns]
        if not peers:
            return []
        self._turn += 1
        self._tries, self._begun_ns = 0, now_ns
        self._wanted, self._asked, self._parts = name, peers[self._turn % len(peers)], Jigsaw()
        return self._question(now_ns)

    def go_on(self, now_ns: int) -> list[Effect]:
        """Ask for what is missing, once it is time; or give up who does not answer."""
        if self._asked is None or now_ns < self._due_ns:
            return []
        most = TRIES_AFTER_MAX if self._parts else TRIES_MAX
        if self._tries < most and now_ns - self._begun_ns < self._config.patience_ns:
            return self._question(now_ns)
        self._refuse(self._asked, now_ns)
        self.stop()
        return []

    def stop(self) -> None:
        """Ask for nothing more."""
        self._asked, self._parts, self._due_ns = None, Jigsaw(), NEVER_NS

    def take(self, part: Proof, sender: PeerId, verifier: Verifier, now_ns: int) -> list[Effect]:
        """Take a part of what was asked for. Errors: RemoteError, and then the whole is forgotten.

        What nobody asked for, or does not fit, is passed over.
        """
        if sender != self._asked or (part.circle, part.offer) != self._wanted:
            return []
        if not self._parts.take(part.offset, part.size_bytes, part.data):
            return []
        self._tries = 0
        body = self._parts.whole()
        if body is None:
            self._due_ns = now_ns + self._config.quiet_ns
            return []
        name = part.circle, part.offer
        self.stop()
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
        if proof is None or not self._may_tell(to, now_ns):
            return []
        name = asked.circle, asked.offer
        if self._spelled[0] != name:
            self._spelled = name, proof.encode()
        data, size_bytes = self._spelled[1], len(self._spelled[1])
        starts = range(asked.offset, size_bytes, PART_BYTES_MAX)[:PARTS_PER_ANSWER]
        return [
            Send(to, Proof(*name, at, size_bytes, data[at : at + PART_BYTES_MAX])) for at in starts
        ]

    def _may_tell(self, to: PeerId, now_ns: int) -> bool:
        """May one more answer be sent? To a question of 90 bytes it has 33 kB."""
        may = self._answers.has(to, now_ns) and self._answers_in_all.has(None, now_ns)
        if may:
            self._answers.spend(to, now_ns)
            self._answers_in_all.spend(None, now_ns)
        return may

    def _refuse(self, peer: PeerId, now_ns: int) -> None:
        self._refused_ns = noted(self._refused_ns, peer, now_ns, PEERS_MAX)

    def _question(self, now_ns: int) -> list[Effect]:
        """Ask for the first parts that are missing."""
        assert self._wanted is not None
        assert self._asked is not None
        self._tries += 1
        config, self._asked_ns = self._config, now_ns
        self._due_ns = now_ns + (config.ask_on_ns if self._parts else config.say_ns)
        return [Send(self._asked, Prove(*self._wanted, self._parts.gap))]
