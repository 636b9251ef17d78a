"""What can be typed: every command with its options, an example each, parsed by argparse."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from smilesyncd import circles
from smilesyncd.vocabulary import STATES, SWITCHES

SETTING_FLAGS = {
    "name": ("TEXT", "shown on this device only, never sent"),
    "genesis": ("FILE", "the circle to belong to"),
    "interface": ("ADDRESS", "own IPv4 address to use (default: all)"),
    "port": ("PORT", "UDP port, 0 for any (default: 7412)"),
    "position_cm": ("X,Y", "where the device is worn or stands, in cm (default: 0,0)"),
    "lamp": ("OUTPUT", "terminal, none, ddp:HOST, e131:U[@HOST], artnet:U@HOST, ..."),
    "zones": ("N", "independent light zones, 1 to 170"),
    "zone_positions_cm": ("X,Y;...", "where each zone is, from the middle of the device"),
    "leds": ("N", "LEDs of the lamp, shared out among the zones"),
    "channel_order": ("ORDER", "rgb, grb, bgr, ... as the LEDs want it"),
    "transfer": (
        "KIND",
        "what a code means: linear (default on APA102), srgb, gamma-2.8 or unknown (default)",
    ),
    "budget_ma": ("MA", "current of the LEDs' supply, 0 for no limit (default: 0)"),
    "rate_hz": ("HZ", "frames a second to send, 20 to 60 (default: 30)"),
    "priority": ("N", "E1.31 priority, 0 to 200 (default: 100)"),
    "pattern": ("HEX", "encoded light pattern to propose when leading"),
}
GUARDED = ("channel_order", "transfer", "budget_ma", "rate_hz", "priority", "interface")
"""The settings that `guard` takes as flags too."""

GUARD_RATE = ("HZ", "frames a second to send, 20 to 60 (default: 40)")

ALWAYS = ("config", "state_dir", "control_socket")

EPILOG = """\
example:  smilesync run

