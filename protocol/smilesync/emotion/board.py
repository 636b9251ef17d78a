"""How the wearer feels, what they let others know of it, and what neighbours let us know.

Stating an emotion is a signed object with the next sequence, repeated while it is shared and
never more often than once per change interval; the last change wins. Turning sharing off tells
the neighbours at once and several times over. SPEC sections Emotion (EMO) and Consent (CNS).
"""

from collections.abc import Container

from smilesync.commands import (
    AnswerSuggestion,
    EmotionState,
    Feel,
    SetConsent,
    Suggest,
    Switch,
)
from smilesync.config import EmotionConfig
from smilesync.effects import Effect, Event, Notice, Persist, Send
from smilesync.emotion import statement
from smilesync.emotion.consent import Consent
from smilesync.emotion.hearing import Hearing
from smilesync.emotion.sequence import Sequence
from smilesync.emotion.statement import Statement
from smilesync.emotion.suggestion import Suggestion, Suggestions
from smilesync.entropy import Entropy
from smilesync.errors import LocalError, Unwelcome
from smilesync.ids import PeerId
from smilesync.keys import Signer, Verifier
from smilesync.wire import records
from smilesync.wire.messages import Carried, ObjectKind

NEVER_NS = 2**62 - 1
FOR_CIRCLE = Switch.SHARE | Switch.COLLECTIVE
"""What a wearer must allow for a word to count in a circle."""
_LONG_AGO_NS = -(2**62)
_KINDS = (ObjectKind.EMOTION, ObjectKind.CONSENT)
Counts = tuple[int, int, int, int, int]
Restored = tuple[Switch, EmotionState, int]
BoardCommand = Feel | SetConsent | Suggest | AnswerSuggestion


