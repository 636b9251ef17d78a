"""Files that are written as a whole or not at all."""

import os
from pathlib import Path

SUFFIX = ".unfinished"


def write_whole(path: Path, data: bytes) -> None:
    """Write a file beside its place and move it there: until then, what was there is as it was.

    What is no plain file, such as a pipe, or lies where no other can be made, is written in place.

    Errors: OSError; nothing unfinished is left then.
    """
    target = path.resolve()
    is_plain = target.is_file() or not path.exists()
    if not is_plain or not os.access(target.parent, os.W_OK):
        path.write_bytes(data)
        return
    unfinished = target.with_name(target.name + SUFFIX)
    try:
        unfinished.write_bytes(data)
        unfinished.replace(target)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
