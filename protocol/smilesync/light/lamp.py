"""One wearable's light: scenes in, governed frames out.

The lamp decides what is asked for; the governor decides what is shown. A change that the circle
foresaw (a value with a previous pattern) fades as the value says; any other change freezes what is
asked for and fades over at least two seconds. Off and withdrawn consent do not fade: they fall.
Source: SPEC section Rendering, RND-011 to RND-015.
"""

from dataclasses import dataclass, replace

from smilesync.config import LightConfig
from smilesync.effects import Rung, Scene
from smilesync.light.blend import Blend, Crossfade, Transition
from smilesync.light.composition import Position, Source, compose, pattern_source, source_of
from smilesync.light.design import Design, standard
from smilesync.light.governor import Governor, Light
from smilesync.light.improvisation import Improvisation
from smilesync.light.palette import LINEAR_MAX, Linear
from smilesync.light.render import Gamut
from smilesync.light.sink import Codes, Sink

BLACK: Linear = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as emitted: codes and their light per zone, and what was asked for.

    Units:   `now_ns` local, `circle_us` circle time or None; `light` linear, full scale 1;
             `wanted` linear, full scale 65535.
    """

    now_ns: int
    rung: Rung
    slot: int
    is_selected: bool
    circle_us: int | None
    codes: tuple[Codes, ...]
    light: tuple[Light, ...]
    wanted: tuple[Linear, ...]


class Lamp:
    """Draws scenes for zones at fixed positions, None where nobody knows.

    Call `frame` at least 30 times a second.
    """

    def __init__(
        self,
        config: LightConfig,
        positions_cm: tuple[Position | None, ...],
        *,
        sink: Sink,
        now_ns: int,
    ) -> None:
        zones = len(positions_cm)
        self.governor = Governor(zones, sink, config, now_ns)
        self._config = config
        self._positions_cm = positions_cm
        self._gamut = Gamut(
            luminance_max=int(config.luminance_max * LINEAR_MAX),
            channel_max=int(sink.channel_max(zones) * LINEAR_MAX),
        )
        self._design: Design | None = None
        self._played: Improvisation | None = None
        self._scene: Scene | None = None
        self._read_source = Source(Rung.OFF)
        self._read_until_us: int | None = None
        self._source = self._read_source
        self._blends = self._compose(self._source)
        self._crossfades: tuple[Crossfade, ...] = ()
        self._transitions: tuple[Transition, ...] = ()
        self._wanted: tuple[Linear, ...] = (BLACK,) * zones
        self._fall_count: int | None = None
        self._now_ns = now_ns
        self._time_us = now_ns // 1000
        self._switched_ns: int | None = None

    def wear(self, design: Design | None) -> None:
        """Show the wearer's own design from the next frame on, None for the standard one."""
        self._design, self._scene = design, None

    def play(self, state: int, now_ns: int) -> Improvisation:
        """Begin an improvisation, from how the design shows `state`; it ends by itself."""
        design = self._design or standard(self._config)
        self._played = Improvisation(design, state, gamut=self._gamut, now_ns=now_ns)
        self._scene = None
        return self._played

    def stop_playing(self) -> None:
        """Go back to what the scene says."""
        self._played, self._scene = None, None

    @property
    def is_playing(self) -> bool:
        """Whether an improvisation is shown."""
        return self._played is not None

    def frame(self, scene: Scene, now_ns: int) -> Frame:
        """Return the frame to emit at `now_ns` for `scene`; `now_ns` never decreases."""
        self._end_play_if_over(scene, now_ns)
        circle_us = None if scene.timeline is None else scene.timeline.at(now_ns)
        source = self._read(scene, circle_us)
        local_us = now_ns // 1000
        time_us = local_us if source.pattern is None or circle_us is None else circle_us
        is_falling = self._fall_if_told(scene, now_ns)
        if is_falling or source != self._source:
            if is_falling or self._may_switch(source, now_ns):
                self._switch(scene, source, time_us=time_us, now_ns=now_ns, is_falling=is_falling)
        elif self._has_jumped(time_us, now_ns):
            self._begin_transition(self._wanted, time_us=time_us, begin_us=local_us)
        self._now_ns, self._time_us = now_ns, time_us
        self._wanted = self._draw(time_us, local_us)
        codes = self.governor.step(
            tuple((r / LINEAR_MAX, g / LINEAR_MAX, b / LINEAR_MAX) for r, g, b in self._wanted),
            now_ns,
        )
        return Frame(
            now_ns=now_ns,
            rung=scene.rung,
            slot=scene.slot,
            is_selected=scene.is_selected,
            circle_us=circle_us,
            codes=codes,
            light=tuple(self.governor.light_of(pixel) for pixel in codes),
            wanted=self._wanted,
        )

    def _read(self, scene: Scene, circle_us: int | None) -> Source:
        """Return what `scene` says now, read afresh only when it or its time may change that."""
        until_us = self._read_until_us
        is_over = until_us is not None and circle_us is not None and circle_us >= until_us
        if scene is not self._scene or is_over:
            self._scene = scene
            said = source_of(scene, circle_us)
            if self._played is not None and scene.rung is not Rung.OFF:
                said = Source(Rung.SOLO, scene.own_state, played=self._played)
            self._read_source = replace(said, design=self._design)
            self._read_until_us = said.end_us
        return self._read_source

    def _end_play_if_over(self, scene: Scene, now_ns: int) -> None:
        """End what nobody plays any more; the off button and withdrawn consent end it too."""
        if self._played is None:
            return
        is_told = self._fall_count is not None and scene.fall_count > self._fall_count
        if is_told or scene.rung is Rung.OFF or self._played.is_over(now_ns):
            self.stop_playing()

    def _fall_if_told(self, scene: Scene, now_ns: int) -> bool:
        """Pass off button and withdrawn consent on to the governor, before anything is drawn."""
        is_falling = self._fall_count is not None and scene.fall_count > self._fall_count
        self._fall_count = scene.fall_count
        if is_falling:
            self.governor.fall(now_ns)
        self.governor.set_off(scene.rung is Rung.OFF, now_ns)
        return is_falling

    def _may_switch(self, source: Source, now_ns: int) -> bool:
        """Say whether a change may be followed now: at once on the ladder, else 4 s apart."""
        if self._switched_ns is None or source.rung is not self._source.rung:
            return True
        if (source.encoded, source.start_us) != (self._source.encoded, self._source.start_us):
            return True
        return now_ns - self._switched_ns >= self._config.switch_ns_min

    def _switch(
        self, scene: Scene, source: Source, *, time_us: int, now_ns: int, is_falling: bool
    ) -> None:
        outgoing = self._source
        self._source = source
        self._blends = self._compose(source)
        self._crossfades = ()
        self._switched_ns = now_ns
        if is_falling:
            begin_us = (now_ns + self._config.fall_ns) // 1000
            black = (BLACK,) * len(self._blends)
            self._begin_transition(black, time_us=time_us, begin_us=begin_us)
        elif self._is_foreseen(scene, outgoing, time_us):
            self._crossfades = tuple(
                Crossfade(before, after, from_us=scene.fade_from_us, fade_us=scene.fade_us)
                for before, after in zip(self._compose(outgoing), self._blends, strict=True)
            )
        else:
            self._begin_transition(self._wanted, time_us=time_us, begin_us=now_ns // 1000)

    def _is_foreseen(self, scene: Scene, outgoing: Source, time_us: int) -> bool:
        """Say whether the scene's certified fade leads from what is shown now to what is next."""
        if scene.previous is None or self._transitions or self._source.pattern is None:
            return False
        if time_us >= scene.fade_from_us + scene.fade_us:
            return False
        previous = pattern_source(scene.previous, scene.previous_start_us, scene.own_state)
        return previous is not None and replace(previous, design=self._design) == outgoing

    def _has_jumped(self, time_us: int, now_ns: int) -> bool:
        """Say whether the circle's time moved by more than a quarter period against our own."""
        if self._source.pattern is None:
            return False
        drift_us = time_us - self._time_us - (now_ns - self._now_ns) // 1000
        beat_us = self._blends[0].beat_us
        return beat_us > 0 and abs(drift_us) > beat_us // 4

    def _begin_transition(self, origin: tuple[Linear, ...], *, time_us: int, begin_us: int) -> None:
        self._crossfades = ()
        self._transitions = tuple(
            Transition(light, blend, time_us=time_us, begin_us=begin_us)
            for light, blend in zip(origin, self._blends, strict=True)
        )

    def _draw(self, time_us: int, local_us: int) -> tuple[Linear, ...]:
        if self._transitions:
            if not all(one.is_over(time_us, local_us) for one in self._transitions):
                return tuple(
                    one.at(local_us) if not one.is_over(time_us, local_us) else blend.at(time_us)
                    for one, blend in zip(self._transitions, self._blends, strict=True)
                )
            self._transitions = ()
        if self._crossfades:
            return tuple(crossfade.at(time_us) for crossfade in self._crossfades)
        return tuple(blend.at(time_us) for blend in self._blends)

    def _compose(self, source: Source) -> tuple[Blend, ...]:
        return compose(source, self._positions_cm, config=self._config, gamut=self._gamut)
