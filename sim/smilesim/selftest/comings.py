"""Directed scenarios of who comes and goes, and of what they leave behind them.

One of four is a liar that does not vote. Who left must stay out, whoever repeats its words; who was
off must not believe keys of long ago; and a seat that cannot be given up must go on voting.
"""

from dataclasses import replace

from smilesim.selftest.stage import Stage
from smilesync.circle.circle import Circle
from smilesync.circle.petitions import write_invite, write_join
from smilesync.circle.quorum import VoteKey, statement, vote_set
from smilesync.circle.roster import Roster
from smilesync.circle.value import named
from smilesync.commands import Leave
from smilesync.wire.messages import Decided, Message, Piece, VoteKind, Votes

MINUTE_US = 60_000_000
FORWARD_SLOTS = 1_000
SLOTS, LEASE_MS_MAX = 4, 16_000
"""More slots than who leaves an open circle votes on in, each as long as it may be."""


def _circle(stage: Stage, index: int) -> Circle:
    circle = stage.peer(index).circle
    assert circle is not None
    return circle


async def repeated_join(stage: Stage) -> None:
    """One leaves, and B repeats to the others what it had signed to come in."""
    _, target, first, other = stage.order
    await stage.when(lambda: stage.decided(first) >= 1)
    circle = _circle(stage, first)
    name, head = circle.roster.circle, circle.chain.heads.newest
    assert head is not None
    keys, liar = stage.devices[target].keys, stage.devices[stage.liar].keys
    invite = write_invite(liar.identity, 10 * MINUTE_US, name)
    join = write_join(keys.identity, keys.voter, head, name, invite)
    stage.city.world.command(stage.devices[target], Leave(is_now=False))
    identity = stage.devices[target].identity
    await stage.when(lambda: identity not in circle.roster.index_of)
    for _ in range(40):
        stage.say((first, other), join)
        await stage.wait(250)


async def keys_of_long_ago(stage: Stage) -> None:
    """One was off for who knows how long; B has another's old key, and shows it their circle."""
    _, target, holder, _ = stage.order
    await stage.when(lambda: stage.decided(target) >= 1)
    stage.power_off(target)
    await stage.wait(200)

    def passes(source: int, to: int, _message: Message) -> bool:
        return to != target or source == stage.liar

    stage.passes = passes
    stage.power_on(target)
    await stage.wait(200)
    circle = _circle(stage, target)
    last = circle.chain.head().value
    assert last is not None
    owners = [stage.devices[index] for index in (stage.liar, holder)]
    seats = sorted(circle.roster.seats[device.roster_index] for device in owners)
    own = Roster(circle.roster.circle, seats, is_strict=False)
    value = replace(last, slot=last.slot + FORWARD_SLOTS, roster_hash=own.hash)
    key: VoteKey = (VoteKind.FINALIZE, 1, named(value.encode()).hash)
    data = statement(own.circle, own.hash, value.slot, key)
    votes = {own.index_of[one.identity]: one.keys.voter.sign(data) for one in owners}
    for message in (
        Decided(value.encode(), 1),
        Piece(own.hash, 0, len(own.body), own.body),
        Votes(value.slot, (vote_set(key, votes),)),
    ):
        stage.say((target,), message)
        await stage.wait(20)


async def leave_that_cannot_be(stage: Stage) -> None:
    """One leaves a closed circle of four in which B is silent: the others go on."""
    _, target, first, _ = stage.order
    await stage.when(lambda: stage.decided(first) >= 1)
    stage.city.world.command(stage.devices[target], Leave(is_now=False))
    before = stage.decided(first)
    await stage.wait(SLOTS * LEASE_MS_MAX)
    is_alive = stage.decided(first) >= before + SLOTS
    stage.must(is_alive, "a seat that nobody can take stopped the others")
