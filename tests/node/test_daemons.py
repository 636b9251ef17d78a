"""Unmodified daemons on real sockets: they meet, agree, obey, and bear what strangers send."""

import random
import signal
import socket
import time
from pathlib import Path

import pytest

from smilesync.light.pattern import Kind, Pattern, encode
from smilesyncd import discovery
from support.daemons import HANGUP, Daemon, Fields, free_ports, new_circle, running, smilesync


def is_committed(seen: Fields) -> bool:
    return seen["rung"] == "COMMITTED" and seen["is_selected"] is True


def pair(directory: Path, *flags: str) -> tuple[Daemon, Daemon]:
    """Return two started daemons of one circle that know each other's address."""
    genesis = new_circle(directory, ["a", "b"])
    ports = free_ports(2)
    return (
        linked(directory / "a", genesis, ports[0], ports[1], *flags),
        linked(directory / "b", genesis, ports[1], ports[0], *flags),
    )


def linked(state_dir: Path, genesis: Path, port: int, other: int, *flags: str) -> Daemon:
    return Daemon(
        state_dir,
        *("--genesis", str(genesis), "--port", str(port), "--no-mdns"),
        *("--peer", f"127.0.0.1:{other}", *flags),
    )


def test_two_daemons_commit_pulse_in_phase_and_a_wearer_wins_over_the_circle(
    tmp_path: Path,
) -> None:
    first, second = pair(tmp_path)
    with running(first, second):
        one = first.watch_until(is_committed, 30)
        two = second.watch_until(is_committed, 30)
        apart_us = phase_error_us(one, two)

        asked_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        assert first.ask("consent", switch="collective", on=False)["ok"] is True
        answered_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        revoked = first.ask("status")
        told = smilesync("status", "--control-socket", str(first.control)).stdout
        first.ask("consent", switch="share", on=True)
        first.ask("feel", state="excited")
        heard = wait_for_emotion(second, "excited")
        first.ask("consent", switch="share", on=False)
        untold = wait_for_emotion(second, None)
        second.process.send_signal(signal.SIGINT)
        codes = [first.stop(), second.stop(signal.SIGINT)]

    assert apart_us < 5_000
    assert revoked["rung"] in ("HARMONY", "SOLO")
    assert answered_ns - asked_ns < 500_000_000
    assert (revoked["voters"], revoked["liars_borne"]) == (2, 0)
    assert "2 voters, certified against crashes only" in told
    assert heard
    assert untold
    assert codes == [0, 0]
    assert "Traceback" not in first.log() + second.log()


@pytest.mark.parametrize("number", [signal.SIGINT, HANGUP, signal.SIGQUIT])
def test_a_wearer_who_presses_again_and_again_sees_a_tidy_end(
    number: signal.Signals, tmp_path: Path
) -> None:
    daemon = Daemon(tmp_path / "a", "--port", "0", "--no-mdns")
    with running(daemon):
        while daemon.process.poll() is None:
            daemon.process.send_signal(number)
            time.sleep(0.001)

    assert daemon.process.returncode == 0
    assert "Traceback" not in daemon.log()


def test_a_sensors_hint_waits_for_the_wearer_and_needs_consent(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path / "a", "--port", "0", "--no-mdns")
    with running(daemon):
        daemon.ask("suggest", activated=True)
        unasked = daemon.ask("status")
        daemon.ask("consent", switch="suggest", on=True)
        assert daemon.ask("suggest", activated=True)["ok"] is True
        waiting = daemon.ask("status")
        assert daemon.ask("accept")["ok"] is True
        accepted = daemon.ask("status")
        nothing_left = daemon.ask("accept")

    assert unasked["suggestion"] is None
    assert (waiting["suggestion"], waiting["suggested_emotion"]) == ("activated", "excited")
    assert waiting["emotion"] == "neutral"
    assert (accepted["emotion"], accepted["suggestion"]) == ("excited", None)
    assert nothing_left["ok"] is False


def test_a_wearers_wish_is_what_the_whole_circle_shows(tmp_path: Path) -> None:
    wave = encode(
        Pattern(Kind.WAVE, 255, 60, colours=(21,), period_ds=70, depth=100, sharpness=1)
    ).hex()
    first, second = pair(tmp_path)
    with running(first, second):
        first.watch_until(is_committed, 30)
        wished = smilesync("circle", "propose", wave, "--control-socket", str(first.control))
        again = smilesync("circle", "propose", wave, "--control-socket", str(first.control))
        unsafe = smilesync("circle", "propose", "a0", "--control-socket", str(first.control))
        shown = [
            one.watch_until(lambda seen: is_committed(seen) and is_wave(seen), 30)["pattern"]
            for one in (first, second)
        ]

    assert wished.returncode == 0, wished.stderr
    assert shown == [{"kind": "wave", "period_us": 7_000_000}] * 2
    assert again.returncode == 1
    assert "one wish every 30 s" in again.stderr
    assert unsafe.returncode == 2
    assert "expected" in unsafe.stderr


