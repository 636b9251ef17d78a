"""What people of a circle feel: the newest word of each, for so long, of so many, or taken back."""

import pytest

from smilesync.circle.feelings import TURN_BITS, Feelings, Present, lot_of, sign
from smilesync.config import FeelingConfig
from smilesync.errors import Unauthentic
from smilesync.ids import CircleId, PeerId
from smilesync.wire.messages import Feeling
from support.lab import SECOND_NS, CachedVerifier, signers

CIRCLE = CircleId(bytes([7]) * 32)
CONFIG = FeelingConfig(drawn_max=3, withdrawn_max=2)
PEOPLE = [identity for identity, _ in signers(12)]
NAMES = [PeerId(one.public) for one in PEOPLE]
MADE_US = 5 << TURN_BITS
SECOND_US = 1_000_000
CALM, HIGH = 0, 4
ALL = 0b111


def _word(who: int, sequence: int, state: int | None, at_us: int = MADE_US) -> Feeling:
    return sign(PEOPLE[who], CIRCLE, sequence, state, at_us)._replace(voters=ALL)


class _Desk:
    """A table of words, and a clock that shows the same to itself and to the circle."""

    def __init__(self, *admitted: int) -> None:
        self.words = Feelings(CONFIG, CIRCLE, CachedVerifier())
        self.admitted = [NAMES[who] for who in admitted]
        self.is_synced = True
        self.us = MADE_US

    def take(self, *feelings: Feeling) -> list[Feeling]:
        now = Present((self.us - MADE_US) * 1_000, self.us if self.is_synced else None)
        return self.words.take(feelings, now, self.admitted)

    def states(self, *expelled: int) -> tuple[list[int], list[int]]:
        out = [NAMES[who] for who in expelled]
        return self.words.states((self.us - MADE_US) * 1_000, self.admitted, out)


@pytest.mark.spec("INP-006", "INP-013", "INP-014")
def test_of_each_person_the_newest_word_counts_and_goes_on_once() -> None:
    desk = _Desk(0)

    first = desk.take(_word(0, 3, CALM), _word(1, 9, HIGH))
    again = desk.take(_word(0, 3, CALM), _word(1, 8, CALM))
    newer = desk.take(_word(0, 4, HIGH, MADE_US + SECOND_US))

    assert [(one.signer, one.voters) for one in first] == [(NAMES[0], ALL), (NAMES[1], ALL)]
    assert again == []
    assert [one.sequence for one in newer] == [4]
    assert desk.states() == ([HIGH], [HIGH])
    assert desk.states(1) == ([HIGH], [])


@pytest.mark.spec("INP-013", "INP-014")
def test_what_comes_for_other_voters_goes_on_for_these_as_it_was_verified() -> None:
    desk = _Desk()
    near = _word(0, 3, CALM)._replace(voters=0b001)
    desk.take(near)

    far = desk.take(near._replace(voters=0b011, state=HIGH, signature=bytes(64)))

    assert far == [near._replace(voters=0b010)]
    assert desk.states() == ([], [CALM])
    desk.words.turn()
    assert desk.take(near) == [near]


@pytest.mark.spec("INP-014")
def test_a_word_counts_for_30_s_of_circle_time_however_long_it_was_on_its_way() -> None:
    desk = _Desk()
    desk.us += 29 * SECOND_US

    assert desk.take(_word(0, 1, CALM))
    assert desk.words.deadline_ns() == 30 * SECOND_NS
    desk.us += SECOND_US
    assert desk.states() == ([], [])
    assert desk.take(_word(1, 1, CALM)) == []
    assert len(desk.words) == 0


@pytest.mark.spec("INP-014")
@pytest.mark.parametrize(
    ("late_us", "is_taken"), [(0, True), (SECOND_US, True), (SECOND_US + 1, False)]
)
def test_a_word_from_the_future_is_ignored(late_us: int, is_taken: bool) -> None:
    assert bool(_Desk().take(_word(0, 1, CALM, MADE_US + late_us))) is is_taken


@pytest.mark.spec("INP-014")
def test_words_that_come_too_fast_and_words_without_a_clock_are_ignored() -> None:
    desk = _Desk()
    desk.take(_word(0, 1, CALM))

    assert desk.take(_word(0, 2, HIGH, MADE_US + SECOND_US - 1)) == []
    desk.is_synced = False
    assert desk.take(_word(0, 3, HIGH, MADE_US + SECOND_US)) == []
    assert desk.states() == ([], [CALM])


@pytest.mark.spec("INP-011")
def test_a_message_in_which_one_does_not_verify_changes_nothing() -> None:
    desk = _Desk(0)

    with pytest.raises(Unauthentic) as caught:
        desk.take(_word(0, 1, CALM), _word(1, 1, CALM)._replace(state=HIGH))

    assert caught.value.rule == "INP-011"
    assert len(desk.words) == 0


