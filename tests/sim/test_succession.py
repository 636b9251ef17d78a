"""A city in which a circle is lost for good: its people are lit again, and every promise holds."""

import pytest

from smilesim import scenario
from smilesim.city import City, Plan
from smilesim.crowd import gathering
from smilesim.fidelity import DAEMON, FAST
from smilesync.wire.records import Abandoned, Moved

FOUND_S = 95


def _city(peers: int, seed: int, seconds: int, fidelity: str = FAST) -> City:
    chosen = scenario.load("succession")
    city = City(Plan(chosen, gathering(peers, seed), seed, seconds), fidelity=fidelity)
    city.run()
    return city


@pytest.mark.spec("SUC-010", "SUC-011", "SUC-020", "SUC-030", "SUC-040")
def test_who_stays_founds_within_a_minute_and_who_comes_back_follows() -> None:
    city = _city(7, 1, 230)

    assert not city.crash
    assert [(one.rule, one.detail) for one in city.violations.kept] == []
    assert city.violations.judged["I16"] > 20
    assert len(city.circles) == 2
    assert all(device.circle is city.circles[1] for device in city.devices)
    assert len(city.circles[1].members) == 3
    assert len(city.circles[1].followers) == 4


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
