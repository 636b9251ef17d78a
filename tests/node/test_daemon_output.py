"""A real daemon that lights a receiver: what leaves it, from the first frame to the last."""

import time
from itertools import pairwise
from pathlib import Path

import pytest

from smilesyncd.outputs import e131
from smilesyncd.outputs.slots import Slots
from support.daemons import Daemon, running, smilesync
from support.listening import Listener

DARK_AFTER_START_S = 12
BRIGHT, UNBOUNDED = 100, 4 * 3 * 255


def receive_until_quiet(receiver: Listener) -> list[Slots]:
    """Return what came until nothing came for a while."""
    read: list[Slots] = []
    receiver.sock.settimeout(1.0)
    try:
        while True:
            read.append(e131.decode(receiver.sock.recv(4096)))
    except TimeoutError:
        return read


def receive_light(receiver: Listener, least: int, most: int) -> Slots:
    """Return the first frame whose codes sum up to no less and no more than that."""
    until_s = time.monotonic() + DARK_AFTER_START_S
    while time.monotonic() < until_s:
        slots = e131.decode(receiver.sock.recv(4096))
        if least <= sum(slots.channels) <= most:
            return slots
    raise AssertionError(f"no frame with codes of {least} to {most} in all")


@pytest.mark.spec("OUT-004")
def test_a_daemon_fades_out_before_it_ends_its_stream(tmp_path: Path) -> None:
    with Listener() as receiver:
        words = ("--lamp", f"e131:3@127.0.0.1:{receiver.port}", "--leds", "4", "--no-mdns")
        daemon = Daemon(tmp_path / "d", *words, "--port", "0")
        with running(daemon):
            daemon.ask("feel", state="calm")
            receive_light(receiver, BRIGHT, UNBOUNDED)
            counters = daemon.ask("status")["counters"]
            assert isinstance(counters, dict)
            assert counters["frames_sent"] > 0

            assert daemon.stop() == 0
            read = receive_until_quiet(receiver)

    levels = [sum(slots.channels) for slots in read]
    fall = levels[levels.index(max(levels)) :]
    assert len(fall) >= 10, "half a second of falling light, frame by frame"
    assert all(before >= after for before, after in pairwise(fall))
    assert [slots.is_terminated for slots in read[-4:]] == [False, True, True, True]
    assert not any(any(slots.channels) for slots in read[-4:])


@pytest.mark.spec("OUT-004")
def test_after_off_the_stream_goes_on_in_black(tmp_path: Path) -> None:
    with Listener() as receiver:
        words = ("--lamp", f"e131:3@127.0.0.1:{receiver.port}", "--no-mdns", "--port", "0")
        daemon = Daemon(tmp_path / "d", *words)
        with running(daemon):
            receive_light(receiver, 1, UNBOUNDED)
            assert smilesync("off", "--control-socket", str(daemon.control)).returncode == 0
            receive_light(receiver, 0, 0)

            after = [e131.decode(datagram) for datagram in receiver.take(6)]
            daemon.stop()

    assert not any(any(slots.channels) or slots.is_terminated for slots in after)


def test_a_second_daemon_on_one_output_ends_with_a_reason(tmp_path: Path) -> None:
    with Listener() as receiver:
        words = ("--lamp", f"ddp:127.0.0.1:{receiver.port}", "--no-mdns", "--port", "0")
        first = Daemon(tmp_path / "first", *words)
        with running(first):
            second = Daemon(tmp_path / "second", *words)

            assert second.process.wait(20) == 2
            assert "another process drives it" in second.log()
            first.stop()


def test_a_daemon_says_which_settings_its_lamp_ignores(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path / "d", "--budget-ma", "900", "--no-mdns", "--port", "0")
    with running(daemon):
        daemon.stop()

    assert "lamp: this output has no use for budget_ma, which is ignored" in daemon.log()
