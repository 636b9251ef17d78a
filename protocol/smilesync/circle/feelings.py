"""What people of the circle feel, as they signed it for the circle's voters: the newest of each.

A word names the circle and the circle time at which it was made, so nobody can replay it, stretch
it, or use it elsewhere; who knows no such word of somebody knows nothing of them. Of people whom
nobody admitted only so many are kept, drawn by lot anew every few minutes, so that a crowd of any
size costs the same. A withdrawal is kept as long as any word that it takes back could live.
Source: SPEC section Inputs (INP-011 to INP-016).
"""

import hashlib
from collections.abc import Callable, Container, Sequence
from typing import NamedTuple

from smilesync.config import FeelingConfig
from smilesync.errors import Unauthentic
from smilesync.ids import CircleId, PeerId
from smilesync.keys import Signer, Verifier
from smilesync.wire import cbor
from smilesync.wire.envelope import Domain, signed_bytes
from smilesync.wire.messages import Feeling

NEVER_NS = 2**62 - 1
NS_PER_US = 1_000
TURN_BITS = 28
"""A draw holds for 2**28 us of circle time, some four and a half minutes."""
ADMITTED = -1
"""The lot of who need not be drawn."""


def _for_nothing(feeling: Feeling) -> None:
    """Let every word be checked."""


class Present(NamedTuple):
    """Local ns, and circle us (None: not SYNCED)."""

    now_ns: int
    circle_us: int | None


class Word:
    """The newest thing that somebody said, until when it counts, and whom it was passed on to."""

    __slots__ = ("feeling", "lot", "served", "until_ns")

    def __init__(self, feeling: Feeling, lot: int, until_ns: int) -> None:
        self.feeling = feeling
        self.lot = lot
        self.until_ns = until_ns
        self.served = 0


