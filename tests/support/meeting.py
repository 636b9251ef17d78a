"""One voter of a circle that other circles come near, and what it hears of them."""

from dataclasses import replace

from smilesync.circle.circumstances import Circumstances
from smilesync.circle.genesis import Parameters, Policy
from smilesync.circle.judge import of_a_merger
from smilesync.circle.merging import Company, Merger
from smilesync.circle.offer import Dissolve, Offer
from smilesync.circle.provenance import Pedigree
from smilesync.circle.state import State
from smilesync.circle.validity import Head, Reason
from smilesync.config import SECOND_NS, CircleConfig, MergingConfig
from smilesync.effects import Effect, Send
from smilesync.ids import CircleId, PeerId, ValueHash
from smilesync.wire.messages import Meet, MeetingMessage, Message, Ready
from support.decisions import History, person
from support.lab import PATTERN, CachedVerifier

VERIFIER = CachedVerifier()
CONFIG = MergingConfig()
OTHER = CircleId(b"\xff" * 32)
OTHER_HEAD = (3, ValueHash(b"h" * 32))
STRANGERS = [PeerId(bytes([n]) * 32) for n in range(1, 8)]
BEGIN_US = 100_000_000


class Voter:
    """One voter of a circle of `size`, at the head that `history` decided last."""

    def __init__(self, size: int = 5, policy: Policy = Policy.OPEN) -> None:
        self.history = History(size, Parameters(policy=policy))
        for _ in range(3):
            self.last = self.history.decide()[0]
        roster = self.history.roster
        self.me = roster.identities[0]
        self.merger = Merger(CONFIG, self.me, policy, agrees=None)
        self.pedigree = Pedigree(roster)
        self.around = Circumstances(
            config=CircleConfig(),
            roster=roster,
            parameters=self.history.parameters,
            state=State(),
            me=0,
            signer=person(0)[1],
            verifier=VERIFIER,
            check_pattern=lambda pattern: None if pattern == PATTERN else "PAT-001",
            matchmaker=self.merger,
        )
        self.others = list(roster.identities[1:])
        self.wake(0)

    @property
    def head(self) -> Head:
        value = self.last.value
        return Head(value.slot, self.last.hash, value.not_after_us, value)

    def company(self, **more: object) -> Company:
        known = Company(
            genesis=self.history.genesis,
            around=self.around,
            head=self.head,
            pedigree=self.pedigree,
            circle_us=BEGIN_US,
            decided_ns=10**15,
            may_vote=True,
            is_willing=True,
            is_lit=False,
            linked=(*self.others, *STRANGERS),
            partners=(),
            abandon=list,
        )
        return known._replace(**more)  # type: ignore[arg-type]  # names of Company's fields

    def wake(self, seconds: float) -> list[Message]:
        return said(self.merger.wake(self.company(), int(seconds * SECOND_NS)))

    def hear(self, message: MeetingMessage, sender: PeerId, seconds: float) -> list[Message]:
        now_ns = int(seconds * SECOND_NS)
        return said(self.merger.handle(message, sender, self.company(), now_ns))

    def meets(self, *seconds: float, voters: int = 3, offer: ValueHash | None = None) -> None:
        """Let two strangers speak for another circle."""
        for at_s in seconds:
            for stranger in STRANGERS[:2]:
                self.hear(Meet(OTHER, *OTHER_HEAD, voters, offer), stranger, at_s)

    def objection(self, merging: Offer | Dissolve, seconds: float) -> Reason | None:
        value = replace(self.last.value, merging=merging)
        return of_a_merger(value, self.head, self.around, int(seconds * SECOND_NS))

    def choice(self, seconds: float) -> Offer | Dissolve | None:
        return self.merger.choose(self.head, self.around, BEGIN_US, int(seconds * SECOND_NS))

    def all_ready(self, ready: Ready, seconds: float, *, count: int | None = None) -> None:
        for other in self.others[:count]:
            self.hear(ready, other, seconds)


def said(effects: list[Effect]) -> list[Message]:
    return [one.message for one in effects if isinstance(one, Send)]
