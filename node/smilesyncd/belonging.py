"""`smilesync circle join | leave | invite | merge | rotate-key | show`, asked of the own daemon."""

import argparse
import json
from pathlib import Path

from smilesync.errors import SettingsError
from smilesyncd import client, qrcode
from smilesyncd.jsonlines import Fields, Json
from smilesyncd.wearing import strength

MS_PER_SECOND = 1000


def carry_out(chosen: argparse.Namespace, path: Path) -> int:
    """Run the command and return the exit code. Raises NoDaemon, Refused or SettingsError."""
    match chosen.action:
        case "show":
            shown = client.ask(path, "circle", circle=chosen.circle)
            print(json.dumps(shown) if chosen.json else _described(shown))
        case "invite":
            _invite(chosen, path)
        case "join":
            told = client.ask(path, "join", invite=chosen.invite, circle=chosen.circle)
            _tell(
                {"wish": "join" if told["is_asked"] else None},
                "asked for a seat; `smilesync circle show` says when it is granted"
                if told["is_asked"]
                else "back: what you allow elsewhere holds there again",
                is_json=chosen.json,
            )
        case "leave":
            is_closed = client.ask(path, "circle", circle=chosen.circle)["policy"] == "closed"
            told = client.ask(path, "leave", now=chosen.now, circle=chosen.circle)
            circle = chosen.circle if told["has_others"] else None
            words = _farewell(circle, is_closed=is_closed, is_now=chosen.now)
            _tell({"wish": "leave"}, words, is_json=chosen.json)
        case "rotate-key":
            client.ask(path, "rotate-key", circle=chosen.circle)
            words = "asked for another voter key; this device goes on asking until it is granted"
            _tell({"asks_for_key": True}, words, is_json=chosen.json)
        case "merge":
            agrees = chosen.on == "on"
            client.ask(path, "merge", on=agrees, circle=chosen.circle)
            words = "if a quorum agrees, this circle merges with others that it meets"
            words = words if agrees else "your device votes for no merger, and goes along with none"
            _tell({"agrees_to_merge": agrees}, words, is_json=chosen.json)
        case _:
            raise AssertionError(chosen.action)
    return 0


def _invite(chosen: argparse.Namespace, path: Path) -> None:
    if chosen.qr and chosen.json:
        raise SettingsError("--qr: expected without --json; --svg FILE goes with it")
    out = qrcode.new_file(chosen.svg) if chosen.svg else None
    fields = client.ask(
        path, "invite", minutes=chosen.minutes, guest=chosen.guest, circle=chosen.circle
    )
    word = str(fields["invite"])
    if out is not None:
        qrcode.to_svg(qrcode.of(word), out)
    if chosen.qr:
        print(qrcode.in_terminal(qrcode.of(word)))
    # The word alone, so that it can be piped into whatever sends it.
    print(json.dumps(fields) if chosen.json else word)


def _farewell(circle: str | None = None, *, is_closed: bool, is_now: bool) -> str:
    """Return what became of the device's light, its sharing and its seat.

    `circle`: the one that was left, where others shine on.
    """
    named = f" --circle {circle}" if circle is not None else ""
    back = f"circle join{named}" if named else "consent collective on"
    left = f"left{f' {circle}' if named else ''}: collective light and sharing are off; "
    if is_closed and is_now:
        return left + (
            "the voter key is erased at once\n"
            "this circle is closed, so nobody can take the seat: the others have one voter less"
        )
    if is_closed:
        return left + (
            "this circle is closed, so its seats stay\n"
            "your device votes on unseen, so that the others keep their light\n"
            f"`smilesync {back}` brings you back; `smilesync circle leave --now{named}` "
            "erases its key"
        )
    return left + f"the voter key is erased {'at once' if is_now else 'when the circle has let go'}"


def _tell(fields: Fields, words: str, *, is_json: bool) -> None:
    print(json.dumps(fields) if is_json else words)


def _described(fields: Fields) -> str:
    """Return what people read: the circle, then a line for each voter and each who waits."""
    voters, standby = fields["voters"], fields["standby"]
    assert isinstance(voters, list)
    is_voter = fields["is_voter"] is True
    worth = strength(len(voters), fields["liars_borne"], is_voter=is_voter)
    lines = [f"circle   {str(fields['circle'])[:8]}, {fields['policy']}; {worth}"]
    lines += [_person("voter", one) for one in voters]
    if isinstance(standby, list):
        lines += [_person("waits", one) for one in standby]
    expelled = fields["expelled"]
    if isinstance(expelled, list) and expelled:
        lines.append(f"expelled {', '.join(str(one)[:8] for one in expelled)}")
    if fields["wish"] == "join":
        lines.append("this device asks for a seat")
    if fields["wish"] == "leave":
        lines.append("this device leaves")
    if fields["asks_for_key"]:
        lines.append("this device asks for another voter key")
    elif _is_keyless(fields):
        lines.append(
            "this device does not vote: it lost its voter key, or what that signed\n"
            "`smilesync circle rotate-key` asks the others to take another key for its seat"
        )
    return "\n".join(lines)


def _is_keyless(fields: Fields) -> bool:
    """Has this device a seat that it cannot vote with?"""
    voters = fields["voters"]
    assert isinstance(voters, list)
    has_seat = any(isinstance(one, dict) and one["is_me"] for one in voters)
    return has_seat and (fields["is_amnesic"] is True or not fields["is_voter"])


def _person(what: str, one: Json) -> str:
    assert isinstance(one, dict)
    name = f"{what:<9}{str(one['identity'])[:8]}"
    if one["is_me"]:
        return f"{name}  this device"
    if one["heard_ms"] is None:
        return f"{name}  not heard yet"
    assert isinstance(one["heard_ms"], int)
    return f"{name}  heard {one['heard_ms'] / MS_PER_SECOND:.1f} s ago"
