"""Ed25519 by the strict rule: the same verdict as a second opinion in plain integers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smilesync.keys import SMALL_ORDER_Y, Ed25519Signer, Ed25519Verifier, is_strict_key
from support.vectors import Case, by_name, load
from vectors import edwards

CASES = load("signature")
VERIFIER = Ed25519Verifier()


def _bytes(case: Case, key: str) -> bytes:
    return bytes.fromhex(str(case["given"][key]))


@pytest.mark.spec(
    "SIG-001", "SIG-002", "SIG-003", "SIG-004", "SIG-005", "SIG-006", "SIG-007", "IDN-002"
)
@pytest.mark.parametrize("case", CASES, ids=by_name)
def test_verifier_rejects_all_but_strict_signatures(case: Case) -> None:
    public, data, signature = (_bytes(case, key) for key in ("public", "data", "signature"))

    assert VERIFIER.verify(public, data, signature) is (case["expect"] == "accept")
    assert edwards.fault(public, data, signature) == case.get("error")


@pytest.mark.spec("IDN-001", "SIG-008")
@pytest.mark.parametrize("case", [case for case in CASES if "seed" in case["given"]], ids=by_name)
def test_signer_writes_what_rfc_8032_says(case: Case) -> None:
    signer = Ed25519Signer(_bytes(case, "seed"))

    assert signer.public == _bytes(case, "public")
    assert signer.sign(_bytes(case, "data")) == _bytes(case, "signature")


@settings(max_examples=20)
@given(seed=st.binary(min_size=32, max_size=32), data=st.binary(max_size=100), flip=st.integers(0))
def test_verifier_agrees_with_plain_integers(seed: bytes, data: bytes, flip: int) -> None:
    signer = Ed25519Signer(seed)
    whole = bytearray(signer.public + signer.sign(data))
    whole[flip % 96] ^= 1 << flip % 8
    public, signature = bytes(whole[:32]), bytes(whole[32:])

    assert VERIFIER.verify(signer.public, data, signer.sign(data))
    assert VERIFIER.verify(public, data, signature) is (
        edwards.fault(public, data, signature) is None
    )


@given(public=st.binary(max_size=70), data=st.binary(max_size=9), signature=st.binary(max_size=70))
def test_verifier_never_raises(public: bytes, data: bytes, signature: bytes) -> None:
    assert not VERIFIER.verify(public, data, signature)


@pytest.mark.spec("SIG-004")
def test_small_order_is_exactly_the_points_whose_order_divides_8() -> None:
    encodings = [edwards.encode(point) for point in edwards.torsion()]

    assert {int.from_bytes(one, "little") & (1 << 255) - 1 for one in encodings} == SMALL_ORDER_Y
    assert len(set(encodings)) == 8
    assert not any(is_strict_key(one) for one in encodings)


@pytest.mark.spec("IDN-002")
def test_strict_key_wants_32_bytes() -> None:
    public = Ed25519Signer(bytes(32)).public

    assert is_strict_key(public)
    assert not is_strict_key(public[:31])
    assert not is_strict_key(public + b"\0")
    assert not is_strict_key(b"\xff" * 32)


def test_seed_of_another_size_is_our_own_bug() -> None:
    with pytest.raises(AssertionError):
        Ed25519Signer(bytes(31))
