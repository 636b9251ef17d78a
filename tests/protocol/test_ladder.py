"""The rung for every circumstance, and when it changes by time alone."""

import pytest

from smilesync.circle.ladder import NEVER_NS, Ladder, Surroundings
from smilesync.commands import DEFAULT_SWITCHES, Switch
from smilesync.effects import Rung
from support.lab import SECOND_NS

GLOW_AFTER_NS = 60 * SECOND_NS
SHOW_ONLY = Switch.SHOW | Switch.LIT


def _around(
    *,
    selected: bool = False,
    held: bool = False,
    quorum_until_s: int = -1,
    company_until_s: int = -1,
    switches: Switch = DEFAULT_SWITCHES,
) -> Surroundings:
    return Surroundings(
        is_selected=selected,
        is_held=held,
        quorum_until_ns=quorum_until_s * SECOND_NS,
        company_until_ns=company_until_s * SECOND_NS,
        switches=switches,
        is_off=Switch.LIT not in switches,
    )


TABLE = [
    (Rung.COMMITTED, _around(selected=True, quorum_until_s=11)),
    (Rung.HOLD, _around(selected=True, quorum_until_s=10)),
    (Rung.HOLD, _around(selected=True)),
    (Rung.HOLD, _around(held=True, quorum_until_s=11)),
    (Rung.HARMONY, _around(quorum_until_s=11, company_until_s=11)),
    (Rung.SOLO, _around(company_until_s=10)),
    (Rung.SOLO, _around()),
    (Rung.SOLO, _around(company_until_s=11, switches=SHOW_ONLY)),
    (Rung.GLOW, _around(selected=True, switches=DEFAULT_SWITCHES & ~Switch.SHOW)),
    (Rung.OFF, _around(selected=True, switches=DEFAULT_SWITCHES & ~Switch.LIT)),
    (Rung.OFF, _around(switches=Switch(0))),
]


@pytest.mark.spec("LAD-001")
@pytest.mark.parametrize(("rung", "around"), TABLE)
def test_rung_follows_the_table(rung: Rung, around: Surroundings) -> None:
    ladder = Ladder(GLOW_AFTER_NS, 0)

    assert ladder.update(around, 10 * SECOND_NS) is rung
    assert ladder.rung is rung


@pytest.mark.spec("LAD-001")
def test_solo_becomes_glow_after_a_minute_and_an_input_wins_another() -> None:
    ladder = Ladder(GLOW_AFTER_NS, 0)

    assert ladder.update(_around(), 59 * SECOND_NS) is Rung.SOLO
    assert ladder.deadline_ns() == 60 * SECOND_NS
    assert ladder.update(_around(), 60 * SECOND_NS) is Rung.GLOW
    assert ladder.deadline_ns() == NEVER_NS
    ladder.input(70 * SECOND_NS)

    assert ladder.update(_around(), 71 * SECOND_NS) is Rung.SOLO
    assert ladder.deadline_ns() == 130 * SECOND_NS


@pytest.mark.spec("LAD-001")
def test_company_restarts_the_way_to_glow() -> None:
    ladder = Ladder(GLOW_AFTER_NS, 0)

    ladder.update(_around(company_until_s=60), 50 * SECOND_NS)

    assert ladder.deadline_ns() == 60 * SECOND_NS
    assert ladder.update(_around(company_until_s=60), 60 * SECOND_NS) is Rung.SOLO
    assert ladder.deadline_ns() == 110 * SECOND_NS


@pytest.mark.spec("LAD-001")
def test_every_step_down_comes_by_the_own_clock() -> None:
    ladder = Ladder(GLOW_AFTER_NS, 0)
    around = _around(selected=True, quorum_until_s=12, company_until_s=15)

    ladder.update(around, 10 * SECOND_NS)

    assert ladder.deadline_ns() == 12 * SECOND_NS
    assert ladder.update(around, ladder.deadline_ns()) is Rung.HOLD