Settings come from flags, then SMILESYNC_* in the environment, then config.toml, then defaults.
Exit codes: 0 done, 1 failed, 2 the command or a setting needs correction."""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="smilesync",
        description="LED wearables that agree on a light, without a controller.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    add_parser = commands.add_parser
    _add_run(add_parser)
    _add(
        add_parser, "demo", "seven devices on this machine, cut apart and healed", "smilesync demo"
    )
    for name, text in (
        ("status", "what this device is doing"),
        ("peers", "who is near"),
        ("watch", "follow the light as it changes"),
    ):
        reader = _add(add_parser, name, text, f"smilesync {name} --json", has_daemon=True)
        _add_json(reader)
        if name == "watch":
            reader.add_argument("--count", type=_count, metavar="N", help="stop after N objects")
    _add_wearing(add_parser)
    _add_lint(add_parser)
    _add_files(add_parser)
    _add_guard(add_parser)
    _add_design(add_parser)
    return parser


def flags_of(chosen: argparse.Namespace) -> dict[str, str]:
    """Return the settings given as flags, by field name."""
    given: Mapping[str, object] = vars(chosen)
    flags = {
        name: value
        for name in (*ALWAYS, *SETTING_FLAGS)
        if isinstance(value := given.get(name), str)
    }
    if isinstance(mdns := given.get("mdns"), bool):
        flags["mdns"] = "on" if mdns else "off"
    if isinstance(peers := given.get("peers"), list):
        flags["peers"] = ",".join(str(peer) for peer in peers)
    return flags


AddParser: TypeAlias = Callable[..., argparse.ArgumentParser]


def _add(
    add_parser: AddParser, name: str, text: str, example: str, *, has_daemon: bool = False
) -> argparse.ArgumentParser:
    parser = add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog=f"example:  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    if has_daemon:
        parser.add_argument("--config", metavar="FILE", help="settings file")
        parser.add_argument("--state-dir", metavar="DIR", help="where the device keeps its state")
        parser.add_argument("--control-socket", metavar="PATH", help="the daemon's control socket")
    return parser


def _count(given: str) -> int:
    """Accept how many; argparse names the flag and exits with 2."""
    if not given.isdecimal() or int(given) < 1:
        raise argparse.ArgumentTypeError(f"expected an integer from 1, got {given!r}")
    return int(given)


def _extent(given: str) -> int:
    """Accept a width, as `_count` does."""
    if not given.isdecimal():
        raise argparse.ArgumentTypeError(f"expected centimetres from 0, got {given!r}")
    return int(given)


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def _add_run(add_parser: AddParser) -> None:
    run = _add(
        add_parser,
        "run",
        "be a device: find others, agree, shine",
        "smilesync run --genesis circle.genesis --peer 192.168.1.20:7412",
        has_daemon=True,
    )
    for name, (metavar, text) in SETTING_FLAGS.items():
        run.add_argument("--" + name.replace("_", "-"), metavar=metavar, help=text)
    run.add_argument(
        "--mdns", action=argparse.BooleanOptionalAction, help="find devices on the local network"
    )
    run.add_argument(
        "--peer",
        dest="peers",
        action="append",
        metavar="HOST:PORT",
        help="a device to reach in any case; may be given several times",
    )
    run.add_argument("-v", "--verbose", action="store_true", help="tell every fact, not only ours")


def _add_wearing(add_parser: AddParser) -> None:
    feel = _add(add_parser, "feel", "say how you feel", "smilesync feel excited", has_daemon=True)
    feel.add_argument("state", choices=list(STATES), metavar="STATE", help=", ".join(STATES))
    consent = _add(
        add_parser,
        "consent",
        "see or set what your device may do",
        "smilesync consent share off",
        has_daemon=True,
    )
    consent.add_argument("switch", nargs="?", choices=list(SWITCHES), help="which consent")
    consent.add_argument("value", nargs="?", choices=["on", "off"], help="give or withdraw it")
    _add_json(consent)
    off = _add(add_parser, "off", "dark LEDs, at once", "smilesync off", has_daemon=True)
    off.add_argument("--release", action="store_true", help="press again: light may come back")
    for name, text in (
        ("accept", "follow the suggestion of your sensor"),
        ("dismiss", "do not follow it"),
    ):
        _add(add_parser, name, text, f"smilesync {name}", has_daemon=True)


def _add_lint(add_parser: AddParser) -> None:
    lint = _add(
        add_parser,
        "lint",
        "check a light pattern, or a recording of light, for safety",
        "smilesync lint wave.pattern",
    )
    what = lint.add_mutually_exclusive_group(required=True)
    what.add_argument("pattern", nargs="?", metavar="FILE|HEX", help="an encoded pattern")
    what.add_argument("--trace", type=Path, metavar="FILE", help="a recording (docs/trace.md)")
    lint.add_argument("--extent", type=_extent, metavar="CM", help="how wide the circle is at most")
    _add_json(lint)


def _add_files(add_parser: AddParser) -> None:
    identity = _add(add_parser, "identity", "this device's public name", "smilesync identity show")
    actions = identity.add_subparsers(dest="action", metavar="ACTION", required=True)
    show = _add(
        actions.add_parser,
        "show",
        "print the founder card, which others need to found a circle with this device",
        "smilesync identity show",
        has_daemon=True,
    )
    show.add_argument(
        "--circle", metavar="NAME", help="the card for one circle more, which `add` will call so"
    )
    _add_json(show)
    circle = _add(
        add_parser,
        "circle",
        "found a circle, come in, go, or wish for what it shows",
        "smilesync circle create --out our.genesis CARD CARD",
    )
    actions = circle.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = _add(
        actions.add_parser,
        "create",
        "make the genesis file of a circle of the devices whose cards are given",
        "smilesync circle create --out our.genesis smilecard1... smilecard1...",
    )
    create.add_argument("cards", nargs="+", metavar="CARD", help="founder card, or a file with one")
    create.add_argument("--out", required=True, metavar="FILE", help="the file to write")
    create.add_argument(
        "--policy",
        choices=["closed", "open", "invite", "steward"],
        default="closed",
        help="who may become a voter later: nobody (closed), who stays, is invited, or certified",
    )
    create.add_argument("--steward", metavar="KEY", help="the steward's public key, hexadecimal")
    create.add_argument(
        "--strict", action="store_true", help="a circle of 2 or 3 stops rather than trust one less"
    )
    _add_json(create)
    propose = _add(
        actions.add_parser,
        "propose",
        "wish for a pattern: the circle shows it for up to a minute, each wearer in turn",
        "smilesync circle propose wave.pattern",
        has_daemon=True,
    )
    propose.add_argument("pattern", metavar="FILE|HEX", help="an encoded pattern")
    _add_belonging(actions.add_parser)
    circles.add_arguments(
        lambda name, text, example: _add(
            actions.add_parser, name, text, f"smilesync circle {example}", has_daemon=True
        )
    )
    for name in ("show", "invite", "join", "leave", "merge", "rotate-key", "propose"):
        actions.choices[name].add_argument(
            "--circle", metavar="NAME", help="which circle, of a device in several"
        )


def _add_belonging(add_parser: AddParser) -> None:
    show = _add(
        add_parser, "show", "who belongs to the circle", "smilesync circle show", has_daemon=True
    )
    invite = _add(
        add_parser,
        "invite",
        "print an invitation: one word that lets somebody become a voter",
        "smilesync circle invite --minutes 10 --qr",
        has_daemon=True,
    )
    invite.add_argument(
        "--minutes", type=_count, default=10, metavar="N", help="how long it holds (10)"
    )
    invite.add_argument("--guest", metavar="KEY", help="only for this identity, hexadecimal")
    invite.add_argument("--qr", action="store_true", help="draw it as a QR code above the word")
    invite.add_argument("--svg", metavar="FILE", help="write the QR code as a new SVG file")
    join = _add(
        add_parser,
        "join",
        "ask for a seat in the circle of the genesis file",
        "smilesync circle join smileinvite1...",
        has_daemon=True,
    )
    join.add_argument("invite", nargs="?", metavar="INVITE", help="the word of an invitation")
    leave = _add(
        add_parser,
        "leave",
        "leave the circle: its light and your sharing end at once",
        "smilesync circle leave",
        has_daemon=True,
    )
    leave.add_argument(
        "--now",
        action="store_true",
        help="erase the voter key at once, not when the circle agrees; in a closed circle it stays "
        "otherwise, because the seat does",
    )
    rotate = _add(
        add_parser,
        "rotate-key",
        "ask for another voter key: after lost memory, or when somebody may have copied the key",
        "smilesync circle rotate-key",
        has_daemon=True,
    )
    merge = _add(
        add_parser,
        "merge",
        "say whether this circle may become one with another that it meets",
        "smilesync circle merge off",
        has_daemon=True,
    )
    merge.add_argument("on", choices=("on", "off"), help="on by default where the policy is open")
    for parser in (show, invite, join, leave, merge, rotate):
        _add_json(parser)


def _add_guard(add_parser: AddParser) -> None:
    guard = _add(
        add_parser,
        "guard",
        "make any E1.31, Art-Net or DDP stream safe to look at",
        "smilesync guard --in e131:1-4 --out ddp:192.168.1.50",
    )
    for flag, name, metavar, text in (
        ("--in", "stream", "INPUT", "e131:U[-V][@ADDRESS], artnet:U[-V][@ADDRESS] or ddp[:PORT]"),
        ("--out", "to", "OUTPUT", "ddp:HOST, e131:U[@HOST], artnet:U@HOST, apa102:BUS.DEVICE, ..."),
    ):
        guard.add_argument(flag, dest=name, required=True, metavar=metavar, help=text)
    texts = SETTING_FLAGS | {"rate_hz": GUARD_RATE}
    for flag, metavar, text in (
        ("--leds", "N", "LEDs of the output (default: 170 for each universe)"),
        ("--in-order", "ORDER", "what the input's channels are (default: rgb)"),
        (
            "--rest",
            "LIGHT",
            "without a sender: glow (default), dark, or a feeling as your smile",
        ),
        *((f"--{name.replace('_', '-')}", *texts[name]) for name in GUARDED),
    ):
        guard.add_argument(flag, metavar=metavar, help=text)
    _add_json(guard)


def _add_design(add_parser: AddParser) -> None:
    design = _add(
        add_parser, "design", "your own colours and breaths", "smilesync design new my.toml"
    )
    actions = design.add_subparsers(dest="action", metavar="ACTION", required=True)
    given = "a design file, a shared word, or standard"
    for name, text, example in (
        ("new", "write a design file to edit, with comments", "design new my.toml"),
        ("show", "see the five states and the ways between them", "design show my.toml"),
        ("check", "say what is wrong with a design, everything at once", "design check my.toml"),
        ("use", "wear a design at once, and after a restart", "design use my.toml"),
        ("share", "print a design as one word that a friend can use", "design share my.toml"),
    ):
        action = _add(actions.add_parser, name, text, f"smilesync {example}", has_daemon=True)
        if name == "new":
            action.add_argument("design", metavar="FILE", help="the file to write")
            action.add_argument("--like", metavar="DESIGN", default="standard", help=given)
        else:
            is_optional = name in ("show", "share")
            action.add_argument(
                "design",
                metavar="DESIGN",
                nargs="?" if is_optional else None,
                help=given + ("; without it the one that is worn" if is_optional else ""),
            )
        if name in ("show", "check"):
            _add_json(action)
        if name == "show":
            action.add_argument("--live", action="store_true", help="as a moving smile, 40 s long")
    play = _add(
        add_parser,
        "play",
        "play your own light with the keyboard",
        "smilesync play",
        has_daemon=True,
    )
    play.add_argument("--lines", action="store_true", help="read one gesture per line instead")
