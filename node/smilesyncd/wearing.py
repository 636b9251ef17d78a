"""The commands that talk to the own daemon: read, feel, consent, off, propose."""

import argparse
import json
import sys
from pathlib import Path

from smilesync.errors import SettingsError
from smilesync.light import pattern
from smilesyncd import client
from smilesyncd.jsonlines import Fields, Json


def carry_out(chosen: argparse.Namespace, path: Path) -> int:
    """Run the command and return the exit code. Raises NoDaemon, Refused or SettingsError."""
    match chosen.command:
        case "status":
            _print_status(client.ask(path, "status"), is_json=chosen.json)
        case "peers":
            _print_peers(client.ask(path, "peers"), is_json=chosen.json)
        case "watch":
            _watch(path, count=chosen.count, is_json=chosen.json)
        case "feel":
            client.ask(path, "feel", state=chosen.state)
        case "consent":
            _consent(chosen, path)
        case "off":
            client.ask(path, "off", off=not chosen.release)
        case "accept" | "dismiss":
            client.ask(path, chosen.command)
        case "circle" if chosen.action == "propose":
            _propose(chosen.pattern, chosen.circle, path)
        case "circle":
            from smilesyncd import belonging

            return belonging.carry_out(chosen, path)
        case _:
            raise AssertionError(chosen.command)
    return 0


def _propose(given: str, circle: str | None, path: Path) -> None:
    """Wish for a pattern that is safe; an unsafe one is refused here, with what to change."""
    from smilesyncd.linting import read_pattern

    encoded = pattern.encode(read_pattern(given)).hex()
    client.ask(path, "propose", pattern=encoded, circle=circle)


def _consent(chosen: argparse.Namespace, path: Path) -> None:
    if chosen.switch is None:
        switches = client.ask(path, "status")["consent"]
        assert isinstance(switches, dict)
        if chosen.json:
            print(json.dumps(switches))
            return
        for name, is_on in switches.items():
            print(f"{name:<12}{'on' if is_on else 'off'}")
    elif chosen.value is None:
        raise SettingsError(
            f"consent {chosen.switch}: say on or off, e.g. smilesync consent {chosen.switch} off"
        )
    else:
        client.ask(path, "consent", switch=chosen.switch, on=chosen.value == "on")


def _watch(path: Path, *, count: int | None, is_json: bool) -> None:
    line_before = ""
    for seen, fields in enumerate(client.watch(path), start=1):
        line = json.dumps(fields, separators=(",", ":")) if is_json else _watch_line(fields)
        if is_json or line != line_before:
            print(line, flush=True)
        line_before = line
        if count is not None and seen >= count:
            return
    # The daemon closed the stream; whoever watches wants to know that the light is unattended.
    print("the daemon has ended", file=sys.stderr)


def _watch_line(fields: Fields) -> str:
    drives = fields["drives"]
    words = [str(fields["rung"]) if drives is None else f"{drives}: {fields['rung']}"]
    pattern = fields["pattern"]
    if isinstance(pattern, dict):
        words.append(f"slot {fields['slot']}, {pattern['kind']} {_seconds(pattern['period_us'])}")
    words += crowd_words(fields["feelings"])
    if fields["ended_into"] is not None:
        words.append(f"its circle ended and goes on in {str(fields['ended_into'])[:8]}")
    words.append(f"{fields['peers']} near, feeling {fields['emotion']}")
    if fields["suggestion"] is not None:
        words.append(
            f"your sensor suggests {fields['suggested_emotion']}: smilesync accept, or dismiss"
        )
    return "; ".join(words)


def _seconds(period_us: Json) -> str:
    assert isinstance(period_us, int)
    return f"every {period_us / 1e6:.1f} s" if period_us else "steady"


def _print_status(fields: Fields, *, is_json: bool) -> None:
    if is_json:
        print(json.dumps(fields))
        return
    consent, counters = fields["consent"], fields["counters"]
    assert isinstance(consent, dict)
    assert isinstance(counters, dict)
    allowed = [name for name, is_on in consent.items() if is_on]
    synced = f"synced within {fields['error_us']} us" if fields["is_synced"] else "not synced"
    print(f"device     {str(fields['identity'])[:8]} {fields['name']}".rstrip())
    print(f"light      {fields['rung']}, feeling {fields['emotion']}, allows {', '.join(allowed)}")
    circles = fields["circles"]
    assert isinstance(circles, list)
    if len(circles) < 2:
        print(f"circle     {circle_words(fields)}")
    for one in circles if len(circles) > 1 else ():
        assert isinstance(one, dict)
        print(f"circle     {one['circle_name']}: {rung_words(one)}; {circle_words(one)}")
    print(f"clock      {synced if fields['circle_us'] is not None else 'none'}")
    print(f"near       {fields['neighbours']} devices, {counters['links']} links")
    print(f"daemon     {fields['version']}, up {fields['uptime_s']} s, at {fields['address']}")
    if fields["suggestion"] is not None:
        print(f"suggestion {fields['suggested_emotion']}: smilesync accept, or smilesync dismiss")


