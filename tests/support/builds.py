"""Builds of these sources other than the one that runs the tests, and runs that must be equal."""

import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

RUNS = {
    "calm": ("--peers", "60"),
    "surge": ("--peers", "30"),
    "split": ("--peers", "30"),
    "crashes": ("--peers", "14"),
    "moods": ("--peers", "30"),
    "merge": ("--peers", "14"),
    "rotation": ("--peers", "7"),
    "succession": ("--peers", "7"),
    "two-circles": ("--peers", "21"),
    "fork": ("--peers", "7", "--villains", "3"),
    "consensus": ("--peers", "16"),
    "swarm": ("--peers", "16"),
}


def started(program: Path, *arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a program of another environment to its end."""
    # Nothing that this test was started with may lead the build to the sources beside it.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [program, *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def reported(text: str) -> tuple[str, str]:
    """Return digest and verdict of a run's report."""
    found = json.loads(text)
    return found["digest"], found["verdict"]
