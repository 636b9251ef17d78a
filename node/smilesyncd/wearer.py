"""What the wearer says, told to every membership: consent and feeling are theirs, not a circle's.

All memberships are told in one step, so that each hears everything in the same order, and the
wearer is answered when all of them have done it and it is durable in each. What the first of them
takes away is gone from the light at once (DRV-015).
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import trio

from smilesync.commands import Command, Join, Leave, RotateKey, SetConsent, SetOff, Switch
from smilesync.errors import LocalError, SettingsError
from smilesync.wearer import audience
from smilesync.wire.messages import Carried
from smilesyncd import memberships
from smilesyncd.control import BadRequest
from smilesyncd.device import Device
from smilesyncd.driver import Node, Ticket
from smilesyncd.memory import drop_spare_voter_key, spare_voter_key

Kept = TypeVar("Kept")


class Wearer:
    """The one who wears the device; `nodes` by the name of the membership."""

    def __init__(self, nodes: Mapping[str, Node], device: Device) -> None:
        self._nodes = nodes
        self._device = device
        kept = [one for one in device.members if one.name not in device.stage.left]
        self._allowed = (kept or device.members)[0].peer.board.switches
        """What the wearer said last of each switch, also where it is not done yet."""

    @property
    def allowed(self) -> Switch:
        """What the wearer said last of each switch."""
        return self._allowed

    async def say(self, command: Command) -> None:
        """Tell every membership. Raises BadRequest where it is refused."""
        told, allowed = self._told(command), _switched(self._allowed, command)
        # What is withdrawn is withdrawn, even if somebody is too busy to be told.
        self._allowed &= allowed
        asked = {name: self._post(name, command) for name in told}
        self._allowed = allowed
        try:
            for name, ticket in asked.items():
                await ticket.is_done.wait()
                if name in self._nodes:  # else it was removed meanwhile, and allows nothing
                    await _done(ticket)
        finally:
            # Also after a refusal: who was told before it has done what it could.
            self._device.refresh()

    async def say_to(self, name: str, command: Command) -> None:
        """Tell the membership `name` alone. Raises BadRequest where it is refused."""
        await _done(self._post(name, command))
        self._device.refresh()

    async def leave(self, name: str, *, is_now: bool) -> None:
        """Leave one circle; the others go on as they are. Raises BadRequest."""
        device = self._device
        ticket = self._post(name, Leave(is_now))
        is_several = len(device.circles) > 1
        if is_several:
            device.stage.leave(name)
            device.refresh()
        if is_several or name != memberships.HOME:  # there may be others, and it may be removed
            await _on_disk(memberships.mark_left, device.member(name).directory, True)
            await _on_disk(memberships.keep_choice, device.state_dir, device.stage.chosen)
        await _done(ticket)
        device.refresh()

    async def join(self, name: str, grant: Carried | None) -> bool:
        """Ask for a seat; in a circle that was left before, what the wearer allows holds again.

        Who left a closed circle still has the seat, unless the key is gone, and asks for nothing.
        Returns whether a seat was asked for. Raises BadRequest.
        """
        device = self._device
        member, has_left = device.member(name), name in device.stage.left
        mine = member.peer.circle
        is_back = has_left and mine is not None and not mine.members.is_governed
        if not is_back:
            await self.say_to(name, Join(grant))
        await _on_disk(memberships.mark_left, member.directory, False)
        if has_left:
            for switch in (Switch.COLLECTIVE, Switch.SHARE):
                # Looked at and posted in one step: a withdrawal comes before or after both.
                if switch in self._allowed:
                    await self.say_to(name, SetConsent(switch, True))
            device.stage.come_back(name)
            device.refresh()
        return not is_back

    async def rotate_key(self, name: str) -> None:
        """Ask one circle for another voter key, which is durable before. Raises BadRequest."""
        directory = self._device.member(name).directory
        try:
            # In one step with what else writes the keys: the driver, in this thread too.
            spare, is_new = spare_voter_key(directory)
        except SettingsError as error:
            raise BadRequest(str(error)) from error
        try:
            await self.say_to(name, RotateKey(spare))
        except BadRequest:
            if is_new:
                drop_spare_voter_key(directory)
            raise

    async def choose(self, name: str | None) -> None:
        """Choose which circle drives the light, None: whichever stands highest.

        Raises BadRequest; then nothing is changed.
        """
        device = self._device
        try:
            device.stage.choose(name)
        except LocalError as error:
            raise BadRequest(str(error)) from error
        device.refresh()
        await _on_disk(memberships.keep_choice, device.state_dir, name)

    def _told(self, command: Command) -> list[str]:
        told = audience(command, self._nodes, self._device.stage.left)
        if not told:
            raise BadRequest("this device has left all its circles; join one of them first")
        return told

    def _post(self, name: str, command: Command) -> Ticket:
        node = self._nodes.get(name)
        if node is None:
            raise BadRequest(f"{name}: this circle was removed meanwhile")
        ticket = node.request(command)
        if ticket is None:
            raise BadRequest("too many requests wait; ask again in a moment")
        return ticket


def _switched(allowed: Switch, command: Command) -> Switch:
    """Return what is allowed after `command`."""
    if isinstance(command, SetOff):
        command = SetConsent(Switch.LIT, not command.off)
    if not isinstance(command, SetConsent):
        return allowed
    return allowed | command.switch if command.on else allowed & ~command.switch


async def _done(ticket: Ticket) -> None:
    """Return when a command was executed and is durable. Raises BadRequest if it was refused."""
    try:
        await ticket.wait_done()
    except LocalError as error:
        raise BadRequest(str(error)) from error


async def _on_disk(keep: Callable[[Path, Kept], None], path: Path, kept: Kept) -> None:
    """Make a choice durable; a disk that does not take it stops nothing that was asked for."""
    try:
        await trio.to_thread.run_sync(keep, path, kept)
    except OSError as error:
        raise BadRequest(
            f"{path}: {error.strerror}; done, but after a restart it will be as before"
        ) from error
