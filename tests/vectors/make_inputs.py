"""Inputs vectors: feelings as signed, their lots, and what is counted, published and believed."""

from smilesync.circle.feelings import Feelings, Present, lot_of, sign
from smilesync.circle.inputs import Basis, Counts, is_plausible, published, weighed
from smilesync.config import FeelingConfig
from smilesync.errors import Malformed
from smilesync.ids import CircleId
from smilesync.keys import Ed25519Signer, Ed25519Verifier
from smilesync.wire import cbor, codec
from smilesync.wire.cbor import CborValue
from smilesync.wire.messages import Feelings as Message
from vectors.writing import FOLDER, Case, JsonValue, accept, reject, text_of

CIRCLE = CircleId(bytes([1]) * 32)
SIGNER = Ed25519Signer(bytes(range(32)))
MADE_US = 1_000_000_000
WORD = sign(SIGNER, CIRCLE, 7, 4, MADE_US)._replace(voters=0b101)
LATER = sign(SIGNER, CIRCLE, 7, 4, MADE_US + (1 << 28))._replace(voters=1)
WITHDRAWN = sign(SIGNER, CIRCLE, 8, None, MADE_US)._replace(voters=1)
ELSEWHERE = sign(SIGNER, CircleId(bytes([2]) * 32), 7, 4, MADE_US)._replace(voters=1)

NONE: Counts = (0, 0, 0, 0, 0)
OF_FIVE: Counts = (5, 0, 0, 0, 0)
Given = dict[str, bytes]


def outcome(given: Given) -> JsonValue:
    """Return what follows, as JSON. Raises RemoteError."""
    if "feelings" in given:
        return _lots(given)
    if "others" in given:
        members, others = _counts(given["members"]), _counts(given["others"])
        assert members is not None
        assert others is not None
        return list[JsonValue](weighed(members, others, given["voters"][0]))
    own, last = _counts(given["own"]), _counts(given["last"])
    view = given["view"][0]
    assert own is not None
    if "inputs" in given:
        if not is_plausible(_counts(given["inputs"]), own, last, view):
            raise Malformed("INP-005", "not what this voter counts")
        return None
    basis, people = _counts(given["basis"]), given["people"]
    known = Basis(basis, people[0]) if basis is not None else None
    said = published(own, last, view, known)
    return list[JsonValue](said) if said is not None else None


def _lots(given: Given) -> JsonValue:
    """Return the lot of each feeling that is taken where all are in time."""
    message = codec.decode(given["feelings"])
    assert isinstance(message, Message)
    circle = CircleId(given["circle_id"])
    made_us = message.feelings[0].made_us
    words = Feelings(FeelingConfig(), circle, Ed25519Verifier())
    taken = words.take(message.feelings, Present(0, made_us), ())
    return [lot_of(circle, one).to_bytes(8, "big").hex() for one in taken]


def _counts(data: bytes) -> Counts | None:
    if not data:
        return None
    listed = cbor.decode(data)
    assert isinstance(listed, list)
    a, b, c, d, e = (count for count in listed if isinstance(count, int))
    return a, b, c, d, e


def _bytes(counts: Counts | None) -> bytes:
    listed: list[CborValue] = list(counts or ())
    return cbor.encode(listed) if counts is not None else b""


def _feeling(circle: CircleId, *words: object) -> Given:
    return {"circle_id": circle, "feelings": codec.encode(Message(words))}  # type: ignore[arg-type]


def _weighing(members: Counts, others: Counts, voters: int) -> Given:
    return {"members": _bytes(members), "others": _bytes(others), "voters": bytes([voters])}


def _publishing(own: Counts, last: Counts | None, basis: Counts | None, view: int = 1) -> Given:
    people = bytes([max(5, sum(basis))]) if basis is not None else b""
    return {
        "people": people,
        "own": _bytes(own),
        "last": _bytes(last),
        "basis": _bytes(basis),
        "view": bytes([view]),
    }


