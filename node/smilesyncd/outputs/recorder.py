"""Records every emitted frame in a file, in the format of docs/trace.md, for `smilesync lint`.

A frame that stays the same is written again: how long light stood matters to whoever judges it.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from smilesync.config import LightConfig
from smilesync.errors import SettingsError
from smilesync.light.sink import Codes, Transfer
from smilesync.light.tracker import luminance_floor
from smilesyncd.analyser.recording import frame_line, header_line
from smilesyncd.driver import NS_PER_SECOND
from smilesyncd.lamp import Counts, write_if_ready
from smilesyncd.outputs.strip import Strip

STDERR = 2
OBSERVERS = {
    Transfer.LINEAR: ["linear"],
    Transfer.SRGB: ["srgb"],
    Transfer.GAMMA_28: ["gamma-2.8"],
    Transfer.UNKNOWN: ["linear", "gamma-2.8"],
}


class RecordLamp:
    """Writes frames to a new file at `path`; stands for LEDs of unknown transfer unless told.

    Errors: SettingsError if the file exists or cannot be made: a recording is never overwritten.
    """

    def __init__(self, path: Path, strip: Strip, now_ns: int) -> None:
        transfer = strip.transfer or Transfer.UNKNOWN
        self.counts = Counts()
        self.zones = strip.zones_or(1)
        self.sink = strip.sink(transfer, self.zones)
        self._path = path
        try:
            self._file: TextIO | None = path.open("x", encoding="ascii")
        except OSError as error:
            raise SettingsError(
                f"output record:{path}: {error.strerror}; expected a file that does not exist "
                "yet, in a folder to write to"
            ) from error
        self._flush_ns = now_ns
        observers = OBSERVERS[transfer]
        self._write(header_line(self.zones, observers, now_ns, limits=self._limits()))

    def draw(
        self, codes: tuple[Codes, ...], caption: str, now_ns: int, *, is_falling: bool = False
    ) -> None:
        """Write the frame; what a disk refuses ends the recording, never the light."""
        self._write(frame_line(now_ns, codes, is_falling=is_falling))
        self.counts.add(is_sent=self._file is not None)
        if self._file is not None and now_ns - self._flush_ns >= NS_PER_SECOND:
            self._flush_ns = now_ns
            self._try(self._file.flush)

    def close(self) -> None:
        """End the recording."""
        if self._file is not None:
            self._try(self._file.close)
            self._file = None

    def _limits(self) -> dict[str, float]:
        config, sink = LightConfig(), self.sink
        limits = {
            "luminance": config.luminance_max,
            "floor": luminance_floor(config.peak_cd_m2),
            "channel": sink.channel_max(self.zones),
        }
        if sink.budget_ma is not None:
            limits |= {
                "budget_ma": sink.budget_ma,
                "channel_ma": sink.channel_ma,
                "idle_ma": sink.idle_ma,
                "leds_per_zone": sink.leds,
            }
        return limits

    def _write(self, line: str) -> None:
        if self._file is not None:
            file = self._file
            self._try(lambda: file.write(line))

    def _try(self, act: Callable[[], object]) -> None:
        try:
            act()
        except OSError as error:
            file, self._file = self._file, None
            if file is not None:
                with suppress(OSError):
                    file.close()
            reason = error.strerror or error
            write_if_ready(STDERR, f"recording ended path={self._path} reason={reason}\n")
