"""What the crowd of a circle feels: the own word to the voters, others' on their way, the counts.

Beside `Relays`, whose partners it uses: where a circle has no partners, voters hear each other's
emotions themselves, and nothing of this is said. What the wearer lets the circle know takes two
switches, share and collective; when one is turned off, a withdrawal goes the same ways at once and
waits for nothing. Source: SPEC section Inputs (INP-006 to INP-017).
"""

from collections.abc import Container

from smilesync.circle.circle import Circle
from smilesync.circle.feelings import Feelings as Words
from smilesync.circle.feelings import Present, sign
from smilesync.circle.inputs import Counts, based, tally, weighed
from smilesync.circle.partners import Partner
from smilesync.circle.quorum import bits
from smilesync.circle.toll import Toll
from smilesync.clock.sync import CircleClock
from smilesync.commands import EmotionState, Switch
from smilesync.config import Config
from smilesync.effects import Effect, Send
from smilesync.emotion.board import EmotionBoard
from smilesync.entropy import Entropy
from smilesync.errors import Unauthentic, Unwelcome
from smilesync.ids import PeerId
from smilesync.keys import Signer
from smilesync.relays import Relays
from smilesync.wire.feeling import FEELINGS_MAX
from smilesync.wire.messages import Feeling, Feelings

NEVER_NS = 2**62 - 1
NO_SLOT = -1
_LONG_AGO_NS = -(2**62)


