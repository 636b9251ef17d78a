"""When light must be back and slots must go on, device by device."""

from dataclasses import replace

import pytest

from smilesim import scenario
from smilesim.city import City, Plan
from smilesim.crowd import district
from smilesim.liveness import LEASE_S, LIGHT_RULE, LIGHT_S, PROGRESS_RULE, healed_s
from smilesim.properties import PROPERTIES, Kind, Outcome, Result, outcomes

CALM = scenario.load("calm")


def city(seconds: int = 6, **changes: object) -> City:
    chosen = replace(CALM, seconds=seconds, **changes)
    return City(Plan(chosen, district(6, 1), 1, seconds))


def test_a_scenario_is_healed_when_its_last_fault_is_over() -> None:
    blackout = scenario.load("blackout")
    at_s = blackout.faults[0].at_s
    numbers = blackout.faults[0].numbers

    assert healed_s(CALM) == 0
    assert healed_s(blackout) == at_s + numbers["outage_s"] + numbers["spread_s"]


@pytest.mark.parametrize(
    "weather",
    [
        {"loss_ppm": 400_001},
        {"delay_ms_min": 16, "delay_ms_span": 9},
        {"tail_ppm": 1_000_000, "tail_ms_max": 10_000},
        {"tail_ppm": 220_000, "tail_ms_max": 1_000},
        {"reorder_ppm": 1_000_000, "reorder_ms_span": 500},
        {"reorder_ppm": 100_000, "reorder_ms_span": 320},
    ],
)
def test_weather_that_never_lets_up_heals_never(weather: dict[str, int]) -> None:
    chosen = replace(CALM, weather=replace(CALM.weather, **weather))

    assert healed_s(chosen) is None


@pytest.mark.parametrize(
    "weather",
    [
        {"loss_ppm": 400_000},
        {"delay_ms_min": 16, "delay_ms_span": 8},
        {"tail_ppm": 150_000, "tail_ms_max": 1_000},
        {"reorder_ppm": 50_000, "reorder_ms_span": 500},
    ],
)
def test_weather_in_which_a_circle_finds_together_is_judged(weather: dict[str, int]) -> None:
    chosen = replace(CALM, weather=replace(CALM.weather, **weather))

    assert healed_s(chosen) == 0


@pytest.mark.parametrize(
    ("lit", "at_s", "broken"),
    [(True, LIGHT_S + 1, 0), (False, LIGHT_S - 1, 0), (False, LIGHT_S + 1, 1)],
)
def test_a_device_that_is_able_must_have_light_within_the_bound(
    monkeypatch: pytest.MonkeyPatch, lit: bool, at_s: int, broken: int
) -> None:
    subject = city()
    monkeypatch.setattr(subject.measure, "able_since", lambda device: 1 - 2 * (device.index > 0))
    monkeypatch.setattr(subject.measure, "was_lit_since", lambda *_: lit)

    for second in range(1, at_s + 2):
        subject.liveness.sample(second * 1000)

    assert subject.violations.broken[LIGHT_RULE] == broken
    assert subject.violations.judged[LIGHT_RULE] == (broken or lit)


@pytest.mark.parametrize(
    ("per_lease", "leases", "judged", "broken"),
    [(1, 4, 1, 0), (0, 0, 0, 0), (0, 1, 1, 1), (0.5, 2, 1, 1)],
)
def test_slots_must_go_on_one_in_each_longest_lease(
    monkeypatch: pytest.MonkeyPatch, per_lease: float, leases: int, judged: int, broken: int
) -> None:
    subject = city()
    second = 0

    def decided(*_: object) -> int:
        return 7 + int(per_lease * max(0, second - LIGHT_S) / LEASE_S)

    monkeypatch.setattr(subject.measure, "able_since", lambda device: 1 - 2 * (device.index > 0))
    monkeypatch.setattr(subject.checks.votes, "decided_slots", lambda _: 7)
    monkeypatch.setattr(subject.checks.votes, "decided_slot", decided)

    for second in range(1, LIGHT_S + leases * LEASE_S + 3):
        subject.liveness.sample(second * 1000)

    assert subject.violations.judged[PROGRESS_RULE] == judged
    assert subject.violations.broken[PROGRESS_RULE] == broken


def test_who_is_able_anew_has_the_whole_bound_again(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = city()
    since = {"tick": 1}
    monkeypatch.setattr(subject.measure, "able_since", lambda _: since["tick"])
    monkeypatch.setattr(subject.measure, "was_lit_since", lambda *_: False)

    for second in range(1, 2 * LIGHT_S):
        since["tick"] = 1 if second < LIGHT_S else LIGHT_S * 1000
        subject.liveness.sample(second * 1000)

    assert subject.violations.broken[LIGHT_RULE] == 0


def test_an_eventual_promise_is_asked_only_of_runs_that_leave_time_for_it() -> None:
    short, rough = city(seconds=6), city(weather=replace(CALM.weather, loss_ppm=500_000))
    short.run()
    rough.run()

    for found in (outcomes(short), outcomes(rough)):
        results = {one.name: one.result for one in found if one.kind is Kind.EVENTUALLY}
        assert results[PROGRESS_RULE] is Result.NOT_ASKED


def test_over_several_runs_the_worst_counts_then_the_best() -> None:
    def over(*results: Result) -> Result:
        first, *rest = (Outcome(Kind.SOMETIMES, "fact", one, 1) for one in results)
        for one in rest:
            first = first.merge(one)
        assert first.count == len(results)
        return first.result

    assert over(Result.HELD, Result.BROKEN, Result.UNJUDGED) is Result.BROKEN
    assert over(Result.UNSEEN, Result.SEEN, Result.NOT_ASKED) is Result.SEEN
    assert over(Result.NOT_ASKED, Result.UNSEEN) is Result.UNSEEN
    assert over(Result.UNJUDGED, Result.HELD) is Result.HELD
    assert over(Result.NOT_ASKED, Result.NOT_ASKED) is Result.NOT_ASKED


def test_the_list_says_what_each_property_claims() -> None:
    assert all(one.claim and one.claim[0].islower() for one in PROPERTIES)
