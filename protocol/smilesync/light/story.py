"""Two kinds of pattern that lead somewhere: a story of pictures, and a harmony between two moods.

A story holds a colour, fades to the next, and begins again after the last, which is a fade too. A
harmony breathes in a colour that moves along the straight line between two moods, once. Source:
SPEC section Rendering, RND-018 and RND-019.
"""

from dataclasses import dataclass

from smilesync.light.mixing import ONE, mix, smooth, straight
from smilesync.light.palette import Linear
from smilesync.light.render import Motif


@dataclass(frozen=True, slots=True)
class Picture:
    """One light of a story, for how long it stands, and how long the fade to the next takes."""

    light: Linear
    hold_us: int
    fade_us: int


@dataclass(frozen=True, slots=True)
class Story:
    """A story made ready for one device: at least two pictures. Units: circle us."""

    pictures: tuple[Picture, ...]
    start_us: int

    @property
    def beat_us(self) -> int:
        """The shortest time from one picture to the next."""
        return min(picture.hold_us + picture.fade_us for picture in self.pictures)

    def at(self, time_us: int) -> Linear:
        """Return the light at `time_us`, before any governor."""
        index, elapsed_us = self._place(time_us)
        picture = self.pictures[index]
        if elapsed_us < picture.hold_us:
            return picture.light
        following = self.pictures[(index + 1) % len(self.pictures)]
        done = smooth(elapsed_us - picture.hold_us, picture.fade_us)
        return mix(picture.light, following.light, done, of=ONE)

    def extremum_from(self, time_us: int) -> int:
        """Return the first time at or after `time_us` at which a picture stands."""
        index, elapsed_us = self._place(time_us)
        picture = self.pictures[index]
        if elapsed_us < picture.hold_us:
            return time_us
        return time_us + picture.hold_us + picture.fade_us - elapsed_us

    def _place(self, time_us: int) -> tuple[int, int]:
        """Return which picture it is at `time_us`, and for how long it has been."""
        length_us = sum(picture.hold_us + picture.fade_us for picture in self.pictures)
        elapsed_us = (time_us - self.start_us) % length_us
        for index, picture in enumerate(self.pictures):
            if elapsed_us < picture.hold_us + picture.fade_us:
                return index, elapsed_us
            elapsed_us -= picture.hold_us + picture.fade_us
        raise AssertionError("the remainder lies inside the story")


@dataclass(frozen=True, slots=True)
class Harmony:
    """A harmony made ready for one device: `breath` holds the colours of both moods, in order."""

    breath: Motif
    ramp_us: int

    @property
    def beat_us(self) -> int:
        """The period of the breath."""
        return self.breath.beat_us

    def at(self, time_us: int) -> Linear:
        """Return the light at `time_us`, before any governor."""
        first, last = self.breath.colours
        share = straight(time_us - self.breath.start_us, self.ramp_us)
        return self.breath.swell(mix(first, last, share, of=ONE), time_us)

    def extremum_from(self, time_us: int) -> int:
        """Return the first time at or after `time_us` at which the breath turns."""
        return self.breath.extremum_from(time_us)
