"""One recording of the light of all devices, from the one that each daemon's lamp made."""

import json
import os
from collections.abc import Iterable
from pathlib import Path


def gather(devices: Iterable[tuple[str, Path]], out: Path) -> int:
    """Write to `out` what is recorded of each (name, file), by its name; return the frames.

    A last line that was cut off is left out, and so is a device that never began.
    """
    frames = 0
    scratch = out.with_name(out.name + ".new")
    with scratch.open("w", encoding="ascii") as file:
        for name, path in devices:
            for line in _whole_lines(path):
                value = {**json.loads(line), "device": name}
                file.write(json.dumps(value) + "\n")
                frames += "codes" in value
    os.replace(scratch, out)
    return frames


def _whole_lines(path: Path) -> Iterable[str]:
    try:
        with path.open(encoding="ascii") as file:
            yield from (line for line in file if line.endswith("\n"))
    except FileNotFoundError:
        return