def rung_words(one: Fields) -> str:
    """Say what one of several circles does for the light."""
    if one["has_left"]:
        return "left"
    chosen = ", your choice" if one["is_chosen"] else ""
    return f"{one['circle_rung']}{', drives the light' if one['drives'] else ''}{chosen}"


def circle_words(fields: Fields) -> str:
    """Say which circle it is and what this device is in it."""
    if fields["circle"] is None:
        return "none; found one with `smilesync circle create`"
    words, votes = str(fields["circle"])[:8], fields["is_voter"] is True
    if fields["has_left"]:
        return words
    words += f", decided slot {fields['decided_slot']}"
    if fields["succeeds"] is not None:
        words += f", successor of {str(fields['succeeds'])[:8]}"
    came_from = fields["came_from"]
    if isinstance(came_from, list) and came_from:
        words += f", you came from {', '.join(str(one)[:8] for one in came_from)}"
    if fields["ended_into"] is not None:
        words += f", ended: its people went over to {str(fields['ended_into'])[:8]}"
        if not fields["agrees_to_merge"]:
            return words + "; `smilesync circle merge on` lets you follow"
        if _takes_part(fields.get("consent")):
            return words + "; you follow when its last light is over"
        return words + "; you follow when show, collective and the light are on"
    if fields["has_abandoned"]:
        return words + ", gave up its seat for a successor that is not there yet"
    if fields["is_leaving"]:
        return words + (", leaves; votes until the circle has let go" if votes else ", left")
    if fields["is_amnesic"]:
        words += ", lost its memory and never votes again with this key"
        return words + "; `smilesync circle rotate-key` asks for another"
    if fields["is_asking"]:
        return words + ", asks the others what it voted before the restart"
    words += ", votes" if votes else ", follows"
    words += ", may merge" if fields["agrees_to_merge"] else ""
    words += f"; {strength(fields['voters'], fields['liars_borne'], is_voter=votes)}"
    return "; ".join([words, *crowd_words(fields["feelings"])])


def _takes_part(consent: Json) -> bool:
    """Does the wearer allow all that a circle's light needs? Unknown counts as no."""
    needed = ("show", "collective", "lit")
    return isinstance(consent, dict) and all(consent[name] is True for name in needed)


def crowd_words(feelings: Json) -> list[str]:
    """Say how many people stand behind the light, as far as that may be known."""
    if not isinstance(feelings, dict) or not any(feelings.values()):
        return []
    return [
        "behind it " + ", ".join(f"{count} {state}" for state, count in feelings.items() if count)
    ]


def strength(voters: Json, liars: Json, *, is_voter: bool = True) -> str:
    """Say what a certificate of so many voters is worth; `is_voter`: is this device one of them?"""
    if voters == 1:
        return "alone in it" if is_voter else "1 voter"
    if not liars:
        return f"{voters} voters, certified against crashes only"
    return f"{voters} voters, bears {liars} that {'lies' if liars == 1 else 'lie'}"


def _print_peers(fields: Fields, *, is_json: bool) -> None:
    listed = fields["peers"]
    assert isinstance(listed, list)
    if is_json:
        print(json.dumps(listed))
        return
    if not listed:
        print("nobody near; devices on the same network appear within seconds")
    is_several = len({str(peer["circle_name"]) for peer in listed if isinstance(peer, dict)}) > 1
    for peer in listed:
        assert isinstance(peer, dict)
        where = f"  in {peer['circle_name']}" if is_several else ""
        assert isinstance(peer["age_ms"], int)
        print(
            f"{str(peer['identity'])[:8]}  heard {peer['age_ms'] / 1000:.1f} s ago  "
            f"{peer['address'] or 'no link'}  feels {peer['emotion'] or '(not shared)'}{where}"
        )
