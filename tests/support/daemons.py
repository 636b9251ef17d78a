"""Real daemons as processes, for tests: started, asked, watched and stopped."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = os.pathsep.join(str(ROOT / name) for name in ("protocol", "node", "sim", "tests"))
START_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 10.0
Fields = dict[str, object]
HANGUP = pytest.param(
    signal.SIGHUP,
    marks=pytest.mark.skipif(
        signal.getsignal(signal.SIGHUP) is signal.SIG_IGN, reason="nohup hides it from children"
    ),
)


def environment(**extra: str) -> dict[str, str]:
    """Return an environment in which a child finds the packages and none of our settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SMILESYNC_")}
    return kept | {"PYTHONPATH": SOURCES} | extra


def smilesync(*words: str, **extra: str) -> "subprocess.CompletedProcess[str]":
    """Run one command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "smilesyncd", *words],
        env=environment(**extra),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def free_ports(count: int) -> list[int]:
    """Return UDP ports of the loopback interface that nobody uses now."""
    opened = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    for one in opened:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in opened]
    for one in opened:
        one.close()
    return ports


class Daemon:
    """One running daemon. `program` is what Python runs instead of the package, with its words."""

    def __init__(
        self, state_dir: Path, *flags: str, program: Sequence[str] = ("-m", "smilesyncd")
    ) -> None:
        self.state_dir = state_dir
        self.control = state_dir / "control"
        self.log_path = state_dir.with_name(state_dir.name + ".log")
        words = ["run", "--state-dir", str(state_dir), "--interface", "127.0.0.1"]
        if "--lamp" not in flags:
            words += ["--lamp", "none"]
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *program, *words, *flags],
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait_started(self) -> None:
        """Return when the control socket answers; fail loudly when the daemon ends before."""
        until_s = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < until_s:
            try:
                self.ask("status")
            except OSError:
                assert self.process.poll() is None, self.log()
                time.sleep(0.05)
            else:
                return
        raise AssertionError(f"not started: {self.log()}")

    def ask(self, verb: str, **fields: object) -> Fields:
        """Send one request and return the answer."""
        with self._connected() as stream:
            stream.sendall(json.dumps({"do": verb, **fields}).encode() + b"\n")
            with stream.makefile("rb") as lines:
                line = lines.readline()
        if not line:
            raise ConnectionResetError("the daemon went away")
        answer: Fields = json.loads(line)
        return answer

    def watch_until(self, wanted: Callable[[Fields], bool], seconds: float) -> Fields:
        """Return the first watch object that is as wanted, or fail with the last one seen."""
        until_s = time.monotonic() + seconds
        last: Fields = {}
        with self._connected() as stream:
            stream.sendall(b'{"do":"watch"}\n')
            with stream.makefile("rb") as lines:
                while time.monotonic() < until_s:
                    last = json.loads(lines.readline())
                    if wanted(last):
                        return last
        raise AssertionError(f"not within {seconds} s; last seen {last}\n{self.log()}")

    def stop(self, with_signal: int = signal.SIGTERM) -> int:
        """Stop the daemon and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        try:
            return self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def log(self) -> str:
        """Return what the daemon printed so far."""
        return self.log_path.read_text(errors="replace")

    @contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
            stream.settimeout(10)
            stream.connect(str(self.control))
            yield stream


@contextmanager
def running(*daemons: Daemon) -> Iterator[None]:
    """Wait for the start of all, and leave none behind."""
    try:
        for daemon in daemons:
            daemon.wait_started()
        yield
    finally:
        for daemon in daemons:
            if daemon.process.poll() is None:
                daemon.process.kill()
            daemon.process.wait()


def new_circle(directory: Path, names: Sequence[str], *flags: str) -> Path:
    """Make devices with these names and return the genesis file of their circle."""
    cards: list[str] = []
    for name in names:
        shown = smilesync("identity", "show", "--state-dir", str(directory / name))
        assert shown.returncode == 0, shown.stderr
        cards.append(shown.stdout.strip())
    out = directory / "our.genesis"
    created = smilesync("circle", "create", "--out", str(out), *flags, *cards)
    assert created.returncode == 0, created.stderr
    return out
