"""Membership vectors: made again they are the same, and read without their maker they hold."""

import pytest

from smilesync.circle.changes import changes_of
from smilesync.circle.genesis import Policy
from smilesync.circle.roster import roster_of
from smilesync.circle.state import state_of
from smilesync.errors import Malformed
from smilesync.ids import CircleId
from smilesync.wire import cbor
from support.vectors import FOLDER, Case, by_name, load
from vectors import make_membership
from vectors.writing import text_of


def test_vectors_are_what_their_maker_writes() -> None:
    made = text_of("membership", make_membership.cases())

    assert (FOLDER / "membership.json").read_text(encoding="utf-8") == made, (
        "run `python -m vectors.make_membership` and look at the difference"
    )


@pytest.mark.parametrize("case", load("membership"), ids=by_name)
def test_membership_vector(case: Case) -> None:
    if case["expect"] == "accept":
        assert case["result"] == {key: value.hex() for key, value in _outcome(case).items()}
        return
    with pytest.raises(Malformed) as caught:
        _outcome(case)
    assert caught.value.rule == case["error"]


def _outcome(case: Case) -> dict[str, bytes]:
    given = case["given"]
    octets = {key: bytes.fromhex(value) for key, value in given.items() if isinstance(value, str)}
    circle = CircleId(octets.get("circle_id", bytes(32)))
    state = state_of(octets.get("state", b""))
    roster = roster_of(circle, octets["roster"])
    fields = cbor.decode(octets["keys_13_to_15"])
    policy, at_us = given["policy"], given["nb_us"]
    assert isinstance(fields, dict)
    assert isinstance(policy, int)
    assert isinstance(at_us, int)
    found = make_membership.outcome(changes_of(fields), roster, state, Policy(policy), at_us)
    return {key: value for key, value in found.items() if isinstance(value, bytes)}
