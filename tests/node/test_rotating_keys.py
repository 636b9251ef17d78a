"""Another voter key on a real disk, and real processes that lose their memory and vote again."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from smilesync.circle.genesis import Parameters, found, make_card
from smilesync.errors import SettingsError
from smilesync.ids import VoterKey
from smilesync.keys import Ed25519Signer
from smilesync.wire import records
from smilesyncd import journal as disk
from smilesyncd import keystore, memberships, memory, statedir
from smilesyncd.journal import FileJournal, JournalError, open_journal
from smilesyncd.keystore import Seeds
from smilesyncd.settings import Settings
from support.daemons import Daemon, Fields, free_ports, new_circle, running, smilesync


def _device(directory: Path) -> tuple[Seeds, FileJournal]:
    """Return keys with a spare one on the disk, and a journal with an own vote."""
    directory.chmod(0o700)
    seeds = keystore.generate()
    voter = VoterKey(Ed25519Signer(seeds.voter).public)
    journal = open_journal(directory, voter, is_new_device=True).journal
    keystore.store(directory, seeds)
    for record in (records.Nullified(3, 1), records.Felt(2), records.Amnesia()):
        journal._append((records.encode(record),))
    spare, is_new = memory.spare_voter_key(directory)
    assert is_new
    again, is_new = memory.spare_voter_key(directory)
    assert (again.public, is_new) == (spare.public, False)
    found = keystore.load(directory)
    assert found is not None
    assert found.voter == seeds.voter
    assert found.spare is not None
    return found, journal


def _key_of(seed: bytes | None) -> VoterKey:
    assert seed is not None
    return VoterKey(Ed25519Signer(seed).public)


@pytest.mark.spec("RKY-021", "RKY-023")
def test_adopted_key_is_on_the_disk_and_the_former_one_is_not(tmp_path: Path) -> None:
    seeds, journal = _device(tmp_path)

    memory.adopt_voter_key(tmp_path, journal)
    journal.close()

    assert keystore.load(tmp_path) == Seeds(seeds.identity, seeds.spare or b"", seeds.link)
    assert seeds.voter.hex() not in (tmp_path / "keys").read_text()
    with memory.opened(tmp_path) as opened:
        assert opened.opening.amnesia is None
        assert opened.opening.records == (records.Opened(_key_of(seeds.spare)), records.Felt(2))


@pytest.mark.spec("RKY-022", "RKY-023")
def test_power_that_fails_between_journal_and_keys_leaves_the_new_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds, journal = _device(tmp_path)

    def cut(_directory: Path, _seeds: Seeds) -> None:
        raise SettingsError("power failed")

    with monkeypatch.context() as patched:
        patched.setattr(keystore, "store", cut)
        with pytest.raises(SettingsError, match="power failed"):
            memory.adopt_voter_key(tmp_path, journal)
    journal.close()
    assert keystore.load(tmp_path) == seeds

    with memory.opened(tmp_path) as opened:
        assert opened.opening.amnesia is None
        assert opened.seeds == Seeds(seeds.identity, seeds.spare or b"", seeds.link)
    assert keystore.load(tmp_path) == opened.seeds


@pytest.mark.spec("RKY-022")
def test_before_the_journal_is_begun_anew_both_keys_stay(tmp_path: Path) -> None:
    seeds, journal = _device(tmp_path)
    journal.close()
    with memory.opened(tmp_path) as opened:
        assert opened.seeds == seeds
        assert records.Nullified(3, 1) in opened.opening.records


def test_spare_key_outlives_a_lost_journal_and_goes_with_the_voter_key(tmp_path: Path) -> None:
    seeds, journal = _device(tmp_path)
    journal.close()
    (tmp_path / disk.FILE_NAME).unlink()
    with memory.opened(tmp_path) as opened:
        assert opened.seeds == seeds
        assert opened.opening.amnesia is not None
        memory.renew_voter_key(tmp_path, opened.opening.journal)
    left = keystore.load(tmp_path)
    assert left is not None
    assert left.spare is None
    assert left.voter not in (seeds.voter, seeds.spare)


def test_refused_key_is_dropped(tmp_path: Path) -> None:
    seeds, journal = _device(tmp_path)
    journal.close()
    memory.drop_spare_voter_key(tmp_path)
    assert keystore.load(tmp_path) == Seeds(seeds.identity, seeds.voter, seeds.link)


def test_disk_that_takes_no_new_journal_stops_the_device_with_both_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds, journal = _device(tmp_path)

    def full(_path: Path, _data: bytes) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patched:
        patched.setattr(disk.statedir, "write_atomically", full)
        with pytest.raises(JournalError):
            memory.adopt_voter_key(tmp_path, journal)
    journal.close()
    assert keystore.load(tmp_path) == seeds


@pytest.mark.parametrize("line", ["spare = 00", "voter = " + "00" * 32, "other = " + "00" * 32])
def test_key_file_with_a_line_too_many_is_refused(tmp_path: Path, line: str) -> None:
    _, journal = _device(tmp_path)
    journal.close()
    path = tmp_path / keystore.FILE_NAME
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(SettingsError, match="maybe for spare"):
        keystore.load(tmp_path)


def test_seat_with_another_key_is_missed_when_its_circle_is_removed(tmp_path: Path) -> None:
    identity, voter, spare = (Ed25519Signer(bytes([i]) * 32) for i in (1, 2, 3))
    card = make_card(identity, voter)
    genesis = found((card, make_card(spare, identity)), bytes(32), Parameters())
    settings = cast(Settings, SimpleNamespace(state_dir=tmp_path / "state"))
    statedir.prepare(settings.state_dir)
    folder = memberships.folder(settings.state_dir, "team")
    folder.mkdir(parents=True, mode=0o700)
    keystore.store(folder, Seeds(bytes([1]) * 32, bytes([3]) * 32, bytes(32)))
    (folder / memberships.GENESIS_NAME).write_bytes(genesis.encode())
    (folder / memberships.LEFT_NAME).write_bytes(b"")
    fresh = VoterKey(spare.public)
    journal = open_journal(folder, fresh, is_new_device=True).journal
    place = genesis.roster.voters.index(VoterKey(voter.public))
    roster = genesis.roster.changed(0, (), {place: fresh})
    journal._append((records.encode(records.Seated(9, roster.body, b"")),))
    journal.close()

    with pytest.raises(SettingsError, match="this device votes in it"):
        memberships.remove(settings, "team", is_now=False)

    (folder / disk.FILE_NAME).unlink()
    memberships.remove(settings, "team", is_now=False)
    assert not folder.exists()


def _started(directory: Path, name: str, genesis: Path, ports: list[int], own: int) -> Daemon:
    others = [word for port in ports if port != own for word in ("--peer", f"127.0.0.1:{port}")]
    flags = ("--genesis", str(genesis), "--port", str(own), "--no-mdns", *others)
    return Daemon(directory / name, *flags)


def _is_lit(seen: Fields) -> bool:
    return seen["rung"] == "COMMITTED" and seen["is_selected"] is True


def _is_voting_anew(seen: Fields) -> bool:
    return seen["is_voter"] is True and seen["is_amnesic"] is False and seen["is_asking"] is False


def _until(daemon: Daemon, wanted: Callable[[Fields], bool], seconds: float) -> None:
    """Return once the status is as wanted."""
    until_s = time.monotonic() + seconds
    while not wanted(daemon.ask("status")):
        assert time.monotonic() < until_s, daemon.log()
        time.sleep(0.3)


@pytest.mark.timeout(240)
@pytest.mark.spec("RKY-020", "RKY-021", "RKY-022")
def test_daemon_without_its_journal_votes_again_and_the_circle_bears_the_next_crash(
    tmp_path: Path,
) -> None:
    names = ["a", "b", "c", "d"]
    genesis = new_circle(tmp_path, names)
    ports = free_ports(4)
    daemons = [
        _started(tmp_path, name, genesis, ports, own)
        for name, own in zip(names, ports, strict=True)
    ]
    seeds = keystore.load(tmp_path / "d")
    assert seeds is not None
    with running(*daemons):
        for daemon in daemons:
            daemon.watch_until(_is_lit, 40)
        daemons[3].process.kill()
        daemons[3].process.wait()
        (tmp_path / "d" / disk.FILE_NAME).unlink()
        again = _started(tmp_path, "d", genesis, ports, ports[3])
        with running(again):
            again.watch_until(_is_lit, 40)
            assert again.ask("status")["is_amnesic"] is True
            socket = ("--control-socket", str(again.control))
            hint = smilesync("circle", "show", *socket).stdout
            asked = smilesync("circle", "rotate-key", *socket)
            asks = smilesync("circle", "show", *socket).stdout
            _until(again, _is_voting_anew, 60)
            refused = smilesync("circle", "rotate-key", *socket)
            slot = again.ask("status")["decided_slot"]
            daemons[0].process.kill()
            daemons[0].process.wait()
            assert isinstance(slot, int)
            _until(again, lambda status: int(str(status["decided_slot"])) > slot + 1, 60)
            again.watch_until(_is_lit, 20)
        daemons[1].watch_until(_is_lit, 20)
        log = again.log()

    assert "rotate-key" in hint
    assert asked.returncode == 0, asked.stderr
    assert "asked for another voter key" in asked.stdout
    assert "asks for another voter key" in asks or "this device" in asks
    assert refused.returncode != 0
    assert "of late" in refused.stderr
    assert "key-rotated" in log
    assert "Traceback" not in log
    kept = keystore.load(tmp_path / "d")
    assert kept is not None
    assert kept.spare is None
    assert kept.voter != seeds.voter
    assert kept.identity == seeds.identity