class Feelings:
    """The words held, by who said them: of the admitted, of the drawn, and withdrawals."""

    __slots__ = ("_circle", "_config", "_deadline_ns", "_verifier", "_words", "revision")

    def __init__(self, config: FeelingConfig, circle: CircleId, verifier: Verifier) -> None:
        self._config = config
        self._circle = circle
        self._verifier = verifier
        self._words: dict[PeerId, Word] = {}
        self._deadline_ns = NEVER_NS
        self.revision = 0
        """Grows whenever what is held changes."""

    def __len__(self) -> int:
        return len(self._words)

    def take(
        self,
        feelings: Sequence[Feeling],
        present: Present,
        admitted: Container[PeerId],
        pay: Callable[[Feeling], None] = _for_nothing,
    ) -> list[Feeling]:
        """Take what verifies and is new; returns what is to go on, with whom it is to go on to.

        What is too old, too early, known or not drawn is passed over. `pay` is called before each
        signature is checked, and may refuse. Errors: Unauthentic; nothing has changed then.
        """
        self.expire(present.now_ns)
        fresh: dict[PeerId, Word] = {}
        for feeling in feelings:
            word = self._judge(feeling, present, admitted)
            if word is not None and feeling.signer not in fresh:
                pay(feeling)
                self._verify(feeling)
                fresh[feeling.signer] = word
        for signer, word in fresh.items():
            self._keep(signer, word)
        return [going for one in feelings if (going := self._going(one)) is not None]

    def holds(self, feeling: Feeling) -> bool:
        """Is this still the newest word of its signer?"""
        word = self._words.get(feeling.signer)
        return word is not None and word.feeling.sequence == feeling.sequence

    def states(
        self, now_ns: int, admitted: Container[PeerId], expelled: Container[PeerId]
    ) -> tuple[list[int], list[int]]:
        """Return what is felt by the admitted, and by all others; the expelled are not asked."""
        inside: list[int] = []
        others: list[int] = []
        for signer, word in self._words.items():
            state = word.feeling.state
            if state is not None and now_ns < word.until_ns and signer not in expelled:
                (inside if signer in admitted else others).append(state)
        return inside, others

    def turn(self) -> None:
        """The voters are others: what was passed on to them by index is forgotten."""
        for word in self._words.values():
            word.served = 0

    def expire(self, now_ns: int) -> None:
        """Drop what is too old."""
        if now_ns < self._deadline_ns:
            return
        live = {who: word for who, word in self._words.items() if now_ns < word.until_ns}
        self._words = live
        self._deadline_ns = min((word.until_ns for word in live.values()), default=NEVER_NS)
        self.revision += 1

    def deadline_ns(self) -> int:
        """Return when something is too old."""
        return self._deadline_ns

    def _judge(
        self, feeling: Feeling, present: Present, admitted: Container[PeerId]
    ) -> Word | None:
        """Return the word that this would be if it verified, None if it is not for here."""
        held = self._words.get(feeling.signer)
        if held is not None and feeling.sequence <= held.feeling.sequence:
            return None
        until_ns = self._until_ns(feeling, present)
        lot = ADMITTED
        if feeling.signer not in admitted:
            lot = lot_of(self._circle, feeling)
        if feeling.state is None:
            if held is not None:
                until_ns = max(until_ns, held.until_ns)
            elif until_ns <= present.now_ns or not self._has_place_for_withdrawal(lot):
                return None
            return Word(feeling, lot, until_ns)
        if until_ns <= present.now_ns or (held is not None and self._is_hasty(feeling, held)):
            return None
        return Word(feeling, lot, until_ns) if self._is_drawn(feeling.signer, lot) else None

    def _until_ns(self, feeling: Feeling, present: Present) -> int:
        """Return until when it counts, the past if it does not; a withdrawal needs no clock."""
        config, now_us = self._config, present.circle_us
        if now_us is None:
            left_us = config.lifetime_us if feeling.state is None else 0
        elif feeling.state is not None and feeling.made_us > now_us + config.ahead_us:
            left_us = 0
        else:
            left_us = min(config.lifetime_us, feeling.made_us + config.lifetime_us - now_us)
        return present.now_ns + left_us * NS_PER_US

    def _is_hasty(self, feeling: Feeling, held: Word) -> bool:
        return feeling.made_us < held.feeling.made_us + self._config.pace_us

    def _has_place_for_withdrawal(self, lot: int) -> bool:
        states = [word.feeling.state for word in self._words.values() if word.lot != ADMITTED]
        return lot == ADMITTED or states.count(None) < self._config.withdrawn_max

    def _is_drawn(self, signer: PeerId, lot: int) -> bool:
        """Is there a place for it, or a word with a higher lot that gives way?

        Withdrawals never give way: while there are very many, nobody else is drawn.
        """
        if lot == ADMITTED:
            return True
        config = self._config
        lots = [lot for who, lot in self._drawn() if who != signer]
        if len(lots) >= config.drawn_max:
            return lot < max(lots)
        strangers = sum(word.lot != ADMITTED for word in self._words.values())
        return signer in self._words or strangers < config.drawn_max + config.withdrawn_max

    def _drawn(self) -> list[tuple[PeerId, int]]:
        return [
            (who, word.lot)
            for who, word in self._words.items()
            if word.lot != ADMITTED and word.feeling.state is not None
        ]

    def _verify(self, feeling: Feeling) -> None:
        data = _signed(self._circle, feeling.sequence, feeling.state, feeling.made_us)
        if not self._verifier.verify(feeling.signer, data, feeling.signature):
            raise Unauthentic("INP-011", "a feeling does not verify")

    def _keep(self, signer: PeerId, word: Word) -> None:
        self._words[signer] = word
        self.revision += 1
        self._deadline_ns = min(self._deadline_ns, word.until_ns)
        drawn = self._drawn()
        if len(drawn) > self._config.drawn_max:
            last, _ = max(drawn, key=lambda one: one[1])
            del self._words[last]

    def _going(self, feeling: Feeling) -> Feeling | None:
        """Return the word as held, for those voters that it was not passed on to from here."""
        word = self._words.get(feeling.signer)
        if word is None or word.feeling.sequence != feeling.sequence:
            return None
        voters = feeling.voters & ~word.served
        word.served |= voters
        return word.feeling._replace(voters=voters) if voters else None


def sign(
    signer: Signer, circle: CircleId, sequence: int, state: int | None, made_us: int
) -> Feeling:
    """Return the word of `signer`, to nobody yet; `state` None withdraws what was said before."""
    signature = signer.sign(_signed(circle, sequence, state, made_us))
    return Feeling(0, PeerId(signer.public), sequence, state, made_us, signature)


def lot_of(circle: CircleId, feeling: Feeling) -> int:
    """Return the lot of somebody whom nobody admitted; the lowest are drawn."""
    turn = (feeling.made_us >> TURN_BITS).to_bytes(8, "big")
    digest = hashlib.sha256(b"".join((Domain.LOT, b"\0", circle, turn, feeling.signer)))
    return int.from_bytes(digest.digest()[:8], "big")


def _signed(circle: CircleId, sequence: int, state: int | None, made_us: int) -> bytes:
    felt: dict[int, cbor.CborValue] = {} if state is None else {2: state}
    body = cbor.encode({1: sequence, **felt, 3: made_us})
    return signed_bytes(Domain.FEELING, body, circle=circle)
