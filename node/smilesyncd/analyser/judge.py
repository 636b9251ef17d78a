"""Judges what one pixel emitted, without knowing how it was made.

Written apart from the governor and sharing no code with it: a fault in the one must not hide in the
other; an import contract keeps it so. It judges strict transitions in every window of 1 s and of
5 s, general and red flashes as WCAG 2.2 defines them (without its exemption for small areas),
flashing that lasts, saturated red, the luminance and channel limits, and the slew.
"""

from dataclasses import dataclass, replace

from smilesyncd.analyser.chains import ROUNDING, ChainCounter, longest_since
from smilesyncd.analyser.flashes import BUSY_NS_MAX, SECOND_NS, ExtendedCounter, RedCounter, Rgb

WINDOWS_NS = (SECOND_NS, 5 * SECOND_NS)

WCAG_TRANSITIONS_MAX = 6
"""Three flashes of two opposing transitions in any one second."""

FALL_PER_S = 2.0
"""A forced fall takes full light to black in half a second or longer."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a trace may contain. Units: luminance and channels of full scale, slew per second.

    `short` and `long` bound the strict transitions in any 1 s and 5 s; a trace with a forced fall
    or a loss of power may have one more: everywhere if `has_falls`, else around those it is told
    of. `lsb` is one code of the sink, `slew_lsb` what quantisation may add to a step. `fall_per_s`
    bounds how fast light may go down. A late frame may move no further than one of `frame_s_max`.
    """

    short: int = 2
    long: int = 6
    floor: float = 0.002
    luminance_max: float = 0.6
    channel_max: float = 1.0
    slew_per_s: float | None = 0.5
    fall_per_s: float | None = 0.5
    frame_s_max: float = 1 / 30
    slew_lsb: float = 6.0
    lsb: float = 1 / 255
    has_falls: bool = False

    def with_fall(self) -> "Limits":
        """Return the limits for a trace that may hold forced falls and losses of power."""
        fall_per_s = None if self.fall_per_s is None else FALL_PER_S
        return replace(self, has_falls=True, fall_per_s=fall_per_s)


@dataclass(frozen=True, slots=True)
class Violation:
    """One limit broken at one time: which, by how much, and what was allowed."""

    time_ns: int
    limit: str
    found: float
    allowed: float


