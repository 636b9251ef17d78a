"""What the control socket can be asked to do, from its words to the core's commands."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import trio

from smilesync.commands import (
    AnswerSuggestion,
    Command,
    Feel,
    SetConsent,
    SetOff,
    Suggest,
    WishFor,
)
from smilesync.errors import LocalError
from smilesyncd import panel
from smilesyncd.control import BadRequest, Service
from smilesyncd.design import wardrobe
from smilesyncd.driver import Node
from smilesyncd.jsonlines import Fields, Json
from smilesyncd.panel import Device
from smilesyncd.vocabulary import STATES, SWITCHES

Chosen = TypeVar("Chosen")

WATCH_SECONDS = 0.05
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
        command = command_of(verb, fields)
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
        case "propose":
            return WishFor(_hexadecimal(fields, "pattern"))
        case _:
            raise BadRequest(
                f'"do" is {verb[:40]!r}; expected status, peers, watch, feel, consent, off, '
                "suggest, accept, dismiss, propose, wear, worn or play"
            )


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
