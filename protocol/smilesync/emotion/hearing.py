"""What neighbours say they feel: verified, in order, not too often, and not for long.

Cheap checks come before the signature. An emotion counts only from its signer's own link, so
nobody can replay another's; from the signer itself only a higher sequence counts. The table has
an entry per neighbour with a link, and a bounded rest of those who left: strangers displace
each other, never a neighbour. SPEC sections Emotion and Consent.
"""

from collections.abc import Container

from smilesync.commands import EmotionState
from smilesync.config import EmotionConfig
from smilesync.emotion import statement
from smilesync.emotion.statement import Statement
from smilesync.errors import Unwelcome
from smilesync.ids import PeerId
from smilesync.keys import Verifier
from smilesync.wire import envelope
from smilesync.wire.messages import Carried

NEVER_NS = 2**62 - 1
_NOTHING_HEARD = -1
_LONG_AGO_NS = -(2**62)


class _Voice:
    """What is known of one neighbour. `state` None: it says nothing, or its word expired."""

    __slots__ = (
        "emotion_due_ns",
        "is_for_circle",
        "left_ns",
        "sequence",
        "state",
        "until_ns",
        "withdrawal_due_ns",
        "word",
    )

    def __init__(self) -> None:
        self.sequence = _NOTHING_HEARD
        self.word: Carried | None = None
        self.state: EmotionState | None = None
        self.is_for_circle = True
        self.until_ns = NEVER_NS
        self.emotion_due_ns = _LONG_AGO_NS
        self.withdrawal_due_ns = _LONG_AGO_NS
        self.left_ns = NEVER_NS

    @property
    def is_linked(self) -> bool:
        return self.left_ns == NEVER_NS


class Hearing:
    """The voices of the neighbours."""

    __slots__ = ("_config", "_verifier", "_voices", "deadline_ns")

    def __init__(self, config: EmotionConfig, verifier: Verifier) -> None:
        self._config = config
        self._verifier = verifier
        self._voices: dict[PeerId, _Voice] = {}
        self.deadline_ns = NEVER_NS
        """When something expires."""

    def connected(self, peer: PeerId) -> None:
        """A neighbour with a link may be heard; what it said before is not forgotten."""
        voice = self._voices.get(peer)
        if voice is None:
            self._make_room()
            voice = self._voices[peer] = _Voice()
        voice.left_ns = NEVER_NS

    def disconnected(self, peer: PeerId, now_ns: int) -> None:
        """Keep the neighbour's word until it expires, and its sequence a while longer."""
        voice = self._voices.get(peer)
        if voice is not None:
            voice.left_ns = now_ns
            self.deadline_ns = min(self.deadline_ns, now_ns + self._config.remembered_ns)

    def has(self, carried: Carried, sender: PeerId, now_ns: int) -> bool:
        """Is it a copy of the last word of `sender`, a neighbour, while nothing expires?"""
        voice = self._voices.get(sender)
        if voice is None or now_ns >= self.deadline_ns or voice.left_ns != NEVER_NS:
            return False
        return voice.word is carried or voice.word == carried

    def take(self, carried: Carried, sender: PeerId, now_ns: int) -> Statement | None:
        """Return a statement that is new, None for a copy of the last one.

        Errors: Malformed, Unauthentic, Unwelcome; nothing has changed then but the sender's
        allowance, which pays for the work.
        """
        voice = self._voices.get(sender)
        if voice is None or not voice.is_linked or carried.signer != sender:
            raise Unwelcome("EMO-010", "not from its signer's own link")
        said = statement.read(carried)
        if said.sequence == voice.sequence:
            return None
        if said.sequence < voice.sequence:
            raise Unwelcome("EMO-011", f"sequence {said.sequence} was passed")
        self._charge(voice, said, now_ns)
        envelope.verify(carried, envelope.DOMAINS[carried.kind], self._verifier)
        voice.sequence, voice.word = said.sequence, carried
        voice.state, voice.is_for_circle = said.state, said.is_for_circle
        voice.until_ns = NEVER_NS if said.state is None else now_ns + self._config.lifetime_ns
        self.deadline_ns = min(self.deadline_ns, voice.until_ns)
        return said

    def state_of(self, peer: PeerId) -> EmotionState | None:
        """Return what `peer` was last heard to feel, expired or not."""
        voice = self._voices.get(peer)
        return voice.state if voice is not None else None

    def is_for_circle(self, peer: PeerId) -> bool:
        """May the circle, too, count what `peer` was last heard to feel?"""
        voice = self._voices.get(peer)
        return voice is not None and voice.is_for_circle

    def held(self, now_ns: int) -> list[tuple[PeerId, EmotionState]]:
        """Return what neighbours feel, in any order; what has expired is not there."""
        return [
            (peer, voice.state)
            for peer, voice in self._voices.items()
            if voice.state is not None and now_ns < voice.until_ns
        ]

    def tally(self, now_ns: int, among: Container[PeerId] | None = None) -> list[int]:
        """Return how many neighbours feel each state.

        `among`: of these only, and as far as the circle may count it, too.
        """
        counts = [0, 0, 0, 0, 0]
        for peer, voice in self._voices.items():
            if voice.state is None or now_ns >= voice.until_ns:
                continue
            if among is None or (voice.is_for_circle and peer in among):
                counts[voice.state] += 1
        return counts

    def expire(self, now_ns: int) -> list[PeerId]:
        """Drop what is too old; return whose word expired, by name."""
        if now_ns < self.deadline_ns:
            return []
        silent = []
        deadline_ns = NEVER_NS
        for peer, voice in list(self._voices.items()):
            if voice.state is not None and voice.until_ns <= now_ns:
                voice.state = None
                voice.until_ns = NEVER_NS
                silent.append(peer)
            forget_ns = NEVER_NS
            if not voice.is_linked:
                forget_ns = voice.left_ns + self._config.remembered_ns
            if forget_ns <= now_ns:
                del self._voices[peer]
            else:
                deadline_ns = min(deadline_ns, min(voice.until_ns, forget_ns))
        self.deadline_ns = deadline_ns
        return sorted(silent)

    def _charge(self, voice: _Voice, said: Statement, now_ns: int) -> None:
        """Let a statement pass once per change interval, or a few at once after a silence.

        Withdrawals have an allowance of their own, so that no emotion uses it up.
        """
        config = self._config
        is_emotion = said.state is not None
        due_ns = max(voice.emotion_due_ns if is_emotion else voice.withdrawal_due_ns, now_ns)
        if due_ns - now_ns > (config.burst - 1) * config.change_ns:
            raise Unwelcome("EMO-012", "statements come too fast")
        if is_emotion:
            voice.emotion_due_ns = due_ns + config.change_ns
        else:
            voice.withdrawal_due_ns = due_ns + config.change_ns

    def _make_room(self) -> None:
        """Keep the table bounded: who left first goes first, a neighbour never."""
        if len(self._voices) < self._config.voices_max:
            return
        gone = [(v.left_ns, peer) for peer, v in self._voices.items() if not v.is_linked]
        if gone:
            del self._voices[min(gone)[1]]
