"""Scenario files are checked before anything runs: file, line and expectation."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smilesim import scenario
from smilesim.faults.kind import Fault, Key
from smilesim.faults.table import GOVERNED, KINDS
from smilesim.scenario import EXPECT, WEATHER, Scenario
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

[[fault]]
kind = "one-way"   # the second of its table, after another table
at_s = 6
heal_s = 9.5
"""


def test_every_scenario_that_comes_along_is_valid() -> None:
    assert {"blackout", "calm", "split", "surge", "crashes", "badflash"} <= set(scenario.names())
    for name in scenario.names():
        loaded = scenario.load(name)
        assert loaded.name == name
        assert loaded.summary.endswith(".")


def test_a_scenario_says_what_its_file_says() -> None:
    parsed = scenario.parse("one", GOOD, "one.toml")

    assert (parsed.seconds, parsed.peers) == (20, 5)
    assert parsed.weather.loss_ppm == 15_000
    assert [(fault.kind, fault.at_s) for fault in parsed.faults] == [
        ("blackout", 5),
        ("one-way", 6),
    ]
    assert parsed.expect == {"end_share_min": 0.5}


def test_what_a_fault_does_not_say_has_a_default() -> None:
    fault = scenario.parse("one", GOOD, "one.toml").faults[1]

    assert fault.numbers == {"at_s": 6, "heal_s": 9.5, "percent": 50}


@pytest.mark.parametrize(
    ("old", "new", "line", "expectation"),
    [
        ('summary = "one"', "summary = 1", 1, "text"),
        ('summary = "one"', 'summary = "a\\nb"', 1, "one sentence"),
        (
            "seconds = 20",
            'seconds = "long"',
            2,
            "expected a whole number of seconds from 1 to 86400, got 'long'",
        ),
        ("seconds = 20", "seconds = 0", 2, "expected 1 to 86400"),
        ("seconds = 20", "seconds = 20.5", 2, "a whole number"),
        ("seconds = 20", "minutes = 1", 2, "unknown key: write seconds = 60 (in seconds)"),
        ("peers = 5", "peers = 2000000", 3, "expected 1 to 1000000"),
        ("peers = 5", "peers = 0", 3, "expected 1 to 1000000, got 0"),
        ("peers = 5", "peers = -5", 3, "got -5"),
        ("peers = 5", "peers = 4.5", 3, "a whole number"),
        ("peers = 5", "people = 5", 3, "unknown"),
        ("peers = 5", "peer = 5", 3, "write peers"),
        ("loss_percent = 1.5", "loss_percent = 61", 6, "expected 0 to 60 percent, got 61"),
        ("loss_percent = 1.5", "loss_percent = nan", 6, "expected 0 to 60"),
        ("loss_percent = 1.5", "loss = 1", 6, "unknown weather key: write loss_percent"),
        ("loss_percent = 1.5", 'loss_percent = "1 %"', 6, "write loss_percent = 1,"),
        ("loss_percent = 1.5", "delay_s_min = 0.02", 6, "write delay_ms_min = 20 (in mill"),
        ("loss_percent = 1.5", "wind = 3", 6, "unknown weather key; expected loss_percent, "),
        ('kind = "blackout"', 'kind = "flood"', 9, "expected one of loss, "),
        ("at_s = 5", "at_s = -5", 10, "expected 1 to 86400 seconds, got -5"),
        ("at_s = 5", "at_s = true", 10, "a plain number of seconds"),
        ("at_s = 5", "at_s = 20", 10, "before the end at 20 s"),
        ("at_s = 5", "at_ms = 5000", 10, "write at_s = 5 (in seconds)"),
        ("at_s = 5", 'at = "5 s"', 10, "unknown fault blackout key: write at_s = 5 (in seconds)"),
        ("at_s = 5", 'at_s = "5 s"', 10, "from 1 to 86400: write at_s = 5, got '5 s'"),
        ("at_s = 5", 'at_s = "soon"', 10, "of seconds from 1 to 86400, got 'soon'"),
        ("at_s = 5", "at_s = 17.5", 10, "over at 20.5 s, expected before the end at 20 s"),
        ("outage_s = 1.0", "outage_ms = 1000", 11, "write outage_s = 1 (in seconds)"),
        ("outage_s = 1.0", "outage = 1", 11, "unknown fault blackout key: write outage_s"),
        ("outage_s = 1.0", "x = 1", 11, "unknown fault blackout key; expected at_s, outage_s,"),
        ("spread_s = 2.0", "spread_minutes = 1", 12, "write spread_s = 60"),
        ("end_share_min = 0.5", "end_share_min = 2", 15, "expected 0 to 1"),
        ("end_share_min = 0.5", "end_share = 1", 15, "write end_share_min"),
        ("heal_s = 9.5", "heal_s = 6", 20, "expected a time after at_s, 6 s"),
        ("heal_s = 9.5", "heal_s = 6.0004", 20, "expected 1 ms at least after at_s, 6 s"),
        ("heal_s = 9.5", "heal_s = 21", 20, "over at 21 s"),
        ("heal_s = 9.5", 'heal_s = "9.5"', 20, "write heal_s = 9.5"),
        ("at_s = 6", "at_s = 0", 19, "expected 1 to 86400"),
        ("at_s = 6", "at_s = 600", 19, "before the end"),
    ],
)
def test_what_is_wrong_is_named_with_file_line_and_expectation(
    old: str, new: str, line: int, expectation: str
) -> None:
    assert old in GOOD
    with pytest.raises(SettingsError) as caught:
        scenario.parse("one", GOOD.replace(old, new), "one.toml")

    assert str(caught.value).startswith(f"one.toml, line {line}, ")
    assert expectation in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expectation"),
    [
        ("seconds = soon\npeers = 1", "one.toml, line 1: not TOML: Invalid value (column 11)"),
        ("peers = 3\nseconds = ", "one.toml, line 2: not TOML: Invalid value (at end of document)"),
        ("peers = 3\na = " + "[" * 5_000, "one.toml, line 2: not TOML: expected less nesting"),
        ("peers = 3\na = " + "9" * 5_000, "one.toml, line 2: not TOML: expected numbers of at mo"),
        ("", "one.toml, line 1, summary: expected one sentence"),
        ("# A comment.\n\nseconds = 9", "one.toml, line 1, summary: expected one sentence"),
        ("seconds = 9\n summary = 4", "one.toml, line 2, summary: expected one sentence"),
        ('summary = ""\nseconds = 1', "line 1, peers: missing in the file"),
        (GOOD.replace("loss_percent = 1.5", "'loss_percent' = 90"), "line 6, loss_percent: exp"),
        ("summary = ''\n#\nweather.loss_percent = 90", "line 3, loss_percent: expected 0 to 60"),
        ("summary = ''\nweather = { loss_percent = 90 }", "line 2, loss_percent: expected 0 to"),
        ("summary = ''\nseconds = 9\npeers = 2\nfault = [\n{kind=''}]", "line 5, kind: expected"),
        (GOOD.replace("peers = 5", '"peers" = 0'), "one.toml, line 3, peers: expected 1 to"),
        (GOOD.replace("peers = 5", "peers = " + "9" * 4_000), f"got {'9' * 60}..."),
        (GOOD.replace("spread_s = 2.0\n", ""), "line 8, spread_s: missing in fault blackout"),
        (GOOD.replace("heal_s = 9.5\n", ""), "line 17, heal_s: missing in fault one-way"),
        (GOOD.replace("[weather]\nloss_percent = 1.5", "weather = 3"), "expected a table"),
        (GOOD.replace("[[fault]]", "[fault]", 1), "one.toml, line 17: not TOML"),
        ('summary = ""\nseconds = 9\npeers = 1\n[fault]\nat_s = 1', "line 4, fault: expected tabl"),
        ('summary = ""\nseconds = 9\npeers = 1\nfault = [3]', "line 4, fault: expected tables"),
    ],
)
def test_what_is_missing_or_misshapen_is_refused(text: str, expectation: str) -> None:
    with pytest.raises(SettingsError, match=r"one\.toml") as caught:
        scenario.parse("one", text, "one.toml")

    assert expectation in str(caught.value)


