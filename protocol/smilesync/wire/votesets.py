"""Vote sets, summaries and certificate names: the arrays that circle messages and records share.

SPEC section Messages (MSG-020 to MSG-023). All are arrays of fixed length, so they cost few bytes;
what may grow is the map of the message around them.
"""

from smilesync.config import ROSTER_MAX
from smilesync.ids import KEY_SIZE_BYTES, SIGNATURE_SIZE_BYTES, ValueHash
from smilesync.wire.cbor import CborValue
from smilesync.wire.fields import U32_MAX, Fields
from smilesync.wire.messages import CertificateName, VoteKind, VoteSet, VoteSummary

SET_RULE = "MSG-020"
SUMMARY_RULE = "MSG-021"
NAME_RULE = "MSG-022"
KINDS = {int(kind): kind for kind in VoteKind}
"""Looked up, since an enum takes long to find its member."""


def set_value(votes: VoteSet) -> CborValue:
    """Return `[kind, view, hash or null, bitmap, signatures one after the other]`."""
    _assert_hash_fits(votes.kind, votes.value_hash)
    assert 1 <= votes.bitmap.bit_count() == len(votes.signatures)
    for signature in votes.signatures:
        assert len(signature) == SIGNATURE_SIZE_BYTES
    bits = bitmap_octets(votes.bitmap)
    return [int(votes.kind), votes.view, votes.value_hash, bits, b"".join(votes.signatures)]


def set_of(value: CborValue) -> VoteSet:
    """Return the vote set that `value` is.

    Errors: Malformed(MSG-020).
    """
    fields = Fields.of_array(value, 5, SET_RULE)
    kind, view, value_hash = _subject(fields)
    bitmap = fields.bitmap(3, least_bits=1)
    joined = fields.sized(4, SIGNATURE_SIZE_BYTES * bitmap.bit_count())
    starts = range(0, len(joined), SIGNATURE_SIZE_BYTES)
    signatures = tuple([joined[start : start + SIGNATURE_SIZE_BYTES] for start in starts])
    return VoteSet(kind, view, value_hash, bitmap, signatures)


def summary_value(summary: VoteSummary) -> CborValue:
    """Return `[kind, view, hash or null, bitmap]`."""
    _assert_hash_fits(summary.kind, summary.value_hash)
    bits = bitmap_octets(summary.bitmap)
    return [int(summary.kind), summary.view, summary.value_hash, bits]


def summary_of(value: CborValue) -> VoteSummary:
    """Return the summary that `value` is.

    Errors: Malformed(MSG-021).
    """
    fields = Fields.of_array(value, 4, SUMMARY_RULE)
    kind, view, value_hash = _subject(fields)
    return VoteSummary(kind, view, value_hash, fields.bitmap(3))


def name_value(name: CertificateName) -> CborValue:
    """Return `[kind, view, hash or null]`."""
    _assert_hash_fits(name.kind, name.value_hash)
    return [int(name.kind), name.view, name.value_hash]


def name_of(value: CborValue) -> CertificateName:
    """Return the certificate name that `value` is.

    Errors: Malformed(MSG-022).
    """
    return CertificateName(*_subject(Fields.of_array(value, 3, NAME_RULE)))


def bitmap_octets(bitmap: int) -> bytes:
    """Return the shortest byte string for `bitmap`, bit 0 in the lowest bit of the first byte."""
    assert 0 <= bitmap < 1 << ROSTER_MAX
    return bitmap.to_bytes((bitmap.bit_length() + 7) // 8, "little")


def _subject(fields: Fields) -> tuple[VoteKind, int, ValueHash | None]:
    """Read what a vote is about: kind, view and, unless it is a nullify, the value hash."""
    kind = KINDS[fields.uint(0, least=VoteKind.NOTARIZE, most=VoteKind.FINALIZE)]
    view = fields.uint(1, least=1, most=U32_MAX)
    if kind is VoteKind.NULLIFY:
        fields.null(2)
        return kind, view, None
    return kind, view, ValueHash(fields.sized(2, KEY_SIZE_BYTES))


def _assert_hash_fits(kind: VoteKind, value_hash: ValueHash | None) -> None:
    assert (value_hash is None) == (kind is VoteKind.NULLIFY)
    assert value_hash is None or len(value_hash) == KEY_SIZE_BYTES
