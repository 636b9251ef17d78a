"""One circle: what a decision costs in the good case, and what f + 1 liars can do to it."""

import json
from collections import Counter
from dataclasses import replace

import pytest

from smilesim import consensus, recipe, scenario
from smilesim.city import AGREEMENT, City
from smilesim.faults.table import KINDS, UNDRAWN
from smilesim.liveness import LIGHT_S, healed_s
from smilesim.main import main
from smilesim.recipe import Recipe
from smilesim.report import Report, report
from smilesim.villains.cast import VILLAINS
from smilesync.circle.genesis import VOTERS_MAX

SEEDS = range(300)


def lived(name: str, seed: int = 1, **changes: object) -> tuple[City, Report]:
    chosen = consensus.draw(seed) if name == consensus.NAME else scenario.load(name)
    order = Recipe(replace(chosen, **changes), seed)  # type: ignore[arg-type] # names are fields
    city = recipe.settle(order, recipe.crowd(order))
    city.run()
    return city, report(city)


@pytest.mark.parametrize(
    ("peers", "delays"),
    [(1, (0, 0)), (2, (2, 3)), (3, (2, 2)), (4, (3, 3)), (7, (3, 3)), (VOTERS_MAX, (3, 3))],
)
def test_a_decision_takes_three_delays_and_the_messages_of_the_formula(
    peers: int, delays: tuple[int, int]
) -> None:
    _, result = lived("goodcase", peers=peers)

    figures = result["figures"]
    assert result["violations"] == []
    assert (figures["commit_message_delays_least"], figures["commit_message_delays"]) == delays
    assert figures["messages_per_slot"] == (peers - 1) * 2 * peers
    assert figures["messages_per_slot"] == figures["messages_per_slot_by_design"]


@pytest.mark.parametrize(("peers", "by_design"), [(4, 237), (7, 365), (22, 1007)])
def test_a_certificate_is_a_few_bytes_smaller_than_the_design_reckons(
    peers: int, by_design: int
) -> None:
    _, result = lived("goodcase", peers=peers, seconds=8)

    assert result["figures"]["certificate_bytes_by_design"] == by_design
    assert 0 <= by_design - (result["figures"]["certificate_bytes"] or 0) <= 4


def test_more_people_than_may_vote_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["run", "goodcase", "--peers", str(VOTERS_MAX + 1)])

    said = capsys.readouterr().err
    assert code == 2
    assert f"--peers {VOTERS_MAX + 1}: expected {VOTERS_MAX} at most" in said
    assert "one circle in which everybody votes" in said


@pytest.mark.parametrize("seed", range(1, 5))
def test_with_one_villain_too_many_the_fork_is_reported_and_all_else_holds(seed: int) -> None:
    city, result = lived("fork", seed)

    assert result["verdict"] == "pass"
    assert result["figures"]["forks"] > 0
    assert {one["rule"] for one in result["violations"]} <= AGREEMENT
    assert all(one["is_conceded"] for one in result["violations"])
    held = {row["name"]: row["result"] for row in result["properties"]}
    assert held["I1"] == "conceded"
    assert held["I8"] == held["I4"] == held["light"] == held["PAT"] == "held"
    assert sum(device.is_villain for device in city.devices) == 3


def test_without_the_villain_too_many_nothing_forks_and_the_run_says_so() -> None:
    _, result = lived("fork", villains=2)

    assert result["verdict"] == "fail"
    assert [one["rule"] for one in result["violations"]] == ["expect forks_min"]


def test_a_fork_with_as_many_villains_as_can_be_borne_fails_the_run() -> None:
    city, _ = lived("fork", villains=2)

    assert city.violations.conceded == frozenset()


def test_the_command_takes_villains_and_refuses_them_where_nobody_turns(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["run", "fork", "--peers", "7", "--villains", "3", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["figures"]["forks"] > 0

    assert main(["run", "calm", "--villains", "3"]) == 2
    assert "calm has no such fault" in capsys.readouterr().err


def test_a_person_reads_what_was_conceded_and_that_the_run_passed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["run", "fork"]) == 0

    said = capsys.readouterr().out
    assert "\nconceded      I3 at " in said
    assert "\nbroken" not in said
    assert "verdict pass  every promise held; with more villains than f nobody made these: " in said


def test_consensus_draws_valid_scenarios_in_which_every_kind_comes_and_peace_follows() -> None:
    counts: Counter[str] = Counter()
    for seed in SEEDS:
        drawn = consensus.draw(seed)
        healed = healed_s(drawn)
        assert scenario.parse("consensus", scenario.render(drawn), "drawn") == drawn
        assert healed is not None
        assert drawn.seconds - healed > LIGHT_S
        assert drawn.seconds <= 32
        counts.update(fault.kind for fault in drawn.faults)

    assert counts.keys() == KINDS.keys() - UNDRAWN
    assert counts["wishes"] == len(SEEDS)


@pytest.mark.parametrize("seed", range(1, 4))
@pytest.mark.parametrize("peers", [4, 7, 16])
def test_one_circle_with_f_villains_lives_through_what_is_drawn(peers: int, seed: int) -> None:
    city, result = lived("consensus", seed, peers=peers)

    villains = [device.villain for device in city.devices if device.is_villain]
    assert result["violations"] == []
    assert len(villains) == len(set(villains)) == (peers - 1) // 3
    assert set(villains) <= set(VILLAINS)
    assert result["figures"]["decide_after_heal"] is not None