class Crowd:
    """The feelings of one circle's people, as one device says, passes on and counts them."""

    __slots__ = (
        "_admitted",
        "_around",
        "_config",
        "_entropy",
        "_expelled",
        "_flush_ns",
        "_gap_ns",
        "_inputs",
        "_made_us",
        "_me",
        "_partners",
        "_relays",
        "_repeat_gap_ns",
        "_repeat_ns",
        "_repeat_until_ns",
        "_said",
        "_said_ns",
        "_say_ns",
        "_seen",
        "_signer",
        "_slot",
        "_toll",
        "_waiting",
        "_words",
        "deadline_ns",
    )

    def __init__(
        self, config: Config, relays: Relays, circle: Circle, signer: Signer, entropy: Entropy
    ) -> None:
        self._around = around = circle.around
        self._config = config
        self._partners = relays.partners
        self._relays = relays
        self._entropy = entropy
        self._signer = signer
        self._me = PeerId(signer.public)
        self._words = Words(config.feeling, around.roster.circle, around.verifier)
        self._toll = Toll(config.feeling)
        self._waiting: dict[PeerId, dict[PeerId, Feeling]] = {}
        """What goes to each partner with the next batch, by signer."""
        self._flush_ns = self._say_ns = self._repeat_ns = NEVER_NS
        self._said: EmotionState | None = None
        self._said_ns = _LONG_AGO_NS
        self._made_us = 0
        self._gap_ns = 0
        self._repeat_gap_ns = 0
        self._repeat_until_ns = _LONG_AGO_NS
        self.deadline_ns = NEVER_NS
        """When to call `wake`."""
        self._seen: tuple[int, int, int, int] | None = None
        self._slot = NO_SLOT
        self._inputs: Counts | None = None
        self._follow(circle)

    def take(
        self, message: Feelings, sender: PeerId, circle: Circle, clock: CircleClock, now_ns: int
    ) -> list[Effect]:
        """Take what a partner passes on. Errors: RemoteError; then only it has paid for it."""
        partner = self._partners.known.get(sender)
        if partner is None:
            raise Unwelcome("INP-013", "feelings of a neighbour that did not say HELLO")
        self._toll.admit(sender, now_ns)
        self._charge(partner, message, now_ns)
        line = clock.timeline if clock.is_synced else None
        present = Present(now_ns, line.at(now_ns) if line is not None else None)
        others = [one for one in message.feelings if one.signer != self._me]
        effects: list[Effect] = []
        for feeling in self._verified(others, present, sender):
            effects += self._pass_on(feeling, sender, circle, now_ns)
        self._plan()
        return effects

    def _verified(self, feelings: list[Feeling], present: Present, sender: PeerId) -> list[Feeling]:
        """Take what is new of a partner's words, as far as it may cost so much."""
        count, now_ns = len(self._partners.known), present.now_ns

        def pay(one: Feeling) -> None:
            self._toll.pay(sender, count, now_ns, is_withdrawal=one.state is None)

        try:
            return self._words.take(feelings, present, self._admitted, pay)
        except Unauthentic:
            self._toll.caught(sender, now_ns)
            raise

    def settle(
        self, board: EmotionBoard, circle: Circle, clock: CircleClock, now_ns: int
    ) -> list[Effect]:
        """Whatever an input led to: say what changed, count anew. Mostly nothing has changed."""
        if circle.members.around is not self._around:
            self._follow(circle)
        reach = 1 + clock.is_synced if self._partners.known else 0
        seen = board.revision, self._words.revision, circle.slot.head.slot, reach
        if seen == self._seen and now_ns < self._say_ns and now_ns < self._repeat_ns:
            return []
        self._seen = seen
        effects = self._speak(board, circle, clock, now_ns)
        if circle.around.me is not None:
            self._count(board, circle, now_ns)
        self._plan()
        return effects

    def wake(
        self, board: EmotionBoard, circle: Circle, clock: CircleClock, now_ns: int
    ) -> list[Effect]:
        """Say and pass on what is due, drop what is too old."""
        effects: list[Effect] = []
        self._words.expire(now_ns)
        if now_ns >= self._flush_ns:
            self._flush(effects)
        effects += self.settle(board, circle, clock, now_ns)
        self._plan()
        return effects

    def _plan(self) -> None:
        """Find out when to wake."""
        words_ns = self._words.deadline_ns()
        self.deadline_ns = min(min(self._flush_ns, self._say_ns), min(self._repeat_ns, words_ns))

    def _speak(
        self, board: EmotionBoard, circle: Circle, clock: CircleClock, now_ns: int
    ) -> list[Effect]:
        """Say the own word if it is another, or old; take it back if it may not be known."""
        effects: list[Effect] = []
        wanted = board.shared if Switch.COLLECTIVE in board.switches else None
        self._say_ns = NEVER_NS
        if wanted is None:
            if self._said is not None:
                self._repeat_gap_ns = self._config.emotion.withdrawal_repeat_ns
                self._repeat_until_ns = now_ns + self._config.emotion.lifetime_ns
                self._withdraw(board, circle, now_ns, effects)
            elif now_ns >= self._repeat_ns:
                self._repeat_gap_ns *= 2
                self._withdraw(board, circle, now_ns, effects)
            return effects
        self._repeat_ns = NEVER_NS
        if not self._partners.known or not clock.is_synced:
            return effects
        is_same = wanted == self._said
        self._say_ns = self._said_ns + (self._gap_ns if is_same else self._config.emotion.change_ns)
        if now_ns < self._say_ns:
            return effects
        config, soon_ns = self._config.feeling, self._config.emotion.change_ns
        self._gap_ns = config.resend_ns - self._entropy.below(config.resend_jitter_ns)
        if self._said is None:  # not every way is known where a device has just come
            self._gap_ns = soon_ns + self._entropy.below(soon_ns)
        self._said, self._said_ns, self._say_ns = wanted, now_ns, now_ns + self._gap_ns
        made_us = clock.publish_us(now_ns, effects)
        assert made_us is not None, "a SYNCED clock has a time"
        self._made_us = made_us
        self._say(wanted, board, circle, effects)
        return effects

    def _withdraw(
        self, board: EmotionBoard, circle: Circle, now_ns: int, effects: list[Effect]
    ) -> None:
        """Take back the own word, and again while somebody may still hold it."""
        self._said = None
        next_ns = now_ns + self._repeat_gap_ns
        self._repeat_ns = next_ns if next_ns < self._repeat_until_ns else NEVER_NS
        self._say(None, board, circle, effects)

    def _say(
        self,
        state: EmotionState | None,
        board: EmotionBoard,
        circle: Circle,
        effects: list[Effect],
    ) -> None:
        sequence = board.sequence.draw(effects)
        word = sign(self._signer, circle.roster.circle, sequence, state, self._made_us)
        everybody = (1 << circle.roster.size) - 1
        for hop, voters in self._parts(everybody, circle, self._me).items():
            effects.append(Send(hop, Feelings((word._replace(voters=voters),))))

    def _pass_on(
        self, feeling: Feeling, sender: PeerId, circle: Circle, now_ns: int
    ) -> list[Effect]:
        """Pass a word on towards its voters: with the next batch, a withdrawal at once."""
        is_withdrawal = feeling.state is None
        if is_withdrawal:
            for box in self._waiting.values():
                box.pop(feeling.signer, None)
        sends: list[Effect] = []
        for hop, voters in self._parts(feeling.voters, circle, sender).items():
            if is_withdrawal:
                sends.append(Send(hop, Feelings((feeling._replace(voters=voters),))))
                continue
            box = self._waiting.setdefault(hop, {})
            before = box.get(feeling.signer)
            if before is not None and before.sequence == feeling.sequence:
                voters |= before.voters
            box[feeling.signer] = feeling._replace(voters=voters)
            self._flush_ns = min(self._flush_ns, now_ns + self._config.feeling.batch_ns)
        return sends

    def _flush(self, effects: list[Effect]) -> None:
        """Send each partner what waits for it, and is still what its signer says."""
        self._flush_ns = NEVER_NS
        for hop, box in self._waiting.items():
            words = [one for one in box.values() if self._words.holds(one)]
            if hop not in self._partners.links:
                continue
            for start in range(0, len(words), FEELINGS_MAX):
                batch = tuple(words[start : start + FEELINGS_MAX])
                effects.append(Send(hop, Feelings(batch)))
        self._waiting.clear()

    def _parts(self, voters: int, circle: Circle, sender: PeerId) -> dict[PeerId, int]:
        """Return over whom the voters are reached, never back; this device has heard already."""
        around = circle.around
        ways = self._relays.ways(circle)
        parts: dict[PeerId, int] = {}
        for voter in bits(voters & ((1 << around.roster.size) - 1)):
            hop = next((way for way in ways(voter) if way != sender), None)
            if voter != around.me and hop is not None:
                parts[hop] = parts.get(hop, 0) | 1 << voter
        return parts

    def _count(self, board: EmotionBoard, circle: Circle, now_ns: int) -> None:
        """Count what members and all others feel, and note what was decided of it."""
        head = circle.chain.head()
        if self._partners.known:
            own = board.shared if Switch.COLLECTIVE in board.switches else None
            inside, others = self._words.states(now_ns, self._admitted, self._expelled)
            mine = tally(inside if own is None else [*inside, own])
            circle.counts = weighed(mine, tally(others), circle.roster.size)
        else:
            circle.counts = board.counts(now_ns, circle.roster.index_of)
        if head.slot != self._slot:
            inputs = head.value.inputs if head.value is not None else None
            if self._slot != NO_SLOT:
                circle.basis = based(circle.counts, inputs, self._inputs, circle.basis)
            self._slot, self._inputs = head.slot, inputs

    def _follow(self, circle: Circle) -> None:
        """Go over to other people; and to other voters, of whom by index nothing is known yet."""
        around, before = circle.around, self._around.roster.hash
        self._around, state = around, around.state
        out = (*state.expelled, *state.struck) if state is not None else ()
        members, standby = around.roster.index_of, circle.members.standby
        self._expelled: Container[PeerId] = frozenset(out) if out else ()
        self._admitted: Container[PeerId] = frozenset((*members, *standby)) if standby else members
        self._seen = None
        if around.roster.hash != before:
            self._words.turn()
            self._waiting.clear()

    def _charge(self, partner: Partner, message: Feelings, now_ns: int) -> None:
        """Let so many of a partner's words through; withdrawals have an allowance of their own."""
        config = self._config.feeling
        withdrawals = sum(one.state is None for one in message.feelings)
        for kind, count in enumerate((len(message.feelings) - withdrawals, withdrawals)):
            due_ns = max(partner.words_ns[kind], now_ns)
            if count and due_ns - now_ns > config.burst_ns:
                raise Unwelcome("INP-017", "a partner passes on too much")
            partner.words_ns[kind] = due_ns + count * config.cost_ns
