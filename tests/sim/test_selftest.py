"""Every planted bug is caught, none is found where none is, and nothing stays planted."""

import json

import pytest

from smilesim.commands import selftest
from smilesim.main import main
from smilesim.selftest import grounds
from smilesim.selftest.bug import Bug, Ground, Patch, planted
from smilesim.selftest.bugs.catalogue import CATALOGUE
from smilesim.selftest.trial import Outcome, try_all

GROUNDS = {bug.ground.name: bug.ground for bug in CATALOGUE}
MOST = 24
"""The catalogue is to have at least so many."""


class Victim:
    """Something to plant in."""

    size = 1


def grows(patch: Patch) -> None:
    """It is larger than it was."""
    patch.set(Victim, "size", 2)


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    return list(try_all(CATALOGUE))


def test_every_bug_of_the_catalogue_is_caught(outcomes: list[Outcome]) -> None:
    assert [(one.bug.name, one.detail) for one in outcomes if not one.caught_by] == []


def test_the_catalogue_has_many_bugs_each_with_a_name_and_a_meaning() -> None:
    names = [bug.name for bug in CATALOGUE]

    assert len(set(names)) == len(names) >= MOST
    assert all(bug.meaning.endswith(".") for bug in CATALOGUE)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("skipped-views-not-asked-for", "I10"),
        ("notarize-forgotten", "I4"),
        ("no-question-after-restart", "I18"),
        ("answers-without-memory", "I18"),
        ("rollback-guard-forgotten", "I18"),
        ("vote-before-fsync", "I5"),
        ("votes-without-limit", "I11"),
        ("domain-separation-dropped", "I2"),
        ("leases-may-overlap", "I6"),
        ("float-lease", "refused"),
        ("own-reading-is-enough", "I8"),
        ("consent-ignored", "I8"),
        ("governor-bypassed", "light"),
        ("replay-accepted", "same-trace"),
        ("join-outlives-leave", "I9"),
        ("trust-outlives-restart", "I2"),
        ("leave-kills-a-closed-seat", "directed"),
        ("signs-after-abandon", "I16"),
        ("founds-too-early", "I16"),
        ("founds-without-all-signatures", "I16"),
        ("goes-on-after-the-end", "I16"),
        ("unproven-offer-trusted", "I16"),
        ("key-kept-when-going-over", "I16"),
        ("present-voter-taken-for-away", "seat"),
        ("decided-join-forgotten", "seat"),
        ("leaders-come-late", "expect views_max"),
    ],
)
def test_a_bug_is_caught_by_the_check_that_is_there_for_it(
    name: str, rule: str, outcomes: list[Outcome]
) -> None:
    assert {one.bug.name: one.caught_by for one in outcomes}[name] == rule


@pytest.mark.spec("CIR-017", "CIR-018", "CIR-020", "CIR-023", "CIR-050", "CIR-052", "CIR-053")
@pytest.mark.parametrize("ground", GROUNDS.values(), ids=GROUNDS)
def test_on_its_ground_everything_holds_without_a_bug(ground: Ground) -> None:
    assert ground.run() == []


def test_what_was_planted_is_taken_out_again() -> None:
    with planted(Bug(grows, grounds.CALM)):
        assert Victim.size == 2

    assert Victim.size == 1


def test_a_bug_that_nobody_notices_is_missed_and_one_on_bad_ground_too() -> None:
    silent = Ground("silent", list)
    noisy = Ground("noisy", lambda: [("I1", "always")])

    found = list(try_all([Bug(grows, silent), Bug(grows, noisy)]))

    assert [one.caught_by for one in found] == ["", ""]
    assert found[0].detail == "nobody noticed in silent"
    assert found[1].detail.startswith("without the bug I1 complains")


def test_one_bug_can_be_chosen_and_the_report_names_what_caught_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = main(["selftest", "--only", "no-question-after-restart", "--json"])

    rows = json.loads(capsys.readouterr().out)["planted"]
    assert code == 0
    assert [(row["name"], row["caught_by"]) for row in rows] == [
        ("no-question-after-restart", "I18")
    ]


def test_a_missed_bug_fails_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bug = Bug(grows, Ground("silent", list))
    monkeypatch.setattr("smilesim.selftest.bugs.catalogue.CATALOGUE", (bug,))

    code = main(["selftest"])

    said = capsys.readouterr().out
    assert code == 1
    assert selftest.MISSED in said
    assert "verdict fail  1 of 1 planted bugs were missed" in said


def test_an_unknown_bug_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["selftest", "--only", "doom"])

    assert code == 2
    assert "--only doom: expected one of quorum-minus-one, " in capsys.readouterr().err
