"""A sensor's hint of arousal, which only the wearer can turn into light.

The hint never says how pleasant something is: no sensor knows. Accepting keeps the wearer's own
side of that axis; from the middle it takes the pleasant side, named in the question, so that the
wearer decides with open eyes. What is accepted is displayed and never shared. SPEC EMO-030 ff.
"""

from dataclasses import dataclass

from smilesync.commands import EmotionState
from smilesync.config import EmotionConfig

_ACTIVATED = {
    EmotionState.CALM: EmotionState.EXCITED,
    EmotionState.NEUTRAL: EmotionState.EXCITED,
    EmotionState.LOW: EmotionState.HIGH,
}
_SETTLED = {
    EmotionState.EXCITED: EmotionState.CALM,
    EmotionState.NEUTRAL: EmotionState.CALM,
    EmotionState.HIGH: EmotionState.LOW,
}
_LONG_AGO_NS = -(2**62)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What the wearer is asked: display `state`? Unanswered, it is gone at `until_ns`."""

    state: EmotionState
    until_ns: int


class Suggestions:
    """At most one open question, and not a new one too soon after the last."""

    __slots__ = ("_config", "_offered_ns", "pending")

    def __init__(self, config: EmotionConfig) -> None:
        self._config = config
        self._offered_ns = _LONG_AGO_NS
        self.pending: Suggestion | None = None

    def offer(self, state: EmotionState, now_ns: int, *, activated: bool) -> bool:
        """Ask whether to go from `state` where arousal points; return whether a question is new.

        A hint too soon after the last question, or that changes nothing, is dropped.
        """
        target = (_ACTIVATED if activated else _SETTLED).get(state)
        if target is None or now_ns - self._offered_ns < self._config.suggestion_dwell_ns:
            return False
        if self.pending is not None and self.pending.state == target:
            return False
        self._offered_ns = now_ns
        self.pending = Suggestion(target, now_ns + self._config.suggestion_lifetime_ns)
        return True

    def take(self, now_ns: int) -> Suggestion | None:
        """Close the open question and return it, None if there is none in time."""
        pending = self.pending
        self.pending = None
        return pending if pending is not None and now_ns < pending.until_ns else None

    def expire(self, now_ns: int) -> bool:
        """Drop a question that nobody answered; return whether there was one."""
        if self.pending is None or now_ns < self.pending.until_ns:
            return False
        self.pending = None
        return True
