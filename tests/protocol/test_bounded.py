"""Tables that are replaced: what was handed out stays as it was, and the oldest give way."""

from smilesync.circle.bounded import NOTHING, noted, without


def test_a_table_holds_the_newest_and_no_more_than_it_may() -> None:
    table = NOTHING
    for number in range(5):
        table = noted(table, number, str(number), 3)

    assert list(table.items()) == [(2, "2"), (3, "3"), (4, "4")]


def test_an_entry_that_is_noted_again_is_the_newest() -> None:
    table = noted(noted(noted(NOTHING, 1, "a", 2), 2, "b", 2), 1, "c", 2)

    assert list(table.items()) == [(2, "b"), (1, "c")]


def test_what_was_handed_out_does_not_change() -> None:
    before = noted(NOTHING, 1, "a", 2)

    after = without(noted(before, 2, "b", 2), 1)

    assert (dict(before), dict(after), dict(NOTHING)) == ({1: "a"}, {2: "b"}, {})
    assert without(after, 1) is after
