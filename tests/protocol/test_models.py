"""The models: their faults are found, their sums are the core's, and a wrong line is told."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import z3

from models import __main__ as runner
from models import exhaustive, proofs
from models.__main__ import Line
from smilesync.circle.changes import Changes, Cited
from smilesync.circle.genesis import Parameters
from smilesync.circle.lease import UNHEARD_US_MAX
from smilesync.circle.quorum import fault_limit, quorum_size
from smilesync.circle.validity import LEASE_US_MAX, Head, lease_length_us
from smilesync.circle.value import NO_PREVIOUS, Value
from smilesync.ids import PeerId, ValueHash

CLAIMS = list(proofs.claims())
FIRST = Value(
    slot=1,
    parent=NO_PREVIOUS,
    not_before_us=0,
    not_after_us=4_000_000,
    pattern=b"p",
    start_us=0,
    previous=None,
    previous_start_us=0,
    fade_us=2_000_000,
    roster_hash=bytes(32),
    state_hash=bytes(32),
)


@pytest.mark.spec("CIR-002", "CIR-024", "CIR-025", "CIR-045", "LSE-001", "LSE-007", "GOV-009")
@pytest.mark.parametrize("claim", CLAIMS, ids=[claim.name for claim in CLAIMS])
def test_what_is_true_is_proved_and_what_is_a_fault_refuted(claim: proofs.Claim) -> None:
    assert proofs.is_proved(claim) is claim.is_true


def test_every_kind_of_claim_has_a_fault() -> None:
    for rule in {rule for claim in CLAIMS for rule in claim.rules}:
        outcomes = {claim.is_true for claim in CLAIMS if rule in claim.rules}
        assert outcomes == {True, False}, rule


@pytest.mark.spec("CIR-002")
def test_quorums_of_the_core_are_those_that_are_proved() -> None:
    n = z3.Int("n")
    for size in [*range(1, 200), 1_000, 99_999, 100_000]:
        for expression, found in (
            (proofs.faults_of(n), fault_limit(size)),
            (proofs.quorum_of(n), quorum_size(size)),
        ):
            assert _value(expression, (n, size)) == found, size


@pytest.mark.spec("CIR-045")
@pytest.mark.parametrize("last_us", [2_000_000, 4_000_000, 8_000_000, 8_000_001, 16_000_000])
@pytest.mark.parametrize("is_renewed", [True, False])
@pytest.mark.parametrize("base_us", [2_000_000, 4_000_000, 16_000_000])
def test_leases_of_the_core_are_those_that_are_proved(
    last_us: int, is_renewed: bool, base_us: int
) -> None:
    last, base = z3.Ints("last base")
    expected = proofs.lease_of(last, z3.BoolVal(is_renewed), base)
    head = replace(FIRST, not_after_us=last_us)
    begin_us = last_us if is_renewed else last_us + 1
    value = replace(FIRST, slot=2, not_before_us=begin_us, not_after_us=begin_us + 1)

    found_us = lease_length_us(
        value, Head(1, ValueHash(bytes(32)), last_us, head), Parameters(lease_us=base_us)
    )

    assert _value(expected, (last, last_us), (base, base_us)) == found_us


CHANGES: tuple[dict[str, Any], ...] = (
    {"pattern": b"q"},
    {"start_us": 1},
    {"inputs": (5, 0, 0, 0, 0)},
    {"roster_hash": bytes([1] * 32)},
    {"changes": Changes(left=(Cited(bytes(32), PeerId(bytes(32))),))},
)


@pytest.mark.spec("CIR-045")
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_whatever_changes_ends_the_renewal_that_is_proved(change: dict[str, Any]) -> None:
    head = Head(1, ValueHash(bytes(32)), 4_000_000, FIRST)
    same = replace(FIRST, slot=2, not_before_us=4_000_000, not_after_us=4_000_001)
    last, base = z3.Ints("last base")
    found_us = [
        lease_length_us(value, head, Parameters()) for value in (same, replace(same, **change))
    ]

    expected_us = [
        _value(proofs.lease_of(last, z3.BoolVal(is_renewed), base),
               (last, 4_000_000), (base, proofs.BASE_US))
        for is_renewed in (True, False)
    ]  # fmt: skip

    assert found_us == expected_us == [8_000_000, 4_000_000]


@pytest.mark.spec("LSE-001", "LSE-007", "CIR-025")
def test_the_figures_of_the_proofs_are_the_defaults_of_the_core() -> None:
    defaults = Parameters()

    assert defaults.lease_us == proofs.BASE_US
    assert defaults.window_us == proofs.WINDOW_US
    assert defaults.tolerance_us == proofs.TOLERANCE_US
    assert defaults.guard_us == proofs.TOLERANCE_US // 2
    assert LEASE_US_MAX == proofs.LONGEST_US
    assert UNHEARD_US_MAX == proofs.HEARD_US


def _value(expression: z3.ArithRef, *known: tuple[z3.ArithRef, int]) -> int:
    pairs = [(name, z3.IntVal(number)) for name, number in known]
    return int(z3.simplify(z3.substitute(expression, *pairs)).as_long())


@pytest.mark.spec("CIR-017", "CIR-018", "CIR-020", "CIR-023", "CIR-046", "CIR-050")
@pytest.mark.parametrize(
    "wanted",
    [one for one in exhaustive.SEARCHES if not one.is_clean],
    ids=lambda wanted: wanted.name,
)
def test_spin_finds_each_fault(wanted: exhaustive.Search) -> None:
    _need_spin()

    assert exhaustive.search(wanted).broken is not None


@pytest.mark.spec("CIR-040")
def test_spin_visits_all_of_a_small_slot_and_finds_nothing() -> None:
    _need_spin()
    small = exhaustive.SEARCHES[0]._replace(defines=("VIEWS=2",))

    found = exhaustive.search(small)

    assert found == exhaustive.Found(19_940, None)


def test_one_wrong_line_is_told_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    def lines() -> Iterator[Line]:
        yield Line("a claim", True, "proved", ("CIR-002",))
        yield Line("a fault", False, "nothing found", ("CIR-018",))

    code = runner.report((lines,))

    printed = capsys.readouterr().out
    assert code == 1
    assert "WRONG a fault" in printed
    assert "1 are WRONG" in printed


def test_a_missing_tool_is_named_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(exhaustive, "TOOLS", ("gcc", "no-such-checker"))

    code = runner.main()

    assert code == 2
    assert "sudo apt install no-such-checker" in capsys.readouterr().err


def test_a_search_that_did_not_end_shows_nothing() -> None:
    printed = "error: max search depth too small\nerrors: 0\n 12 states, stored\n"

    with pytest.raises(exhaustive.Unfinished, match="12 states: max search depth"):
        exhaustive._read(printed)


def test_a_search_that_did_not_end_is_a_wrong_line_and_the_next_still_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = iter([exhaustive.Unfinished("pan did not end"), exhaustive.Found(7, None)])

    def search(_: exhaustive.Search) -> exhaustive.Found:
        one = next(found)
        if isinstance(one, exhaustive.Unfinished):
            raise one
        return one

    monkeypatch.setattr(exhaustive, "search", search)
    monkeypatch.setattr(exhaustive, "SEARCHES", exhaustive.SEARCHES[:2])

    code = runner.report((runner.searched,))

    printed = capsys.readouterr().out
    assert code == 1
    assert "unfinished: pan did not end" in printed
    assert "7 states, nothing found" in printed


def test_a_fault_that_spin_does_not_find_fails_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fault = next(one for one in exhaustive.SEARCHES if not one.is_clean)
    mended = fault._replace(defines=("VIEWS=2", "ONLY_AGREEMENT"))
    monkeypatch.setattr(exhaustive, "SEARCHES", (mended,))
    _need_spin()

    code = runner.report((runner.searched,))

    assert code == 1
    assert f"WRONG {fault.name}" in capsys.readouterr().out


def test_a_model_that_is_no_promela_is_told(tmp_path: Path) -> None:
    _need_spin()
    (tmp_path / "slot.pml").write_text("this is no model\n")

    with pytest.raises(exhaustive.Unfinished, match="spin exits"):
        exhaustive.search(exhaustive.SEARCHES[0], tmp_path)


def _need_spin() -> None:
    try:
        exhaustive.check_tools()
    except exhaustive.Missing as error:
        pytest.skip(str(error))
