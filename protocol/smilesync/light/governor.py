"""The last stage before the eyes: whatever drives it, its output cannot flash.

For every pixel and for the mean of all, as every observer sees them, any window of 1 s holds at
most 2 strict transitions of luminance and any window of 5 s at most 6; 3 and 7 across a forced fall
or a loss of power. Red never exceeds three quarters of the light. Nothing after this stage changes
a value.

A frame passes these steps: make it numbers, cover red, scale to the caps, take one bounded step
towards it along a straight line, turn that into codes, hold pixels whose trackers refuse, hold the
frame if the mean's tracker refuses. The set of allowed values is convex and constant, so a step
towards an allowed value never leaves it; this is why there is one step length per pixel and none
per channel. Source: SPEC section Governor; the proof is in the notes there.

    governor = Governor(zones, new_sink(Transfer.UNKNOWN), LightConfig(), now_ns)
    codes = governor.step(request, now_ns)      # linear light in, codes to emit now out

`step` is total: any floats, any number of pixels, any clock, any rate. Emit what it returns, at
once and whole, or nothing; call it at least 30 times a second, also when no request came (ask for
the last one again, or for black). A frame that was lost on its way needs no word to the governor.
`set_off`, `fall` and `set_cap` may be called between any two steps; `is_dark` tells when a fall has
ended, and with it when an output may be closed. A start, and nothing else, makes a new governor.

All zones go through one plain path. It was measured against the need (`make bench-light`): what
costs is a zone whose codes change, and a zone that rests skips its trackers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from smilesync.config import SECOND_NS, LightConfig
from smilesync.errors import LocalError
from smilesync.light.caps import Cap, Caps
from smilesync.light.sink import Codes, Sink
from smilesync.light.tracker import Tracker, luminance_floor

Light = tuple[float, float, float]
"""Linear red, green, blue; full scale is 1."""

RED_SHARE_MAX = 0.75
LUMA_RED, LUMA_GREEN, LUMA_BLUE = 0.2126, 0.7152, 0.0722
BLACK: Light = (0.0, 0.0, 0.0)


def luminance(light: Light) -> float:
    """Return the relative luminance of linear light."""
    red, green, blue = light
    return LUMA_RED * red + LUMA_GREEN * green + LUMA_BLUE * blue


class Shown(NamedTuple):
    """One pixel in one frame: where it is, its codes, their luminance for every observer."""

    light: Light
    codes: Codes
    lumas: tuple[float, ...]


@dataclass(slots=True)
class Fall:
    """A forced fall under way: the gain goes from 1 to `goal` as `progress` goes from 0 to 1.

    `is_locking` when the off button asked for it: then the dark lasts for the lockout.
    """

    origin: tuple[Light, ...]
    goal: float
    progress: float = 0.0
    is_locking: bool = False


class Governor:
    """Limits one output of `zones` pixels. Local monotonic time; >= 30 frames/s expected.

    A new governor is a restarted device: dark for five seconds, whatever it showed before.
    LocalError when `config` is looser than the published limits; stricter is welcome.
    """

    def __init__(self, zones: int, sink: Sink, config: LightConfig, now_ns: int) -> None:
        assert zones >= 1
        _refuse_looser(config)
        self._sink = sink
        self._config = config
        self._now_ns = now_ns
        self._caps = Caps(config.luminance_max, config.cap_slew_per_s)
        self._channel_max = sink.channel_max(zones)
        floor = luminance_floor(config.peak_cd_m2)
        observers = len(sink.observers)
        dark = Shown(BLACK, (0, 0, 0), (0.0,) * observers)
        self._shown = [dark] * zones
        self._trackers = [[Tracker(floor, now_ns) for _ in range(observers)] for _ in range(zones)]
        # The mean of one pixel is that pixel; its trackers would only repeat the pixel's verdicts.
        self._mean_trackers = [Tracker(floor, now_ns) for _ in range(observers if zones > 1 else 0)]
        self._fall: Fall | None = None
        self._falls_now = False
        self._is_off = False
        self._dark_until_ns = now_ns
        self._over_cap_since_ns: int | None = None
        self._is_latched = False

    @property
    def codes(self) -> tuple[Codes, ...]:
        """What was emitted last."""
        return tuple(pixel.codes for pixel in self._shown)

    @property
    def is_dark(self) -> bool:
        """True when nothing is lit and no fall is under way."""
        return self._fall is None and all(pixel.codes == (0, 0, 0) for pixel in self._shown)

    @property
    def is_falling(self) -> bool:
        """True while a forced fall is under way: ask after `step`, about the frame it returned."""
        return self._falls_now

    @property
    def is_latched(self) -> bool:
        """True after the current exceeded its budget: dark until the device restarts."""
        return self._is_latched

    def light_of(self, codes: Codes) -> Light:
        """Return the linear light the sink makes of `codes`, as its first observer sees it."""
        table = self._sink.observers[0]
        return table[codes[0]], table[codes[1]], table[codes[2]]

    def set_cap(self, cap: Cap, luminance_max: float) -> None:
        """Let a dynamic cap (night, heat, battery) move towards `luminance_max`."""
        self._caps.aim(cap, luminance_max)

    def set_off(self, is_off: bool, now_ns: int) -> None:
        """Press or release the off button; pressing falls at once, releasing waits out 2 s."""
        if is_off and not self._is_off:
            self._fall_to_black(now_ns).is_locking = True
        self._is_off = is_off

    def fall(self, now_ns: int) -> None:
        """Let all light go down to black over half a second, whatever the trackers allow."""
        self._fall_to_black(now_ns)

    def step(self, request: Sequence[Light], now_ns: int) -> tuple[Codes, ...]:
        """Emit the frame nearest to `request` that is allowed at `now_ns`.

        Shapes:  one linear colour per zone; any floats, NaN and infinities included. Zones that
                 `request` does not reach are asked to be black, what it has beyond them is nothing.
        Units:   `now_ns` should not decrease; if it does, it stands still.
        """
        zones = len(self._shown)
        if len(request) != zones:
            request = [*request[:zones], *[BLACK] * (zones - len(request))]
        now_ns = max(now_ns, self._now_ns)
        seconds = self._seconds(now_ns - self._now_ns)
        self._now_ns = now_ns
        self._caps.move(seconds)
        if self._fall is None and self._exceeds_cap(now_ns):
            self._begin_fall(self._caps.now / self._brightest())
        if self._fall is None:
            frame = self._governed(request, seconds)
            if self._is_over_budget(frame):
                self._is_latched = True
                self._begin_fall(0.0)
        self._falls_now = self._fall is not None
        if self._fall is not None:
            frame = self._fallen(self._fall, seconds)
        self._emit(frame, now_ns)
        return self.codes

    def _seconds(self, elapsed_ns: int) -> float:
        """A late frame moves no further than one frame: a gap must not become a jump."""
        return min(elapsed_ns, self._config.step_ns_max) / SECOND_NS

    def _governed(self, request: Sequence[Light], seconds: float) -> list[Shown]:
        if self._is_off or self._is_latched or self._now_ns < self._dark_until_ns:
            request = [BLACK] * len(self._shown)
        frame = [
            self._pixel(zone, before, wanted, seconds)
            for zone, (before, wanted) in enumerate(zip(self._shown, request, strict=True))
        ]
        return self._hold_mean(frame) if self._mean_trackers else frame

    def _pixel(self, zone: int, before: Shown, wanted: Light, seconds: float) -> Shown:
        """Return what a pixel would show: a step towards `wanted`, or what it shows already."""
        wanted = self._scale(self._cover_red(self._sanitise(wanted)))
        light = self._advance(before.light, wanted, seconds)
        codes = self._sink.quantise(*light)
        if codes == before.codes:
            return Shown(light, codes, before.lumas)
        after = Shown(light, codes, self._lumas(codes))
        return after if self._admits(self._trackers[zone], after.lumas) else before

    def _sanitise(self, wanted: Light) -> Light:
        red, green, blue = wanted
        if 0.0 <= red <= 1.0 and 0.0 <= green <= 1.0 and 0.0 <= blue <= 1.0:
            return wanted
        return _clip(red), _clip(green), _clip(blue)

    def _cover_red(self, wanted: Light) -> Light:
        """Add equal green and blue until red is no more than three quarters of the light."""
        red, green, blue = wanted
        total = red + green + blue
        if red <= RED_SHARE_MAX * total:
            return wanted
        cover = (red / RED_SHARE_MAX - total) / 2
        return red, green + cover, blue + cover

    def _scale(self, wanted: Light) -> Light:
        """Scale all channels by one factor, so that the caps hold and the colour stays."""
        luma = luminance(wanted)
        gain = 1.0
        if luma > self._caps.now:
            gain = self._caps.now / luma
        brightest = max(wanted)
        if brightest * gain > self._channel_max:
            gain = self._channel_max / brightest
        if gain == 1.0:
            return wanted
        red, green, blue = wanted
        return red * gain, green * gain, blue * gain

    def _advance(self, light: Light, wanted: Light, seconds: float) -> Light:
        """Move along the straight line to `wanted`: one step length for all three channels."""
        red, green, blue = light
        by_red, by_green, by_blue = wanted[0] - red, wanted[1] - green, wanted[2] - blue
        distance = max(abs(by_red), abs(by_green), abs(by_blue))
        if distance == 0.0:
            return light
        share = self._share(distance, seconds)
        return red + share * by_red, green + share * by_green, blue + share * by_blue

    def _share(self, distance: float, seconds: float) -> float:
        config = self._config
        share = min(1.0, config.slew_per_s * seconds / distance)
        if config.is_low_pass:
            share = min(share, seconds / (seconds + config.low_pass_s))
        return share

    def _lumas(self, codes: Codes) -> tuple[float, ...]:
        red, green, blue = codes
        return tuple(
            LUMA_RED * table[red] + LUMA_GREEN * table[green] + LUMA_BLUE * table[blue]
            for table in self._sink.observers
        )

    def _admits(self, trackers: Sequence[Tracker], lumas: Sequence[float]) -> bool:
        """Say whether every observer's tracker lets this luminance be shown now."""
        now_ns, jitter_ns = self._now_ns, self._config.jitter_ns
        return all(
            not tracker.would_confirm(luma) or tracker.is_permitted(now_ns, jitter_ns)
            for tracker, luma in zip(trackers, lumas, strict=True)
        )

    def _hold_mean(self, frame: list[Shown]) -> list[Shown]:
        """Hold the pixels that move against a refusing mean tracker, and if need be the frame."""
        means, held = _means(frame), frame
        for observer, tracker in enumerate(self._mean_trackers):
            if not self._admits((tracker,), (means[observer],)):
                held = [
                    before
                    if tracker.opposes(before.lumas[observer], after.lumas[observer])
                    else after
                    for before, after in zip(self._shown, held, strict=True)
                ]
        # The frame before confirms for no tracker, so keeping all of it is always allowed.
        if held is frame or self._admits(self._mean_trackers, _means(held)):
            return held
        return list(self._shown)

    def _emit(self, frame: list[Shown], now_ns: int) -> None:
        for trackers, before, pixel in zip(self._trackers, self._shown, frame, strict=True):
            # A tracker that has seen a luminance learns nothing from seeing it again.
            if pixel.codes != before.codes:
                for tracker, luma in zip(trackers, pixel.lumas, strict=True):
                    tracker.observe(luma, now_ns)
        self._shown = frame
        if self._mean_trackers:
            for tracker, luma in zip(self._mean_trackers, _means(frame), strict=True):
                tracker.observe(luma, now_ns)

    def _fall_to_black(self, now_ns: int) -> Fall:
        """Return the fall to black under way, begun now if there was none."""
        self._now_ns = max(self._now_ns, now_ns)
        if self._fall is None or self._fall.goal > 0.0:
            return self._begin_fall(0.0)
        return self._fall

    def _begin_fall(self, goal: float) -> Fall:
        self._fall = Fall(tuple(pixel.light for pixel in self._shown), goal)
        self._over_cap_since_ns = None
        return self._fall

    def _fallen(self, fall: Fall, seconds: float) -> list[Shown]:
        """Return the next frame of a fall: every pixel scaled down by the same factor."""
        fall.progress = min(1.0, fall.progress + seconds * SECOND_NS / self._config.fall_ns)
        gain = 1.0 - fall.progress * (1.0 - fall.goal)
        frame = []
        for red, green, blue in fall.origin:
            light = red * gain, green * gain, blue * gain
            codes = self._sink.quantise(*light)
            frame.append(Shown(light, codes, self._lumas(codes)))
        if fall.progress == 1.0:
            self._fall = None
            if fall.is_locking:
                self._dark_until_ns = self._now_ns + self._config.lockout_ns
        return frame

    def _brightest(self) -> float:
        return max(luma for pixel in self._shown for luma in pixel.lumas)

    def _exceeds_cap(self, now_ns: int) -> bool:
        """Say whether the light stood above a dynamic cap for longer than patience allows.

        The margin is what the low-pass lags behind a cap that moves at its own pace.
        """
        config = self._config
        if not self._caps.are_lowered or self._brightest() <= self._caps.now + config.cap_margin:
            self._over_cap_since_ns = None
            return False
        if self._over_cap_since_ns is None:
            self._over_cap_since_ns = now_ns
        return now_ns - self._over_cap_since_ns > config.cap_patience_ns

    def _is_over_budget(self, frame: list[Shown]) -> bool:
        """Say whether a frame draws too much: impossible by the static cap, so it is a bug."""
        budget_ma = self._sink.budget_ma
        if budget_ma is None:
            return False
        return self._sink.current_ma(tuple(pixel.codes for pixel in frame)) > budget_ma