def _judging(inputs: Counts | None, own: Counts, last: Counts | None, view: int = 1) -> Given:
    return {
        "inputs": _bytes(inputs),
        "own": _bytes(own),
        "last": _bytes(last),
        "view": bytes([view]),
    }


Row = tuple[str, str, Given]
GOOD: list[Row] = [
    ("a feeling, its lot", "INP-011 INP-015", _feeling(CIRCLE, WORD)),
    ("its lot in the next turn", "INP-015", _feeling(CIRCLE, LATER)),
    ("a withdrawal", "INP-011", _feeling(CIRCLE, WITHDRAWN)),
    ("few others, in full", "INP-007", _weighing((3, 0, 0, 0, 1), (0, 2, 0, 0, 5), 7)),
    ("64 others, as 22", "INP-007", _weighing((10, 0, 12, 0, 0), (1, 0, 0, 20, 43), 22)),
    ("nobody else", "INP-007", _weighing((1, 2, 3, 4, 5), NONE, 22)),
    ("four begin nothing", "INP-002", _publishing((4, 0, 0, 0, 0), None, None)),
    ("five begin", "INP-002 INP-003", _publishing((3, 2, 0, 0, 0), None, None)),
    ("one of five goes", "INP-002 INP-003", _publishing((4, 0, 0, 0, 0), OF_FIVE, OF_FIVE)),
    ("five of six go", "INP-002", _publishing((0, 1, 0, 0, 0), OF_FIVE, (5, 1, 0, 0, 0))),
    ("the last goes", "INP-002", _publishing(NONE, OF_FIVE, (3, 1, 0, 0, 0))),
    (
        "three that stood for 5 go",
        "INP-003",
        _publishing((0, 6, 0, 0, 0), (5, 5, 0, 0, 0), (3, 6, 0, 0, 0)),
    ),
    ("five of seven go", "INP-003", _publishing((2, 6, 0, 0, 0), (5, 5, 0, 0, 0), (7, 6, 0, 0, 0))),
    ("the basis is not known", "INP-003 INP-008", _publishing((0, 7, 0, 0, 0), OF_FIVE, None)),
    ("a later view", "INP-004", _publishing((0, 20, 0, 0, 0), OF_FIVE, OF_FIVE, 3)),
    ("nothing is believed", "INP-005", _judging(None, (50, 0, 0, 0, 0), OF_FIVE)),
    ("a fifth more", "INP-005", _judging((60, 0, 0, 0, 0), (50, 0, 0, 0, 0), None)),
    (
        "one count unchanged",
        "INP-005",
        _judging((20, 30, 0, 0, 0), (0, 28, 0, 0, 0), (20, 5, 0, 0, 0)),
    ),
    ("unchanged in a later view", "INP-005", _judging(OF_FIVE, (0, 20, 0, 0, 0), OF_FIVE, 3)),
]
BAD: list[Row] = [
    ("a feeling for another circle", "INP-011", _feeling(CIRCLE, ELSEWHERE)),
    ("another state than was signed", "INP-011", _feeling(CIRCLE, WORD._replace(state=3))),
    ("a feeling made a withdrawal", "INP-011", _feeling(CIRCLE, WORD._replace(state=None))),
    ("another time than was signed", "INP-011", _feeling(CIRCLE, WORD._replace(made_us=5))),
    ("six more", "INP-005", _judging((10, 0, 0, 0, 0), (4, 0, 0, 0, 0), None)),
    ("more than a fifth more", "INP-005", _judging((65, 0, 0, 0, 0), (54, 0, 0, 0, 0), None)),
    ("a change in view 3", "INP-005", _judging(OF_FIVE, OF_FIVE, None, 3)),
]


def cases() -> list[Case]:
    good = [accept(name, req, given, outcome(given)) for name, req, given in GOOD]
    return good + [reject(name, req, given) for name, req, given in BAD]


def main() -> None:
    """Write the vector file."""
    (FOLDER / "inputs.json").write_text(text_of("inputs", cases()), encoding="utf-8")


if __name__ == "__main__":
    main()
