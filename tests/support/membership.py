"""Judges who belongs to a circle from journals alone, by rules written out here a second time.

From the genesis on every decided value is taken in order: its certificate must hold q signatures
of the roster that the values before it made, and what it changes must be a lawful step (I9).
"""

import hashlib
from collections.abc import Iterable

from smilesync.circle.genesis import Genesis
from smilesync.keys import Verifier
from smilesync.wire import cbor, records
from smilesync.wire.records import DecidedRecord

ROTATED, DELTA, PETITIONS, EXPELLED = 18, 15, 14, 13
Seats = list[tuple[bytes, bytes]]
"""(voter key, identity), ascending."""


def decided(journal: Iterable[bytes]) -> dict[int, DecidedRecord]:
    """Return what a journal says was decided, by slot."""
    log = [records.decode(record) for record in journal]
    return {one.slot: one for one in log if isinstance(one, DecidedRecord)}


def faults(
    genesis: Genesis, journals: Iterable[list[bytes]], verifier: Verifier
) -> tuple[list[str], list[Seats]]:
    """Return what is wrong with the decisions of all journals, and the roster of every slot."""
    found: list[str] = []
    all_decided: dict[int, DecidedRecord] = {}
    for journal in journals:
        for slot, record in decided(journal).items():
            known = all_decided.setdefault(slot, record)
            if known.body != record.body:
                found.append(f"two decisions in slot {slot}")
    seats: Seats = [(card.voter, card.identity) for card in genesis.founders]
    rosters = [seats]
    waiting: set[bytes] = set()
    expelled: set[bytes] = set()
    for slot in range(1, max(all_decided, default=0) + 1):
        if slot not in all_decided:
            found.append(f"nobody holds slot {slot}")
            break
        record = all_decided[slot]
        found += _certificate_faults(genesis, seats, record, verifier)
        value = cbor.decode(record.body)
        assert isinstance(value, dict)
        seats, more = _step(value, seats, waiting, expelled)
        found += [f"slot {slot}: {fault}" for fault in more]
        if value[10] != _roster_hash(seats, genesis.parameters.is_strict):
            found.append(f"slot {slot} names another roster than it makes")
        rosters.append(seats)
    return found, rosters


def _step(
    value: dict[int, cbor.CborValue], seats: Seats, waiting: set[bytes], expelled: set[bytes]
) -> tuple[Seats, list[str]]:
    found: list[str] = []
    out: set[bytes] = set()
    admitted: set[bytes] = set()
    for item in _list(value.get(EXPELLED)):
        out.add(_octets(item, 1))
        expelled.add(_octets(item, 1))
    for item in _list(value.get(PETITIONS)):
        assert isinstance(item, list)
        (admitted if item[0] == 1 else out).add(_octets(item, 2))
    delta = value.get(DELTA)
    removed_bits, added = 0, []
    if isinstance(delta, list):
        bitmap, listed = delta
        assert isinstance(bitmap, bytes)
        removed_bits = int.from_bytes(bitmap, "little")
        added = [(_octets(item, 0), _octets(item, 1)) for item in _list(listed)]
    removed = [seat for i, seat in enumerate(seats) if removed_bits >> i & 1]
    rotated = {item[1]: _octets(item, 2) for item in _lists(value.get(ROTATED))}
    keys = {key for key in rotated if isinstance(key, int) and key < len(seats)}
    if len(removed) + len(added) + len(keys) > max(1, len(seats) // 4):
        found.append(f"{len(removed)} out and {len(added)} in, of {len(seats)}, {len(keys)} anew")
    if any(identity not in waiting for _, identity in added):
        found.append("seats somebody who did not wait")
    if admitted & expelled:
        found.append("admits somebody who was expelled")
    stay = [(i, seat) for i, seat in enumerate(seats) if seat not in removed]
    after = sorted([(rotated.get(i, voter), who) for i, (voter, who) in stay] + added)
    absent = {identity for _, identity in removed} - out
    if absent and len(after) < 4:
        found.append("absence took a circle below four")
    waiting -= out | {identity for _, identity in added}
    waiting |= absent | admitted
    return after, found


def _certificate_faults(
    genesis: Genesis, seats: Seats, record: DecidedRecord, verifier: Verifier
) -> list[str]:
    certificate, size = record.certificate, len(seats)
    quorum = (size + (size - 1) // 3) // 2 + 1
    if genesis.parameters.is_strict and size <= 3:
        quorum = size
    signers = [i for i in range(64) if certificate.bitmap >> i & 1]
    if len(signers) < quorum or signers[-1] >= size:
        return [f"slot {record.slot}: {len(signers)} signers of {size}, q is {quorum}"]
    data = b"".join(
        (
            b"smilesync/1/finalize\0",
            genesis.circle_id,
            record.slot.to_bytes(8, "big"),
            _roster_hash(seats, genesis.parameters.is_strict),
            certificate.view.to_bytes(4, "big"),
            hashlib.sha256(b"smilesync/1/value\0" + record.body).digest(),
        )
    )
    pairs = zip(signers, certificate.signatures, strict=True)
    if not all(verifier.verify(seats[i][0], data, signature) for i, signature in pairs):
        return [f"slot {record.slot}: a signature of another roster"]
    return []


def _roster_hash(seats: Seats, is_strict: bool) -> bytes:
    members = b"".join(voter + identity for voter, identity in seats)
    return hashlib.sha256(b"smilesync/1/roster\0" + bytes([is_strict]) + members).digest()


def _list(value: cbor.CborValue) -> list[cbor.CborValue]:
    return value if isinstance(value, list) else []


def _lists(value: cbor.CborValue) -> list[list[cbor.CborValue]]:
    return [item for item in _list(value) if isinstance(item, list)]


def _octets(item: cbor.CborValue, place: int) -> bytes:
    assert isinstance(item, list)
    value = item[place]
    assert isinstance(value, bytes)
    return value
