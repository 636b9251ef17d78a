"""Whom the guard follows: order, priority, ends, silence, and datagrams of the wrong size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smilesyncd.driver import NS_PER_SECOND
from smilesyncd.expectations import Unexpected
from smilesyncd.guard import inputs
from smilesyncd.guard.inputs import Desk, Input
from smilesyncd.guard.senders import (
    SENDERS_MAX,
    SILENCE_NS_MAX,
    Universe,
    is_behind,
    is_repeated,
)
from smilesyncd.outputs import artnet, ddp, e131
from smilesyncd.outputs.slots import Rejected, Slots

ADA, BO = b"ada", b"bo"
RED, BLUE = b"\x09\0\0", b"\0\0\x09"


def slots(channels: bytes = RED, *, sequence: int | None = None, priority: int = 100) -> Slots:
    return Slots(1, channels, sequence=sequence, priority=priority)


def whole(leds: int = 1) -> Universe:
    return Universe(leds, is_behind, is_whole=True)


END = Slots(1, b"", is_terminated=True)


@pytest.mark.parametrize(
    ("last", "now", "is_stale"),
    [
        (7, 8, False),
        (7, 7, True),
        (7, 6, True),
        (30, 11, True),
        (30, 10, False),
        (30, 200, False),
        (255, 0, False),
        (0, 255, True),
        (5, 242, True),
        (5, 241, False),
    ],
)
def test_a_number_up_to_19_behind_is_out_of_order(last: int, now: int, is_stale: bool) -> None:
    assert is_behind(slots(sequence=now), slots(sequence=last)) is is_stale


@given(last=st.integers(0, 255), step=st.integers(-128, 127))
def test_the_rule_is_that_of_signed_eight_bit_numbers(last: int, step: int) -> None:
    now = slots(sequence=(last + step) % 256)

    assert is_behind(now, slots(sequence=last)) is (-20 < step <= 0)


def test_who_does_not_count_is_never_out_of_order() -> None:
    assert not is_behind(slots(), slots(sequence=3))
    assert not is_repeated(slots(), slots())


def test_a_copy_of_a_ddp_datagram_is_dropped_and_the_next_piece_of_its_frame_is_not() -> None:
    first, second = Slots(0, RED, sequence=3), Slots(0, RED, offset=3, sequence=3)

    assert is_repeated(first, first)
    assert not is_repeated(second, first)


def test_a_stale_datagram_changes_nothing() -> None:
    universe = whole()
    universe.take(ADA, slots(RED, sequence=9), 0)

    with pytest.raises(Rejected, match=r"^stale$"):
        universe.take(ADA, slots(BLUE, sequence=8), 1)

    assert universe.channels(1) == RED


def flooded(priorities: list[int]) -> Universe:
    universe = whole()
    for number, priority in enumerate(priorities):
        universe.take(b"%d" % number, slots(RED, priority=priority), 0)
    return universe


def test_a_flood_of_low_priority_does_not_lock_a_console_out() -> None:
    universe = flooded([0] * SENDERS_MAX)

    universe.take(ADA, slots(BLUE, priority=200), 1)

    assert universe.channels(1) == BLUE
    assert universe.shown == (ADA, 200)
    with pytest.raises(Rejected, match=r"^senders$"):
        universe.take(b"%d" % (SENDERS_MAX - 1), slots(RED, priority=0), 2)


def test_the_newest_of_the_lowest_priority_makes_room_but_never_who_is_shown() -> None:
    universe = whole()
    universe.take(ADA, slots(RED, priority=1), 0)
    universe.channels(0)
    for number in range(SENDERS_MAX - 1):
        universe.take(b"%d" % number, slots(BLUE, priority=5 + number % 2), 0)

    universe.take(BO, slots(BLUE, priority=7), 1)
    with pytest.raises(Rejected, match=r"^senders$"):
        universe.take(b"equal", slots(BLUE, priority=5), 1)

    assert universe.shown == (ADA, 1)
    names = [b"%d" % number for number in range(SENDERS_MAX - 2)]
    for name in names:
        universe.take(name, slots(BLUE, priority=6), 2)
    with pytest.raises(Rejected, match=r"^senders$"):
        universe.take(b"%d" % (SENDERS_MAX - 2), slots(BLUE, priority=6), 2)


def test_the_highest_priority_is_shown_and_its_end_hands_back() -> None:
    universe = whole()
    universe.take(ADA, slots(RED), 0)
    universe.take(BO, slots(BLUE, priority=150), 0)
    high = universe.channels(0)
    shown = universe.shown
    universe.take(BO, END, 1)

    assert (high, shown) == (BLUE, (BO, 150))
    assert universe.channels(1) == RED
    universe.take(ADA, END, 2)
    assert universe.channels(2) is None
    assert universe.shown is None


def test_among_equals_the_first_stays_until_it_ends() -> None:
    universe = whole()
    for now_ns in range(5):
        universe.take(ADA, slots(RED), now_ns)
        universe.take(BO, slots(BLUE), now_ns)

        assert universe.channels(now_ns) == RED


def test_a_sender_may_change_its_priority() -> None:
    universe = whole()
    universe.take(ADA, slots(RED, priority=150), 0)
    universe.take(BO, slots(BLUE, priority=120), 0)
    assert universe.channels(0) == RED
    universe.take(ADA, slots(RED, priority=10), 1)

    assert universe.channels(1) == BLUE


def test_a_silent_sender_is_lost_after_two_and_a_half_seconds() -> None:
    universe = whole()
    universe.take(ADA, slots(RED), 0)

    assert universe.channels(SILENCE_NS_MAX) == RED
    assert universe.channels(SILENCE_NS_MAX + 1) is None
    assert SILENCE_NS_MAX == 2.5 * NS_PER_SECOND


def test_a_sender_that_was_lost_may_begin_with_any_number() -> None:
    universe = whole()
    universe.take(ADA, slots(RED, sequence=9), 0)

    universe.take(ADA, slots(BLUE, sequence=9), SILENCE_NS_MAX + 1)

    assert universe.channels(SILENCE_NS_MAX + 1) == BLUE


def test_a_short_universe_leaves_nothing_of_the_one_before() -> None:
    universe = whole(leds=2)
    universe.take(ADA, slots(RED + RED), 0)
    universe.take(ADA, slots(BLUE), 1)

    assert universe.channels(1) == BLUE + bytes(3)


def test_a_long_universe_is_cut() -> None:
    universe = whole()
    universe.take(ADA, slots(RED + BLUE), 0)

    assert universe.channels(0) == RED


def test_pieces_of_a_ddp_frame_come_together_wherever_they_point() -> None:
    universe = Universe(2, is_repeated, is_whole=False)
    universe.take(ADA, Slots(0, RED), 0)
    universe.take(ADA, Slots(0, BLUE + RED, offset=3), 0)
    universe.take(ADA, Slots(0, BLUE, offset=60_000), 0)

    assert universe.channels(0) == RED + BLUE


def test_a_flood_of_senders_takes_no_memory() -> None:
    universe = whole()
    for number in range(SENDERS_MAX):
        universe.take(bytes((number,)), slots(), 0)

    with pytest.raises(Rejected, match=r"^senders$"):
        universe.take(b"one more", slots(), 0)
    universe.take(b"\0", slots(BLUE), 0)
    assert universe.channels(0) == BLUE


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("e131:1", Input("e131", 1, 1, "", 5568)),
        ("e131:3-5@10.0.0.1", Input("e131", 3, 5, "10.0.0.1", 5568)),
        ("artnet:0-8", Input("artnet", 0, 8, "", 6454)),
        ("artnet:7@127.0.0.1:6460", Input("artnet", 7, 7, "127.0.0.1", 6460)),
        ("ddp", Input("ddp", 0, 0, "", 4048)),
        ("ddp:4050", Input("ddp", 0, 0, "", 4050)),
        ("ddp:127.0.0.1:4050", Input("ddp", 0, 0, "127.0.0.1", 4050)),
    ],
)
def test_the_words_for_an_input(words: str, expected: Input) -> None:
    assert inputs.parse(words) == expected


@pytest.mark.parametrize(
    ("words", "expectation"),
    [
        ("", "e131:UNIVERSE"),
        ("sacn:1", "e131:UNIVERSE"),
        ("e131", "a universe from 1 to 63999"),
        ("e131:0", "a universe from 1 to 63999"),
        ("e131:2-1", "the first and the last of 1 to 9 universes"),
        ("e131:1-10", "the first and the last of 1 to 9 universes"),
        ("artnet:1-x", "a universe from 0 to 32767"),
        ("e131:1@:5568", "a host name or an IPv4 address"),
        ("ddp:0", "a port from 1 to 65535"),
        ("ddp:4048:x", "a port from 1 to 65535"),
        ("artnet:1@lamp.local", "an IPv4 address of this machine"),
    ],
)
def test_words_for_no_input_say_what_is_expected(words: str, expectation: str) -> None:
    with pytest.raises(Unexpected, match=expectation):
        inputs.parse(words)


def test_universes_light_the_strip_one_after_the_other() -> None:
    stream = inputs.parse("e131:4-6")

    assert stream.sizes(400) == [170, 170, 60]
    assert stream.sizes(100) == [100, 0, 0]
    assert inputs.parse("ddp").sizes(400) == [400]


def test_a_desk_counts_what_it_drops_by_reason() -> None:
    desk = Desk(inputs.parse("artnet:1"), 1)
    here = ("127.0.0.1", 1)

    desk.take(artnet.encode(Slots(1, RED, sequence=5)), here, 0)
    desk.take(artnet.encode(Slots(1, BLUE, sequence=5)), here, 0)
    desk.take(artnet.encode(Slots(2, BLUE, sequence=5)), here, 0)
    desk.take(b"nonsense of some length", here, 0)
    desk.take(artnet.SYNC, here, 0)

    assert desk.received == 1
    assert desk.dropped == {"stale": 1, "other-universe": 1, "not-artnet": 1, "not-light": 1}


@given(
    protocol=st.sampled_from(["e131:1-2", "artnet:0-1", "ddp"]),
    datagrams=st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.builds(
                lambda universe, channels, sequence, priority, cid: e131.encode(
                    Slots(
                        universe, channels, sender=cid * 16, sequence=sequence, priority=priority
                    ),
                    "x",
                ),
                st.integers(1, 3),
                st.binary(min_size=1, max_size=512),
                st.integers(0, 255),
                st.integers(0, 200),
                st.sampled_from([b"a", b"b"]),
            ),
            st.builds(
                lambda channels, offset, sequence: ddp.encode(
                    channels, offset=offset, sequence=sequence, is_push=False
                ),
                st.binary(min_size=1, max_size=1440),
                st.integers(0, 70_000),
                st.integers(1, 15),
            ),
        ),
        max_size=20,
    ),
)
def test_whatever_comes_a_universe_has_its_size_and_nothing_raises(
    protocol: str, datagrams: list[bytes]
) -> None:
    desk = Desk(inputs.parse(protocol), 200)

    for now_ns, datagram in enumerate(datagrams):
        desk.take(datagram, ("127.0.0.1", 1), now_ns)

        for universe in desk.universes.values():
            channels = universe.channels(now_ns)
            assert channels is None or len(channels) == 3 * universe.leds
    assert desk.received + sum(desk.dropped.values()) == len(datagrams)