def test_one_kind_must_be_over_before_it_comes_again() -> None:
    again = '\n[[fault]]\nkind = "one-way"\nat_s = 9\nheal_s = 12\n'

    with pytest.raises(SettingsError, match=r"line 24, at_s: .* after the one-way before, 9\.5 s"):
        scenario.parse("one", GOOD + again, "one.toml")

    later = again.replace("at_s = 9", "at_s = 9.5")
    assert len(scenario.parse("one", GOOD + later, "one.toml").faults) == 3


@pytest.mark.parametrize("key", ["charged_s", "back_s"])
def test_what_is_given_back_was_taken_before(key: str) -> None:
    kind = {"charged_s": "batteries", "back_s": "withdraw"}[key]
    text = f'summary = ""\nseconds = 60\npeers = 9\n[[fault]]\nkind = "{kind}"\nat_s = 5\n'

    with pytest.raises(SettingsError, match=f"line 8, {key}: .* after at_s and spread_s, 9 s"):
        scenario.parse("one", text + f"spread_s = 4\n{key} = 9", "one.toml")
    assert scenario.parse("one", text + f"spread_s = 4\n{key} = 0", "one.toml")


def test_who_goes_flat_at_the_last_moment_is_not_charged_before() -> None:
    """Rounded to the tick, `at_s` and `spread_s` end later together than their sum."""
    text = 'summary = ""\nseconds = 60\npeers = 9\n[[fault]]\nkind = "batteries"\nat_s = 5.0006\n'

    with pytest.raises(SettingsError, match="line 8, charged_s: expected 1 ms at least after"):
        scenario.parse("one", text + "spread_s = 1.0006\ncharged_s = 6.0016", "one.toml")
    assert scenario.parse("one", text + "spread_s = 1.0006\ncharged_s = 6.003", "one.toml")


