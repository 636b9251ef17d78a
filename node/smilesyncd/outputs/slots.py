"""What one datagram of a lighting protocol says: which channels, from whom, in which order.

The three protocols differ in their bytes and agree in this. A *universe* is a numbered set of 512
channels; DDP has one long row of channels instead, which counts as universe 0.
"""

from dataclasses import dataclass

UNIVERSE_CHANNELS = 512
UNIVERSE_LEDS = UNIVERSE_CHANNELS // 3
"""170 LEDs; the last two channels stay unused, because no LED is split between universes."""

UNIVERSE_BYTES = 3 * UNIVERSE_LEDS
PRIORITY_DEFAULT = 100
PRIORITY_MAX = 200


class Rejected(Exception):
    """A datagram is no light for us; the text is the short reason under which it is counted."""


@dataclass(frozen=True, slots=True)
class Slots:
    """The channels of one datagram. `offset` counts channels from the universe's first.

    `sender` tells sources of one universe apart; empty where the protocol leaves that to the
    address. `sequence` is None where the sender does not count. `priority` is 0 to 200.
    """

    universe: int
    channels: bytes
    offset: int = 0
    sender: bytes = b""
    sequence: int | None = None
    priority: int = PRIORITY_DEFAULT
    is_terminated: bool = False


def split(pixels: bytes) -> list[bytes]:
    """Cut the bytes of a strip into universes of 170 LEDs."""
    return [pixels[at : at + UNIVERSE_BYTES] for at in range(0, len(pixels), UNIVERSE_BYTES)]
