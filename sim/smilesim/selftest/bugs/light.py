"""Bugs of light and consent: what may hurt eyes, and what a wearer did not agree to."""

from dataclasses import replace

from smilesim import lightsample
from smilesim.selftest import grounds
from smilesim.selftest.bug import Bug, Patch
from smilesync import peer
from smilesync.circle import judge
from smilesync.commands import Command, SetOff, Switch
from smilesync.effects import Effect, Scene
from smilesync.light.lamp import Frame, Lamp
from smilesync.peer import Peer

EIGHTH_NS = 125_000_000


class Strobe(Lamp):
    """A lamp without a governor: full white and black in turns, four times a second."""

    def frame(self, scene: Scene, now_ns: int) -> Frame:
        level = float(now_ns // EIGHTH_NS % 2)
        return replace(super().frame(scene, now_ns), light=((level, level, level),))


def governor_bypassed(patch: Patch) -> None:
    """Frames reach the LEDs past the governor."""
    patch.set(lightsample, "Lamp", Strobe)


def unsafe_pattern_accepted(patch: Patch) -> None:
    """Voters accept patterns that break the static conditions (V8)."""
    patch.set(judge, "v8_pattern", lambda *_args: None)


def consent_ignored(patch: Patch) -> None:
    """Certified light is shown whatever the wearer says."""
    patch.set(peer, "WILLING", Switch(0))


def button_ignored(patch: Patch) -> None:
    """The off button does nothing."""
    honest = Peer.command

    def command(self: Peer, said: Command, now_ns: int) -> list[Effect]:
        return [] if isinstance(said, SetOff) else honest(self, said, now_ns)

    patch.set(Peer, "command", command)


BUGS = (
    Bug(governor_bypassed, grounds.CALM),
    Bug(unsafe_pattern_accepted, grounds.villain("flasher")),
    Bug(consent_ignored, grounds.WITHDRAWN),
    Bug(button_ignored, grounds.SWITCHED_OFF),
)
