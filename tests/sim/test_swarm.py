"""A swarm scenario follows from its seed, is valid, mixes kinds, and leaves the city in peace."""

from collections import Counter

import pytest

from smilesim import scenario, swarm
from smilesim.city import City, Plan
from smilesim.crowd import district
from smilesim.faults.table import KINDS, UNDRAWN
from smilesim.liveness import healed_s
from smilesim.report import report

SEEDS = range(400)


def test_a_seed_draws_the_same_scenario_for_ever() -> None:
    for seed in (0, 7, 2**63 - 1):
        assert swarm.draw(seed) == swarm.draw(seed) == swarm.resolve("swarm", seed)
    assert len({scenario.digest(swarm.draw(seed)) for seed in SEEDS}) > 350


def test_what_is_drawn_is_a_valid_file() -> None:
    for seed in SEEDS:
        drawn = swarm.draw(seed)
        assert scenario.parse("swarm", scenario.render(drawn), f"seed {seed}") == drawn


def test_every_kind_is_drawn_and_most_are_left_out_each_time() -> None:
    counts = Counter(fault.kind for seed in SEEDS for fault in swarm.draw(seed).faults)

    assert counts.keys() == KINDS.keys() - UNDRAWN
    assert all(0.05 < count / len(SEEDS) < 0.5 for count in counts.values()), counts


def test_faults_meet_in_ever_new_combinations() -> None:
    sets = {tuple(sorted(fault.kind for fault in swarm.draw(seed).faults)) for seed in SEEDS}

    assert len(sets) > 0.7 * len(SEEDS)
    assert {len(kinds) for kinds in sets} == set(range(swarm.KINDS_MAX + 1))


def test_every_city_is_small_short_and_left_in_peace_at_the_end() -> None:
    for seed in SEEDS:
        drawn = swarm.draw(seed)
        healed = healed_s(drawn)
        assert healed is not None
        assert drawn.seconds - healed >= swarm.QUIET_S
        assert drawn.seconds <= 60
        assert swarm.PEERS_MIN <= drawn.peers <= swarm.PEERS_MAX


def test_another_scenario_does_not_depend_on_the_seed() -> None:
    assert swarm.resolve("calm", 1) == swarm.resolve("calm", 2) == scenario.load("calm")


@pytest.mark.parametrize("seed", range(6))
def test_drawn_scenarios_pass(seed: int) -> None:
    drawn = swarm.draw(seed)
    city = City(Plan(drawn, district(min(drawn.peers, 24), seed), seed, drawn.seconds))

    city.run()

    assert report(city)["violations"] == [], f"seed {seed}"