class EmotionBoard:
    """The wearer's own word and the neighbours'.

    `restored`: switches, felt state and first unused sequence, from the journal. A command that
    raises LocalError has changed nothing.
    """

    __slots__ = (
        "_accepted",
        "_config",
        "_consent",
        "_entropy",
        "_felt",
        "_hearing",
        "_links",
        "_repeat_gap_ns",
        "_repeat_ns",
        "_signer",
        "_state_due_ns",
        "_stated_ns",
        "_suggestions",
        "_withdrawal_until_ns",
        "_word",
        "_word_state",
        "deadline_ns",
        "revision",
        "sequence",
    )

    def __init__(
        self,
        config: EmotionConfig,
        signer: Signer,
        verifier: Verifier,
        entropy: Entropy,
        restored: Restored,
        now_ns: int,
    ) -> None:
        switches, self._felt, below = restored
        self._config = config
        self._signer = signer
        self._entropy = entropy
        self._consent = Consent(switches)
        self._suggestions = Suggestions(config)
        self._accepted: EmotionState | None = None
        self.sequence = Sequence(below, config.sequence_block)
        self._hearing = Hearing(config, verifier)
        self._links: tuple[PeerId, ...] = ()
        self._word: Carried | None = None
        self._word_state: EmotionState | None = None
        self._stated_ns = _LONG_AGO_NS
        self._state_due_ns = now_ns if self._consent.allows(Switch.SHARE) else NEVER_NS
        self._withdrawal_until_ns = _LONG_AGO_NS
        self._repeat_ns = NEVER_NS
        self._repeat_gap_ns = 0
        self.deadline_ns = self._state_due_ns
        """When `wake` has something to do."""
        self.revision = 0
        """Grows whenever switches, state, suggestion or what is held change."""

    @property
    def switches(self) -> Switch:
        """Return what the wearer allows."""
        return self._consent.switches

    @property
    def state(self) -> EmotionState:
        """Return what the own light displays: what the wearer said, or accepted since."""
        return self._felt if self._accepted is None else self._accepted

    @property
    def shared(self) -> EmotionState | None:
        """Return what the wearer lets others know, None if nothing."""
        return self._felt if self._consent.allows(Switch.SHARE) else None

    @property
    def suggestion(self) -> Suggestion | None:
        """Return the question that waits for the wearer."""
        return self._suggestions.pending

    def held(self, now_ns: int) -> tuple[tuple[PeerId, EmotionState], ...]:
        """Return what neighbours feel and let us know, by name."""
        return tuple(sorted(self._hearing.held(now_ns)))

    def company(self, now_ns: int) -> Counts:
        """Return how many neighbours feel each state, as far as they say."""
        calm, excited, neutral, low, high = self._hearing.tally(now_ns)
        return calm, excited, neutral, low, high

    def counts(self, now_ns: int, among: Container[PeerId]) -> Counts:
        """Return how many feel each state, as far as a circle may count it.

        The neighbours `among` these and the wearer, if they share with more than neighbours.
        """
        counts = self._hearing.tally(now_ns, among)
        if FOR_CIRCLE in self.switches:
            counts[self._felt] += 1
        calm, excited, neutral, low, high = counts
        return calm, excited, neutral, low, high

    def connected(self, peer: PeerId, now_ns: int) -> list[Effect]:
        """Tell a new neighbour the current word: the emotion, or a withdrawal not yet old."""
        if peer not in self._links:
            self._links = (*self._links, peer)
        self._hearing.connected(peer)
        word = self._word
        if word is None or (self._word_state is None and now_ns >= self._withdrawal_until_ns):
            return []
        return [Send(peer, word)]

    def disconnected(self, peer: PeerId, now_ns: int) -> None:
        """Stop telling a neighbour; what it said counts until it expires."""
        self._links = tuple([other for other in self._links if other != peer])
        self._hearing.disconnected(peer, now_ns)
        self._plan()

    def command(self, command: BoardCommand, now_ns: int) -> list[Effect]:
        """Do what the wearer says, or their sensor."""
        effects: list[Effect] = []
        match command:
            case Feel(state):
                self._feel(state, now_ns, effects)
            case SetConsent():
                self._set(command, now_ns, effects)
            case Suggest(activated):
                if not self._consent.allows(Switch.SUGGEST):
                    raise LocalError("suggestions are switched off")
                if self._suggestions.offer(self.state, now_ns, activated=activated):
                    self.revision += 1
                    effects.append(Notice(Event.SUGGESTION))
            case AnswerSuggestion(accept):
                pending = self._suggestions.take(now_ns)
                if pending is None:
                    raise LocalError("no suggestion is waiting")
                if accept:
                    self._accepted = pending.state
                self.revision += 1
        self._plan()
        return effects

    def holds(self, carried: Carried, sender: PeerId, now_ns: int) -> bool:
        """Is it a copy of the last word of `sender`, while nothing expires? A storm is of such."""
        return self._hearing.has(carried, sender, now_ns)

    def handle_carried(self, carried: Carried, sender: PeerId, now_ns: int) -> list[Effect]:
        """Take a neighbour's emotion or withdrawal; other kinds are not for us.

        Errors: RemoteError; the board is as before then.
        """
        if carried.kind not in _KINDS:
            if carried.kind % 2:
                raise Unwelcome("EMO-003", f"kind {carried.kind} is unknown and must be known")
            return []
        effects = self._expire(now_ns)
        hearing = self._hearing
        before = hearing.state_of(sender), hearing.is_for_circle(sender)
        said = hearing.take(carried, sender, now_ns)
        self._plan()
        if said is None or (said.state, said.is_for_circle) == before:
            return effects
        self.revision += 1
        event = Event.EMOTION_HEARD if said.state is not None else Event.EMOTION_WITHDRAWN
        effects.append(Notice(event, sender))
        return effects

    def wake(self, now_ns: int) -> list[Effect]:
        """Expire what is old, repeat what must be repeated."""
        effects = self._expire(now_ns)
        if now_ns >= self._state_due_ns:
            self._state(now_ns, effects)
        if now_ns >= self._repeat_ns:
            self._tell(effects)
            self._plan_repeat(now_ns)
        self._plan()
        return effects

    def _plan(self) -> None:
        """Find out when to wake."""
        due_ns = min(self._hearing.deadline_ns, min(self._state_due_ns, self._repeat_ns))
        pending = self._suggestions.pending
        self.deadline_ns = due_ns if pending is None else min(due_ns, pending.until_ns)

    def _feel(self, state: EmotionState, now_ns: int, effects: list[Effect]) -> None:
        self._accepted = None
        self.revision += 1
        if state == self._felt:
            return
        self._felt = state
        effects.append(Persist(records.encode(records.Felt(int(state)))))
        if self._consent.allows(Switch.SHARE):
            self._state_soon(now_ns, effects)

    def _set(self, change: SetConsent, now_ns: int, effects: list[Effect]) -> None:
        done = self._consent.set(change)
        if not done:
            return
        effects += done
        self.revision += 1
        if change.switch == Switch.SUGGEST:
            self._suggestions.take(now_ns)
        elif change.switch == Switch.SHARE and change.on:
            self._repeat_ns = NEVER_NS
            self._state_soon(now_ns, effects)
        elif change.switch == Switch.SHARE:
            self._withdraw(now_ns, effects)
        elif change.switch == Switch.COLLECTIVE and self._consent.allows(Switch.SHARE):
            if not change.on and now_ns < self._stated_ns + self._config.change_ns:
                self._say(None, effects)
            self._state_soon(now_ns, effects)

    def _state_soon(self, now_ns: int, effects: list[Effect]) -> None:
        """State the emotion now, or as soon as the change interval has passed."""
        self._state_due_ns = max(now_ns, self._stated_ns + self._config.change_ns)
        if self._state_due_ns <= now_ns:
            self._state(now_ns, effects)

    def _state(self, now_ns: int, effects: list[Effect]) -> None:
        config = self._config
        assert self._consent.allows(Switch.SHARE), "nothing is said without consent"
        self._say(self._felt, effects)
        self._stated_ns = now_ns
        early_ns = self._entropy.below(config.resend_jitter_ns)
        self._state_due_ns = now_ns + config.resend_ns - early_ns

    def _withdraw(self, now_ns: int, effects: list[Effect]) -> None:
        """Take back what was said: at once, and again while somebody may still hold it."""
        self._state_due_ns = NEVER_NS
        if self._word is None or self._word_state is not None:
            self._say(None, effects)
        self._withdrawal_until_ns = now_ns + self._config.lifetime_ns
        self._repeat_gap_ns = self._config.withdrawal_repeat_ns
        self._repeat_ns = now_ns + self._repeat_gap_ns

    def _plan_repeat(self, now_ns: int) -> None:
        self._repeat_gap_ns *= 2
        next_ns = now_ns + self._repeat_gap_ns
        self._repeat_ns = next_ns if next_ns < self._withdrawal_until_ns else NEVER_NS

    def _say(self, state: EmotionState | None, effects: list[Effect]) -> None:
        number = self.sequence.draw(effects)
        is_for_circle = state is None or Switch.COLLECTIVE in self.switches
        said = Statement(number, state, is_for_circle=is_for_circle)
        self._word = statement.write(said, self._signer)
        self._word_state = state
        self._tell(effects)

    def _tell(self, effects: list[Effect]) -> None:
        assert self._word is not None
        effects.extend([Send(peer, self._word) for peer in self._links])

    def _expire(self, now_ns: int) -> list[Effect]:
        silent = self._hearing.expire(now_ns)
        if self._suggestions.expire(now_ns) or silent:
            self.revision += 1
        self._plan()
        return [Notice(Event.EMOTION_WITHDRAWN, peer) for peer in silent]
