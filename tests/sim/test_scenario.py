"""Scenario files are checked before anything runs: file, line and expectation."""

import pytest

from smilesim import scenario
from smilesync.errors import SettingsError

GOOD = """summary = "one"
seconds = 20
peers = 5

[weather]
loss_percent = 1.5

[[fault]]
kind = "blackout"
at_s = 5
outage_s = 1.0
spread_s = 2.0

[expect]
end_share_min = 0.5
"""


def test_every_scenario_that_comes_along_is_valid() -> None:
    assert scenario.names() == ["blackout", "calm", "split", "surge"]
    for name in scenario.names():
        loaded = scenario.load(name)
        assert loaded.name == name
        assert loaded.summary.endswith(".")


def test_a_scenario_says_what_its_file_says() -> None:
    parsed = scenario.parse("one", GOOD, "one.toml")

    assert (parsed.seconds, parsed.peers) == (20, 5)
    assert parsed.weather.loss_ppm == 15_000
    assert [(fault.kind, fault.at_s) for fault in parsed.faults] == [("blackout", 5)]
    assert parsed.expect == {"end_share_min": 0.5}


@pytest.mark.parametrize(
    ("old", "new", "line", "expectation"),
    [
        ('summary = "one"', "summary = 1", 1, "text"),
        ("seconds = 20", 'seconds = "long"', 2, "a number from 1 to 86400"),
        ("seconds = 20", "seconds = 0", 2, "expected 1 to 86400"),
        ("peers = 5", "peers = 2000000", 3, "expected 1 to 1000000"),
        ("peers = 5", "people = 5", 3, "unknown"),
        ("loss_percent = 1.5", "loss_percent = 61", 6, "expected 0 to 60"),
        ("loss_percent = 1.5", "loss = 1", 6, "unknown weather key"),
        ('kind = "blackout"', 'kind = "flood"', 9, "expected one of blackout, split, surge"),
        ("at_s = 5", "at_s = -5", 10, "expected 1 to 86400"),
        ("at_s = 5", "at_s = true", 10, "a number"),
        ("at_s = 5", "at_s = 20", 10, "before the end"),
        ("outage_s = 1.0", "outage_ms = 1", 11, "unknown fault blackout key"),
        ("end_share_min = 0.5", "end_share_min = 2", 15, "expected 0 to 1"),
    ],
)
def test_what_is_wrong_is_named_with_file_line_and_expectation(
    old: str, new: str, line: int, expectation: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        scenario.parse("one", GOOD.replace(old, new), "one.toml")

    assert str(caught.value).startswith(f"one.toml, line {line}, ")
    assert expectation in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expectation"),
    [
        ("seconds = ", "not TOML"),
        ('summary = ""\nseconds = 1', "peers: missing"),
        (GOOD.replace("spread_s = 2.0\n", ""), "spread_s: missing in fault blackout"),
        (GOOD.replace("[weather]\nloss_percent = 1.5", "weather = 3"), "expected a table"),
        (GOOD.replace("[[fault]]", "[fault]"), "expected tables"),
    ],
)
def test_what_is_missing_or_misshapen_is_refused(text: str, expectation: str) -> None:
    with pytest.raises(SettingsError, match=r"one\.toml") as caught:
        scenario.parse("one", text, "one.toml")

    assert expectation in str(caught.value)


def test_an_unknown_scenario_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="blackout, calm, split, surge"):
        scenario.load("doom")
