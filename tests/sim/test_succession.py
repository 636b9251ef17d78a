"""A city in which a circle is lost for good: its people are lit again, and every promise holds."""

import pytest

from smilesim import scenario
from smilesim.city import City, Plan
from smilesim.crowd import gathering
from smilesim.fidelity import DAEMON, FAST
from smilesim.successors import reached_us
from smilesync.circle.value import NO_PREVIOUS, Value, named
from smilesync.light.choose import MOOD_PATTERNS
from smilesync.wire.records import Abandoned, Moved, Notarized

FOUND_S = 95
TEXT = """summary = "Four of ten go flat, and come back."
seconds = 150
peers = 10
one_circle = 1
governed = 1

[[fault]]
kind = "batteries"
at_s = 10
spread_s = 2
percent = 40
charged_s = 100
"""


def genesis_lease(until_us: int) -> bytes:
    """Return an encoded value whose lease ends then."""
    begin_us = until_us - 4_000_000
    return Value(
        slot=1,
        parent=NO_PREVIOUS,
        not_before_us=begin_us,
        not_after_us=until_us,
        pattern=MOOD_PATTERNS[0],
        start_us=begin_us,
        previous=None,
        previous_start_us=0,
        fade_us=2_000_000,
        roster_hash=bytes(32),
        state_hash=bytes(32),
    ).encode()


def _city(peers: int, seed: int, seconds: int, fidelity: str = FAST) -> City:
    chosen = scenario.load("succession")
    city = City(Plan(chosen, gathering(peers, seed), seed, seconds), fidelity=fidelity)
    city.run()
    return city


@pytest.mark.spec("SUC-010", "SUC-011", "SUC-020", "SUC-030", "SUC-040", "SUC-045", "SUC-047")
def test_who_stays_founds_within_a_minute_and_who_comes_back_follows() -> None:
    city = _city(7, 1, 230)

    assert not city.crash
    assert [(one.rule, one.detail) for one in city.violations.kept] == []
    assert city.violations.judged["I16"] > 20
    assert len(city.circles) == 2
    assert all(device.circle is city.circles[1] for device in city.devices)
    assert len(city.circles[1].members) == 3
    assert len(city.circles[1].followers) == 4
    assert len(city.circles[1].voters) == 7, (
        "who had a seat has one again, invited by nobody's hand"
    )


@pytest.mark.spec("SUC-010")
@pytest.mark.parametrize("fidelity", [FAST, DAEMON])
def test_light_is_back_within_some_eighty_seconds_of_the_loss(fidelity: str) -> None:
    city = _city(4, 2, FOUND_S, fidelity)

    assert [(one.rule, one.detail) for one in city.violations.kept] == []
    lit = [device for device in city.devices if device.scene and device.scene.is_selected]
    assert len(lit) == 2
    assert all(device.circle is city.circles[1] for device in lit)


@pytest.mark.spec("SUC-011", "SUC-032")
def test_journal_tells_what_was_given_up_before_where_the_device_went() -> None:
    city = _city(4, 3, FOUND_S)

    movers = [device for device in city.devices if device.circle is city.circles[1]]
    assert len(movers) == 2
    for device in movers:
        kinds = [type(record) for record in device.disk.replay()]
        assert kinds.index(Abandoned) < kinds.index(Moved)


@pytest.mark.parametrize("kind", ["double-voter", "delayer"])
def test_every_promise_holds_with_as_many_villains_as_both_circles_bear(kind: str) -> None:
    """They turn after the circle is founded, come along or come back, and nobody is blamed."""
    text = TEXT + f'\n[[fault]]\nkind = "{kind}"\nat_s = 3\nspread_s = 0\n'
    chosen = scenario.parse("succession", text, "succession")
    city = City(Plan(chosen, gathering(10, 1), 1, chosen.seconds))

    city.run()

    assert not city.crash
    assert [(one.rule, one.detail) for one in city.violations.kept] == []
    assert sum(device.is_villain for device in city.devices) == 3


@pytest.mark.spec("CLK-030")
def test_clock_of_a_life_may_start_where_a_notarized_lease_ends() -> None:
    value = genesis_lease(9_000_000)
    record = Notarized(1, 1, named(value).hash, value)

    assert reached_us([record]) == 9_000_000
    assert reached_us([]) == 0
