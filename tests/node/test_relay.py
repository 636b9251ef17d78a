"""The demo's relay: who talks to whom, who is cut off, and who notices what."""

import json
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from smilesyncd.demo.relay import Delay, Relay, obey

WAIT_S = 2.0


class Device:
    """A socket that stands for a daemon."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(WAIT_S)

    def take(self) -> tuple[bytes, tuple[str, int]] | None:
        ready, _, _ = select.select([self.socket], [], [], 0)
        return self.socket.recvfrom(100) if ready else None


@pytest.fixture
def devices() -> Iterator[list[Device]]:
    made = [Device(index) for index in range(3)]
    yield made
    for one in made:
        one.socket.close()


@pytest.fixture
def relay() -> Iterator[Relay]:
    made = Relay(3)
    yield made
    made.close()


def _to(relay: Relay, near: int, far: int) -> tuple[str, int]:
    host, port = relay.sockets[near, far].getsockname()
    return str(host), int(port)


def _say(relay: Relay, devices: list[Device], near: int, far: int, text: bytes) -> None:
    """Send as device `near` to where it knows `far`, and let the relay work until it has it."""
    devices[near].socket.sendto(text, _to(relay, near, far))
    ready, _, _ = select.select([relay.sockets[near, far]], [], [], WAIT_S)
    assert ready
    relay.drain(near, far, time.monotonic_ns())


def _introduce(relay: Relay, devices: list[Device]) -> None:
    """Each device speaks once, as a daemon does, so that the relay knows where it lives."""
    for near in range(3):
        for far in range(3):
            if near != far:
                _say(relay, devices, near, far, b"hello")
    for one in devices:
        while one.take():
            pass


def test_each_device_sees_each_other_at_the_address_it_dials(
    relay: Relay, devices: list[Device]
) -> None:
    _introduce(relay, devices)

    _say(relay, devices, 0, 1, b"from 0")
    _say(relay, devices, 2, 1, b"from 2")

    assert devices[1].take() == (b"from 0", _to(relay, 1, 0))
    assert devices[1].take() == (b"from 2", _to(relay, 1, 2))
    assert devices[0].take() is None


def test_who_is_cut_off_hears_nobody_not_even_each_other(
    relay: Relay, devices: list[Device]
) -> None:
    _introduce(relay, devices)

    relay.cut([1, 2])
    for near, far in ((0, 1), (1, 0), (1, 2), (2, 1)):
        _say(relay, devices, near, far, b"lost")
    relay.heal()
    _say(relay, devices, 1, 2, b"kept")

    assert devices[0].take() is None
    assert devices[1].take() is None
    assert devices[2].take() == (b"kept", _to(relay, 2, 1))


def test_the_others_go_on_during_a_cut(relay: Relay, devices: list[Device]) -> None:
    _introduce(relay, devices)

    relay.cut([2])
    _say(relay, devices, 0, 1, b"still here")

    assert devices[1].take() == (b"still here", _to(relay, 1, 0))


def test_held_datagrams_come_when_due_and_a_cut_loses_them(devices: list[Device]) -> None:
    relay = Relay(3, Delay(low_ns=5_000_000, high_ns=9_000_000, seed=1))
    try:
        _introduce(relay, devices)
        relay.deliver_due(time.monotonic_ns() + 10_000_000)
        for one in devices:
            while one.take():
                pass

        _say(relay, devices, 0, 1, b"late")
        assert devices[1].take() is None
        relay.deliver_due(time.monotonic_ns() + 10_000_000)
        assert devices[1].take() == (b"late", _to(relay, 1, 0))

        _say(relay, devices, 0, 1, b"lost on the way")
        relay.cut([1])
        relay.heal()
        assert relay.next_due_ns() is None
    finally:
        relay.close()


def test_equal_seeds_hold_equally_long(devices: list[Device]) -> None:
    def dues(seed: int) -> list[int]:
        relay = Relay(3, Delay(low_ns=0, high_ns=1_000_000_000, seed=seed))
        found = []
        for _ in range(5):
            devices[0].socket.sendto(b"x", _to(relay, 0, 1))
            select.select([relay.sockets[0, 1]], [], [], WAIT_S)
            relay.drain(0, 1, 0)
            found.append(relay.next_due_ns() or 0)
        relay.close()
        return found

    assert dues(1) == dues(1) != dues(2)


@pytest.mark.parametrize("line", ["", "cut", "cut one", "heal 1", "burn"])
def test_an_unknown_order_changes_nothing(relay: Relay, line: str) -> None:
    assert "expected" in str(obey(relay, line)["error"])


def test_the_process_tells_its_addresses_obeys_and_quits() -> None:
    command = [sys.executable, "-m", "smilesyncd.demo.relay", "3"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        addresses = json.loads(process.stdout.readline())["addresses"]
        process.stdin.write("cut 1\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        process.stdin.close()

        assert process.wait(timeout=10) == 0
    assert [len(row) for row in addresses] == [2, 2, 2]
    assert answer["done"] == "cut"
    assert answer["monotonic_ns"] > 0
