"""The fallback ladder: what a device shows when it loses the circle, its neighbours, its wearer.

COMMITTED > HOLD > HARMONY > SOLO > GLOW, and OFF by the wearer's button. Every step down is by
the own clock and needs no message; every step up follows by itself. Source: SPEC section Ladder.
"""

from dataclasses import dataclass

from smilesync.commands import Switch
from smilesync.effects import Rung

NEVER_NS = 2**62 - 1


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the rung depends on. Times in local ns; a time in the past means `no longer`.

    `quorum_until_ns`: q voters count as heard until then. `company_until_ns`: some neighbour does.
    """

    is_selected: bool
    is_held: bool
    quorum_until_ns: int
    company_until_ns: int
    switches: Switch
    is_off: bool


class Ladder:
    """Finds the rung and when it may change by time alone."""

    __slots__ = ("_alone_since_ns", "_deadline_ns", "_glow_after_ns", "rung")

    def __init__(self, glow_after_ns: int, now_ns: int) -> None:
        self.rung = Rung.SOLO
        self._glow_after_ns = glow_after_ns
        self._alone_since_ns = now_ns
        self._deadline_ns = NEVER_NS

    def input(self, now_ns: int) -> None:
        """The wearer did something: the way from SOLO to GLOW starts again."""
        self._alone_since_ns = now_ns

    def update(self, around: Surroundings, now_ns: int) -> Rung:
        """Return the rung now."""
        self.rung = self._find(around, now_ns)
        if self.rung <= Rung.HARMONY:
            self._alone_since_ns = now_ns
        left_ns = min(
            _coming_ns(around.quorum_until_ns, now_ns), _coming_ns(around.company_until_ns, now_ns)
        )
        glow_ns = self._alone_since_ns + self._glow_after_ns
        self._deadline_ns = min(left_ns, _coming_ns(glow_ns, now_ns))
        return self.rung

    def deadline_ns(self) -> int:
        """Return when to update at the latest."""
        return self._deadline_ns

    def _find(self, around: Surroundings, now_ns: int) -> Rung:
        if around.is_off:
            return Rung.OFF
        if Switch.SHOW not in around.switches:
            return Rung.GLOW
        if around.is_selected:
            return Rung.COMMITTED if now_ns < around.quorum_until_ns else Rung.HOLD
        if around.is_held:
            return Rung.HOLD
        if Switch.COLLECTIVE in around.switches and now_ns < around.company_until_ns:
            return Rung.HARMONY
        is_forgotten = now_ns - self._alone_since_ns >= self._glow_after_ns
        return Rung.GLOW if is_forgotten else Rung.SOLO


def _coming_ns(change_ns: int, now_ns: int) -> int:
    return change_ns if change_ns > now_ns else NEVER_NS
