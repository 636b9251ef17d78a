"""What a person reads at the end of a run."""

import io

import pytest
from rich.console import Console

from smilesim import scenario, summary
from smilesim.city import City, Plan
from smilesim.crowd import district
from smilesim.report import Report, report
from support.planted import ShowsForEver, infested


def plan(name: str, peers: int, seconds: int) -> Plan:
    return Plan(scenario.load(name), district(peers, 3), 3, seconds)


@pytest.fixture(scope="module")
def good() -> Report:
    city = City(plan("split", 7, 32))
    city.run()
    return report(city)


@pytest.fixture(scope="module")
def bad() -> Report:
    city = infested(plan("calm", 14, 12), ShowsForEver)
    city.run()
    return report(city)


def printed(result: Report, *, is_terminal: bool = False) -> str:
    file = io.StringIO()
    summary.show(result, Console(file=file, width=80, force_terminal=is_terminal, highlight=False))
    return file.getvalue()


def test_a_good_run_fits_a_terminal_and_ends_with_its_verdict(good: Report) -> None:
    lines = printed(good).splitlines()

    assert lines[0].startswith("scenario      split, 7 peers, seed 3, 32 virtual s in ")
    assert lines[-1] == "verdict pass  every promise held"
    assert max(map(len, lines)) <= 80
    assert not any(line != line.rstrip() for line in lines)
    labels = [line[:12].strip() for line in lines if line[0] != " "]
    assert labels[1:5] == ["always", "sometimes", "eventually", "faults"]


def test_a_run_says_how_much_of_it_was_real_where_that_is_not_the_usual(good: Report) -> None:
    tagged: Report = {**good, "fidelity": "tagged"}

    assert "seed 3, tagged, 32 virtual s in " in printed(tagged).splitlines()[0]


def test_what_was_not_judged_is_counted(good: Report) -> None:
    first, *others = good["properties"]
    unjudged: Report = {**good, "properties": [{**first, "result": "unjudged"}, *others]}

    last = printed(unjudged).splitlines()[-1]

    assert last == "verdict pass  every promise held but 1 that were not judged"


def test_a_broken_promise_is_named_with_its_time_its_device_and_its_meaning(bad: Report) -> None:
    lines = printed(bad).splitlines()

    first = bad["violations"][0]
    shown = next(line for line in lines if line.startswith("broken"))
    assert f"{first['rule']} at {first['tick'] / 1000:.3f} s, peer {first['peer']}:" in shown
    assert f"and {bad['figures']['violations_in_all'] - 10:,} more" in "".join(lines)
    assert lines[-1].startswith("verdict fail  broken: I")
    assert "broken: I7, I8" in "".join(line for line in lines if line.startswith("always"))


def test_colours_are_for_terminals_only(good: Report) -> None:
    assert "\x1b[" not in printed(good)
    assert "\x1b[1;32mverdict pass\x1b[0m" in printed(good, is_terminal=True)


def test_an_interrupted_run_says_how_far_it_came(good: Report) -> None:
    stopped = Report(**{**good, "verdict": "interrupted", "virtual_seconds": 4.5})

    lines = printed(stopped).splitlines()

    assert lines[-1] == "verdict interrupted  after 4.5 of 32 virtual s"
    assert "4.5 of 32 virtual s in" in lines[0]
