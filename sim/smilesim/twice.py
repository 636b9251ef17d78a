"""A run made again elsewhere: in a fresh process, whose sets of text are in another order."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from smilesim import interrupts, replay
from smilesim.replay import Replay

HASH_SEEDS = ("4711", "4712")


class Again(NamedTuple):
    """What a second run showed. A run may differ in no second and yet be judged otherwise."""

    is_same: bool
    first_difference_s: int | None


def run_again(first: Replay) -> Again:
    """Run it again and compare trace and violations.

    Errors: subprocess.CalledProcessError when the other process could not run it;
    KeyboardInterrupt when the operator ended either.
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
        with interrupts.waiting():
            done = subprocess.run(  # noqa: S603
                [sys.executable, "-m", "smilesim.main", "replay", str(path), "--json", "-"],
                env=environment,
                stdout=subprocess.PIPE,
                check=False,
            )
        if not done.stdout:
            done.check_returncode()
    answer = json.loads(done.stdout)
    if answer.get("is_same") is None:
        raise KeyboardInterrupt
    return Again(answer["is_same"], answer["first_difference_s"])
