"""A strip of APA102 or SK9822 LEDs at the SPI of a Raspberry Pi: linear, and 20 kHz fast.

A frame is four zero bytes, four bytes per LED (global brightness, then blue, green, red on most
strips) and zeros that clock the last LEDs. The global brightness stays at full: changing it would
change a code after the governor. SK9822 shows a frame only when the next four zero bytes come, so
they are part of the end. Zeros rather than ones, which a longer strip would take for white.
"""

from typing import Protocol

from smilesync.errors import SettingsError
from smilesync.light.sink import Codes, Sink
from smilesyncd.lamp import Counts
from smilesyncd.outputs.owner import Owner
from smilesyncd.outputs.strip import Layout

CLOCK_HZ = 4_000_000
_FULL_BRIGHTNESS = 0xE0 | 31


class SpiPort(Protocol):
    """What is used of `spidev.SpiDev`."""

    def writebytes2(self, values: bytes) -> None: ...

    def close(self) -> None: ...


class SpiLamp:
    """Writes frames to an open port; a write takes under two milliseconds per hundred LEDs."""

    def __init__(
        self, port: SpiPort, layout: Layout, *, sink: Sink, zones: int, owner: Owner
    ) -> None:
        self.sink = sink
        self.zones = zones
        self.counts = Counts()
        self._port = port
        self._layout = layout
        self._owner = owner
        self._is_open = True

    def draw(
        self, codes: tuple[Codes, ...], caption: str, now_ns: int, *, is_falling: bool = False
    ) -> None:
        """Show the frame, or lose it if the port fails."""
        try:
            self._port.writebytes2(encode(self._layout.lay(codes)))
        except OSError:
            self.counts.add(is_sent=False)
        else:
            self.counts.add(is_sent=True)

    def close(self) -> None:
        """Leave the strip black, since it keeps what it got last; free the port."""
        if self._is_open:
            self._is_open = False
            self.draw(((0, 0, 0),) * self.zones, "", 0)
            self._port.close()
            self._owner.close()


def encode(pixels: bytes) -> bytes:
    """Return the bytes on the wire for three bytes per LED, already in the strip's order."""
    leds = len(pixels) // 3
    body = bytearray()
    for at in range(0, 3 * leds, 3):
        body.append(_FULL_BRIGHTNESS)
        body += pixels[at : at + 3]
    return bytes(4) + bytes(body) + bytes(4 + (leds + 15) // 16)


def open_port(bus: int, device: int) -> SpiPort:
    """Return the open port. Errors: SettingsError if the package or the device is missing."""
    try:
        import spidev
    except ImportError:
        raise SettingsError(
            f"output apa102:{bus}.{device}: the package spidev is missing; run: "
            "pip install 'smilesync[spi]'"
        ) from None
    port = spidev.SpiDev()
    try:
        port.open(bus, device)
        port.max_speed_hz = CLOCK_HZ
        port.mode = 0
    except OSError as error:
        port.close()
        raise SettingsError(
            f"output apa102:{bus}.{device}: {error.strerror or error}; expected the device "
            f"/dev/spidev{bus}.{device}: switch SPI on (raspi-config) and belong to group spi"
        ) from error
    opened: SpiPort = port
    return opened
