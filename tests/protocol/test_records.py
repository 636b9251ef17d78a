"""Journal records: each kind both ways, damage and unknown kinds refused."""

import pytest

from smilesync.errors import LocalError, Malformed
from smilesync.ids import ValueHash
from smilesync.wire import records
from smilesync.wire.messages import VoteKind, VoteSet
from support.vectors import Case, by_name, load
from vectors import make_records
from vectors.writing import plain

CASES = load("record")


@pytest.mark.spec("JRN-001", "JRN-003")
@pytest.mark.parametrize("case", [c for c in CASES if c["expect"] == "accept"], ids=by_name)
def test_record_reads_as_its_fields(case: Case) -> None:
    data = bytes.fromhex(str(case["given"]["record"]))

    record = records.decode(data)

    assert {"type": type(record).__name__, "fields": plain(record)} == case["result"]
    assert records.encode(record) == data


@pytest.mark.spec("JRN-001", "JRN-002", "JRN-003", "JRN-004", "IDN-002")
@pytest.mark.parametrize("case", [c for c in CASES if c["expect"] == "reject"], ids=by_name)
def test_bad_record_is_rejected(case: Case) -> None:
    with pytest.raises(Malformed) as caught:
        records.decode(bytes.fromhex(str(case["given"]["record"])))

    assert caught.value.rule == case.get("error")


def test_every_kind_of_record_has_a_vector() -> None:
    assert len({type(record) for record in make_records.ACCEPTED}) == len(records.Record.__args__)


@pytest.mark.spec("JRN-004")
def test_largest_decision_fits_a_record() -> None:
    certificate = VoteSet(
        VoteKind.FINALIZE, (1 << 32) - 1, ValueHash(bytes(32)), (1 << 45) - 1, (bytes(64),) * 45
    )
    record = records.DecidedRecord((1 << 53) - 1, bytes(1024), certificate)

    assert records.decode(records.encode(record)) == record


@pytest.mark.spec("JRN-004")
def test_record_larger_than_the_limit_is_refused() -> None:
    with pytest.raises(LocalError, match="Seated"):
        records.encode(records.Seated(1, bytes(16_384), bytes(8_192)))


@pytest.mark.spec("JRN-003", "MEM-023")
def test_unknown_state_is_null_in_the_record() -> None:
    record = records.Seated(9, bytes(65), None)

    assert records.decode(records.encode(record)) == record
