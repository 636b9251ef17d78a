"""The digest says what happened, whoever ran first in a tick and however often books are closed."""

import pickle
from dataclasses import replace

import pytest

from smilesim.trace import Blobs, Trace
from smilesync.effects import Rung, Scene
from smilesync.ids import PeerId, ValueHash
from smilesync.timeline import Timeline
from smilesync.wire.messages import (
    Ask,
    Body,
    Carried,
    CertificateName,
    Clock,
    Decided,
    Hello,
    Message,
    Piece,
    Propose,
    Told,
    VoteKind,
    Want,
)

PING = Clock(1, 2, 3, None, False, True)
ITEMS: list[tuple[int, int, Message]] = [
    (3, 0, PING),
    (3, 5, Want(4)),
    (999, 1, PING),
    (1_000, 2, Decided(b"value", 1)),
    (1_001, 2, Carried(2, PeerId(bytes(32)), b"body", bytes(64))),
    (3_500, 0, PING),
]


def run(trace: Trace, *, is_eager: bool, is_ordered: bool, end_tick: int = 4_000) -> Trace:
    for tick in range(end_tick + 1):
        items = [item for item in ITEMS if item[0] == tick]
        for _, peer, message in items if is_ordered else reversed(items):
            trace.received(peer, 7, message)
        if items or is_eager or tick == end_tick:
            trace.end_tick(tick, is_ordered=is_ordered)
    return trace


def test_who_ran_first_and_who_closes_idle_ticks_changes_nothing() -> None:
    trace = run(Trace(), is_eager=True, is_ordered=True)

    for is_eager, is_ordered in ((True, False), (False, True), (False, False)):
        other = run(Trace(), is_eager=is_eager, is_ordered=is_ordered)
        assert other.digest() == trace.digest()
        assert other.seconds == trace.seconds
    assert len(trace.seconds) == 4
    assert trace.items == len(ITEMS)


def test_a_second_ends_with_its_last_tick() -> None:
    until_1000 = run(Trace(), is_eager=True, is_ordered=True, end_tick=1_000)
    until_1001 = run(Trace(), is_eager=True, is_ordered=True, end_tick=1_001)

    assert until_1000.seconds == until_1001.seconds
    assert until_1000.digest() != until_1001.digest()


HASH = ValueHash(bytes(range(32)))
NOTARIZED = CertificateName(VoteKind.NOTARIZE, 1, HASH)
PROPOSE = Propose(1, 1, b"value", bytes(64), 0)


@pytest.mark.parametrize(
    ("one", "changed"),
    [
        (PING, Clock(1, 2, 3, 0, False, True)),
        (PING, Clock(1, 2, 3, None, True, True)),
        (PING, Clock(1, 2, 4, None, False, True)),
        (PING, Want(1)),
        (Want(4, (HASH,)), Want(4, (ValueHash(bytes(32)),))),
        (Decided(b"v", 1), Decided(b"v", 2)),
        (Decided(b"v", 1), Decided(b"v", 1, HASH)),
        (Body(1, b"v"), Body(2, b"v")),
        (Piece(HASH, 0, 9, b"x"), Piece(HASH, 5, 9, b"x")),
        (Piece(HASH, 0, 9, b"x"), Piece(HASH, 0, 10, b"x")),
        (Hello(b"a" * 16, b"t" * 16, 1, True), Hello(b"b" * 16, b"t" * 16, 1, True)),
        (Ask(b"n" * 8, 3), Ask(b"n" * 8, 3, 1, b"question")),
        (Told(b"n" * 8, 1, b"b", bytes(64)), Told(b"m" * 8, 1, b"b", bytes(64))),
        (PROPOSE, replace(PROPOSE, carried_view=1)),
        (replace(PROPOSE, carried_view=256), replace(PROPOSE, view=2)),
        (replace(PROPOSE, carried_view=2**32 - 1), replace(PROPOSE, carried_view=2**32 - 2)),
        (PROPOSE, replace(PROPOSE, certificates=(NOTARIZED,))),
        (
            replace(PROPOSE, certificates=(NOTARIZED,)),
            replace(PROPOSE, certificates=(replace(NOTARIZED, view=2),)),
        ),
    ],
)
def test_another_message_is_another_digest(one: Message, changed: Message) -> None:
    digests = set()
    for message in (one, changed):
        trace = Trace()
        trace.received(0, 1, message)
        trace.end_tick(1)
        digests.add(trace.digest())

    assert len(digests) == 2


SCENE = Scene(Rung.COMMITTED, 1, is_selected=True, slot=3, pattern=b"p", value_hash=HASH)


@pytest.mark.parametrize(
    "changed",
    [
        replace(SCENE, previous=b"q"),
        replace(SCENE, previous_start_us=5),
        replace(SCENE, start_us=5),
        replace(SCENE, fade_us=700_000),
        replace(SCENE, timeline=Timeline(1, 2)),
        replace(SCENE, timeline=Timeline(0, 0)),
        replace(SCENE, pattern=None, previous=b"p"),
        replace(SCENE, value_hash=None, pattern=b"p" + HASH),
        replace(SCENE, is_selected=False),
        replace(SCENE, harmony_counts=(0, 0, 0, 0, 1)),
    ],
)
def test_another_scene_is_another_digest(changed: Scene) -> None:
    digests = set()
    for scene in (SCENE, changed):
        trace = Trace()
        trace.shown(0, scene)
        trace.end_tick(1)
        digests.add(trace.digest())

    assert len(digests) == 2


def test_a_listener_gets_the_items_of_a_tick_peer_by_peer() -> None:
    seen: list[tuple[int, Blobs]] = []
    run(Trace(lambda tick, blobs: seen.append((tick, blobs))), is_eager=True, is_ordered=False)

    assert [tick for tick, _ in seen] == [3, 999, 1_000, 1_001, 3_500]
    assert seen[0][1] == sorted(seen[0][1])


def test_a_trace_is_stored_between_two_seconds_and_goes_on() -> None:
    trace = run(Trace(), is_eager=True, is_ordered=True, end_tick=1_000)
    restored: Trace = pickle.loads(pickle.dumps(trace))
    for one in (trace, restored):
        one.received(1, 2, PING)
        one.end_tick(1_500)
        assert len(one.seconds) == 1

    assert restored.digest() == trace.digest()
    with pytest.raises(AssertionError):
        pickle.dumps(trace)
