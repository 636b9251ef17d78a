"""`smilesync circle list | use | add | remove`: the circles of a device that belongs to several."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from smilesync.errors import SettingsError
from smilesync.ids import short
from smilesyncd import client, memberships
from smilesyncd.jsonlines import Fields, Json
from smilesyncd.settings import Settings
from smilesyncd.wearing import circle_words, rung_words

ACTIONS = ("list", "use", "add", "remove")

AddAction = Callable[[str, str, str], argparse.ArgumentParser]


def add_arguments(add: AddAction) -> None:
    """Add the actions; `add` takes name, text and example and returns the parser."""
    listing = add("list", "the circles of this device, and which one drives the light", "list")
    use = add("use", "choose which circle drives the light", "use festival")
    which = use.add_mutually_exclusive_group(required=True)
    which.add_argument("name", nargs="?", metavar="NAME", help="the circle; home is --genesis'")
    which.add_argument("--any", action="store_true", help="whichever stands highest (default)")
    adding = add(
        "add",
        "belong to one circle more; a running device from now on",
        "add festival their.genesis",
    )
    adding.add_argument("name", metavar="NAME", help="what to call it on this device")
    adding.add_argument("file", type=Path, metavar="FILE", help="its genesis file")
    removing = add("remove", "forget a circle that was left, and its keys", "remove festival")
    removing.add_argument("name", metavar="NAME", help="the circle")
    removing.add_argument(
        "--now",
        action="store_true",
        help="also one that was not left: its voters wait for this one",
    )
    for parser in (listing, use, adding, removing):
        parser.add_argument("--json", action="store_true", help="print JSON for programs")


def carry_out(chosen: argparse.Namespace, known: Settings) -> int:
    """Run the command and return the exit code. Raises NoDaemon, Refused or SettingsError."""
    match chosen.action:
        case "list":
            _list(known, is_json=chosen.json)
        case "use":
            name = None if chosen.any else chosen.name
            told = client.ask(known.control_socket, "use", circle=name)
            print(json.dumps(told) if chosen.json else _used(told))
        case "add":
            _add(chosen, known)
        case "remove":
            try:
                client.ask(known.control_socket, "remove", name=chosen.name, now=chosen.now)
            except client.NoDaemon:
                memberships.remove(known, chosen.name, is_now=chosen.now)
            words = f"{chosen.name}: forgotten, and its keys with it"
            print(json.dumps({"removed": chosen.name}) if chosen.json else words)
        case _:
            raise AssertionError(chosen.action)
    return 0


def _add(chosen: argparse.Namespace, known: Settings) -> None:
    # Read here first: what is wrong with it is wrong whether a daemon runs or not.
    circle, since = memberships.read_genesis(chosen.file).circle_id, "from now on"
    file = str(chosen.file.absolute())
    try:
        client.ask(known.control_socket, "add", name=chosen.name, file=file)
    except client.NoDaemon:
        home = memberships.read_genesis(known.genesis) if known.genesis is not None else None
        memberships.add(known, home, chosen.name, chosen.file)
        since = "from the next start on"
    if chosen.json:
        print(json.dumps({"added": chosen.name, "circle": circle.hex()}))
    else:
        print(f"{chosen.name}: circle {short(circle)}, {since}")


def _list(known: Settings, *, is_json: bool) -> None:
    try:
        circles = client.ask(known.control_socket, "status")["circles"]
    except client.NoDaemon:
        circles = _on_disk(known)
        if not is_json:
            print("no daemon runs; what one with these settings would belong to:")
    assert isinstance(circles, list)
    if is_json:
        print(json.dumps(circles))
    elif not circles:
        print("none; found one with `smilesync circle create`")
    else:
        print("\n".join(_line(one, circles) for one in circles))


def _on_disk(known: Settings) -> list[Json]:
    """Return the circles as far as files tell."""
    files = {memberships.HOME: known.genesis} if known.genesis is not None else {}
    files |= {
        name: memberships.folder(known.state_dir, name) / memberships.GENESIS_NAME
        for name in memberships.names(known.state_dir)
    }
    chosen = memberships.chosen(known.state_dir)
    listed: list[Json] = []
    for name, path in files.items():
        try:
            circle: Json = memberships.read_genesis(path).circle_id.hex()
        except SettingsError:
            circle = None
        listed.append({"circle_name": name, "circle": circle, "is_chosen": name == chosen})
    return listed


def _line(one: Json, circles: list[Json]) -> str:
    """Return a line of the list: name, circle, what it is to the device."""
    assert isinstance(one, dict)
    wide = max(len(str(other["circle_name"])) for other in circles if isinstance(other, dict))
    name = str(one["circle_name"]).ljust(wide)
    if "circle_rung" not in one:
        words = str(one["circle"])[:8] if one["circle"] is not None else "genesis unreadable"
        words += ", your choice" if one["is_chosen"] else ""
    else:
        words = f"{rung_words(one)}; {circle_words(one)}"
    return f"{name}  {words}"


def _used(told: Fields) -> str:
    drives, chosen = told["drives"], told["chosen"]
    if chosen is None:
        return f"whichever circle stands highest drives the light; now it is {drives}"
    if drives == chosen:
        return f"{chosen} drives the light"
    if told["is_lit"]:
        return f"{chosen} drives the light as soon as the running lease of {drives} has ended"
    return f"{chosen} has no certified light now; {drives} drives until it has"
