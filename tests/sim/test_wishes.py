"""Every kind of pattern is wished for, agreed on, drawn and judged in a small city."""

import pytest

from smilesim import scenario
from smilesim.city import City, Plan
from smilesim.crowd import district
from smilesim.faults import wearer
from smilesim.faults.wishes import WISHES
from smilesim.report import report
from smilesync.light.pattern import Kind, decode

TOWN = """
summary = ""
peers = 8
seconds = 30
[[fault]]
kind = "wishes"
at_s = 3
percent = 60
"""


@pytest.mark.spec("PAT-014", "RND-013", "RND-018", "RND-019")
@pytest.mark.parametrize("wish", WISHES, ids=lambda wish: decode(wish).kind.name.lower())
def test_a_wish_of_every_kind_lights_a_city_and_flashes_nowhere(
    wish: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wearer, "WISHES", (wish,))
    chosen = scenario.parse("wishes", TOWN, "wishes")
    city = City(Plan(chosen, district(8, 3), 3, chosen.seconds))

    city.run()

    assert report(city)["violations"] == []
    assert city.world.fired["wish-made"] > 0
    assert wish in city.checks.display._patterns
    assert city.lights.frames > 8 * 20 * 30


def test_wearers_wish_for_every_kind() -> None:
    assert {decode(wish).kind for wish in WISHES} == set(Kind)
