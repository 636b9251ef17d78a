"""Coming into a circle and leaving it, from what is typed to what is on the disk."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import zxingcpp

from smilesync.circle.genesis import Parameters, Policy
from smilesync.commands import Command
from smilesync.errors import LocalError, SettingsError
from smilesync.ids import VoterKey
from smilesync.keys import Ed25519Signer
from smilesync.light.stage import Stage, Standing
from smilesync.mesh.link import Link
from smilesync.wire import records
from smilesyncd import belonging, client, keystore, panel, qrcode
from smilesyncd.control import BadRequest, Service
from smilesyncd.design.wardrobe import Wardrobe
from smilesyncd.device import Device, Member
from smilesyncd.driver import LocalClock, Node, Ticket
from smilesyncd.face import Face
from smilesyncd.journal import FileJournal, open_journal
from smilesyncd.jsonlines import Json
from smilesyncd.lives import Lives
from smilesyncd.memory import renew_voter_key
from smilesyncd.service import command_of, new_service
from smilesyncd.udp import UdpSocket
from smilesyncd.wearer import Wearer
from smilesyncd.wearing import circle_words
from support.daemons import Daemon, free_ports, running, smilesync
from support.street import Street


def _service(street: Street, number: int) -> Service:
    """Return what the control socket of a device of the street would answer."""
    genesis = street.genesis
    peer = street.peers[number]
    clock = SimpleNamespace(now_ns=lambda: street.local_ns(number))
    circle = genesis.circle_id if genesis is not None else None
    member = Member("home", Path(), circle, peer, cast(Link, None), cast(FileJournal, None))
    stage = Stage({"home": Standing(peer.scene, peer.board.switches)})
    device = Device(
        name="",
        version="",
        members=(member,),
        stage=stage,
        face=cast(Face, SimpleNamespace(scene=stage.scene, show=lambda _scene, _now_ns: None)),
        socket=cast(UdpSocket, None),
        clock=cast(LocalClock, clock),
        wardrobe=cast(Wardrobe, None),
        state_dir=Path(),
        started_ns=0,
        on_drive=lambda _name: None,
    )

    def request(command: Command) -> Ticket:
        ticket = Ticket(command)
        try:
            street.command(number, command)
        except LocalError as error:
            ticket.refusal = error
        ticket.is_done.set()
        return ticket

    node = SimpleNamespace(request=request)
    return new_service(Wearer({"home": cast(Node, node)}, device), device, cast(Lives, None))


def _street(size: int, members: int, policy: Policy = Policy.INVITE) -> Street:
    street = Street(size, members=members, parameters=Parameters(policy=policy))
    street.run(4)
    return street


async def test_an_invitation_is_asked_for_used_and_seen() -> None:
    street = _street(2, 1)
    founder, guest = _service(street, 0), _service(street, 1)

    invited = await founder.answer("invite", {"minutes": 5, "guest": street.identities[1].hex()})
    await guest.answer("join", {"invite": invited["invite"]})
    asking = await guest.answer("circle", {})
    street.run(30)
    seated = await guest.answer("circle", {})
    await guest.answer("leave", {"now": False})
    leaving = await guest.answer("circle", {})

    assert (asking["wish"], asking["is_voter"], asking["policy"]) == ("join", False, "invite")
    assert (seated["wish"], seated["is_voter"], leaving["wish"]) == (None, True, "leave")
    voters = seated["voters"]
    assert isinstance(voters, list)
    heard = {str(one["identity"]): one for one in voters if isinstance(one, dict)}
    assert set(heard) == {identity.hex() for identity in street.identities}
    assert heard[street.identities[1].hex()]["is_me"] is True
    age_ms = heard[street.identities[0].hex()]["heard_ms"]
    assert isinstance(age_ms, int)
    assert age_ms < 2_000


@pytest.mark.parametrize(
    ("verb", "fields", "match"),
    [
        ("join", {"invite": 7}, "a text"),
        ("join", {"invite": "smilecard1"}, "INV-005"),
        ("join", {"invite": None}, "has a seat"),
        ("invite", {"minutes": 0}, "from 1 to 1440"),
        ("invite", {"minutes": True}, "from 1 to 1440"),
        ("invite", {"minutes": 5, "guest": "zz"}, "hexadecimal"),
        ("invite", {"minutes": 5, "guest": "00"}, "64 hexadecimal digits"),
        ("leave", {}, "true or false"),
    ],
)
async def test_a_request_that_cannot_be_granted_says_why(
    verb: str, fields: dict[str, Json], match: str
) -> None:
    street = _street(1, 1)

    with pytest.raises(BadRequest, match=match):
        await _service(street, 0).answer(verb, fields)


async def test_an_invitation_to_another_circle_is_told_apart() -> None:
    street, other = _street(1, 1), _street(2, 2)
    word = (await _service(other, 0).answer("invite", {"minutes": 5}))["invite"]

    with pytest.raises(BadRequest, match="is for circle"):
        await _service(street, 0).answer("join", {"invite": word})


async def test_a_device_without_a_circle_and_one_in_a_closed_one_say_so() -> None:
    lonely, closed = Street(1, members=0), _street(1, 1, Policy.CLOSED)

    for verb in ("circle", "join"):
        with pytest.raises(BadRequest, match="no circle"):
            await _service(lonely, 0).answer(verb, {"invite": None})
    with pytest.raises(BadRequest, match="do not invite"):
        await _service(closed, 0).answer("invite", {"minutes": 1})


def test_leaving_is_a_command_and_joining_needs_the_circle() -> None:
    with pytest.raises(BadRequest, match="expected status"):
        command_of("join", {})


def test_the_key_that_was_left_is_erased_and_the_next_one_may_vote(tmp_path: Path) -> None:
    seeds = keystore.generate()
    tmp_path.chmod(0o700)
    voter = VoterKey(Ed25519Signer(seeds.voter).public)
    journal = open_journal(tmp_path, voter, is_new_device=True).journal
    keystore.store(tmp_path, seeds)
    for record in (records.Nullified(3, 1), records.Felt(2), records.Amnesia()):
        journal._append((records.encode(record),))

    renew_voter_key(tmp_path, journal)
    journal._append((records.encode(records.Shown(9)),))
    journal.close()

    renewed = keystore.load(tmp_path)
    assert renewed is not None
    assert renewed.voter != seeds.voter
    assert (renewed.identity, renewed.link) == (seeds.identity, seeds.link)
    assert seeds.voter.hex() not in (tmp_path / "keys").read_text()
    fresh = VoterKey(Ed25519Signer(renewed.voter).public)
    opening = open_journal(tmp_path, fresh, is_new_device=False)
    opening.journal.close()
    assert opening.amnesia is None
    assert opening.records == (records.Opened(fresh), records.Felt(2), records.Shown(9))


def test_bad_policies_are_refused_before_a_file_is_written(tmp_path: Path) -> None:
    card = smilesync("identity", "show", "--state-dir", str(tmp_path / "a")).stdout.strip()
    out = str(tmp_path / "x.genesis")

    for words, match in (
        (("--policy", "steward"), "exactly with --policy steward"),
        (("--steward", "00"), "exactly with --policy steward"),
        (("--policy", "steward", "--steward", "zz"), "64 hexadecimal digits"),
        (("--policy", "steward", "--steward", "00" * 32), "64 hexadecimal digits"),
    ):
        done = smilesync("circle", "create", "--out", out, *words, card)

        assert done.returncode == 2
        assert match in done.stderr
    assert not Path(out).exists()


def test_a_guest_comes_in_and_leaves_by_what_is_typed(tmp_path: Path) -> None:
    ports = free_ports(2)
    states = [tmp_path / name for name in "ab"]
    card = smilesync("identity", "show", "--state-dir", str(states[0])).stdout.strip()
    genesis, door = str(tmp_path / "our.genesis"), tmp_path / "door.svg"
    made = smilesync("circle", "create", "--out", genesis, "--policy", "invite", card)
    assert made.returncode == 0, made.stderr
    flags = ("--genesis", genesis, "--no-mdns")
    founder = Daemon(states[0], "--port", str(ports[0]), *flags)
    guest = Daemon(states[1], "--port", str(ports[1]), "--peer", f"127.0.0.1:{ports[0]}", *flags)
    here, there = (("--state-dir", str(state)) for state in states)
    with running(founder), running(guest):
        word = ""
        while not word:
            word = smilesync("circle", "invite", *here).stdout.strip()
        pictured = smilesync("circle", "invite", "--qr", "--svg", str(door), *here)
        both = smilesync("circle", "invite", "--qr", "--json", *here)
        asked = smilesync("circle", "join", word.upper(), *there)
        refused = smilesync("circle", "join", "smileinvite1zz", *there)
        shown = smilesync("circle", "show", *here).stdout
        told = json.loads(smilesync("circle", "show", "--json", *there).stdout)
        left = smilesync("circle", "leave", "--now", "--json", *there)
        after = client.ask(guest.control, "status")
        assert founder.stop() == 0
        assert guest.stop() == 0

    assert "█▀" in pictured.stdout
    assert pictured.stdout.splitlines()[-1].startswith("smileinvite1")
    assert door.read_text().startswith("<?xml")
    assert "--qr: expected without --json" in both.stderr
    assert "asked for a seat" in asked.stdout
    assert refused.returncode == 1
    assert "INV-005" in refused.stderr
    assert "this device" in shown
    assert told["wish"] == "join" or len(told["voters"]) == 2, "granted meanwhile"
    assert json.loads(left.stdout) == {"wish": "leave"}
    assert after["is_leaving"] is True
    assert after["is_amnesic"] is False, "it left by choice, and lost nothing"
    said = [line.split()[0] for line in guest.log().splitlines()]
    assert said.count("circle-left") == 1
    assert "amnesic" not in said
    assert "lost its memory" not in circle_words(after)
    assert after["consent"] == {
        "show": True, "share": False, "collective": False, "suggest": False, "lit": True,
    }  # fmt: skip


def test_an_invitation_as_a_picture_says_the_same_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    word = "smileinvite1" + "ab" * 205
    drawn = qrcode.in_terminal(qrcode.of(word))
    path = tmp_path / "door.svg"
    qrcode.to_svg(qrcode.of(word), qrcode.new_file(str(path)))

    lines = drawn.splitlines()
    assert max(map(len, lines)) <= 80
    assert _read_code(lines).lower() == word
    assert path.read_text().startswith("<?xml")
    with pytest.raises(SettingsError, match="exists already"):
        qrcode.new_file(str(path))
    with pytest.raises(SettingsError, match="expected a new file"):
        qrcode.to_svg(qrcode.of(word), tmp_path / "nowhere" / "door.svg")


def _read_code(lines: list[str]) -> str:
    """Let another program read what a camera would see of these half blocks."""
    scale = 4
    halves = {" ": (0, 0), "▀": (255, 0), "▄": (0, 255), "█": (255, 255)}
    rows = [[halves[one][half] for one in line] for line in lines for half in (0, 1)]
    seen = bytes(one for row in rows for _ in range(scale) for one in row for _ in range(scale))
    shape = (len(rows) * scale, len(rows[0]) * scale)
    (code,) = zxingcpp.read_barcodes(memoryview(seen).cast("B", shape))
    return str(code.text)


@pytest.mark.parametrize(
    ("is_closed", "is_now", "says"),
    [
        (False, False, "when the circle has let go"),
        (False, True, "is erased at once"),
        (True, False, "votes on unseen"),
        (True, True, "nobody can take the seat"),
    ],
)
def test_farewell_says_what_becomes_of_the_seat(is_closed: bool, is_now: bool, says: str) -> None:
    words = belonging._farewell(is_closed=is_closed, is_now=is_now)

    assert says in words
    assert words.startswith("left: collective light and sharing are off; ")
    assert all(len(line) <= 100 for line in words.splitlines())


@pytest.mark.spec("MRG-041")
async def test_wearer_agrees_to_mergers_and_takes_it_back() -> None:
    street = _street(2, 2)
    service, mine = _service(street, 0), street.peers[0].belonging

    assert not mine.agrees_to_merge
    assert await service.answer("merge", {"on": True}) == {}
    assert mine.agrees_to_merge
    await service.answer("merge", {"on": False})
    assert not mine.agrees_to_merge


@pytest.mark.spec("MRG-042")
async def test_closed_circle_and_nonsense_are_refused_in_words() -> None:
    closed, opened = _street(2, 2, Policy.CLOSED), _street(2, 2, Policy.OPEN)

    with pytest.raises(BadRequest, match="never merges"):
        await _service(closed, 0).answer("merge", {"on": True})
    with pytest.raises(BadRequest, match="on"):
        await _service(opened, 0).answer("merge", {"on": "perhaps"})
    assert opened.peers[0].belonging.agrees_to_merge, "as in every open circle"
    assert not closed.peers[0].belonging.agrees_to_merge


async def test_membership_says_what_there_is_to_say_of_mergers() -> None:
    street = _street(2, 2, Policy.OPEN)
    member = SimpleNamespace(peer=street.peers[0])

    told = panel.merging_fields(cast(Member, member))

    assert told == {"agrees_to_merge": True, "ended_into": None, "came_from": []}
