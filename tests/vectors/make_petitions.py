"""Petition vectors: JOIN, LEAVE and INVITE as objects, and invitations as words."""

from dataclasses import replace

from smilesync.circle.genesis import Parameters, Policy
from smilesync.circle.petitions import (
    INVITE_PREFIX,
    invite_text,
    write_invite,
    write_join,
    write_leave,
    write_revoke,
)
from smilesync.ids import CircleId, PeerId
from smilesync.keys import Ed25519Signer
from smilesync.wire import cbor, envelope
from smilesync.wire.cbor import CborValue
from smilesync.wire.messages import Carried, ObjectKind
from vectors.writing import FOLDER, Case, text_of

CIRCLE, OTHER_CIRCLE = CircleId(bytes(range(32))), CircleId(bytes(32))
HEAD = bytes(range(64, 96))
GUEST, VOTER, INVITER, STEWARD, STRANGER = (
    Ed25519Signer(bytes([i]) * 32) for i in range(0x51, 0x56)
)
GUEST_ID = PeerId(GUEST.public)
UNTIL_US = 90_000_000


def parameters(policy: Policy) -> Parameters:
    steward = STEWARD.public if policy is Policy.STEWARD else None
    return Parameters(policy=policy, steward=steward)


INVITE = write_invite(INVITER, UNTIL_US, CIRCLE)
NAMED = write_invite(INVITER, UNTIL_US, CIRCLE, GUEST_ID)
CERTIFICATE = write_invite(STEWARD, UNTIL_US, CIRCLE, GUEST_ID)


def join(grant: Carried | None, circle: CircleId = CIRCLE) -> Carried:
    return write_join(GUEST, VOTER, HEAD, circle, grant)


def _signed(kind: ObjectKind, body: CborValue, signer: Ed25519Signer = GUEST) -> Carried:
    return envelope.sign(kind, signer, body, circle=CIRCLE)


def _body(carried: Carried) -> dict[int, CborValue]:
    value = cbor.decode(carried.body)
    assert isinstance(value, dict)
    return value


LEAVE = write_leave(GUEST, VOTER.public, CIRCLE)
REVOKE = write_revoke(STEWARD, GUEST_ID, CIRCLE)
GOOD: list[tuple[str, str, Policy, Carried]] = [
    ("a JOIN with an invitation", "INV-001 INV-003 INV-004 INV-006", Policy.INVITE, join(INVITE)),
    ("a JOIN with an invitation by name", "INV-006", Policy.INVITE, join(NAMED)),
    ("a JOIN with a certificate", "INV-006", Policy.STEWARD, join(CERTIFICATE)),
    ("a JOIN of an open circle", "INV-001 INV-006", Policy.OPEN, join(None)),
    ("a LEAVE", "INV-002", Policy.INVITE, LEAVE),
    ("a REVOKE", "INV-007", Policy.STEWARD, REVOKE),
]