def is_wave(seen: Fields) -> bool:
    return isinstance(seen["pattern"], dict) and seen["pattern"]["kind"] == "wave"


def test_off_and_withdrawn_consent_act_on_the_light_within_100_ms(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path / "a", "--port", "0", "--no-mdns")
    off_ms: list[float] = []
    glow_ms: list[float] = []
    with running(daemon):
        for _ in range(3):
            off_ms.append(reaction_ms(daemon, "OFF", "off", off=True))
            daemon.ask("off", off=False)
            glow_ms.append(reaction_ms(daemon, "GLOW", "consent", switch="show", on=False))
            daemon.ask("consent", switch="show", on=True)
            daemon.watch_until(lambda seen: seen["rung"] not in ("OFF", "GLOW"), 5)

    # The machine that runs the tests may stall; the device itself must not need longer.
    assert min(off_ms) <= 100
    assert min(glow_ms) <= 100


def reaction_ms(daemon: Daemon, rung: str, verb: str, **fields: object) -> float:
    """Return how long after the request the scene had changed, by the daemon's own clock."""
    asked_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    assert daemon.ask(verb, **fields)["ok"] is True
    seen = daemon.watch_until(lambda seen: seen["rung"] == rung, 5)
    assert isinstance(seen["monotonic_ns"], int)
    return (seen["monotonic_ns"] - asked_ns) / 1e6


def phase_error_us(one: Fields, two: Fields) -> float:
    """Return how far apart two watched phases are, each carried to the same instant."""
    period_us = one["pattern"]["period_us"]  # type: ignore[index] # a committed device has one
    turns = [
        seen["phase"] - seen["monotonic_ns"] / 1000 / period_us  # type: ignore[operator]
        for seen in (one, two)
    ]
    apart = (turns[0] - turns[1]) % 1
    return float(min(apart, 1 - apart) * period_us)


def wait_for_emotion(daemon: Daemon, wanted: str | None) -> bool:
    for _ in range(100):
        [peer] = daemon.ask("peers")["peers"]  # type: ignore[misc] # one peer is near
        if peer["emotion"] == wanted:
            return True
        time.sleep(0.1)
    return False


def test_a_killed_daemon_comes_back_and_rejoins(tmp_path: Path) -> None:
    genesis = new_circle(tmp_path, ["a", "b"])
    ports = free_ports(2)
    first = linked(tmp_path / "a", genesis, *ports)
    second = linked(tmp_path / "b", genesis, ports[1], ports[0])
    with running(first, second):
        killed_in = first.watch_until(is_committed, 30)["slot"]
        assert isinstance(killed_in, int)
        second.process.kill()
        second.process.wait()

        first.watch_until(lambda seen: not is_committed(seen), 15)
        revived = linked(tmp_path / "b", genesis, ports[1], ports[0])
        with running(revived):
            for daemon in (revived, first):
                daemon.watch_until(
                    lambda seen: is_committed(seen) and seen["slot"] != killed_in, 20
                )


def test_a_storm_of_malformed_datagrams_only_moves_counters(tmp_path: Path) -> None:
    first, second = pair(tmp_path)
    generator = random.Random(7)
    with running(first, second):
        first.watch_until(is_committed, 30)
        before = first.ask("status")
        host, port = str(before["address"]).split(":")
        journal_before = (first.state_dir / "keys").read_bytes()
        sent = 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for burst in range(100):
                for _ in range(50):
                    stranger.sendto(malformed(generator), (host, int(port)))
                    sent += 1
                if burst % 10 == 0:
                    assert first.ask("status")["ok"] is True
                time.sleep(0.01)
        after = first.ask("status")
        first.watch_until(is_committed, 10)

    assert drops(after) - drops(before) > sent / 2
    assert after["is_amnesic"] is False
    assert after["consent"] == before["consent"]
    assert after["emotion"] == before["emotion"]
    assert after["neighbours"] == 1
    assert (first.state_dir / "keys").read_bytes() == journal_before
    assert "Traceback" not in first.log()
    assert first.log().count("datagram-dropped") < 100


def malformed(generator: random.Random) -> bytes:
    """Return noise that is often shaped like a packet: right first byte, wrong everything else."""
    size = generator.choice((0, 1, 13, 29, 30, 31, 64, 96, 200, 1199, 1200, 1201, 1500))
    noise = generator.randbytes(size)
    return bytes([0x10 | generator.randrange(8)]) + noise[1:] if size else noise


