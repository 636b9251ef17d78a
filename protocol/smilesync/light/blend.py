"""A collective pattern and the wearer's own light, mixed; and the fade from one mix to the next.

A fade never runs two moving lights over each other: overlapping crossfades of two slow patterns
reached 4 transitions per second. The outgoing light stops at a turning point, the fade is
monotone, and the incoming light starts from a turning point. Source: SPEC section Rendering,
RND-007 and RND-011.
"""

from dataclasses import dataclass
from typing import Protocol

from smilesync.light.mixing import ONE, mix, smooth
from smilesync.light.palette import Linear

FADE_US_MIN = 2_000_000
SHARE_ONE = 255


class Moving(Protocol):
    """One light over time: a `Motif`, a `Story` or a `Harmony`."""

    @property
    def beat_us(self) -> int:
        """How long one turn of it takes, 0 when steady."""

    def at(self, time_us: int) -> Linear:
        """Return the requested light at `time_us`."""

    def extremum_from(self, time_us: int) -> int:
        """Return the first turning point at or after `time_us`."""


@dataclass(frozen=True, slots=True)
class Blend:
    """What one pixel is asked to show: `share` parts of 255 of `motif`, the rest of `own`.

    Both have the same period, start and offset, or the own light is steady.
    """

    own: Moving
    motif: Moving | None = None
    share: int = 0

    def at(self, time_us: int) -> Linear:
        """Return the requested light at `time_us`."""
        if self.motif is None:
            return self.own.at(time_us)
        return mix(self.own.at(time_us), self.motif.at(time_us), self.share, of=SHARE_ONE)

    def extremum_from(self, time_us: int) -> int:
        """Return the first turning point at or after `time_us`; a steady light always turns."""
        return (self.motif or self.own).extremum_from(time_us)

    @property
    def beat_us(self) -> int:
        """How long one turn takes, 0 when steady."""
        return (self.motif or self.own).beat_us


class Crossfade:
    """The certified fade of a circle's value: every device computes the same one from its fields.

    The outgoing light freezes at its next turning point if that leaves 2 s for the fade, else at
    once; the fade ends `fade_us` after `from_us` at the value of the incoming light's next turning
    point, and waits there until that comes.
    """

    __slots__ = ("_end_us", "_freeze_us", "_goal", "_incoming", "_origin", "_outgoing", "join_us")

    def __init__(self, outgoing: Blend, incoming: Blend, *, from_us: int, fade_us: int) -> None:
        self._outgoing = outgoing
        self._incoming = incoming
        self._end_us = from_us + fade_us
        turn_us = outgoing.extremum_from(from_us)
        self._freeze_us = turn_us if turn_us <= self._end_us - FADE_US_MIN else from_us
        self._origin = outgoing.at(self._freeze_us)
        self.join_us = incoming.extremum_from(self._end_us)
        """From here on the incoming light runs by itself."""
        self._goal = incoming.at(self.join_us)

    def at(self, time_us: int) -> Linear:
        """Return the requested light at `time_us`."""
        if time_us >= self.join_us:
            return self._incoming.at(time_us)
        if time_us < self._freeze_us:
            return self._outgoing.at(time_us)
        duration_us = self._end_us - self._freeze_us
        done = smooth(time_us - self._freeze_us, duration_us)
        return mix(self._origin, self._goal, done, of=ONE)


class Transition:
    """The local fade, for a change that no certificate foresaw: freeze now, then as a crossfade.

    Units:   `begin_us` and progress by the device's own clock, so that it ends even if the circle's
             time stops; `goal` is what the incoming light shows when the wait for it ends.
    """

    __slots__ = ("_begin_us", "_duration_us", "_goal", "_origin", "join_us")

    def __init__(self, origin: Linear, incoming: Blend, *, time_us: int, begin_us: int) -> None:
        def duration_to(goal: Linear) -> int:
            swing = max(abs(a - b) for a, b in zip(origin, goal, strict=True))
            # The steepest point of the fade has 1.5 times its mean slope; 0.5/s is the limit.
            return max(FADE_US_MIN, 3_000_000 * swing // 65535)

        shortest_us = duration_to(incoming.at(incoming.extremum_from(time_us)))
        self.join_us = incoming.extremum_from(time_us + shortest_us)
        """In the incoming light's own time base: when it may run by itself."""
        self._goal = incoming.at(self.join_us)
        self._origin = origin
        self._begin_us = begin_us
        self._duration_us = duration_to(self._goal)

    def is_over(self, time_us: int, local_us: int) -> bool:
        """Say whether the incoming light may run by itself."""
        return time_us >= self.join_us and local_us >= self._begin_us + self._duration_us

    def at(self, local_us: int) -> Linear:
        """Return the requested light while the transition lasts."""
        done = smooth(local_us - self._begin_us, self._duration_us)
        return mix(self._origin, self._goal, done, of=ONE)