def _bad() -> list[tuple[str, str, Policy, Carried]]:
    good = _body(join(INVITE))
    wrong_head = _signed(ObjectKind.JOIN, good | {2: bytes(32)})
    by_stranger = _signed(ObjectKind.JOIN, good, STRANGER)
    too_long = _signed(ObjectKind.JOIN, good | {4: bytes(257)})
    as_stranger = replace(join(INVITE), signer=STRANGER_ID)
    for_nobody = write_invite(STEWARD, 1, CIRCLE)
    rows: list[tuple[str, str, Policy, Carried]] = [
        ("without a head", "INV-001", Policy.INVITE, _signed(ObjectKind.JOIN, {1: VOTER.public})),
        ("an array", "INV-001", Policy.INVITE, _signed(ObjectKind.JOIN, [])),
        ("a key too many", "INV-001", Policy.INVITE, _signed(ObjectKind.JOIN, good | {5: 0})),
        (
            "a long grant",
            "INV-001",
            Policy.INVITE,
            too_long,
        ),
        ("a LEAVE of nothing", "INV-002", Policy.INVITE, _signed(ObjectKind.LEAVE, {})),
        ("another head than the key signed", "INV-003", Policy.INVITE, wrong_head),
        ("somebody else's consent", "INV-003", Policy.INVITE, by_stranger),
        ("of another circle", "OBJ-006", Policy.OPEN, join(None, OTHER_CIRCLE)),
        (
            "with a stranger's signature",
            "OBJ-006",
            Policy.INVITE,
            as_stranger,
        ),
        ("a LEAVE by a stranger", "OBJ-006", Policy.INVITE, replace(LEAVE, signer=STRANGER_ID)),
        ("a REVOKE by a voter", "INV-007", Policy.STEWARD, write_revoke(INVITER, GUEST_ID, CIRCLE)),
        ("a REVOKE without a steward", "INV-007", Policy.INVITE, REVOKE),
        ("a REVOKE of nobody", "INV-007", Policy.STEWARD, _signed(ObjectKind.REVOKE, {}, STEWARD)),
        (
            "a REVOKE elsewhere",
            "OBJ-006",
            Policy.STEWARD,
            write_revoke(STEWARD, GUEST_ID, OTHER_CIRCLE),
        ),
        ("no invitation", "INV-006", Policy.INVITE, join(None)),
        ("an invitation where all may come", "INV-006", Policy.OPEN, join(INVITE)),
        ("a voter's invitation for a steward's", "INV-006", Policy.STEWARD, join(NAMED)),
        (
            "a certificate of nobody",
            "INV-006",
            Policy.STEWARD,
            join(for_nobody),
        ),
        (
            "an invitation of somebody else",
            "INV-006",
            Policy.INVITE,
            join(write_invite(INVITER, 1, CIRCLE, STRANGER_ID)),
        ),
        (
            "an invitation to another circle",
            "OBJ-006",
            Policy.INVITE,
            join(write_invite(INVITER, UNTIL_US, OTHER_CIRCLE)),
        ),
        (
            "an invitation that says nothing",
            "INV-004",
            Policy.INVITE,
            join(_signed(ObjectKind.INVITE, {}, INVITER)),
        ),
        ("a LEAVE for an invitation", "OBJ-005", Policy.INVITE, join(_like_an_invite(LEAVE))),
    ]
    return rows


STRANGER_ID = PeerId(STRANGER.public)


def _like_an_invite(carried: Carried) -> Carried:
    return replace(carried, body=cbor.encode({1: 7}))


def cases() -> list[Case]:
    rows: list[Case] = []
    for name, req, policy, carried in GOOD:
        result: Case = {
            "hash": envelope.object_hash(carried).hex(),
            "identity": GUEST.public.hex(),
            "voter": "" if carried is REVOKE else VOTER.public.hex(),
        }
        rows.append(_case(name, req, policy, carried) | {"expect": "accept", "result": result})
    for name, rule, policy, carried in _bad():
        rows.append(_case(name, rule, policy, carried) | {"expect": "reject", "error": rule})
    return rows + _words()


def _case(name: str, req: str, policy: Policy, carried: Carried) -> Case:
    given: Case = {
        "circle_id": CIRCLE.hex(),
        "policy": int(policy),
        "steward": STEWARD.public.hex() if policy is Policy.STEWARD else None,
        "object": envelope.encode(carried).hex(),
    }
    return {"name": name, "req": [*req.split()], "given": given}


def _words() -> list[Case]:
    word = invite_text(CIRCLE, INVITE)
    bad = [
        ("a founder card", "smilecard1" + word[len(INVITE_PREFIX) :], "INV-005"),
        ("a word of other letters", INVITE_PREFIX + "xyz", "INV-005"),
        ("a word of one item", INVITE_PREFIX + cbor.encode([CIRCLE]).hex(), "INV-005"),
        ("a word for another circle", invite_text(OTHER_CIRCLE, INVITE), "OBJ-006"),
    ]
    good = [("an invitation as a word", word), ("one in capitals, as in a picture", word.upper())]
    rows: list[Case] = [
        {
            "name": name,
            "req": ["INV-005"],
            "given": {"word": text},
            "expect": "accept",
            "result": {"circle_id": CIRCLE.hex(), "object": envelope.encode(INVITE).hex()},
        }
        for name, text in good
    ]
    rows += [
        {"name": n, "req": ["INV-005"], "given": {"word": w}, "expect": "reject", "error": rule}
        for n, w, rule in bad
    ]
    return rows


def main() -> None:
    """Write the vector file."""
    (FOLDER / "petition.json").write_text(text_of("petition", cases()), encoding="utf-8")


if __name__ == "__main__":
    main()
