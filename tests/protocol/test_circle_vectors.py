"""The circle's vectors: made again they are the same, and read without their maker they hold."""

from collections.abc import Callable

import pytest

from smilesync.circle.book import VoteBook
from smilesync.circle.genesis import Parameters, decode_genesis
from smilesync.circle.ladder import Ladder, Surroundings
from smilesync.circle.quorum import fault_limit, quorum_size, statement, value_hash
from smilesync.circle.roster import Roster
from smilesync.circle.state import EMPTY
from smilesync.circle.validity import Head, Reason, v1_extends_head, v4_lease, v5_timely
from smilesync.circle.value import decode_value
from smilesync.commands import Switch
from smilesync.errors import RemoteError
from smilesync.ids import CircleId, ValueHash
from smilesync.wire import cbor, codec
from smilesync.wire.messages import Carried, Clock, VoteKind
from smilesync.wire.votesets import set_of
from support.lab import MS_NS, CachedVerifier
from support.vectors import FOLDER, Case, JsonValue, by_name, load
from vectors import make_circle, make_consensus, make_lease
from vectors.writing import plain, text_of

VERIFIER = CachedVerifier()
GLOW_AFTER_NS = 60_000 * MS_NS


@pytest.mark.parametrize("area", make_circle.AREAS)
def test_vectors_are_what_their_maker_writes(area: str) -> None:
    made = text_of(area, make_circle.AREAS[area]())

    assert (FOLDER / f"{area}.json").read_text(encoding="utf-8") == made, (
        "run `python -m vectors.make_circle` and look at the difference"
    )


def _octets(case: Case, key: str) -> bytes:
    return bytes.fromhex(str(case["given"][key]))


def _number(case: Case, key: str) -> int:
    value = case["given"][key]
    assert isinstance(value, int | str)
    return int(value)


def _roster(case: Case) -> Roster:
    return decode_genesis(_octets(case, "genesis"), VERIFIER).roster


def _assert_outcome(case: Case, run: Callable[[], dict[str, object]]) -> None:
    """Accepted cases give exactly their result, refused ones the error they name."""
    if case["expect"] == "accept":
        found = run()
        expected = case["result"]
        assert {key: _plain(found[key]) for key in expected} == expected
        return
    with pytest.raises(RemoteError) as caught:
        run()
    assert caught.value.rule == case["error"]


def _plain(value: object) -> JsonValue:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    found = plain(value)
    assert not isinstance(found, list | dict) or found is not None
    return found  # type: ignore[return-value]  # the two names for JSON differ by float only


@pytest.mark.parametrize("case", load("genesis"), ids=by_name)
def test_genesis_vector(case: Case) -> None:
    def run() -> dict[str, object]:
        genesis = decode_genesis(_octets(case, "genesis"), VERIFIER)
        roster = genesis.roster
        return {
            "circle_id": genesis.circle_id,
            "roster_hash": roster.hash,
            "voters": roster.voters,
            "identities": roster.identities,
            "quorum": roster.quorum,
            "faults": roster.faults,
            "guard_us": genesis.parameters.guard_us,
        }

    _assert_outcome(case, run)


@pytest.mark.parametrize("case", load("vote"), ids=by_name)
def test_vote_vector(case: Case) -> None:
    _assert_outcome(case, lambda: _vote_result(case))


def _vote_result(case: Case) -> dict[str, object]:
    given = case["given"]
    if "voters" in given:
        count, is_strict = _number(case, "voters"), given["strict"] is True
        return {"faults": fault_limit(count), "quorum": quorum_size(count, is_strict=is_strict)}
    if "set" in given:
        book = VoteBook(_roster(case), _number(case, "slot"), VERIFIER)
        votes = set_of(cbor.decode(_octets(case, "set")))
        book.take(book.check(votes, _number(case, "open_view") + 8))
        key = (votes.kind, votes.view, votes.value_hash)
        return {"certificate": book.certificate(key) is not None}
    named = given["value_hash"]
    value = ValueHash(bytes.fromhex(str(named))) if named is not None else None
    vote_key = (VoteKind(_number(case, "kind")), _number(case, "view"), value)
    circle = CircleId(_octets(case, "circle_id"))
    data = statement(circle, _octets(case, "roster_hash"), _number(case, "slot"), vote_key)
    return {"signed": data}


