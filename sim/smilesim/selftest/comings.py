"""Directed scenarios of who comes and goes, and of what they leave behind them.

One of four is a liar that does not vote. Who left must stay out, whoever repeats its words; who was
off must not believe keys of long ago; a seat that cannot be given up must go on voting; and another
voter key saves no liar, nor comes an old one back.
"""

from dataclasses import replace

from smilesim.selftest.stage import Stage
from smilesim.verify import RememberingSigner
from smilesync.circle.circle import Circle
from smilesync.circle.evidence import proof
from smilesync.circle.petitions import write_invite, write_join
from smilesync.circle.quorum import VoteKey, statement, vote_set
from smilesync.circle.roster import Roster
from smilesync.circle.rotation import write_rotate
from smilesync.circle.value import named
from smilesync.commands import Leave
from smilesync.ids import ValueHash, VoterKey
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


async def liar_with_another_key(stage: Stage) -> None:
    """B signs two values, gets another voter key, and only then the others hear of the first."""
    _, target, first, _ = stage.order
    await stage.when(lambda: stage.decided(first) >= 1)
    circle, keys = _circle(stage, first), stage.devices[stage.liar].keys
    lie = [_vote_of(stage, circle, tag) for tag in (b"x", b"y")]
    slot, old, hashed = circle.slot.number, VoterKey(keys.voter.public), circle.roster.hash
    evidence = proof((slot, old, hashed), *lie)
    spare = keys.voter.another(b"B with another voter key".ljust(32))
    await _turned(stage, spare, first)
    identity = stage.devices[stage.liar].identity
    stage.say((target, first), evidence)
    await stage.when(lambda: identity not in circle.roster.index_of)


def _vote_of(stage: Stage, circle: Circle, tag: bytes) -> tuple[VoteKey, bytes]:
    key: VoteKey = (VoteKind.NOTARIZE, 9, ValueHash(tag * 32))
    data = statement(circle.roster.circle, circle.roster.hash, circle.slot.number, key)
    return key, stage.devices[stage.liar].keys.voter.sign(data)


async def _turned(stage: Stage, spare: RememberingSigner, seen_by: int) -> None:
    """Let B ask for another voter key until a device sees that it has it."""
    circle, keys = _circle(stage, seen_by), stage.devices[stage.liar].keys
    others = [index for index in stage.order if index != stage.liar]
    for _ in range(80):
        head = circle.chain.heads.newest
        if circle.roster.place_of(spare.public) is not None or head is None:
            break
        name, old = circle.roster.circle, keys.voter.public
        stage.say(others, write_rotate(keys.identity, spare, old, head, name))
        await stage.wait(250)
    stage.must(circle.roster.place_of(spare.public) is not None, "no other key was decided")


async def key_that_went(stage: Stage) -> None:
    """B gets another voter key, and asks for the one before again and again."""
    _, _, first, _ = stage.order
    await stage.when(lambda: stage.decided(first) >= 1)
    circle, keys = _circle(stage, first), stage.devices[stage.liar].keys
    spare = keys.voter.another(b"B with another voter key".ljust(32))
    await _turned(stage, spare, first)
    others = [index for index in stage.order if index != stage.liar]
    for _ in range(80):
        head, name = circle.chain.heads.newest, circle.roster.circle
        assert head is not None
        stage.say(others, write_rotate(keys.identity, keys.voter, spare.public, head, name))
        await stage.wait(250)


async def leave_that_cannot_be(stage: Stage) -> None:
    """One leaves a closed circle of four in which B is silent: the others go on."""
    _, target, first, _ = stage.order
    await stage.when(lambda: stage.decided(first) >= 1)
    stage.city.world.command(stage.devices[target], Leave(is_now=False))
    before = stage.decided(first)
    await stage.wait(SLOTS * LEASE_MS_MAX)
    is_alive = stage.decided(first) >= before + SLOTS
    stage.must(is_alive, "a seat that nobody can take stopped the others")