def drops(status: Fields) -> int:
    counters = status["counters"]
    assert isinstance(counters, dict)
    return int(sum(counters["link_drops"].values()))


def test_a_damaged_journal_makes_the_daemon_follow_but_never_vote(tmp_path: Path) -> None:
    genesis = new_circle(tmp_path, ["a"])
    journal = tmp_path / "a" / "journal"
    content = bytearray(journal.read_bytes())
    content[-1] ^= 1
    journal.write_bytes(bytes(content))

    daemon = Daemon(tmp_path / "a", "--genesis", str(genesis), "--port", "0", "--no-mdns")
    with running(daemon):
        status = daemon.ask("status")
        time.sleep(1)
        slot = daemon.ask("status")["decided_slot"]

    assert status["is_amnesic"] is True
    assert slot == 0
    assert "amnesic" in daemon.log()


def test_a_full_disk_stops_the_daemon_with_clear_words(tmp_path: Path) -> None:
    [port] = free_ports(1)
    genesis = new_circle(tmp_path, ["a"])
    program = ("-m", "support.interrupted", "full", "3", str(tmp_path / "votes"))

    daemon = Daemon(
        tmp_path / "a", "--genesis", str(genesis), "--port", str(port), "--no-mdns", program=program
    )
    code = daemon.process.wait(30)

    assert code == 1
    assert "No space left on device; free space or repair the disk" in daemon.log()
    assert "Traceback" not in daemon.log()


@pytest.mark.parametrize("flush", [1, 2, 3, 4])
def test_a_disk_that_is_full_from_the_start_leaves_nothing_half_made(
    tmp_path: Path, flush: int
) -> None:
    program = ("-m", "support.interrupted", "full", str(flush), str(tmp_path / "votes"))
    failed = Daemon(tmp_path / "a", "--port", "0", "--no-mdns", program=program)

    assert failed.process.wait(30) in (1, 2)
    assert "No space left on device" in failed.log()
    assert "Traceback" not in failed.log()
    healthy = Daemon(tmp_path / "a", "--port", "0", "--no-mdns")
    with running(healthy):
        assert healthy.ask("status")["is_amnesic"] is False


def test_a_taken_port_and_a_foreign_address_are_told(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        here = ("--state-dir", str(tmp_path / "a"), "--no-mdns", "--interface")
        busy = smilesync("run", *here, "127.0.0.1", "--port", port)
        foreign = smilesync("run", *here, "203.0.113.7")

    assert (busy.returncode, foreign.returncode) == (2, 2)
    assert f"cannot open UDP port {port} on 127.0.0.1" in busy.stderr
    assert "--interface" in foreign.stderr


def can_multicast() -> bool:
    """Does a multicast datagram that we send on the loopback interface come back?"""
    group = socket.inet_aton("224.0.0.251") + socket.inet_aton("127.0.0.1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(1)
        try:
            probe.bind(("", 0))
            probe.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
            probe.setsockopt(
                socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1")
            )
            probe.sendto(b"hello", ("224.0.0.251", probe.getsockname()[1]))
            return probe.recv(16) == b"hello"
        except OSError:
            return False


def test_two_daemons_find_each_other_by_mdns(tmp_path: Path) -> None:
    if not can_multicast():
        pytest.skip("no multicast on the loopback interface here: mDNS cannot be shown")
    daemons = [Daemon(tmp_path / name, "--port", "0", "--mdns") for name in ("a", "b")]
    with running(*daemons):
        for daemon in daemons:
            daemon.watch_until(lambda seen: seen["peers"] == 1, 40)
        codes = [daemon.stop() for daemon in daemons]

    assert codes == [0, 0]
    assert "Traceback" not in daemons[0].log() + daemons[1].log()


def test_the_address_to_announce_is_the_one_asked_for() -> None:
    assert discovery.own_address("127.0.0.1") == "127.0.0.1"
    found = discovery.own_address("")
    assert found is None or socket.inet_aton(found)


def test_a_device_alone_shows_after_a_restart_what_its_wearer_felt(tmp_path: Path) -> None:
    one = Daemon(tmp_path / "one", "--no-mdns", "--port", "0")
    with running(one):
        one.ask("feel", state="calm")
        assert one.stop() == 0
    again = Daemon(one.state_dir, "--no-mdns", "--port", "0")
    with running(again):
        seen = again.watch_until(lambda seen: seen["rung"] == "SOLO", 5)

    assert seen["emotion"] == "calm"
