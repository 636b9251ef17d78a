"""What a device tells its wearer of mergers."""

import pytest

from smilesyncd.jsonlines import Fields, Json
from smilesyncd.wearing import circle_words
from support.daemons import smilesync

ALL_ON: dict[str, Json] = {"show": True, "collective": True, "lit": True, "share": False}
IN_A_CIRCLE: Fields = {
    "circle": "ab" * 32,
    "has_left": False,
    "is_leaving": False,
    "decided_slot": 7,
    "succeeds": None,
    "came_from": [],
    "ended_into": None,
    "agrees_to_merge": False,
    "has_abandoned": False,
    "is_amnesic": False,
    "is_asking": False,
    "is_voter": False,
    "voters": 4,
    "liars_borne": 1,
    "feelings": None,
}


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, "abababab, decided slot 7, follows; 4 voters, bears 1 that lies"),
        ({"agrees_to_merge": True}, "abababab, decided slot 7, follows, may merge; 4 voters"),
        ({"came_from": ["cd" * 32]}, "abababab, decided slot 7, you came from cdcdcdcd, follows"),
        (
            {"ended_into": "ef" * 32},
            "ended: its people went over to efefefef; `smilesync circle merge on` lets you follow",
        ),
        (
            {"ended_into": "ef" * 32, "agrees_to_merge": True},
            "went over to efefefef; you follow when show, collective and the light are on",
        ),
        (
            {"ended_into": "ef" * 32, "agrees_to_merge": True, "consent": ALL_ON},
            "went over to efefefef; you follow when its last light is over",
        ),
        (
            {"ended_into": "ef" * 32, "agrees_to_merge": True, "consent": ALL_ON | {"show": False}},
            "went over to efefefef; you follow when show, collective and the light are on",
        ),
        ({"voters": 1, "liars_borne": 0}, "decided slot 7, follows; 1 voter"),
        ({"voters": 1, "liars_borne": 0, "is_voter": True}, "votes; alone in it"),
        ({"is_leaving": True, "is_voter": True}, "slot 7, leaves; votes until the circle has let"),
        ({"is_leaving": True, "is_amnesic": True}, "abababab, decided slot 7, left"),
    ],
)
def test_status_says_what_became_of_the_circle(told: Fields, words: str) -> None:
    assert words in circle_words(IN_A_CIRCLE | told)


def test_help_says_what_it_is_for() -> None:
    shown = smilesync("circle", "merge", "--help").stdout

    assert "become one" in " ".join(shown.split())
    assert "on by default where the policy is open" in " ".join(shown.split())