@pytest.mark.spec("INP-015")
def test_of_those_whom_nobody_admitted_the_lowest_lots_are_held() -> None:
    desk = _Desk(0, 1)
    everybody = [_word(who, 1, HIGH) for who in range(12)]
    by_lot = sorted(range(2, 12), key=lambda who: lot_of(CIRCLE, everybody[who]))

    desk.take(*everybody)

    assert desk.states() == ([HIGH, HIGH], [HIGH] * 3)
    newer = [_word(who, 2, CALM, MADE_US + SECOND_US) for who in range(12)]
    taken = desk.take(*newer)
    assert {one.signer for one in taken} == {NAMES[who] for who in (0, 1, *by_lot[:3])}
    assert desk.states() == ([CALM, CALM], [CALM] * 3)


@pytest.mark.spec("INP-015")
def test_a_word_that_gives_way_to_one_of_the_same_message_goes_nowhere() -> None:
    desk = _Desk()
    everybody = [_word(who, 1, HIGH) for who in range(12)]
    everybody.sort(key=lambda one: lot_of(CIRCLE, one), reverse=True)

    taken = desk.take(*everybody)

    assert taken == everybody[-3:]


@pytest.mark.spec("INP-015")
def test_the_lots_are_others_in_the_next_turn() -> None:
    now = [lot_of(CIRCLE, _word(who, 1, CALM)) for who in range(12)]
    same = [
        lot_of(CIRCLE, _word(who, 9, HIGH, MADE_US + (1 << TURN_BITS) - 1)) for who in range(12)
    ]
    then = [lot_of(CIRCLE, _word(who, 1, CALM, MADE_US + (1 << TURN_BITS))) for who in range(12)]

    assert now == same
    assert sorted(range(12), key=now.__getitem__) != sorted(range(12), key=then.__getitem__)


@pytest.mark.spec("INP-016")
def test_a_withdrawal_ends_a_word_at_once_and_every_older_one_that_comes_later() -> None:
    desk = _Desk(0)
    desk.take(_word(0, 3, CALM))

    taken = desk.take(_word(0, 5, None))

    assert [one.sequence for one in taken] == [5]
    assert desk.states() == ([], [])
    assert desk.take(_word(0, 4, CALM, MADE_US + SECOND_US)) == []
    desk.us += SECOND_US
    assert desk.take(_word(0, 6, HIGH, MADE_US + 2 * SECOND_US))
    assert desk.states() == ([HIGH], [])


@pytest.mark.spec("INP-016")
def test_a_withdrawal_that_overtook_its_word_bars_it_for_as_long_as_it_could_live() -> None:
    desk = _Desk()

    assert desk.take(_word(0, 5, None))
    desk.us += 30 * SECOND_US - 1
    assert desk.take(_word(0, 4, CALM)) == []
    assert len(desk.words) == 1
    desk.us += 1
    assert desk.take(_word(0, 6, None)) == []
    assert len(desk.words) == 0


@pytest.mark.spec("INP-016")
def test_a_withdrawal_needs_no_clock_and_is_never_too_early() -> None:
    desk = _Desk()
    desk.take(_word(0, 3, CALM), _word(1, 3, CALM))
    desk.is_synced = False

    assert desk.take(_word(0, 4, None, 0))
    desk.is_synced = True
    assert desk.take(_word(1, 4, None, MADE_US + 60 * SECOND_US))
    assert desk.states() == ([], [])
    assert desk.words.deadline_ns() == 30 * SECOND_NS


@pytest.mark.spec("INP-016")
def test_withdrawals_of_people_never_heard_are_few_but_who_was_heard_always_may() -> None:
    desk = _Desk(9)
    desk.take(_word(0, 1, CALM), _word(1, 1, CALM), _word(2, 1, CALM))

    strangers = desk.take(_word(3, 1, None), _word(4, 1, None))
    desk.take(_word(0, 2, None), _word(1, 2, None), _word(2, 2, None))

    assert len(strangers) == 2
    assert desk.take(_word(5, 1, None)) == []
    assert len(desk.take(_word(9, 1, None))) == 1
    assert desk.states() == ([], [])
    assert desk.take(_word(6, 1, CALM)) == [], "there is no place for anybody new"
    assert desk.take(_word(0, 3, CALM, MADE_US + SECOND_US)), "but for who has a place"
    assert desk.take(_word(9, 2, CALM, MADE_US + SECOND_US))


@pytest.mark.spec("INP-016")
def test_a_drawn_word_gives_way_and_its_withdrawal_still_goes_on() -> None:
    desk = _Desk()
    words = sorted(
        (_word(who, 1, HIGH) for who in range(4)), key=lambda one: lot_of(CIRCLE, one), reverse=True
    )
    for word in words:
        desk.take(word)
    last = NAMES.index(words[0].signer)

    assert desk.states() == ([], [HIGH] * 3)
    assert desk.take(_word(last, 2, None))