def _refuse_looser(config: LightConfig) -> None:
    """Raise LocalError for a configuration under which the published bound would not hold."""
    published = LightConfig()
    no_more = (
        "slew_per_s",
        "luminance_max",
        "step_ns_max",
        "cap_slew_per_s",
        "cap_margin",
        "cap_patience_ns",
    )
    no_less = ("jitter_ns", "fall_ns", "lockout_ns")
    looser = [name for name in no_more if getattr(config, name) > getattr(published, name)]
    looser += [name for name in no_less if getattr(config, name) < getattr(published, name)]
    if looser:
        raise LocalError(f"looser than the light limits of the specification: {looser}")


def _clip(value: float) -> float:
    """Return `value` inside [0, 1]; what is no finite number becomes 0."""
    if 0.0 <= value <= 1.0:
        return value
    return 1.0 if 1.0 < value < float("inf") else 0.0


def _means(frame: Sequence[Shown]) -> list[float]:
    """Return the mean luminance for every observer, summed in the order of the zones.

    One addition after the other, as the text says: from Python 3.12 on, `sum` of floats carries a
    correction, and two devices would not emit the same codes.
    """
    totals = [0.0] * len(frame[0].lumas)
    for pixel in frame:
        for observer, luma in enumerate(pixel.lumas):
            totals[observer] += luma
    return [total / len(frame) for total in totals]
