"""What is published against a crowd that is counted by hand: nothing that one person did shows."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from smilesync.circle.inputs import (
    Basis,
    Counts,
    based,
    is_plausible,
    published,
    tally,
    weighed,
)

PEOPLE_MAX = 40
STEPS = st.lists(
    st.tuples(st.integers(0, PEOPLE_MAX - 1), st.none() | st.integers(0, 4)),
    min_size=1,
    max_size=80,
)
CROWD = st.lists(st.none() | st.integers(0, 4), min_size=PEOPLE_MAX, max_size=PEOPLE_MAX)
VOTERS = st.integers(1, 22)


def _count(crowd: Sequence[int | None], voters: int) -> Counts:
    """The first are voters, all others follow."""
    members = [state for state in crowd[:voters] if state is not None]
    others = [state for state in crowd[voters:] if state is not None]
    return weighed(tally(members), tally(others), voters)


@given(
    crowd=CROWD,
    voters=VOTERS,
    who=st.integers(0, PEOPLE_MAX - 1),
    step=st.none() | st.integers(0, 4),
)
def test_no_step_of_one_person_moves_a_count_by_more_than_one(
    crowd: list[int | None], voters: int, who: int, step: int | None
) -> None:
    after = [*crowd[:who], step, *crowd[who + 1 :]]

    moves = zip(_count(crowd, voters), _count(after, voters), strict=True)

    assert all(abs(one - other) <= 1 for one, other in moves)


@given(crowd=CROWD, voters=VOTERS)
def test_a_count_stands_for_as_many_people_and_a_crowd_for_the_seats(
    crowd: list[int | None], voters: int
) -> None:
    counts = _count(crowd, voters)
    alone = _count([*[None] * voters, *crowd[voters:]], voters)

    assert all(count <= crowd.count(state) for state, count in enumerate(counts))
    assert sum(alone) <= voters
    members = tally(state for state in crowd[:voters] if state is not None)
    assert all(c - m <= voters for c, m in zip(counts, members, strict=True))


@settings(max_examples=300)
@given(crowd=CROWD, voters=VOTERS, steps=STEPS)
def test_what_is_published_changes_only_when_five_people_changed(
    crowd: list[int | None], voters: int, steps: list[tuple[int, int | None]]
) -> None:
    """Each step is one person's, and each is followed by a slot: who watches all values learns
    of five steps or more at once. The naive model remembers who felt what at the last change."""
    inputs: Counts | None = None
    basis: Basis | None = None
    then: list[list[int | None]] = [list(crowd)] * 5
    last_change = list(crowd)
    for who, state in steps:
        crowd[who] = state
        own = _count(crowd, voters)
        said = published(own, inputs, 1, basis)
        assert is_plausible(said, own, inputs, 1)
        basis = based(own, said, inputs, basis)
        if said == inputs:
            continue
        if said is None:
            ended = [_moved(earlier, crowd) for earlier in (last_change, *then)]
            assert max(ended) >= 5
        elif inputs is None:
            assert sum(one is not None for one in crowd) >= 5
            then = [list(crowd)] * 5
        else:
            for place in range(5):
                if said[place] != inputs[place]:
                    assert _moved(then[place], crowd) >= 5
                    then[place] = list(crowd)
        inputs, last_change = said, list(crowd)


def _moved(before: list[int | None], after: list[int | None]) -> int:
    return sum(one != other for one, other in zip(before, after, strict=True))


@given(
    own=st.tuples(*[st.integers(0, 60)] * 5),
    inputs=st.tuples(*[st.integers(0, 12).map(lambda n: 5 * n)] * 5),
)
def test_whoever_knows_better_than_what_was_decided_mends_it(own: Counts, inputs: Counts) -> None:
    """A count that no voter who hears the same would have signed is changed by the next leader."""
    basis = based(own, inputs, None, None)

    said = published(own, inputs, 1, basis)

    for place, (mine, decided) in enumerate(zip(own, inputs, strict=True)):
        is_right = _is_believed(decided, mine)
        if said is not None:
            assert _is_believed(said[place], mine)
            assert not is_right or said[place] == decided


def _is_believed(count: int, own: int) -> bool:
    return is_plausible((count, 0, 0, 0, 0), (own, 0, 0, 0, 0), None, 1)
