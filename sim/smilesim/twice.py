"""A run made again elsewhere: in a fresh process, whose sets of text are in another order."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from smilesim import replay
from smilesim.replay import Replay

HASH_SEEDS = ("4711", "4712")


def first_difference_s(first: Replay) -> int | None:
    """Run it again and return the first virtual second in which it differs; None: nowhere.

    Errors: subprocess.CalledProcessError when the other process could not run it.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "first.toml"
        replay.write(path, first)
        here = os.environ.get("PYTHONHASHSEED")
        environment = {
            **os.environ,
            "PYTHONHASHSEED": HASH_SEEDS[here == HASH_SEEDS[0]],
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        # A list of our own arguments, no shell; it exits 1 if the runs differ.
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "smilesim.main", "replay", str(path), "--json", "-"],
            env=environment,
            stdout=subprocess.PIPE,
            check=False,
        )
        if not done.stdout:
            done.check_returncode()
    answer: dict[str, int | None] = json.loads(done.stdout)
    return answer["first_difference_s"]