class LightJudge:
    """Judges one pixel's trace sample by sample. Feed linear light in the order of time."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        limits = self._limits
        self._strict = ChainCounter(
            limits.long + 2, WINDOWS_NS[1], floor=limits.floor, is_wcag=False
        )
        self._wcag = ChainCounter(WCAG_TRANSITIONS_MAX + 1, WINDOWS_NS[0], floor=0.0, is_wcag=True)
        self._red = RedCounter()
        self._extended = ExtendedCounter()
        self._fell_ns: int | None = None
        self._before: tuple[int, Rgb] | None = None
        self._is_held = False
        self._violations: list[Violation] = []
        self.worst = [0, 0]
        """Most strict transitions found in any 1 s and in any 5 s, up to two beyond the limit."""

    def add(self, time_ns: int, light: Rgb, *, is_falling: bool = False) -> list[Violation]:
        """Take one emitted frame; return the limits it breaks.

        `is_falling` while a forced fall is under way: a window that holds one may have one strict
        transition more, and light may go down faster.
        """
        if is_falling:
            self._fell_ns = time_ns
        if self._before is not None and self._before[1] == light:
            # An unchanged frame only lets chains begin later; it breaks nothing by itself.
            self._before = (time_ns, light)
            self._is_held = True
            return []
        self._release()
        luminance = luminance_of(light)
        first = len(self._violations)
        self._judge_gamut(time_ns, light, luminance)
        self._judge_slew(time_ns, light, is_falling=is_falling)
        self._judge_counts(time_ns, luminance)
        self._judge_flashes(time_ns, light, luminance)
        self._before = (time_ns, light)
        return self._violations[first:]

    def lost_power(self, time_ns: int) -> list[Violation]:
        """Say that the light went out by itself: no slew is judged, the transition is counted."""
        self._release()
        self._before = None
        return self.add(time_ns, (0.0, 0.0, 0.0), is_falling=True)

    def finish(self) -> tuple[Violation, ...]:
        """Return every violation of the trace."""
        return tuple(self._violations)

    def _release(self) -> None:
        """Let chains begin at the last of the unchanged frames: the latest is as good as all."""
        if self._is_held and self._before is not None:
            time_ns, light = self._before
            self._strict.add(time_ns, luminance_of(light))
            self._wcag.add(time_ns, luminance_of(light))
        self._is_held = False

    def _judge_gamut(self, time_ns: int, light: Rgb, luminance: float) -> None:
        limits = self._limits
        red, green, blue = light
        if red > 3 * (green + blue) + ROUNDING:
            self._break(time_ns, "red-share", red / (red + green + blue), 0.75)
        if luminance > limits.luminance_max + ROUNDING:
            self._break(time_ns, "luminance", luminance, limits.luminance_max)
        if max(light) > limits.channel_max + ROUNDING:
            self._break(time_ns, "channel", max(light), limits.channel_max)
        if min(light) < 0:
            self._break(time_ns, "negative", min(light), 0.0)

    def _judge_slew(self, time_ns: int, light: Rgb, *, is_falling: bool) -> None:
        if self._before is None:
            return
        limits = self._limits
        before_ns, before = self._before
        seconds = min((time_ns - before_ns) / SECOND_NS, limits.frame_s_max)
        slack = limits.slew_lsb * limits.lsb + ROUNDING
        for was, is_now in zip(before, light, strict=True):
            rate = limits.slew_per_s if is_now > was else limits.fall_per_s
            if is_falling and rate is not None and is_now < was:
                rate = FALL_PER_S
            if rate is not None and abs(is_now - was) > rate * seconds + slack:
                self._break(time_ns, "slew", abs(is_now - was), rate * seconds + slack)

    def _judge_counts(self, time_ns: int, luminance: float) -> None:
        limits = self._limits
        begins = self._strict.add(time_ns, luminance)
        allowed = (limits.short, limits.long)
        for place, (window_ns, most) in enumerate(zip(WINDOWS_NS, allowed, strict=True)):
            count = longest_since(begins, time_ns - window_ns)
            self.worst[place] = max(self.worst[place], count)
            most += limits.has_falls or self._has_fallen(time_ns - window_ns)
            if count > most:
                self._break(time_ns, ("strict-1s", "strict-5s")[place], count, most)
        count = longest_since(self._wcag.add(time_ns, luminance), time_ns - WINDOWS_NS[0])
        if count > WCAG_TRANSITIONS_MAX:
            self._break(time_ns, "wcag-general-1s", count, WCAG_TRANSITIONS_MAX)

    def _has_fallen(self, since_ns: int) -> bool:
        return self._fell_ns is not None and self._fell_ns >= since_ns

    def _judge_flashes(self, time_ns: int, light: Rgb, luminance: float) -> None:
        flashes = self._red.add(time_ns, light)
        if flashes > WCAG_TRANSITIONS_MAX:
            self._break(time_ns, "wcag-red-1s", flashes, WCAG_TRANSITIONS_MAX)
        busy_ns = self._extended.add(time_ns, luminance)
        if busy_ns >= BUSY_NS_MAX:
            self._break(time_ns, "extended-5s", busy_ns / SECOND_NS, BUSY_NS_MAX / SECOND_NS)

    def _break(self, time_ns: int, limit: str, found: float, allowed: float) -> None:
        self._violations.append(Violation(time_ns, limit, found, allowed))


def luminance_of(light: Rgb) -> float:
    """Return the relative luminance of linear light (ITU-R BT.709)."""
    return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2]
