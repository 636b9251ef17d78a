"""Where light goes: the seam to outputs, a truecolour terminal smile, plain lines, a memory.

A lamp gets codes that already passed the governor and changes nothing about them. It never blocks:
an output that is not ready loses the frame, because a late frame is worse than a missing one.
"""

import os
import select
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from smilesync.light.sink import Codes, Sink, Transfer, new_sink

RECORDED_FRAMES_MAX = 1024
SMILE_COLUMNS = 28
SMILE_ROWS = 5
PLAIN_INTERVAL_NS = 1_000_000_000
RAMP = " .:-=+*#%@"
CSI = "\x1b["


@dataclass(slots=True)
class Counts:
    """What became of the frames of one output since the start.

    `late` frames were dropped by ourselves, `lost` ones the output did not take.
    """

    sent: int = 0
    late: int = 0
    lost: int = 0

    def add(self, *, is_sent: bool) -> None:
        """Count one frame that the output was given."""
        self.sent += is_sent
        self.lost += not is_sent


class Lamp(Protocol):
    """One output of independent zones."""

    sink: Sink
    zones: int
    counts: Counts

    def draw(
        self, codes: tuple[Codes, ...], caption: str, now_ns: int, *, is_falling: bool = False
    ) -> None:
        """Show `codes`, one for each zone; `caption` is for people who read.

        `is_falling` while the governor lets all light go down, for whoever keeps a record.
        """

    def close(self) -> None:
        """Leave the output tidy."""


class RecordingLamp:
    """Shows nothing; remembers the last frames."""

    def __init__(self, zones: int = 1) -> None:
        self.sink = new_sink(Transfer.LINEAR)
        self.zones = zones
        self.counts = Counts()
        self.frames: deque[tuple[int, tuple[Codes, ...]]] = deque(maxlen=RECORDED_FRAMES_MAX)

    def draw(
        self, codes: tuple[Codes, ...], caption: str, now_ns: int, *, is_falling: bool = False
    ) -> None:
        """Remember the frame."""
        self.frames.append((now_ns, codes))
        self.counts.add(is_sent=True)

    def close(self) -> None:
        """Do nothing."""


class PlainLamp:
    """A line per second, one whenever the caption changes, and one when all goes dark: for logs."""

    def __init__(self, descriptor: int, zones: int) -> None:
        self.sink = new_sink(Transfer.SRGB)
        self.zones = zones
        self.counts = Counts()
        self._descriptor = descriptor
        self._caption = ""
        self._codes: tuple[Codes, ...] = ()
        self._next_ns = 0

    def draw(
        self, codes: tuple[Codes, ...], caption: str, now_ns: int, *, is_falling: bool = False
    ) -> None:
        """Write a line if something changed that is worth one."""
        is_first_dark = any(map(any, self._codes)) and not any(map(any, codes))
        is_new_light = is_first_dark or (codes != self._codes and now_ns >= self._next_ns)
        if caption == self._caption and not is_new_light:
            return
        self._caption, self._codes = caption, codes
        self._next_ns = now_ns + PLAIN_INTERVAL_NS
        colours = " ".join(f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in codes)
        text = f"light {caption} zones={colours}\n"
        self.counts.add(is_sent=write_if_ready(self._descriptor, text))

    def close(self) -> None:
        """Do nothing."""


