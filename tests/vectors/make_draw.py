"""Draw vectors: what links that leaders commit to and show make of the seed."""

import hashlib

from smilesync.circle.draw import Anchor, Draw, Reveal, after_slot, draw_of
from smilesync.circle.roster import Roster, roster_of
from smilesync.ids import CircleId
from smilesync.wire import cbor
from vectors.make_membership import CIRCLE, MINUTE_US, roster
from vectors.writing import FOLDER, Case, accept, reject, text_of

LINKS = [bytes([0x50]) * 32]
for _ in range(3):
    LINKS.append(hashlib.sha256(LINKS[-1]).digest())
VOTERS = roster(4)
GONE = VOTERS.changed(0b100, ())
KNOWN = Draw(
    b"",
    b"",
    0,
    MINUTE_US,
    (Anchor(VOTERS.voters[2], LINKS[3], 2), Anchor(VOTERS.voters[0], LINKS[2], 5)),
)
SHOWN = Draw(bytes([1]) * 32, bytes([2]) * 32, 7, MINUTE_US, KNOWN.anchors)

Row = tuple[str, str, Draw | None, int, Reveal | None, Roster]
GOOD: list[Row] = [
    ("nothing yet", "ROT-005", None, 31, None, VOTERS),
    ("a first commitment", "ROT-002 ROT-005", None, 1, Reveal(1, LINKS[3]), VOTERS),
    ("a commitment in place of another", "ROT-002", KNOWN, 23, Reveal(2, LINKS[1]), VOTERS),
    ("a link", "ROT-003 ROT-005", KNOWN, 24, Reveal(2, LINKS[2]), VOTERS),
    ("a second link", "ROT-003 ROT-005", SHOWN, 30, Reveal(0, LINKS[1]), VOTERS),
    ("a link in the last slot", "ROT-003 ROT-005", SHOWN, 31, Reveal(0, LINKS[1]), VOTERS),
    ("an epoch ends", "ROT-005", SHOWN, 63, None, VOTERS),
    ("an epoch in which nobody showed a link", "ROT-005", KNOWN, 31, None, VOTERS),
    ("a voter loses its seat", "ROT-005", KNOWN, 3, None, GONE),
]
BAD: list[Row] = [
    ("a member that there is not", "ROT-002", KNOWN, 1, Reveal(4, LINKS[3]), VOTERS),
    ("a link of nobody", "ROT-002", KNOWN, 24, Reveal(4, LINKS[3]), VOTERS),
    ("a link without a commitment", "ROT-003", KNOWN, 24, Reveal(1, LINKS[2]), VOTERS),
    ("a link shown before", "ROT-003", KNOWN, 24, Reveal(2, LINKS[3]), VOTERS),
    ("a link left out", "ROT-003", KNOWN, 24, Reveal(2, LINKS[1]), VOTERS),
]


def outcome(given: dict[str, bytes]) -> bytes:
    """Return the draw that follows, as a state says it, nothing if there is none.

    Raises Malformed.
    """
    circle = CircleId(given["circle_id"])
    rosters = roster_of(circle, given["roster"]), roster_of(circle, given["next_roster"])
    draw = draw_of(cbor.decode(given["draw"]), "MEM-004") if given["draw"] else None
    shown = cbor.decode(given["key_12"]) if given["key_12"] else None
    reveal = None
    if isinstance(shown, list):
        place, link = shown
        assert isinstance(place, int)
        assert isinstance(link, bytes)
        reveal = Reveal(place, link)
    slot, at_us = (int.from_bytes(given[key], "big") for key in ("slot", "nb_us"))
    after = after_slot(draw, reveal, slot, at_us, rosters)
    return cbor.encode(after.fields()) if after is not None else b""


def _given(row: Row) -> dict[str, bytes]:
    _, _, draw, slot, reveal, after = row
    return {
        "circle_id": CIRCLE,
        "roster": VOTERS.body,
        "next_roster": after.body,
        "draw": cbor.encode(draw.fields()) if draw is not None else b"",
        "key_12": cbor.encode(list(reveal)) if reveal is not None else b"",
        "slot": slot.to_bytes(8, "big"),
        "nb_us": (2 * MINUTE_US).to_bytes(8, "big"),
    }


def cases() -> list[Case]:
    good = [
        accept(row[0], row[1], _given(row), {"draw": outcome(_given(row)).hex()}) for row in GOOD
    ]
    return good + [reject(row[0], row[1], _given(row)) for row in BAD]


def main() -> None:
    """Write the vector file."""
    (FOLDER / "draw.json").write_text(text_of("draw", cases()), encoding="utf-8")


if __name__ == "__main__":
    main()
