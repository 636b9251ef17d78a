"""One device in two circles, as processes: who drives its light, what the wearer says to both."""

import itertools
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from smilesync.commands import DEFAULT_SWITCHES, Switch
from smilesync.wire import records
from smilesyncd.journal import FileJournal, replay_file
from support.daemons import Daemon, Fields, free_ports, running, smilesync

SECONDS_MAX = 40.0


class Town:
    """A device x in the circles `home` (with a and b) and `team` (with c and d)."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ports = dict(zip("xabcd", free_ports(5), strict=True))
        self.home, self.team = directory / "home.genesis", directory / "team.genesis"
        found(self.home, [card(directory / name) for name in "xab"])
        found(
            self.team,
            [card(directory / "x", "--circle", "team"), *(card(directory / name) for name in "cd")],
        )
        added = smilesync("circle", "add", "team", str(self.team), *self.here())
        assert added.returncode == 0, added.stderr
        self.others = {
            name: self._start(name, self.home if name in "ab" else self.team) for name in "abcd"
        }
        self.device = self._start("x", self.home)

    def here(self) -> tuple[str, str]:
        """Return the flags that name the device."""
        return "--state-dir", str(self.directory / "x")

    def again(self) -> Daemon:
        """Start the device once more."""
        self.device = self._start("x", self.home)
        return self.device

    def _start(self, name: str, genesis: Path) -> Daemon:
        peers = [("--peer", f"127.0.0.1:{port}") for port in self.ports.values()]
        return Daemon(
            self.directory / name,
            *("--genesis", str(genesis), "--port", str(self.ports[name]), "--no-mdns"),
            *(word for peer in peers for word in peer),
        )


def card(state_dir: Path, *flags: str) -> str:
    shown = smilesync("identity", "show", "--state-dir", str(state_dir), *flags)
    assert shown.returncode == 0, shown.stderr
    return shown.stdout.strip()


def found(genesis: Path, cards: list[str]) -> None:
    made = smilesync("circle", "create", "--out", str(genesis), *cards)
    assert made.returncode == 0, made.stderr


def team_journal(town: Town) -> Path:
    return town.directory / "x" / "circles" / "team" / "journal"


def shines_by(name: str, seen: Fields) -> bool:
    return seen["drives"] == name and seen["is_selected"] is True


def lit(device: Daemon) -> set[str]:
    """Return the circles whose certified value is current for the device."""
    circles = device.ask("status")["circles"]
    assert isinstance(circles, list)
    return {str(one["circle_name"]) for one in circles if one["circle_rung"] == "COMMITTED"}


def wait_lit(device: Daemon, names: set[str]) -> None:
    until_s = time.monotonic() + SECONDS_MAX
    while not names <= lit(device):
        assert time.monotonic() < until_s, device.log()
        time.sleep(0.1)


def watch(device: Daemon, seconds: float, until: str) -> list[Fields]:
    """Return what was shown until the circle `until` drives and is lit."""
    seen: list[Fields] = []

    def note(one: Fields) -> bool:
        seen.append(one)
        return shines_by(until, one)

    device.watch_until(note, seconds)
    return seen


@pytest.mark.spec("DRV-001", "DRV-010", "DRV-011", "DRV-012", "DRV-013")
def test_the_wearer_switches_between_leases_and_a_fallen_circle_gives_way(tmp_path: Path) -> None:
    town = Town(tmp_path)
    device, here = town.device, town.here()
    with running(*town.others.values(), device):
        wait_lit(device, {"home", "team"})
        listed = smilesync("circle", "list", *here).stdout
        first = str(device.ask("watch")["drives"])
        other = "team" if first == "home" else "home"

        used = smilesync("circle", "use", other, *here)
        assert used.returncode == 0, used.stderr
        switching = watch(device, SECONDS_MAX, other)
        status = smilesync("status", *here).stdout

        for name in "ab" if other == "home" else "cd":
            town.others[name].process.kill()
        falling = watch(device, SECONDS_MAX, first)
        log = device.log()
        assert device.stop() == 0

    assert {"home", "team"} == {line.split()[0] for line in listed.splitlines()}
    assert listed.count("drives the light") == 1
    assert f"{other}: " in status
    assert "your choice" in status
    for seen, names in ((switching, [first, other]), (falling, [other, first])):
        # One lease to its end, then the other circle's: nothing in between, and no way back.
        shown = [str(one["drives"]) for one in seen if one["is_selected"]]
        assert [name for name, _ in itertools.groupby(shown)] == names
    assert [line for line in log.splitlines() if line.startswith("drives")][-2:] == [
        f"drives circle={other}",
        f"drives circle={first}",
    ]
    assert "Traceback" not in log


@pytest.mark.spec("DRV-015", "DRV-016")
def test_what_the_wearer_withdraws_is_gone_from_both_circles_at_once_and_stays_so(
    tmp_path: Path,
) -> None:
    town = Town(tmp_path)
    device = town.device
    with running(*town.others.values(), device):
        wait_lit(device, {"home", "team"})
        device.ask("consent", switch="share", on=True)
        device.ask("feel", state="excited")
        device.ask("off", off=True)
        dark = [device.ask("watch") for _ in range(5)]
        device.ask("off", off=False)
        device.ask("consent", switch="collective", on=False)
        alone = [device.ask("watch") for _ in range(5)]
        circles = device.ask("status")["circles"]
        device.process.kill()
        device.process.wait()
        # Power failed between two journals: that of one circle says the opposite.
        journal = FileJournal(team_journal(town), replay_file(team_journal(town)))
        journal._append((records.encode(records.ConsentSet(int(DEFAULT_SWITCHES | Switch.SHARE))),))
        journal.close()

        again = town.again()
        with running(again):
            status = again.ask("status")

    assert {one["rung"] for one in dark} == {"OFF"}
    assert not any(one["is_selected"] for one in alone)
    assert isinstance(circles, list)
    assert {one["circle_rung"] for one in circles} <= {"HARMONY", "SOLO"}
    assert status["consent"] == {
        "show": True, "share": True, "collective": False, "suggest": False, "lit": True,
    }  # fmt: skip
    assert status["emotion"] == "excited"


@pytest.mark.spec("DRV-017")
def test_leaving_one_circle_leaves_the_others_alone(tmp_path: Path) -> None:
    town = Town(tmp_path)
    device, here = town.device, town.here()
    with running(*town.others.values(), device):
        wait_lit(device, {"home", "team"})
        unnamed = smilesync("circle", "leave", *here)
        for_now = smilesync("circle", "leave", "--circle", "team", *here)
        while_away = smilesync("circle", "list", *here).stdout
        back = smilesync("circle", "join", "--circle", "team", *here)
        wait_lit(device, {"team"})
        left = smilesync("circle", "leave", "--circle", "team", "--now", *here)
        kept = device.watch_until(lambda seen: shines_by("home", seen), SECONDS_MAX)
        status = device.ask("status")
        choice = smilesync("circle", "use", "team", *here)
        assert device.stop() == 0
        again = town.again()
        with running(again):
            again.watch_until(lambda seen: shines_by("home", seen), SECONDS_MAX)
            listed = smilesync("circle", "list", *here).stdout
            assert again.stop() == 0
        removed = smilesync("circle", "remove", "team", *here)

    assert unnamed.returncode == 1
    assert "name one of home, team" in unnamed.stderr
    assert "`smilesync circle join --circle team` brings you back" in for_now.stdout
    assert while_away.splitlines()[1].startswith("team  left; ")
    assert back.returncode == 0, back.stderr
    assert left.returncode == 0, left.stderr
    assert kept["consent"] == status["consent"]
    assert status["consent"]["collective"] is True  # type: ignore[index]  # an object
    assert choice.returncode == 1
    assert "has left" in choice.stderr
    assert listed.splitlines()[1].startswith("team  left; ")
    assert removed.returncode == 0, removed.stderr
    assert not (town.directory / "x" / "circles" / "team").exists()


@pytest.mark.spec("DRV-001", "DRV-002", "DRV-005")
def test_two_devices_in_the_same_two_circles_keep_them_apart(tmp_path: Path) -> None:
    genesis = {name: tmp_path / f"{name}.genesis" for name in ("home", "team")}
    for name, file in genesis.items():
        more = () if name == "home" else ("--circle", name)
        found(file, [card(tmp_path / one, *more) for one in "xy"])
    for one in "xy":
        here = ("--state-dir", str(tmp_path / one))
        assert smilesync("circle", "add", "team", str(genesis["team"]), *here).returncode == 0
    ports = free_ports(2)
    pair = [
        Daemon(
            tmp_path / one,
            *("--genesis", str(genesis["home"]), "--port", str(own), "--no-mdns"),
            *("--peer", f"127.0.0.1:{other}"),
        )
        for one, own, other in (("x", *ports), ("y", *reversed(ports)))
    ]
    with running(*pair):
        for device in pair:
            wait_lit(device, {"home", "team"})
        statuses = [device.ask("status") for device in pair]
        peers = smilesync("peers", "--state-dir", str(tmp_path / "x")).stdout
        # One consent, one feeling: heard over both links.
        pair[0].ask("consent", switch="share", on=True)
        pair[0].ask("feel", state="calm")
        until_s = time.monotonic() + SECONDS_MAX
        while (told := smilesync("peers", "--state-dir", str(tmp_path / "y")).stdout).count(
            "feels calm"
        ) < 2:
            assert time.monotonic() < until_s, told
        codes = [device.stop() for device in pair]

    for status in statuses:
        assert status["neighbours"] == 1
        counters = status["counters"]
        assert isinstance(counters, dict)
        assert counters["links"] == 2
        assert counters["message_drops"] == {}
    assert [line.split()[-1] for line in peers.splitlines()] == ["home", "team"]
    assert codes == [0, 0]


@pytest.mark.spec("DRV-019")
def test_a_damaged_journal_ends_the_votes_of_its_circle_only(tmp_path: Path) -> None:
    town = Town(tmp_path)
    device = town.device
    with running(*town.others.values(), device):
        wait_lit(device, {"home", "team"})
        assert device.stop() == 0
        journal = team_journal(town)
        data = bytearray(journal.read_bytes())
        data[len(data) // 2] ^= 1
        journal.write_bytes(bytes(data))
        again = town.again()
        with running(again):
            wait_lit(again, {"home", "team"})
            circles = again.ask("status")["circles"]
            told = smilesync("circle", "list", *town.here()).stdout
            log = again.log()

    assert isinstance(circles, list)
    assert [(one["circle_name"], one["is_amnesic"]) for one in circles] == [
        ("home", False),
        ("team", True),
    ]
    assert "never votes again" in told.splitlines()[1]
    assert "never votes again" not in told.splitlines()[0]
    said = [line for line in log.splitlines() if line.startswith("amnesic")]
    assert "checksum" in said[0]
    assert all(line.endswith("circle=team") for line in said)


def test_what_cannot_be_added_or_removed_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    here = ("--state-dir", str(tmp_path / "x"))
    mine, twin, foreign = (tmp_path / f"{name}.genesis" for name in ("mine", "twin", "foreign"))
    found(mine, [card(tmp_path / "x", "--circle", "team")])
    found(twin, [card(tmp_path / "x"), card(tmp_path / "y")])
    found(foreign, [card(tmp_path / "y")])
    assert smilesync("circle", "add", "team", str(mine), *here).returncode == 0
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    config = tmp_path / "config.toml"

    for words, match in (
        (("add", "Team!", str(foreign)), "small letters"),
        (("add", "home", str(foreign)), "not 'home'"),
        (("add", "team", str(foreign)), "of this name already"),
        (("add", "other", str(mine)), "which is here as 'team'"),
        (("add", "other", str(twin)), "another voter key than that of 'other'"),
        (("add", "other", str(tmp_path / "none")), "No such file"),
        (("add", "other", str(tmp_path / "x" / "keys")), "expected a file made by"),
        (("remove", "other"), "no such circle"),
        (("remove", "team"), "leave --circle team"),
    ):
        done = smilesync("circle", *words, *here)

        assert done.returncode == 2, (words, done)
        assert match in done.stderr, done.stderr
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before

    config.write_text(f"genesis = {json.dumps(str(mine))}\n")
    twice = smilesync("run", "--config", str(config), *here)
    assert twice.returncode == 2
    assert "are one circle" in twice.stderr
    (tmp_path / "x" / "chosen").write_text("team\n")
    chosen = smilesync("circle", "remove", "team", "--now", *here)
    assert (chosen.returncode, "use --any" in chosen.stderr) == (2, True)
    listed = smilesync("circle", "list", *here).stdout
    assert "no daemon runs" in listed
    assert "team" in listed


def test_a_running_device_refuses_a_choice_that_there_is_not(tmp_path: Path) -> None:
    found(tmp_path / "a.genesis", [card(tmp_path / "a", "--circle", "team")])
    here = ("--state-dir", str(tmp_path / "a"))
    assert smilesync("circle", "add", "team", str(tmp_path / "a.genesis"), *here).returncode == 0
    daemon = Daemon(tmp_path / "a", "--port", "0", "--no-mdns")
    with running(daemon):
        daemon.watch_until(lambda seen: seen["is_selected"] is True, SECONDS_MAX)
        wrong = smilesync("circle", "use", "taem", *here)
        homeless = smilesync("circle", "use", "home", *here)
        right = smilesync("circle", "use", "team", *here)
        busy = smilesync("circle", "remove", "team", "--now", *here)
        shown = smilesync("circle", "show", *here).stdout

    assert wrong.returncode == homeless.returncode == 1
    assert "expected one of team" in wrong.stderr
    assert "is no circle" in homeless.stderr
    assert right.stdout == "team drives the light\n"
    assert busy.returncode == 1
    assert "use --any" in busy.stderr
    assert "this device" in shown


def watch_while(device: Daemon, act: Callable[[], None]) -> list[Fields]:
    """Return what was shown while something was done."""
    seen: list[Fields] = []
    is_done = threading.Event()

    def note(one: Fields) -> bool:
        seen.append(one)
        return is_done.is_set()

    watching = threading.Thread(target=device.watch_until, args=(note, SECONDS_MAX + 10))
    watching.start()
    try:
        act()
    finally:
        is_done.set()
        watching.join()
    return seen


@pytest.mark.spec("DRV-001", "DRV-002", "DRV-004", "DRV-011", "DRV-016", "DRV-021")
def test_a_running_device_comes_into_a_circle_and_out_of_it_and_its_light_goes_on(
    tmp_path: Path,
) -> None:
    here = ("--state-dir", str(tmp_path / "x"))
    home, team = tmp_path / "home.genesis", tmp_path / "team.genesis"
    ports = dict(zip("xabcd", free_ports(5), strict=True))
    peers = [word for port in ports.values() for word in ("--peer", f"127.0.0.1:{port}")]

    def daemon(name: str, genesis: Path) -> Daemon:
        listen = ("--port", str(ports[name]), "--no-mdns")
        return Daemon(tmp_path / name, "--genesis", str(genesis), *listen, *peers)

    found(home, [card(tmp_path / name) for name in "xab"])
    device = daemon("x", home)
    with running(device, daemon("a", home), daemon("b", home)):
        wait_lit(device, {"home"})
        device.ask("consent", switch="share", on=True)
        device.ask("feel", state="excited")
        found(team, [card(tmp_path / "x", "--circle", "team"), *(card(tmp_path / n) for n in "cd")])
        with running(daemon("c", team), daemon("d", team)):
            added = smilesync("circle", "add", "team", str(team), *here)
            again = smilesync("circle", "add", "team", str(team), *here)
            seen = watch_while(device, lambda: wait_lit(device, {"home", "team"}))
            told = replay_file(tmp_path / "x" / "circles" / "team" / "journal").records
            seated = smilesync("circle", "remove", "team", *here)
            gone = smilesync("circle", "remove", "team", "--now", *here)
            seen += watch_while(device, lambda: wait_lit(device, {"home"}))
            listed = smilesync("circle", "list", *here).stdout
            status = device.ask("status")
        log = device.log()
        assert device.stop() == 0

    assert (added.returncode, added.stdout.split()[-3:]) == (0, ["from", "now", "on"]), added
    assert again.returncode == 1
    assert "of this name already" in again.stderr
    assert seated.returncode == 1
    assert "leave --circle team" in seated.stderr
    assert gone.returncode == 0, gone.stderr
    assert {str(one["drives"]) for one in seen} <= {"home", "None"}
    assert {one["rung"] for one in seen} <= {"COMMITTED", "HOLD"}
    assert records.ConsentSet(int(DEFAULT_SWITCHES | Switch.SHARE)) in told
    assert any(isinstance(one, records.SequenceReserved) for one in told)
    assert not (tmp_path / "x" / "circles" / "team").exists()
    assert [line.split()[0] for line in listed.splitlines()] == ["home"]
    assert status["emotion"] == "excited"
    assert "Traceback" not in log


@pytest.mark.spec("DRV-002", "DRV-010", "DRV-021")
def test_a_device_without_a_circle_comes_into_its_first_one_and_is_without_again(
    tmp_path: Path,
) -> None:
    x, y = free_ports(2)
    team = tmp_path / "team.genesis"
    here = ("--state-dir", str(tmp_path / "x"))
    pair = [
        Daemon(tmp_path / name, "--port", str(own), "--no-mdns", "--peer", f"127.0.0.1:{other}")
        for name, own, other in (("x", x, y), ("y", y, x))
    ]
    with running(*pair):
        wait_neighbours(pair[0])
        listed = [card(tmp_path / name, "--circle", "team") for name in "xy"]
        found(team, listed)
        missing = smilesync("circle", "add", "team", str(tmp_path / "none"), *here)
        added = [
            smilesync("circle", "add", "team", str(team), "--state-dir", str(tmp_path / name))
            for name in "xy"
        ]
        for device in pair:
            wait_lit(device, {"team"})
        left = smilesync("circle", "leave", "--now", *here)
        removed = smilesync("circle", "remove", "team", *here)
        gone = smilesync("circle", "remove", "team", *here)
        status = pair[0].ask("status")
        pair[0].ask("consent", switch="collective", on=True)
        wait_neighbours(pair[0])
        assert [device.stop() for device in pair] == [0, 0]
        logs = [device.log() for device in pair]

    assert (missing.returncode, "No such file" in missing.stderr) == (2, True)
    assert [one.returncode for one in (*added, left, removed)] == [0] * 4
    assert gone.returncode == 1
    assert "no such circle" in gone.stderr
    assert status["circles"] == []
    assert not (tmp_path / "x" / "circles" / "team").exists()
    assert not any("Traceback" in log for log in logs)


def wait_neighbours(device: Daemon) -> None:
    """Wait until somebody is near."""
    until_s = time.monotonic() + SECONDS_MAX
    while device.ask("status")["neighbours"] != 1:
        assert time.monotonic() < until_s, device.log()
        time.sleep(0.1)
