"""What the control socket can be asked to do, from its words to the core's commands."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import trio

from smilesync.circle.petitions import invite_from_text
from smilesync.commands import (
    AnswerSuggestion,
    Command,
    Feel,
    Join,
    Leave,
    SetConsent,
    SetOff,
    Suggest,
    WishFor,
)
from smilesync.errors import LocalError, RemoteError
from smilesync.ids import KEY_SIZE_BYTES, PeerId, short
from smilesync.keys import Ed25519Verifier
from smilesyncd import panel
from smilesyncd.control import BadRequest, Service
from smilesyncd.design import wardrobe
from smilesyncd.driver import Node
from smilesyncd.jsonlines import Fields, Json
from smilesyncd.panel import Device
from smilesyncd.vocabulary import STATES, SWITCHES

Chosen = TypeVar("Chosen")

WATCH_SECONDS = 0.05
INVITE_MINUTES_MAX = 24 * 60
US_PER_MINUTE = 60_000_000
WATCH_SECONDS_MIN = 0.01


def new_service(node: Node, device: Device) -> Service:
    """Return the service of one running daemon."""

    async def answer(verb: str, fields: Mapping[str, Json]) -> Fields:
        if verb == "status":
            return panel.status(device)
        if verb == "peers":
            return panel.peers(device)
        if verb in wardrobe.VERBS:
            return await device.wardrobe.answer(verb, fields)
        if verb == "circle":
            _in_a_circle(device)
            return panel.circle(device)
        if verb == "invite":
            return _invite(device, fields)
        command = _join(device, fields) if verb == "join" else command_of(verb, fields)
        try:
            if not await node.submit(command):
                raise BadRequest("too many requests wait; ask again in a moment")
        except LocalError as error:
            raise BadRequest(str(error)) from error
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
        case "leave":
            return Leave(_truth(fields, "now"))
        case "propose":
            return WishFor(_hexadecimal(fields, "pattern"))
        case _:
            raise BadRequest(
                f'"do" is {verb[:40]!r}; expected status, peers, watch, feel, consent, off, '
                "suggest, accept, dismiss, propose, wear, worn, play, circle, invite, join or leave"
            )


def _in_a_circle(device: Device) -> None:
    if device.peer.circle is None:
        raise BadRequest("this device belongs to no circle; start it with --genesis FILE")


def _join(device: Device, fields: Mapping[str, Json]) -> Join:
    """Return the wish to join; an invitation is looked at here, so that the wearer learns why."""
    _in_a_circle(device)
    word = fields.get("invite")
    if word is None:
        return Join(None)
    if not isinstance(word, str):
        raise BadRequest('"invite" is a text that `smilesync circle invite` printed')
    try:
        circle, invite = invite_from_text(word.strip(), Ed25519Verifier())
    except RemoteError as error:
        raise BadRequest(f"the invitation cannot be used: {error}") from error
    if circle != device.circle:
        raise BadRequest(
            f"the invitation is for circle {short(circle)}, this device belongs to "
            f"{short(device.circle or b'')}; start it with that circle's genesis file"
        )
    return Join(invite)


def _invite(device: Device, fields: Mapping[str, Json]) -> Fields:
    minutes, guest = fields.get("minutes"), fields.get("guest")
    if type(minutes) is not int or not 1 <= minutes <= INVITE_MINUTES_MAX:
        raise BadRequest(f'"minutes" is an integer from 1 to {INVITE_MINUTES_MAX}')
    identity = None
    if guest is not None:
        identity = PeerId(_hexadecimal(fields, "guest"))
        if len(identity) != KEY_SIZE_BYTES:
            raise BadRequest('"guest" is an identity: 64 hexadecimal digits')
    try:
        word = device.peer.invitation(minutes * US_PER_MINUTE, identity, device.clock.now_ns())
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


def _hexadecimal(fields: Mapping[str, Json], name: str) -> bytes:
    value = fields.get(name)
    try:
        return bytes.fromhex(value if isinstance(value, str) else "?")
    except ValueError:
        raise BadRequest(f'"{name}" is a text of hexadecimal digits') from None
