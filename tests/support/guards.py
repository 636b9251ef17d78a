"""A running `smilesync guard`, for tests."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from support.daemons import environment


@contextmanager
def guarding(
    stream: str, *words: str, stdout: int = subprocess.PIPE
) -> Iterator["subprocess.Popen[str]"]:
    """Start a guard of the input `stream`; it is gone on the way out."""
    process = subprocess.Popen(
        [sys.executable, "-m", "smilesyncd", "guard", "--in", stream, *words],
        env=environment(),
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
