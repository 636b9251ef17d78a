"""`smilesync guard` as a person runs it: words, refusals, status, and a tidy end."""

import contextlib
import json
import os
import pty
import select
import signal
import socket
import termios
import time

import pytest

from smilesyncd.arguments import build_parser
from smilesyncd.ending import deafen
from smilesyncd.guard import status
from smilesyncd.guard.command import read_order
from smilesyncd.guard.inputs import Desk, parse
from smilesyncd.guard.loop import Guard
from smilesyncd.guard.status import new_teller
from smilesyncd.lamp import RecordingLamp
from smilesyncd.main import main
from smilesyncd.outputs import e131
from smilesyncd.outputs.slots import Slots
from support.daemons import HANGUP, free_ports
from support.guards import guarding
from support.listening import Listener, read_ddp

CID = b"\xab" * 16
DARK_AT_START_S = 12


def listening(port: int) -> str:
    """Return the words for an input at a port of loopback."""
    return f"e131:1@127.0.0.1:{port}"


def strobe(sender: socket.socket, port: int, sequence: int) -> None:
    """Send one frame of a red and blue strobe."""
    pixels = (bytes((255, 0, 0)) if sequence % 4 < 2 else bytes((0, 0, 255))) * 2
    slots = Slots(1, pixels, sender=CID, sequence=sequence % 256)
    sender.sendto(e131.encode(slots, "console"), ("127.0.0.1", port))


def test_a_strobe_comes_out_calm_and_ctrl_c_fades_out() -> None:
    (port,) = free_ports(1)
    with Listener() as receiver, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        out = ("--out", f"e131:7@127.0.0.1:{receiver.port}", "--leds", "2", "--json")
        with guarding(listening(port), *out) as process:
            read: list[Slots] = []
            until_s = time.monotonic() + DARK_AT_START_S
            while time.monotonic() < until_s and not (read and any(read[-1].channels)):
                strobe(sender, port, len(read))
                read.append(e131.decode(receiver.take(1)[0]))
            assert any(read[-1].channels), "nothing was lit"
            sender.sendto(b"nonsense", ("127.0.0.1", port))
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGINT)
            while not read[-1].is_terminated:
                read.append(e131.decode(receiver.take(1)[0]))
            stdout, stderr = process.communicate(timeout=10)

    assert process.returncode == 0, stderr
    assert {slots.universe for slots in read} == {7}
    assert not any(read[-1].channels), "dark before the end"
    told = [json.loads(line) for line in stdout.splitlines()]
    assert told[-1]["decided"] >= told[-1]["sent"] >= told[-1]["governed"] > 0
    assert told[-1]["received"] > 0
    assert told[-1]["dropped"].keys() <= {"short", "stale"}
    assert any(
        one["senders"] == [{"universe": 1, "sender": "abababab", "priority": 100}] for one in told
    )


@pytest.mark.spec("OUT-004")
@pytest.mark.parametrize("number", [signal.SIGTERM, HANGUP, signal.SIGQUIT])
def test_each_signal_that_ends_a_guard_leaves_the_receiver_dark(number: signal.Signals) -> None:
    (port,) = free_ports(1)
    with Listener() as receiver:
        out = ("--out", f"e131:7@127.0.0.1:{receiver.port}", "--leds", "2")
        with guarding(listening(port), *out) as process:
            until_s = time.monotonic() + DARK_AT_START_S
            last = e131.decode(receiver.take(1)[0])
            while time.monotonic() < until_s and not any(last.channels):
                last = e131.decode(receiver.take(1)[0])
            assert any(last.channels), "nothing was lit"
            process.send_signal(number)
            while not last.is_terminated:
                last = e131.decode(receiver.take(1)[0])
            process.wait(10)

    assert process.returncode == 0
    assert not any(last.channels)


def test_a_hangup_that_nohup_hides_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to: dict[int, object] = {}
    monkeypatch.setattr(signal, "signal", set_to.__setitem__)

    monkeypatch.setattr(signal, "getsignal", lambda _: signal.SIG_IGN)
    assert signal.SIGHUP not in deafen()
    set_to.clear()
    monkeypatch.setattr(signal, "getsignal", lambda _: signal.SIG_DFL)
    assert deafen() == tuple(set_to)
    assert set(set_to) == {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT}


def test_on_a_terminal_one_line_is_kept_up_to_date() -> None:
    (port,) = free_ports(1)
    reader, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 120))
    with Listener() as receiver, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        out = ("--out", f"ddp:127.0.0.1:{receiver.port}", "--leds", "2")
        with guarding(listening(port), *out, stdout=terminal) as process:
            os.close(terminal)
            text = ""
            for index in range(400):
                strobe(sender, port, index)
                assert len(read_ddp(receiver.take(1)[0])[1]) == 6
                if select.select([reader], [], [], 0)[0]:
                    text += os.read(reader, 65_536).decode()
                if "from abababab (priority 100)" in text:
                    break
            process.send_signal(signal.SIGTERM)
            process.wait(10)
            while select.select([reader], [], [], 0)[0]:
                try:
                    text += os.read(reader, 65_536).decode()
                except OSError:
                    break
    os.close(reader)

    assert "from abababab (priority 100) | in " in text
    assert "\r" in text
    assert "governed" in text
    assert "dark for 5 s after the start" in text
    assert text.rstrip().endswith("dark")