class TerminalLamp:
    """A smile drawn in place, with 24-bit colour, or with shades of characters under NO_COLOR."""

    def __init__(self, descriptor: int, zones: int, *, has_colour: bool) -> None:
        self.sink = new_sink(Transfer.SRGB)
        self.zones = zones
        self.counts = Counts()
        self._descriptor = descriptor
        self._has_colour = has_colour
        self._cells = smile_cells(zones)
        self._levels = [0] * zones
        self._last: tuple[tuple[Codes, ...], str] | None = None

    def draw(
        self, codes: tuple[Codes, ...], caption: str, now_ns: int, *, is_falling: bool = False
    ) -> None:
        """Redraw if anything changed."""
        if (codes, caption) == self._last:
            return
        self._levels = [
            _level(before, zone) for before, zone in zip(self._levels, codes, strict=True)
        ]
        lines = [self._line(row, codes) for row in self._cells] + [caption]
        text = "".join(f"\r{line}{CSI}K\n" for line in lines)
        above = f"{CSI}?25l" if self._last is None else f"{CSI}{len(lines)}A"
        is_sent = write_if_ready(self._descriptor, above + text)
        self.counts.add(is_sent=is_sent)
        if is_sent:
            self._last = (codes, caption)

    def close(self) -> None:
        """Show the cursor again."""
        if self._last is not None:
            write_if_ready(self._descriptor, f"{CSI}?25h")

    def _line(self, row: tuple[tuple[str, int], ...], codes: tuple[Codes, ...]) -> str:
        parts: list[str] = []
        zone_before = -1
        for glyph, zone in row:
            if glyph == " ":
                parts.append(glyph)
            elif self._has_colour:
                if zone != zone_before:
                    red, green, blue = codes[zone]
                    parts.append(f"{CSI}38;2;{red};{green};{blue}m")
                    zone_before = zone
                parts.append(glyph)
            else:
                parts.append(RAMP[self._levels[zone]])
        if zone_before >= 0:
            parts.append(f"{CSI}0m")
        return "".join(parts)


def new_terminal(
    zones: int, descriptor: int, environ: Mapping[str, str]
) -> PlainLamp | TerminalLamp:
    """Return a lamp for a terminal, as far as it can show light; `zones` 0: what looks well."""
    if not os.isatty(descriptor) or environ.get("TERM") == "dumb":
        return PlainLamp(descriptor, zones or 1)
    return TerminalLamp(descriptor, zones or 7, has_colour=not environ.get("NO_COLOR"))


def smile_cells(zones: int) -> tuple[tuple[tuple[str, int], ...], ...]:
    """Return rows of (glyph, zone) that form a smile, its zones from the left corner to the right.

    Two half-block pixels stand in one character cell.
    """
    half_rows = 2 * SMILE_ROWS
    centre = (SMILE_COLUMNS - 1) / 2
    columns: list[list[bool]] = []
    for column in range(SMILE_COLUMNS):
        across = (column - centre) / centre
        depth = (1 - across * across) * (half_rows - 2)
        columns.append([depth - 0.5 <= row <= depth + 1.5 for row in range(half_rows)])
    rows: list[tuple[tuple[str, int], ...]] = []
    for row in range(SMILE_ROWS):
        cells: list[tuple[str, int]] = []
        for column, pixels in enumerate(columns):
            upper, lower = pixels[2 * row], pixels[2 * row + 1]
            glyph = {(True, True): "█", (True, False): "▀", (False, True): "▄"}.get(
                (upper, lower), " "
            )
            cells.append((glyph, column * zones // SMILE_COLUMNS))
        rows.append(tuple(cells))
    return tuple(rows)


def _level(before: int, codes: Codes) -> int:
    """Return the place in the ramp of characters for `codes`, after `before`.

    Upwards at each place, downwards one place later: light that hardly moves around a boundary,
    which is no turn of brightness to the governor, must not make a character flip. Black is blank.
    """
    red, green, blue = codes
    light = 2 * red + 7 * green + blue
    place = light * (len(RAMP) - 1) // 2550
    return min(max(before, place), place + 1) if light else 0


def write_if_ready(descriptor: int, text: str) -> bool:
    """Write `text` unless the output is full, stopped or gone; return whether it was written."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    try:
        ready = poll.poll(0)
        if not ready or ready[0][1] != select.POLLOUT:
            return False
        os.write(descriptor, text.encode("utf-8"))
    except OSError:
        return False
    return True
