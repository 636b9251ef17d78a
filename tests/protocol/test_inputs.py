"""What a circle publishes of how people feel: never of fewer than five, and never one's change."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smilesync.circle.inputs import (
    NOBODY,
    Basis,
    Counts,
    based,
    inputs_of,
    is_plausible,
    published,
    weighed,
)
from smilesync.circle.validity import Head, Verdict, v9_inputs
from smilesync.circle.value import NO_PREVIOUS
from smilesync.commands import EmotionState, Feel, SetConsent, Switch
from smilesync.errors import Malformed, RemoteError
from smilesync.light.choose import MOOD_PATTERNS
from support.street import Street
from support.vectors import FOLDER, Case, by_name, load
from vectors import make_inputs
from vectors.writing import text_of

COUNTS = st.tuples(*[st.integers(0, 200)] * 5)
ROUND = st.tuples(*[st.integers(0, 40).map(lambda n: 5 * n)] * 5)


@pytest.mark.spec("INP-002", "INP-003")
@pytest.mark.parametrize(
    ("own", "last", "expected"),
    [
        ((4, 0, 0, 0, 0), None, None),
        ((2, 1, 1, 0, 0), (5, 0, 0, 0, 0), (5, 0, 0, 0, 0)),
        ((0, 2, 1, 1, 0), (5, 0, 0, 0, 0), None),
        ((1, 0, 0, 0, 0), (0, 0, 0, 0, 0), (0, 0, 0, 0, 0)),
        ((0, 0, 0, 0, 0), (0, 0, 0, 0, 0), None),
        ((5, 0, 0, 0, 0), None, (5, 0, 0, 0, 0)),
        ((3, 2, 0, 0, 0), None, (5, 0, 0, 0, 0)),
        ((2, 2, 1, 0, 0), None, (0, 0, 0, 0, 0)),
        ((7, 8, 12, 13, 0), None, (5, 10, 10, 15, 0)),
        ((3, 4, 0, 0, 0), (5, 0, 0, 0, 0), (5, 0, 0, 0, 0)),
        ((0, 7, 0, 0, 0), (5, 0, 0, 0, 0), (0, 5, 0, 0, 0)),
        ((1, 6, 0, 0, 0), (5, 0, 0, 0, 0), (5, 5, 0, 0, 0)),
        ((20, 0, 0, 0, 0), (25, 0, 0, 0, 0), (20, 0, 0, 0, 0)),
        ((21, 0, 0, 0, 0), (25, 0, 0, 0, 0), (25, 0, 0, 0, 0)),
    ],
)
def test_counts_are_rounded_and_change_only_by_five(
    own: Counts, last: Counts | None, expected: Counts | None
) -> None:
    assert published(own, last, 1, None) == expected


@pytest.mark.spec("INP-002", "INP-003", "INP-008")
@pytest.mark.parametrize(
    ("own", "basis", "expected"),
    [
        ((0, 6, 0, 0, 0), Basis((3, 6, 0, 0, 0), 9), (5, 5, 0, 0, 0)),
        ((2, 6, 0, 0, 0), Basis((7, 6, 0, 0, 0), 13), (0, 5, 0, 0, 0)),
        ((0, 4, 0, 0, 0), Basis((3, 5, 0, 0, 0), 8), (5, 5, 0, 0, 0)),
        ((0, 3, 0, 0, 0), Basis((3, 5, 0, 0, 0), 8), None),
        ((0, 4, 0, 0, 0), Basis((5, 3, 0, 0, 0), 8), None),
    ],
)
def test_a_leader_that_knows_of_how_many_a_count_was_made_reckons_from_there(
    own: Counts, basis: Basis, expected: Counts | None
) -> None:
    assert published(own, (5, 5, 0, 0, 0), 1, basis) == expected


@pytest.mark.spec("INP-008")
@pytest.mark.parametrize(
    ("own", "inputs", "last", "basis", "expected"),
    [
        ((3, 4, 0, 0, 0), None, (5, 5, 0, 0, 0), Basis((5, 5, 0, 0, 0), 9), None),
        ((3, 4, 0, 0, 0), (5, 5, 0, 0, 0), None, None, Basis((3, 4, 0, 0, 0), 7)),
        ((3, 0, 0, 0, 0), (5, 0, 0, 0, 0), None, None, Basis((3, 0, 0, 0, 0), 5)),
        ((3, 0, 0, 0, 0), (5, 10, 0, 0, 0), None, None, Basis((3, 10, 0, 0, 0), 5)),
        ((1, 9, 0, 0, 0), (5, 10, 0, 0, 0), (5, 5, 0, 0, 0), None, Basis((5, 9, 0, 0, 0), 10)),
        (
            (1, 9, 0, 0, 0),
            (5, 10, 0, 0, 0),
            (5, 5, 0, 0, 0),
            Basis((4, 4, 0, 0, 0), 8),
            Basis((4, 9, 0, 0, 0), 10),
        ),
        (
            (1, 9, 0, 0, 0),
            (5, 5, 0, 0, 0),
            (5, 5, 0, 0, 0),
            Basis((4, 4, 0, 0, 0), 8),
            Basis((4, 4, 0, 0, 0), 8),
        ),
    ],
)
def test_a_basis_is_what_was_counted_when_a_count_changed(
    own: Counts,
    inputs: Counts | None,
    last: Counts | None,
    basis: Basis | None,
    expected: Basis | None,
) -> None:
    assert based(own, inputs, last, basis) == expected


@pytest.mark.spec("INP-007")
def test_others_together_count_for_the_seats_and_members_in_full() -> None:
    assert weighed((4, 0, 0, 0, 3), (0, 3, 0, 0, 4), 7) == (4, 3, 0, 0, 7)
    assert weighed((4, 0, 0, 0, 3), (0, 0, 0, 0, 500), 7) == (4, 0, 0, 0, 10)
    assert weighed((22, 0, 0, 0, 0), (0, 0, 32, 0, 32), 22) == (22, 0, 11, 0, 11)


def test_inputs_vectors_are_what_their_maker_writes() -> None:
    made = text_of("inputs", make_inputs.cases())

    assert (FOLDER / "inputs.json").read_text(encoding="utf-8") == made, (
        "run `python -m vectors.make_inputs` and look at the difference"
    )


@pytest.mark.parametrize("case", load("inputs"), ids=by_name)
def test_inputs_vector(case: Case) -> None:
    given = {key: bytes.fromhex(str(value)) for key, value in case["given"].items()}
    if case["expect"] == "accept":
        assert make_inputs.outcome(given) == case.get("result")
        return
    with pytest.raises(RemoteError) as caught:
        make_inputs.outcome(given)
    assert caught.value.rule == case["error"]


@pytest.mark.spec("INP-004")
def test_later_views_say_what_was_said_before() -> None:
    assert published((0, 20, 0, 0, 0), (5, 0, 0, 0, 0), 2, None) == (0, 20, 0, 0, 0)
    assert published((0, 20, 0, 0, 0), (5, 0, 0, 0, 0), 3, None) == (5, 0, 0, 0, 0)
    assert published((0, 20, 0, 0, 0), None, 3, None) is None


@pytest.mark.spec("INP-002", "INP-003", "INP-005")
@given(own=COUNTS, last=st.none() | ROUND, view=st.integers(1, 5))
def test_what_an_honest_leader_publishes_a_voter_that_hears_the_same_accepts(
    own: Counts, last: Counts | None, view: int
) -> None:
    inputs = published(own, last, view, None)

    assert is_plausible(inputs, own, last, view)
    if inputs is not None:
        assert all(count % 5 == 0 for count in inputs)
        if last is not None and view <= 2:
            moved = zip(inputs, last, own, strict=True)
            assert all(new == old or abs(count - old) >= 5 for new, old, count in moved)


@pytest.mark.spec("INP-005")
@pytest.mark.parametrize(
    ("inputs", "own", "last", "view", "is_kept"),
    [
        (None, (50, 0, 0, 0, 0), None, 1, False),
        ((5, 0, 0, 0, 0), NOBODY, None, 1, False),
        ((10, 0, 0, 0, 0), (4, 0, 0, 0, 0), None, 1, True),
        ((10, 0, 0, 0, 0), (5, 0, 0, 0, 0), None, 1, False),
        ((60, 0, 0, 0, 0), (50, 0, 0, 0, 0), None, 1, False),
        ((65, 0, 0, 0, 0), (54, 0, 0, 0, 0), None, 1, True),
        ((0, 0, 0, 0, 5), (0, 0, 0, 0, 11), None, 1, True),
        ((5, 0, 0, 0, 0), (4, 0, 0, 0, 0), None, 2, False),
        ((5, 0, 0, 0, 0), (4, 0, 0, 0, 0), None, 3, True),
        ((95, 0, 0, 0, 0), NOBODY, (95, 0, 0, 0, 0), 3, False),
        ((95, 5, 0, 0, 0), NOBODY, (95, 0, 0, 0, 0), 2, False),
        ((90, 5, 0, 0, 0), NOBODY, (95, 0, 0, 0, 0), 2, True),
    ],
)
def test_a_voter_holds_a_leader_to_what_it_counts_itself(
    inputs: Counts | None, own: Counts, last: Counts | None, view: int, is_kept: bool
) -> None:
    street = Street(size=1)
    street.run(3)
    circle = street.peers[0].circle
    assert circle is not None
    value = circle.chain.head().value
    assert value is not None
    proposed = replace(value, inputs=inputs)
    before = None if last is None else replace(value, inputs=last)

    reason = v9_inputs(proposed, Head(1, NO_PREVIOUS, 0, before), own, view)

    found = None if reason is None else (reason.rule, reason.verdict)
    assert found == (("INP-005", Verdict.KEEP) if is_kept else None)


@pytest.mark.spec("INP-001")
@pytest.mark.parametrize(
    "item", [0, [], [5] * 4, [5] * 6, [1, 0, 0, 0, 0], [True, 0, 0, 0, 0], [-5, 0, 0, 0, 0]]
)
def test_inputs_of_another_form_are_refused(item: object) -> None:
    with pytest.raises(Malformed) as caught:
        inputs_of(item)  # type: ignore[arg-type]  # whatever a decoder may give

    assert caught.value.rule == "INP-001"


@pytest.mark.spec("INP-002", "INP-003", "PAT-015")
def test_a_circle_shows_the_mood_of_five_and_not_that_of_four() -> None:
    street = Street(size=7, seed=5)
    for device in range(4):
        _share(street, device, EmotionState.EXCITED)
    street.run(10)
    of_four = _shown(street)
    _share(street, 4, EmotionState.EXCITED)
    street.run(30)
    of_five = _shown(street)
    _share(street, 5, EmotionState.LOW)
    street.run(30)

    assert of_four == (MOOD_PATTERNS[EmotionState.NEUTRAL], None)
    assert of_five == (MOOD_PATTERNS[EmotionState.EXCITED], (0, 5, 0, 0, 0))
    assert _shown(street) == of_five


@pytest.mark.spec("INP-006", "CNS-009")
def test_who_takes_no_part_in_the_collective_counts_nowhere_though_neighbours_know() -> None:
    street = Street(size=7, seed=5)
    for device in range(5):
        street.command(device, SetConsent(Switch.COLLECTIVE, on=False))
        _share(street, device, EmotionState.EXCITED)
    street.run(20)

    told = street.peers[6].board.held(street.local_ns(6))
    assert [state for _, state in told] == [EmotionState.EXCITED] * 5
    assert [_head_inputs(street, device) for device in range(7)] == [None] * 7


@pytest.mark.spec("INP-006", "CNS-009", "EMO-022")
@pytest.mark.parametrize("pause_s", [1, 5], ids=["soon", "later"])
def test_who_leaves_the_collective_is_counted_no_more_at_once_and_again_when_back(
    pause_s: int,
) -> None:
    street = Street(size=7, seed=5)
    for device in range(7):
        _share(street, device, EmotionState.EXCITED)
    street.run(20)
    street.command(0, Feel(EmotionState.CALM))
    street.run(pause_s)
    assert _counted(street) == {(1, 6, 0, 0, 0)}

    street.command(0, SetConsent(Switch.COLLECTIVE, on=False))
    street.run(0.05)
    assert _counted(street) == {(0, 6, 0, 0, 0)}
    street.run(5)
    held = dict(street.peers[1].board.held(street.local_ns(1)))
    assert held[street.identities[0]] is EmotionState.CALM, "neighbours still know"
    assert _counted(street) == {(0, 6, 0, 0, 0)}

    street.command(0, SetConsent(Switch.COLLECTIVE, on=True))
    street.run(0.05)
    assert _counted(street) == {(1, 6, 0, 0, 0)}


def _counted(street: Street) -> set[Counts]:
    found = [peer.circle for peer in street.peers.values()]
    return {circle.counts for circle in found if circle is not None}


def _head_inputs(street: Street, device: int) -> Counts | None:
    circle = street.peers[device].circle
    assert circle is not None
    value = circle.chain.head().value
    assert value is not None
    return value.inputs


def _share(street: Street, device: int, state: EmotionState) -> None:
    street.command(device, Feel(state))
    street.command(device, SetConsent(Switch.SHARE, on=True))


def _shown(street: Street) -> tuple[bytes | None, Counts | None]:
    heads = []
    for peer in street.peers.values():
        assert peer.circle is not None
        value = peer.circle.chain.head().value
        assert value is not None
        heads.append((peer.scene.pattern, value.inputs))
    assert len(set(heads)) == 1
    return heads[0]
