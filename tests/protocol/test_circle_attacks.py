"""What one liar among four may try, and what must come of it: nothing."""

from collections.abc import Callable

import pytest

from support import attacks

SCENARIOS = [
    pytest.param(attacks.skipped_nullification, marks=pytest.mark.spec("CIR-023", "CIR-015")),
    pytest.param(attacks.total_power_loss, marks=pytest.mark.spec("CIR-050", "CIR-020")),
    pytest.param(lambda: attacks.total_power_loss(9), marks=pytest.mark.spec("CIR-025"), id="long"),
    pytest.param(
        attacks.restart_under_an_equivocating_leader,
        marks=pytest.mark.spec("CIR-017", "CIR-050"),
    ),
    pytest.param(attacks.resent_proposal, marks=pytest.mark.spec("CIR-023")),
    pytest.param(attacks.restored_backup, marks=pytest.mark.spec("CIR-052", "CIR-053", "CIR-054")),
    pytest.param(attacks.equivocating_leader, marks=pytest.mark.spec("CIR-017")),
    pytest.param(attacks.split_in_half, marks=pytest.mark.spec("CIR-002")),
    pytest.param(attacks.overlapping_lease, marks=pytest.mark.spec("CIR-024")),
    pytest.param(attacks.stretched_lease, marks=pytest.mark.spec("CIR-024", "CIR-045")),
    pytest.param(attacks.late_votes, marks=pytest.mark.spec("CIR-018")),
    pytest.param(attacks.solo_power_loss, marks=pytest.mark.spec("CIR-020")),
    pytest.param(attacks.one_is_dead, marks=pytest.mark.spec("CIR-020")),
    pytest.param(attacks.forged_votes, marks=pytest.mark.spec("CIR-033")),
]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_attack_comes_to_nothing(scenario: Callable[[], list[str]]) -> None:
    assert scenario() == []
