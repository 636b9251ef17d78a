"""Carried objects: signed once, for one purpose, one circle and one epoch."""

import hashlib
import re

import pytest

from smilesync.errors import LocalError, Malformed, RemoteError, Unauthentic
from smilesync.ids import NO_CIRCLE, CircleId, PeerId
from smilesync.keys import Ed25519Signer, Ed25519Verifier
from smilesync.wire import envelope
from smilesync.wire.envelope import DOMAINS, Domain
from smilesync.wire.messages import Carried, ObjectKind
from support.vectors import Case, by_name, load

CASES = load("object")
SIGNER = Ed25519Signer(bytes(range(32)))
VERIFIER = Ed25519Verifier()
CIRCLE = CircleId(bytes(range(32)))


def _context(case: Case) -> tuple[bytes, CircleId, int]:
    given = {key: bytes.fromhex(str(value)) for key, value in case["given"].items()}
    epoch = int.from_bytes(given.get("epoch", b""), "big")
    return given["object"], CircleId(given.get("circle", NO_CIRCLE)), epoch


@pytest.mark.spec("OBJ-001", "OBJ-003", "OBJ-004", "OBJ-007")
@pytest.mark.parametrize("case", [c for c in CASES if c["expect"] == "accept"], ids=by_name)
def test_object_reads_verifies_and_has_its_id(case: Case) -> None:
    data, circle, epoch = _context(case)

    carried = envelope.decode(data)
    domain = DOMAINS[carried.kind]
    envelope.verify(carried, domain, VERIFIER, circle=circle, epoch=epoch)

    result = case["result"]
    assert envelope.encode(carried) == data
    assert domain.decode() == result["domain"]
    signed = envelope.signed_bytes(domain, carried.body, circle=circle, epoch=epoch)
    assert signed.hex() == result["signed"]
    assert envelope.message_id(carried).hex() == result["id"]


@pytest.mark.spec("OBJ-001", "OBJ-002", "OBJ-005", "OBJ-006", "OBJ-009", "IDN-002")
@pytest.mark.parametrize("case", [c for c in CASES if c["expect"] == "reject"], ids=by_name)
def test_bad_object_is_rejected(case: Case) -> None:
    data, circle, epoch = _context(case)

    with pytest.raises(RemoteError) as caught:
        _open(data, circle, epoch)

    expected = str(case.get("error"))
    assert caught.value.rule.startswith(expected[:4])
    assert expected[:4] == "CBR-" or caught.value.rule == expected


def _open(data: bytes, circle: CircleId, epoch: int) -> None:
    carried = envelope.decode(data)
    domain = DOMAINS.get(carried.kind, Domain.EMOTION)
    envelope.verify(carried, domain, VERIFIER, circle=circle, epoch=epoch)


@pytest.mark.spec("OBJ-003")
def test_signed_bytes_are_domain_zero_circle_epoch_body() -> None:
    signed = envelope.signed_bytes(Domain.CONSENT, b"\xa0", circle=CIRCLE, epoch=258)

    assert signed == b"smilesync/1/consent\0" + CIRCLE + b"\0\0\0\0\0\0\1\2" + b"\xa0"
    assert envelope.signed_bytes(Domain.CONSENT, b"") == b"smilesync/1/consent\0" + bytes(40)


@pytest.mark.spec("OBJ-005", "OBJ-009")
@pytest.mark.parametrize("kind", list(ObjectKind))
def test_no_object_counts_in_another_domain(kind: ObjectKind) -> None:
    carried = envelope.sign(kind, SIGNER, {1: 1}, circle=CIRCLE)

    for other, domain in DOMAINS.items():
        if other == kind:
            continue
        with pytest.raises(Unauthentic):
            envelope.verify(carried, domain, VERIFIER, circle=CIRCLE)
        renamed = Carried(other, carried.signer, carried.body, carried.signature)
        with pytest.raises(Unauthentic):
            envelope.verify(renamed, domain, VERIFIER, circle=CIRCLE)


@pytest.mark.spec("OBJ-009")
def test_domain_strings_are_unique_and_cannot_run_into_each_other() -> None:
    texts = [domain.decode() for domain in Domain]

    assert len(set(texts)) == len(texts) == len(Domain.__members__)
    assert all(re.fullmatch(r"smilesync/1/[a-z-]+", text) for text in texts)
    assert len(set(DOMAINS.values())) == len(DOMAINS) == len(ObjectKind)


@pytest.mark.spec("OBJ-007")
def test_id_leaves_the_signature_out() -> None:
    carried = envelope.sign(ObjectKind.EMOTION, SIGNER, {1: 7, 2: 2})
    damaged = Carried(carried.kind, carried.signer, carried.body, bytes(64))
    named = b"smilesync/1/id\0" + bytes([2]) + SIGNER.public + carried.body

    assert envelope.message_id(carried) == envelope.message_id(damaged)
    assert envelope.message_id(carried) == hashlib.sha256(named).digest()[:16]


@pytest.mark.spec("OBJ-008")
def test_object_of_unknown_kind_is_carried_and_never_verified() -> None:
    carried = Carried(200, PeerId(SIGNER.public), b"\xff", bytes(64))

    assert envelope.decode(envelope.encode(carried)) == carried
    with pytest.raises(Unauthentic):
        envelope.verify(carried, Domain.EMOTION, VERIFIER)


@pytest.mark.spec("OBJ-002")
def test_largest_object_is_1024_bytes() -> None:
    largest = Carried(255, PeerId(bytes(32)), bytes(918), bytes(64))
    too_large = Carried(255, PeerId(bytes(32)), bytes(919), bytes(64))

    assert len(envelope.encode(largest)) == 1024
    with pytest.raises(Malformed):
        envelope.decode(envelope.encode(too_large))


def test_signing_more_than_fits_is_refused() -> None:
    with pytest.raises(LocalError, match="body of 921 bytes"):
        envelope.sign(ObjectKind.EMOTION, SIGNER, bytes(918))
    with pytest.raises(LocalError, match="no domain"):
        envelope.sign(200, SIGNER, 0)
