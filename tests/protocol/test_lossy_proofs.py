"""A long proof between two devices whose link loses and reorders, in virtual time."""

import heapq
import random

import pytest

from smilesync.circle.offer import Offer
from smilesync.circle.provenance import Provenance
from smilesync.circle.proving import Proofs
from smilesync.config import MS_NS, SECOND_NS, MergingConfig
from smilesync.effects import Effect, Send
from smilesync.ids import CircleId, PeerId, ValueHash
from smilesync.wire import codec
from smilesync.wire.messages import Proof, Prove
from support.decisions import History
from support.lab import CachedVerifier

VERIFIER = CachedVerifier()
ANN, BOB = PeerId(b"a" * 32), PeerId(b"b" * 32)
LIMIT_NS = 20 * SECOND_NS


def _long_proof() -> Provenance:
    """Return a proof of a circle of 22 whose voters all changed, of some 44 kB."""
    history = History(22)
    steps = [history.decide(out=1, new=1) for _ in range(14)]
    merging = Offer(CircleId(b"o" * 32), 3, ValueHash(b"h" * 32), 60_000_000)
    return Provenance(history.genesis, (*steps, history.decide(merging=merging)))


PROOF = _long_proof()
NAME = PROOF.genesis.circle_id, PROOF.name


class Link:
    """Ann fetches the proof from Bob over a link that takes 2 to 30 ms."""

    def __init__(self, loss: float, seed: int) -> None:
        self.loss, self.random = loss, random.Random(seed)
        self.asker, self.teller = Proofs(MergingConfig()), Proofs(MergingConfig())
        self.sent_bytes = 0
        self._queue: list[tuple[int, int, Prove | Proof]] = []
        self._ticket = 0

    def run(self) -> int | None:
        """Return after how many ns Ann holds the proof, None if never."""
        now_ns = say_ns = begun_ns = 2 * SECOND_NS
        while now_ns < begun_ns + LIMIT_NS:
            coming_ns = self._queue[0][0] if self._queue else LIMIT_NS * 2
            now_ns = min(say_ns, coming_ns, max(now_ns, self.asker.deadline_ns()))
            if coming_ns <= now_ns:
                self._arrive(heapq.heappop(self._queue)[2], now_ns)
            elif self.asker.deadline_ns() <= now_ns:
                self._send(self.asker.go_on(now_ns), now_ns)
            else:
                say_ns = now_ns + MergingConfig().say_ns
                self._send(self.asker.ask(NAME, [BOB], now_ns), now_ns)
            if self.asker.holds(NAME):
                return now_ns - begun_ns
        return None

    def _arrive(self, message: Prove | Proof, now_ns: int) -> None:
        if isinstance(message, Prove):
            self._send(self.teller.tell(message, ANN, PROOF, now_ns), now_ns)
        else:
            self._send(self.asker.take(message, BOB, VERIFIER, now_ns), now_ns)

    def _send(self, effects: list[Effect], now_ns: int) -> None:
        for effect in effects:
            assert isinstance(effect, Send)
            assert isinstance(effect.message, Prove | Proof)
            self.sent_bytes += len(codec.encode(effect.message))
            if self.random.random() >= self.loss:
                self._ticket += 1
                at_ns = now_ns + self.random.randint(2, 30) * MS_NS
                heapq.heappush(self._queue, (at_ns, self._ticket, effect.message))


@pytest.mark.spec("MRG-045")
@pytest.mark.parametrize(("loss", "worst_s", "most"), [(0.0, 0.5, 1.2), (0.05, 4, 4), (0.1, 6, 4)])
def test_long_proof_arrives_with_bounded_traffic_whatever_is_lost(
    loss: float, worst_s: float, most: float
) -> None:
    """Parts came in order or not at all, so not one of these ever came through."""
    size_bytes = len(PROOF.encode())
    assert size_bytes > 40_000
    for seed in range(100):
        link = Link(loss, seed)

        took_ns = link.run()

        assert took_ns is not None, f"seed {seed}"
        assert took_ns < worst_s * SECOND_NS, f"seed {seed}: {took_ns / SECOND_NS} s"
        assert link.sent_bytes < most * size_bytes, f"seed {seed}: {link.sent_bytes} bytes"