def test_two_guards_do_not_share_an_output() -> None:
    first_port, second_port = free_ports(2)
    with Listener() as receiver:
        out = ("--out", f"ddp:127.0.0.1:{receiver.port}", "--leds", "1")
        with guarding(listening(first_port), *out):
            receiver.take(1)
            with guarding(listening(second_port), *out) as second:
                _, stderr = second.communicate(timeout=20)

    assert second.returncode == 2
    assert "another process drives it" in stderr


IN, OUT = ("--in", "e131:1"), ("--out", "ddp:127.0.0.1")


@pytest.mark.parametrize(
    ("words", "expectation"),
    [
        (("--in", "sacn:1", *OUT), "--in: 'sacn:1'; expected e131:UNIVERSE"),
        ((*IN, "--out", "terminal"), "--out: 'terminal'; expected an output for a stream"),
        ((*IN, "--out", "e131:1"), "--out: what is sent there comes in again at --in"),
        (
            ("--in", "artnet:3-5", "--out", "artnet:2@10.255.255.255", "--leds", "400"),
            "comes in again at --in",
        ),
        (("--in", "ddp:4048", "--out", "ddp:127.0.0.1"), "comes in again at --in"),
        (("--in", "e131:1-3", "--out", "e131:3@127.0.0.1"), "comes in again at --in"),
        (("--in", "e131:1", *OUT, "--leds", "171"), "--leds: 171; expected at most the 170"),
        (("--in", "e131:1@lamp.local", *OUT), "--in: 'e131:1@lamp.local'; expected an IPv4"),
        (("--in", "ddp:lamp:4048", *OUT), "--in: 'ddp:lamp:4048'; expected an IPv4"),
        (
            ("--in", "ddp", "--out", "artnet:32760@127.0.0.1", "--leds", "1530"),
            "--out: 1530 LEDs reach universe 32768; expected",
        ),
        ((*IN, *OUT, "--leds", "0"), "--leds: '0'; expected an integer from 1 to 1530"),
        ((*IN, *OUT, "--leds", "nan"), "--leds: 'nan'; expected an integer from 1 to 1530"),
        ((*IN, *OUT, "--rate-hz", "1e9"), "--rate-hz: '1e9'; expected an integer from 20 to 60"),
        ((*IN, *OUT, "--rate-hz", "19"), "--rate-hz: '19'; expected an integer from 20 to 60"),
        ((*IN, *OUT, "--priority", "-1"), "--priority: '-1'; expected an integer from 0 to 200"),
        ((*IN, *OUT, "--in-order", "rgbw"), "--in-order: 'rgbw'; expected one of rgb"),
        ((*IN, *OUT, "--channel-order", "x"), "--channel-order: 'x'; expected one of rgb"),
        ((*IN, *OUT, "--transfer", "x"), "--transfer: 'x'; expected one of linear"),
        ((*IN, *OUT, "--rest", "joy"), "--rest: 'joy'; expected one of glow, dark"),
        ((*IN, *OUT, "--budget-ma", "9", "--leds", "9"), "--budget-ma: 9; expected more than"),
        ((*IN, *OUT, "--interface", "eth0"), "--interface: 'eth0'; expected an IPv4 address"),
        (("--in", "ddp:192.0.2.1:4048", "--out", "e131:1"), "--in: UDP port 4048 on 192.0.2.1: "),
    ],
)
def test_a_bad_word_is_named_with_what_is_expected(
    words: tuple[str, ...], expectation: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["guard", *words]) == 2

    errors = capsys.readouterr().err
    assert errors.startswith("smilesync: ")
    assert expectation in errors


def test_no_output_is_offered_that_guard_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["guard", *IN, "--out", "foo"]) == 2

    errors = capsys.readouterr().err
    assert "--out: 'foo'; expected none, ddp:HOST[:PORT]" in errors
    assert "terminal" not in errors


@pytest.mark.parametrize(
    "words",
    [
        ("--in", "e131:1", "--out", "e131:2"),
        ("--in", "e131:1", "--out", "e131:1@192.0.2.1"),
        ("--in", "e131:1@127.0.0.1:5600", "--out", "e131:1@127.0.0.1"),
        ("--in", "artnet:1", "--out", "e131:1"),
        ("--in", "ddp", "--out", "ddp:192.0.2.1"),
    ],
)
def test_an_output_that_does_not_come_in_again_is_accepted(words: tuple[str, ...]) -> None:
    assert read_order(build_parser().parse_args(["guard", *words])).to


def test_a_reader_that_stopped_reading_does_not_stop_the_light(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    monkeypatch.setattr(status, "STDOUT", writer)
    lamp = RecordingLamp()
    guard = Guard(Desk(parse("e131:1"), 1), lamp, rest="glow", order="rgb", now_ns=0)

    for is_json in (True, False):
        new_teller(guard, is_json=is_json).tell(0)

    os.close(reader)
    os.close(writer)


def test_all_problems_are_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["guard", "--in", "x", "--out", "y", "--leds", "z"]) == 2

    assert len(capsys.readouterr().err.splitlines()) == 3
