"""What the control socket can be asked to do, from its words to the core's commands."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeVar

import trio

from smilesync.circle.petitions import invite_from_text
from smilesync.commands import (
    AnswerSuggestion,
    Command,
    Feel,
    Merge,
    SetConsent,
    SetOff,
    Suggest,
    WishFor,
)
from smilesync.errors import LocalError, RemoteError
from smilesync.ids import KEY_SIZE_BYTES, PeerId, short
from smilesync.keys import Ed25519Verifier
from smilesync.wire.messages import Carried
from smilesyncd import panel
from smilesyncd.control import BadRequest, Service
from smilesyncd.design import wardrobe
from smilesyncd.device import Device, Member
from smilesyncd.jsonlines import Fields, Json
from smilesyncd.lives import Lives
from smilesyncd.vocabulary import STATES, SWITCHES
from smilesyncd.wearer import Wearer

Chosen = TypeVar("Chosen")

CHANGES = ("prepare", "add", "remove")
OF_ONE_CIRCLE = ("join", "leave", "merge", "rotate-key", "propose")
WATCH_SECONDS = 0.05
INVITE_MINUTES_MAX = 24 * 60
US_PER_MINUTE = 60_000_000
WATCH_SECONDS_MIN = 0.01


def new_service(wearer: Wearer, device: Device, lives: Lives) -> Service:
    """Return the service of one running daemon."""

    async def answer(verb: str, fields: Mapping[str, Json]) -> Fields:
        if verb == "status":
            return panel.status(device)
        if verb == "peers":
            return panel.peers(device)
        if verb in wardrobe.VERBS:
            return await device.wardrobe.answer(verb, fields)
        if verb in CHANGES:
            return await _change(lives, wearer, verb, fields)
        if verb in OF_ONE_CIRCLE:
            return await _say_to_one(wearer, device, verb, fields)
        match verb:
            case "circle":
                return panel.circle(_meant(device, fields), device.clock.now_ns())
            case "invite":
                return _invite(device, fields)
            case "use":
                return await _use(wearer, device, fields)
            case _:
                await wearer.say(command_of(verb, fields))
        return {}

    async def watch(send: Callable[[Fields], Awaitable[None]]) -> None:
        while True:
            await send(panel.watch(device))
            await trio.sleep(WATCH_SECONDS_MIN)
            with trio.move_on_after(WATCH_SECONDS - WATCH_SECONDS_MIN):
                await device.face.wait_changed()

    return Service(answer, watch)


def command_of(verb: str, fields: Mapping[str, Json]) -> Command:
    """Return the command that a request stands for. Raises BadRequest."""
    match verb:
        case "feel":
            return Feel(_choice(fields, "state", STATES))
        case "consent":
            return SetConsent(_choice(fields, "switch", SWITCHES), _truth(fields, "on"))
        case "off":
            return SetOff(_truth(fields, "off"))
        case "suggest":
            return Suggest(_truth(fields, "activated"))
        case "accept" | "dismiss":
            return AnswerSuggestion(verb == "accept")
        case "propose":
            return WishFor(_hexadecimal(fields, "pattern"))
        case _:
            raise BadRequest(
                f'"do" is {verb[:40]!r}; expected status, peers, watch, feel, consent, off, '
                "suggest, accept, dismiss, propose, wear, worn, play, circle, invite, join, "
                "leave, merge, rotate-key, use, prepare, add or remove"
            )


async def _say_to_one(
    wearer: Wearer, device: Device, verb: str, fields: Mapping[str, Json]
) -> Fields:
    """Tell one membership what the wearer wants of its circle."""
    if verb == "join":
        member, grant = _join(device, fields)
        return {"is_asked": await wearer.join(member.name, grant)}
    name = _meant(device, fields, is_change=verb != "propose").name
    match verb:
        case "leave":
            await wearer.leave(name, is_now=_truth(fields, "now"))
            return {"has_others": len(device.circles) > 1}
        case "rotate-key":
            await wearer.rotate_key(name)
        case "merge":
            await wearer.say_to(name, Merge(_truth(fields, "on")))
        case _:
            await wearer.say_to(name, command_of(verb, fields))
    return {}


def _meant(device: Device, fields: Mapping[str, Json], *, is_change: bool = False) -> Member:
    """Return the circle that a request is about: the one named, else the one that drives.

    What changes a membership names it, where there are several. Raises BadRequest.
    """
    name, circles = fields.get("circle"), device.circles
    if not circles:
        raise BadRequest("this device belongs to no circle; start it with --genesis FILE")
    if name is not None:
        if not isinstance(name, str):
            raise BadRequest('"circle" is the name of a circle')
        try:
            member = device.member(name)
        except LocalError as error:
            raise BadRequest(str(error)) from error
        if member.circle is None:
            raise BadRequest(f"{name!r} is no circle of this device")
        return member
    if len(circles) == 1:
        return circles[0]
    if is_change:
        names = ", ".join(member.name for member in circles)
        raise BadRequest(f"this device belongs to several circles; name one of {names} (--circle)")
    return device.driving if device.driving.circle is not None else circles[0]


async def _change(lives: Lives, wearer: Wearer, verb: str, fields: Mapping[str, Json]) -> Fields:
    """Let the device belong to more circles, or fewer."""
    name = _text(fields, "name")
    match verb:
        case "prepare":
            await lives.prepare(name)
        case "add":
            file = Path(_text(fields, "file"))
            genesis = await lives.add(name, file, lambda: wearer.allowed)
            return {"circle": genesis.circle_id.hex()}
        case "remove":
            await lives.remove(name, is_now=_truth(fields, "now"))
        case _:
            raise AssertionError(verb)
    return {}


async def _use(wearer: Wearer, device: Device, fields: Mapping[str, Json]) -> Fields:
    """Let the wearer choose who drives the light; say who does now."""
    name = None if fields.get("circle") is None else _meant(device, fields).name
    await wearer.choose(name)
    chosen = device.stage.chosen
    is_lit = chosen is not None and device.member(chosen).peer.scene.is_selected
    return {"drives": device.stage.driving, "chosen": chosen, "is_lit": is_lit}


def _join(device: Device, fields: Mapping[str, Json]) -> tuple[Member, Carried | None]:
    """Return which circle to join, and the invitation; it is looked at here, to say why not.

    An invitation names its circle by itself.
    """
    word = fields.get("invite")
    if word is None:
        return _meant(device, fields, is_change=True), None
    if not isinstance(word, str):
        raise BadRequest('"invite" is a text that `smilesync circle invite` printed')
    named = _meant(device, fields)
    try:
        circle, invite = invite_from_text(word.strip(), Ed25519Verifier())
    except RemoteError as error:
        raise BadRequest(f"the invitation cannot be used: {error}") from error
    offered = [named] if fields.get("circle") is not None else device.circles
    for member in offered:
        if member.current == circle:
            return member, invite
    known = ", ".join(short(member.current or b"") for member in offered)
    raise BadRequest(
        f"the invitation is for circle {short(circle)}, this device belongs to {known}; "
        "start it with that circle's genesis file, or `smilesync circle add` it"
    )


def _invite(device: Device, fields: Mapping[str, Json]) -> Fields:
    member = _meant(device, fields, is_change=True)
    minutes, guest = fields.get("minutes"), fields.get("guest")
    if type(minutes) is not int or not 1 <= minutes <= INVITE_MINUTES_MAX:
        raise BadRequest(f'"minutes" is an integer from 1 to {INVITE_MINUTES_MAX}')
    identity = None
    if guest is not None:
        identity = PeerId(_hexadecimal(fields, "guest"))
        if len(identity) != KEY_SIZE_BYTES:
            raise BadRequest('"guest" is an identity: 64 hexadecimal digits')
    try:
        lifetime_us, now_ns = minutes * US_PER_MINUTE, device.clock.now_ns()
        word = member.peer.invitation(lifetime_us, identity, now_ns)
    except LocalError as error:
        raise BadRequest(str(error)) from error
    return {"invite": word}


def _choice(fields: Mapping[str, Json], name: str, choices: Mapping[str, Chosen]) -> Chosen:
    value = fields.get(name)
    if not isinstance(value, str) or value not in choices:
        raise BadRequest(f'"{name}" is one of {", ".join(choices)}')
    return choices[value]


def _truth(fields: Mapping[str, Json], name: str) -> bool:
    value = fields.get(name)
    if not isinstance(value, bool):
        raise BadRequest(f'"{name}" is true or false')
    return value


def _text(fields: Mapping[str, Json], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise BadRequest(f'"{name}" is a text')
    return value


def _hexadecimal(fields: Mapping[str, Json], name: str) -> bytes:
    value = fields.get(name)
    try:
        return bytes.fromhex(value if isinstance(value, str) else "?")
    except ValueError:
        raise BadRequest(f'"{name}" is a text of hexadecimal digits') from None
