"""Who owns an output: one process for each receiver and universe, however they are spelled."""

import subprocess
import sys
from pathlib import Path

import pytest

from smilesync.errors import SettingsError
from smilesyncd.lamp import Lamp
from smilesyncd.outputs.opening import Surroundings, open_lamp
from smilesyncd.outputs.owner import Owner
from smilesyncd.outputs.strip import Strip
from smilesyncd.outputs.target import E131, ArtNet, Ddp, Target
from support.daemons import environment


def opened(to: Target, strip: Strip | None = None) -> Lamp:
    return open_lamp(to, strip or Strip(), Surroundings({}, lambda: 0, "127.0.0.1"))


@pytest.mark.spec("OUT-003")
def test_one_process_owns_an_output() -> None:
    first = opened(Ddp("127.0.0.1", 4999))

    with pytest.raises(SettingsError, match=r"output 127.0.0.1:4999: another process"):
        opened(Ddp("localhost", 4999))
    first.close()
    opened(Ddp("127.0.0.1", 4999)).close()


@pytest.mark.spec("OUT-003")
def test_universes_are_owned_one_by_one() -> None:
    first = opened(E131(1), Strip(leds=400))

    with pytest.raises(SettingsError, match=r"output e131 3: another process"):
        opened(E131(3))
    with pytest.raises(SettingsError, match="output e131 1: "):
        opened(E131(1))
    opened(E131(4)).close()
    first.close()
    opened(E131(3)).close()


@pytest.mark.spec("OUT-003")
@pytest.mark.parametrize(
    ("one", "other", "owned"),
    [
        (E131(1), E131(1, "127.0.0.1"), "e131 1"),
        (E131(1, "192.0.2.1"), E131(1, "192.0.2.2"), "e131 1"),
        (ArtNet(0, "192.0.2.1"), ArtNet(0, "192.0.2.2"), "artnet 0"),
        (ArtNet(0, "192.0.2.1"), ArtNet(0, "192.0.2.255"), "artnet 0"),
        (ArtNet(0, "127.255.255.255", 6500), ArtNet(0, "192.0.2.2"), "artnet 0"),
        (E131(1, "239.255.0.1", 5599), E131(1, "192.0.2.2"), "e131 1"),
        (Ddp("192.0.2.1"), E131(1, "192.0.2.1"), "192.0.2.1"),
        (Ddp("192.0.2.1"), Ddp("192.0.2.1", 4049), "192.0.2.1"),
        (E131(1, "192.0.2.1"), E131(2, "192.0.2.1"), "192.0.2.1"),
        (ArtNet(1, "192.0.2.1"), E131(1, "192.0.2.1", 5569), "192.0.2.1"),
        (Ddp("127.0.0.2"), E131(1, "localhost"), "127.0.0.1"),
    ],
)
def test_one_receiver_is_owned_once_however_it_is_spelled(
    one: Target, other: Target, owned: str
) -> None:
    for first, second in ((one, other), (other, one)):
        held = opened(first)

        with pytest.raises(SettingsError, match=f"output {owned}: another process"):
            opened(second)
        held.close()
        opened(second).close()


@pytest.mark.spec("OUT-003")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (E131(1, "192.0.2.1"), E131(2, "192.0.2.2")),
        (E131(1, "192.0.2.1"), ArtNet(1, "192.0.2.2")),
        (ArtNet(0, "192.0.2.255"), ArtNet(1, "192.0.2.255")),
        (ArtNet(0, "127.255.255.255", 6500), ArtNet(1, "127.255.255.255", 6500)),
        (Ddp("127.0.0.1", 4998), E131(1, "127.0.0.1", 4997)),
    ],
)
def test_receivers_that_are_two_are_owned_apart(one: Target, other: Target) -> None:
    held, also_held = opened(one), opened(other)

    also_held.close()
    held.close()


def test_an_owner_that_is_killed_owns_nothing() -> None:
    program = "import os; from smilesyncd.outputs.owner import Owner; kept = Owner('x'); "
    program += "os.kill(os.getpid(), 9)"

    ended = subprocess.run([sys.executable, "-c", program], env=environment(), check=False)

    assert ended.returncode == -9

    Owner("x").close()


def test_where_the_kernel_has_no_names_a_file_is_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    held = Owner("ddp 10.0.0.1:4048")

    with pytest.raises(SettingsError, match="another process"):
        Owner("ddp 10.0.0.1:4048")
    held.close()
    Owner("ddp 10.0.0.1:4048").close()
