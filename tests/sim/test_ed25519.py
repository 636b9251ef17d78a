"""Which library signs makes no difference to a bit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smilesim.ed25519 import IS_INSTALLED, key_pair, seed_of, sign
from smilesim.verify import SignThrough
from smilesync.keys import SEED_BYTES, Ed25519Signer

SEEDS = st.binary(min_size=SEED_BYTES, max_size=SEED_BYTES)


def test_the_other_library_is_here_to_be_compared_with() -> None:
    assert IS_INSTALLED, "a development environment has it: make setup"


@pytest.mark.parametrize("by_sodium", [True, False])
@given(seed=SEEDS, data=st.binary(max_size=300))
def test_both_sign_as_a_device_does(by_sodium: bool, seed: bytes, data: bytes) -> None:
    device = Ed25519Signer(seed)

    public, private = key_pair(seed, by_sodium=by_sodium)

    assert public == device.public
    assert sign(private, data) == device.sign(data)
    assert seed_of(private) == seed


def test_a_signer_that_was_stored_is_the_same_again() -> None:
    through = SignThrough()
    signer = through.signer(b"s" * SEED_BYTES)

    make, arguments = signer.__reduce__()
    again = make(*arguments)  # type: ignore[operator]

    assert again.public == signer.public
    assert again.sign(b"hello") == signer.sign(b"hello")
