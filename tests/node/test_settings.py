"""Settings, state directory and keys: what is accepted, and how the rest is refused."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from smilesync.errors import SettingsError
from smilesync.light.sink import Transfer
from smilesyncd import keystore, settings, statedir
from smilesyncd.expectations import StaticPeer
from smilesyncd.outputs.strip import Strip
from smilesyncd.outputs.target import E131, Terminal

GOOD = """
name = "Ada's jacket"
state_dir = "{here}/state"
interface = "127.0.0.1"
port = 7500
mdns = false
peers = ["127.0.0.1:7501", "lamp.local:7502"]
position_cm = [120, -40]
lamp = "e131:7@lamp.local"
zones = 3
zone_positions_cm = [[-30, 0], [0, 5], [30, 0]]
leds = 60
channel_order = "grb"
transfer = "linear"
budget_ma = 2000
rate_hz = 40
priority = 120
pattern = "breathe"
"""


def load(
    here: Path, file: str = "", flags: Mapping[str, str] | None = None, **environ: str
) -> settings.Settings:
    (here / "config.toml").write_text(file.format(here=here))
    base = {"CONFIGURATION_DIRECTORY": str(here), "STATE_DIRECTORY": str(here / "default")}
    return settings.load(flags or {}, base | environ)


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    found = load(tmp_path)

    assert found.port == 7412
    assert found.mdns
    assert found.lamp == Terminal()
    assert found.state_dir == tmp_path / "default"
    assert found.control_socket == tmp_path / "default" / "control"


def test_every_setting_can_be_given_in_the_file(tmp_path: Path) -> None:
    found = load(tmp_path, GOOD)

    assert found == settings.Settings(
        name="Ada's jacket",
        state_dir=tmp_path / "state",
        control_socket=tmp_path / "state" / "control",
        genesis=None,
        interface="127.0.0.1",
        port=7500,
        mdns=False,
        peers=(StaticPeer("127.0.0.1", 7501), StaticPeer("lamp.local", 7502)),
        position_cm=(120, -40),
        lamp=E131(7, "lamp.local"),
        strip=Strip(
            zones=3,
            leds=60,
            order="grb",
            budget_ma=2000,
            transfer=Transfer.LINEAR,
            rate_hz=40,
            priority=120,
        ),
        zone_positions_cm=((-30, 0), (0, 5), (30, 0)),
        pattern="breathe",
    )


def test_flags_win_over_environment_and_environment_over_the_file(tmp_path: Path) -> None:
    environ = {"SMILESYNC_PORT": "7601", "SMILESYNC_PRIORITY": "5", "SMILESYNC_MDNS": "yes"}

    found = load(tmp_path, GOOD, {"port": "7602"}, **environ)

    assert (found.port, found.strip.priority, found.mdns) == (7602, 5, True)
    assert found.position_cm == (120, -40)


@pytest.mark.parametrize(
    ("line", "expectation"),
    [
        ("port = 70000", "port: 70000; expected an integer from 0 to 65535"),
        ('port = "x"', "port: 'x'; expected an integer"),
        ("port = true", "port: True; expected an integer"),
        ("port = 7.5", "port: 7.5; expected an integer"),
        ('mdns = "perhaps"', "mdns: 'perhaps'; expected true or false"),
        ("name = 3", "name: 3; expected printable text of at most 64"),
        (f'name = "{"n" * 65}"', "expected printable text of at most 64"),
        ('name = "a\\u001bb"', "expected printable text"),
        ('interface = "eth0"', "interface: 'eth0'; expected an IPv4 address"),
        ('peers = "lamp.local"', "peers: 'lamp.local'; expected host:port"),
        ('peers = ["lamp.local:0"]', "expected host:port with a port from 1"),
        ('peers = ["a b:7412"]', "expected host:port with a host name"),
        ("peers = [7412]", "expected host:port"),
        ("peers = 7412", "expected a list of at most 64"),
        ("position_cm = [1, 2, 3]", "expected two integers"),
        ("position_cm = [1, 200000]", "expected an integer from -100000 to 100000"),
        ('lamp = "laser"', "lamp: 'laser'; expected terminal, none, ddp:HOST"),
        ("lamp = 1", "lamp: 1; expected terminal, none, ddp:HOST"),
        ('lamp = "none:1"', "expected terminal, none, ddp:HOST"),
        ('lamp = "ddp:"', "expected a host name or an IPv4 address"),
        ('lamp = "ddp:wled.local:0"', "expected a port from 1 to 65535"),
        ('lamp = "ddp:-o"', "expected a host name or an IPv4 address"),
        ('lamp = "e131:0"', "expected a universe from 1 to 63999"),
        ('lamp = "e131:one"', "expected a universe from 1 to 63999"),
        ('lamp = "e131:1@"', "expected a host name or an IPv4 address"),
        ('lamp = "artnet:1"', "expected artnet:UNIVERSE@HOST"),
        ('lamp = "artnet:32768@10.0.0.1"', "expected a universe from 0 to 32767"),
        ('lamp = "apa102:0"', "expected apa102:BUS.DEVICE"),
        ('lamp = "e131:63999"\nleds = 171', "lamp: 171 LEDs reach universe 64000; expected"),
        ('lamp = "record:"', "lamp: 'record:'; expected a path"),
        ("zones = 999", "expected an integer from 0 to 170"),
        ("leds = -1", "expected an integer from 0 to 1530"),
        ("leds = 5\nzones = 6", "zones: 6; expected at most one for each of the 5 LEDs"),
        (
            "leds = 24\nzones = 5",
            "zones: 5; expected zones of equally many of the 24 LEDs (leds): choose zones 4 or 6, "
            "or leds 20 or 25",
        ),
        ("leds = 1511\nzones = 16", "choose zones 1, or leds 1504 or 1520"),
        ("leds = 1530\nzones = 16", "choose zones 15 or 17, or leds 1520"),
        ("leds = 10\nzone_positions_cm = [[0, 0], [1, 1], [2, 2]]", "choose zones 2 or 5, or"),
        ("zones = 3\nzone_positions_cm = [[0, 0]]", "1 positions; expected one for each of the 3"),
        ("zone_positions_cm = [1]", "zone_positions_cm: [1]; expected two integers"),
        ("zone_positions_cm = 1", "expected a list of at most 170 pairs"),
        ('channel_order = "rgbw"', "expected one of rgb, rbg, grb, gbr, brg, bgr"),
        ('transfer = "log"', "expected one of linear, srgb, gamma-2.8, unknown"),
        ("budget_ma = 8\nleds = 8", "budget_ma: 8; expected more than the 8 mA"),
        ("budget_ma = 20\nleds = 32", "expected more than the 32 mA that the LEDs draw"),
        ("budget_ma = -1", "expected an integer from 0 to 200000"),
        ("budget_ma = nan", "budget_ma: nan; expected an integer"),
        ("rate_hz = inf", "rate_hz: inf; expected an integer from 20 to 60"),
        ("rate_hz = 19", "rate_hz: 19; expected an integer from 20 to 60"),
        ("rate_hz = 61", "expected an integer from 20 to 60"),
        ("priority = 201", "expected an integer from 0 to 200"),
        ('genesis = "/no/such/file"', "expected the path of an existing file"),
        ('state_dir = ""', "expected a path"),
        ("prot = 7412", "prot: unknown setting; did you mean port?"),
        ("quantum = 1", "quantum: unknown setting; expected one of name, state_dir"),
        ("port =", "expected TOML"),
        (f'control_socket = "/{"s" * 120}"', "expected a path of at most 107 bytes"),
    ],
)
def test_a_bad_setting_is_named_with_its_file_and_what_is_expected(
    tmp_path: Path, line: str, expectation: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, line)

    text = str(caught.value)
    assert text.startswith(str(tmp_path / "config.toml") + ": ")
    assert expectation in text
    assert "\n" not in text


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, "port = -1\nlamp = 4\nprot = 1", SMILESYNC_MDNS="maybe")

    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert any(line.startswith("SMILESYNC_MDNS: mdns: ") for line in lines)


def test_a_file_asked_for_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"gone\.toml: no such file"):
        load(tmp_path, flags={"config": str(tmp_path / "gone.toml")})


def test_the_state_directory_is_made_private(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "b"

    statedir.prepare(directory)

    assert directory.stat().st_mode & 0o777 == 0o700


def test_a_state_directory_others_can_read_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)

    with pytest.raises(SettingsError, match="run: chmod 700"):
        statedir.prepare(tmp_path)


def test_two_daemons_cannot_share_a_state_directory(tmp_path: Path) -> None:
    held = statedir.lock(tmp_path)

    with pytest.raises(SettingsError, match=f"process id {os.getpid()}"):
        statedir.lock(tmp_path)

    held.close()
    statedir.lock(tmp_path).close()


def test_keys_are_stored_private_and_come_back(tmp_path: Path) -> None:
    seeds = keystore.generate()
    keystore.store(tmp_path, seeds)

    assert keystore.load(tmp_path) == seeds
    assert (tmp_path / keystore.FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert seeds.identity.hex() not in repr(seeds)
    assert seeds.identity != seeds.voter != seeds.link


def test_a_key_file_others_can_read_is_refused(tmp_path: Path) -> None:
    keystore.store(tmp_path, keystore.generate())
    (tmp_path / keystore.FILE_NAME).chmod(0o640)

    with pytest.raises(SettingsError, match="run: chmod 600"):
        keystore.load(tmp_path)


@pytest.mark.parametrize("cut", [0, 1, 17, 80, 200])
def test_a_damaged_key_file_is_refused_and_left_alone(tmp_path: Path, cut: int) -> None:
    keystore.store(tmp_path, keystore.generate())
    path = tmp_path / keystore.FILE_NAME
    damaged = path.read_bytes()[:cut]
    path.write_bytes(damaged)

    with pytest.raises(SettingsError, match="expected the line"):
        keystore.load(tmp_path)

    assert path.read_bytes() == damaged