@pytest.mark.parametrize("case", load("leader"), ids=by_name)
def test_leader_vector(case: Case) -> None:
    roster = _roster(case)
    rotation, turn = divmod(_number(case, "view") - 1, roster.size)

    seed = _octets(case, "seed") if "seed" in case["given"] else b""
    leader = roster.leaders(_number(case, "slot"), rotation, seed)[turn]

    assert case["result"] == {"leader": leader}


@pytest.mark.parametrize("case", load("value"), ids=by_name)
def test_value_vector(case: Case) -> None:
    if "head" in case["given"]:
        assert case["result"] == {"verdict": _verdict(case)}
        return
    body = _octets(case, "value")
    _assert_outcome(case, lambda: {"fields": decode_value(body), "value_hash": value_hash(body)})


def _verdict(case: Case) -> str:
    genesis = decode_genesis(_octets(case, "genesis"), VERIFIER)
    body, value = _octets(case, "head"), decode_value(_octets(case, "value"))
    last = decode_value(body)
    head = Head(last.slot, value_hash(body), last.not_after_us, last)
    roster_hash, state = genesis.roster.hash, EMPTY.hash(genesis.circle_id)
    reason: Reason | None = v1_extends_head(value, head, roster_hash, state)
    reason = reason or v4_lease(value, head, genesis.parameters)
    if reason is None and case["given"]["carried"] is False:
        synced = case["given"]["circle_us"] is not None
        circle_us = _number(case, "circle_us") if synced else None
        reason = v5_timely(value, circle_us, genesis.parameters)
    if reason is not None:
        assert reason.rule == case["error"]
        return reason.verdict.value
    return "accept"


@pytest.mark.parametrize("case", load("lease"), ids=by_name)
def test_lease_vector(case: Case) -> None:
    values, events = case["given"]["values"], case["given"]["events"]
    assert isinstance(values, list)
    assert isinstance(events, list)
    assert case["given"]["guard_us"] == Parameters().guard_us
    leases = [_integers(one, "slot", "nb_us", "na_us") for one in values]
    steps = [_event(one) for one in events]

    shown = make_lease.selections(
        [(slot, begin, end) for slot, begin, end in leases], _number(case, "highest_shown"), steps
    )

    assert case["result"]["shown"] == shown


def _integers(item: JsonValue, *names: str) -> list[int]:
    assert isinstance(item, dict)
    return [value for value in (item[name] for name in names) if isinstance(value, int)]


def _event(item: JsonValue) -> make_lease.Look:
    assert isinstance(item, dict)
    circle_us, answered_us = item["circle_us"], item["answered_us_ago"]
    assert circle_us is None or isinstance(circle_us, int)
    assert isinstance(answered_us, int)
    return circle_us, item["willing"] is True, item["quorum_heard"] is True, answered_us


@pytest.mark.parametrize("case", load("ladder"), ids=by_name)
def test_ladder_vector(case: Case) -> None:
    given = case["given"]
    switches = Switch(_number(case, "switches"))
    now_ns = _number(case, "alone_ms") * MS_NS
    around = Surroundings(
        is_selected=given["selected"] is True,
        is_held=given["held"] is True,
        quorum_until_ns=now_ns + 1 if given["quorum"] is True else -1,
        company_until_ns=now_ns + 1 if given["company"] is True else -1,
        switches=switches,
        is_off=Switch.LIT not in switches,
    )

    rung = Ladder(GLOW_AFTER_NS, 0).update(around, now_ns)

    assert case["result"] == {"rung": rung.name}


@pytest.mark.parametrize("case", load("consensus"), ids=by_name)
def test_consensus_vector(case: Case) -> None:
    journal, events = case["given"]["journal"], case["given"]["events"]
    assert isinstance(journal, list)
    assert isinstance(events, list)
    steps: list[make_consensus.Step] = []
    for event in events:
        assert isinstance(event, dict)
        message = codec.decode(bytes.fromhex(str(event["message"]))) if "message" in event else None
        assert not isinstance(message, Clock | Carried)
        steps.append((_integers(event, "ms")[0], message))

    found = make_consensus.play(
        _number(case, "me"), [bytes.fromhex(str(record)) for record in journal], steps
    )

    assert case["result"]["outputs"] == _plain(found)