@pytest.mark.parametrize("wrong", ["0", "0.01", "-0.01"])
def test_a_clock_that_drifts_no_more_than_a_crystal_may_is_refused(wrong: str) -> None:
    text = 'summary = ""\nseconds = 60\npeers = 9\n[[fault]]\nkind = "clock-drift"\nat_s = 5\n'
    said = f"line 8, drift_percent: expected 0.02 at least, either way, got {wrong}"

    with pytest.raises(SettingsError, match=said):
        scenario.parse("one", text + f"heal_s = 9\ndrift_percent = {wrong}", "one.toml")
    assert scenario.parse("one", text + "heal_s = 9\ndrift_percent = -0.02", "one.toml")


@pytest.mark.parametrize(("governed", "is_good"), [("", False), ("1", True), ("2", True)])
def test_no_merger_is_refused_where_circles_are_closed(governed: str, is_good: bool) -> None:
    top = f"governed = {governed}\n" if governed else ""
    text = f'summary = ""\nseconds = 60\npeers = 9\n{top}[[fault]]\nkind = "no-merger"\nat_s = 5\n'

    if is_good:
        assert scenario.parse("one", text, "one.toml").is_governed
        return
    with pytest.raises(SettingsError, match="line 5, kind: no-merger: expected governed = 1 or 2"):
        scenario.parse("one", text, "one.toml")


def test_an_unknown_scenario_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"badflash, .*, consensus, or the path of"):
        scenario.load("doom")


def test_a_scenario_is_loaded_from_a_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD, encoding="utf-8")

    loaded = scenario.load(str(path))

    assert loaded.name == "mine"
    assert loaded.seconds == 20


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'summary = "caf\xe9"')
    long = tmp_path / "long.toml"
    long.write_text("#" * (scenario.FILE_BYTES_MAX + 1), encoding="utf-8")

    with pytest.raises(SettingsError, match=r"none\.toml: cannot be read: No such file"):
        scenario.load(str(tmp_path / "none.toml"))
    with pytest.raises(SettingsError, match=r"latin\.toml: expected UTF-8 text"):
        scenario.load(str(latin))
    with pytest.raises(SettingsError, match=r"long\.toml: expected at most"):
        scenario.load(str(long))


def numbers_for(keys: tuple[Key, ...]) -> st.SearchStrategy[dict[str, float]]:
    return st.fixed_dictionaries({key.name: _number(key) for key in keys})


def _number(key: Key) -> st.SearchStrategy[float]:
    if key.is_whole:
        return st.integers(int(key.low), int(key.high)).map(float)
    numbers = st.floats(key.low, key.high, allow_nan=False)
    return numbers.filter(lambda number: abs(number) >= key.nearest)


SECONDS = 10_000


@st.composite
def faults(draw: st.DrawFn) -> tuple[Fault, ...]:
    """Valid faults: each begins early and is over before the end, each kind once."""
    drawn = []
    for name in draw(
        st.lists(st.sampled_from(sorted({*KINDS} - GOVERNED)), unique=True, max_size=4)
    ):
        numbers = draw(numbers_for(KINDS[name].keys))
        numbers["at_s"] = draw(st.floats(1, 100))
        for key in ("heal_s", "charged_s", "back_s"):
            if key in numbers:
                numbers[key] = draw(st.floats(1_000, 2_000))
        drawn.append(Fault(name, numbers["at_s"], numbers))
    return tuple(sorted(drawn, key=lambda fault: fault.at_s))


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    text = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=30)
    weather = draw(numbers_for(WEATHER))
    expect = draw(st.fixed_dictionaries({}, optional={key.name: _number(key) for key in EXPECT}))
    return Scenario(
        name="drawn",
        summary=draw(text.filter(str.isprintable)),
        seconds=SECONDS,
        peers=draw(st.integers(1, 1_000_000)),
        weather=scenario.weather_of(weather),
        faults=draw(faults()),
        expect=expect,
    )


@given(scenarios())
def test_what_is_written_reads_back_equal(drawn: Scenario) -> None:
    text = scenario.render(drawn)

    read = scenario.parse("drawn", text, "drawn.toml")

    assert read == drawn
    assert scenario.render(read) == text
    assert scenario.digest(read) == scenario.digest(drawn)


def test_the_digest_is_of_what_is_said_not_of_how() -> None:
    parsed = scenario.parse("one", GOOD, "one.toml")
    respelled = scenario.parse("two", GOOD.replace("at_s = 5", "at_s = 5.0 # s"), "two.toml")
    changed = scenario.parse("one", GOOD.replace("at_s = 5", "at_s = 5.001"), "one.toml")

    assert scenario.digest(parsed) == scenario.digest(respelled)
    assert scenario.digest(parsed) != scenario.digest(changed)
