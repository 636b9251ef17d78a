"""The fault-tolerant midpoint, on cases and on the published vectors."""

import pytest

from smilesync.clock.midpoint import Reading, high_offset_us, midpoint, tightest
from support.vectors import Case, by_name, load
from vectors import make_clock
from vectors.writing import FOLDER, text_of


def _readings(*pairs: tuple[int, int]) -> list[Reading]:
    return [Reading(offset_us, error_us) for offset_us, error_us in pairs]


@pytest.mark.spec("CLK-015")
@pytest.mark.parametrize("case", load("midpoint"), ids=by_name)
def test_midpoint_follows_the_vectors(case: Case) -> None:
    given = case["given"]
    faults, pairs = given["faults"], given["readings"]
    assert isinstance(faults, int)
    assert isinstance(pairs, list)
    readings = [Reading(pair[0], pair[1]) for pair in pairs]

    middle = midpoint(readings, faults)

    assert {"offset_us": middle.offset_us, "error_us": middle.error_us} == case["result"]


@pytest.mark.spec("CLK-015")
@pytest.mark.parametrize("lie_us", [-(2**52), -1, 0, 7, 2**52])
def test_one_liar_of_four_moves_the_midpoint_only_between_honest_readings(lie_us: int) -> None:
    honest = _readings((-30, 5), (10, 5), (40, 5))

    middle = midpoint([*honest, Reading(lie_us, 0)], faults=1)

    assert -30 <= middle.offset_us <= 40
    assert middle.error_us <= 75


@pytest.mark.spec("CLK-015")
def test_midpoint_refuses_too_few_readings_for_its_liars() -> None:
    with pytest.raises(AssertionError):
        midpoint(_readings((0, 0), (1, 0)), faults=1)


def test_high_offset_is_vouched_for_by_one_honest_clock() -> None:
    assert high_offset_us(_readings((5, 0), (1, 0), (9, 0), (7, 0)), faults=1) == 7
    assert high_offset_us(_readings((5, 0)), faults=0) == 5


@pytest.mark.parametrize(
    ("offsets", "count", "expected"),
    [
        ((), 1, None),
        ((3,), 1, (3, 0)),
        ((3,), 2, None),
        ((1, 100, 104), 2, (102, 2)),
        ((1, 4, 100, 103), 2, (2, 2)),
        ((0, 5, 11), 3, (5, 6)),
    ],
)
def test_tightest_group(
    offsets: tuple[int, ...], count: int, expected: tuple[int, int] | None
) -> None:
    found = tightest([Reading(offset, 0) for offset in offsets], count)

    assert (found and (found.offset_us, found.error_us)) == expected


def test_the_vector_files_are_what_the_generator_writes() -> None:
    for area, cases in make_clock.areas().items():
        assert (FOLDER / f"{area}.json").read_text(encoding="utf-8") == text_of(area, cases)
