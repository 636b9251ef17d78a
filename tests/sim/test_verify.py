"""Only what was really signed here passes without the real verifier."""

import pytest

from smilesim.verify import FEELINGS, VOTES, RememberingSigner, SignThrough, tag, tagged_in
from smilesync.keys import SIGNATURE_BYTES, Ed25519Signer, Ed25519Verifier
from smilesync.wire.envelope import Domain


def test_an_honest_signature_needs_no_real_check() -> None:
    through = SignThrough()
    signer = RememberingSigner(bytes(32), through)

    signature = signer.sign(b"hello")

    assert through.verify(signer.public, b"hello", signature)
    assert through.real_checks == 0
    assert Ed25519Verifier().verify(signer.public, b"hello", signature)
    assert through.knows(signer.public, b"hello", signature)


def test_anything_else_goes_to_the_real_verifier_and_fails() -> None:
    through = SignThrough()
    signer = RememberingSigner(bytes(32), through)
    other = RememberingSigner(bytes([1]) * 32, through)
    signature = signer.sign(b"hello")
    flipped = bytes([signature[0] ^ 1]) + signature[1:]

    assert not through.verify(signer.public, b"hallo", signature)
    assert not through.verify(other.public, b"hello", signature)
    assert not through.verify(signer.public, b"hello", flipped)
    assert not through.verify(signer.public, b"hello", b"")
    assert through.real_checks == 4
    assert not through.knows(signer.public, b"hallo", signature)
    assert not through.knows(signer.public + b"h", b"ello", signature[:63])


def test_a_forgotten_signature_is_really_verified() -> None:
    through = SignThrough(known_max=4)
    signer = RememberingSigner(bytes(32), through)
    first = signer.sign(b"first")
    for number in range(20):
        signer.sign(bytes([number]))

    assert through.verify(signer.public, b"first", first)
    assert through.real_checks == 1


TAGGED = VOTES + FEELINGS


@pytest.mark.parametrize("domain", TAGGED)
def test_a_tag_counts_for_who_made_it_and_what_it_is_about_and_for_no_daemon(domain: bytes) -> None:
    through = SignThrough(tagged=tagged_in(is_governed=False))
    signer = through.signer(bytes(32))
    other = signer.another(bytes([1]) * 32)
    data = domain + b"hello"

    signature = signer.sign(data)

    assert len(signature) == SIGNATURE_BYTES
    assert through.verify(signer.public, data, signature)
    assert through.real_checks == 0
    flipped = bytes([signature[0] ^ 1]) + signature[1:]
    assert not through.verify(signer.public, data + b"!", signature)
    assert not through.verify(other.public, data, signature)
    assert not through.verify(signer.public, data, flipped)
    assert not through.verify(signer.public, data, b"")
    assert other.sign(data) != signature
    assert through.real_checks == 4, "what is no tag is really verified"
    assert not SignThrough().verify(signer.public, data, signature)
    assert not Ed25519Verifier().verify(signer.public, data, signature)


def test_a_real_signature_counts_where_there_may_be_a_tag() -> None:
    through, stranger = SignThrough(tagged=tagged_in(is_governed=False)), Ed25519Signer(bytes(32))

    assert through.verify(stranger.public, TAGGED[0], stranger.sign(TAGGED[0]))
    assert through.real_checks == 1


@pytest.mark.parametrize(
    ("domain", "is_governed"),
    [(d, False) for d in Domain if d + b"\0" not in TAGGED]
    + [(d, True) for d in Domain if d + b"\0" not in FEELINGS],
)
def test_nothing_else_may_carry_a_tag(domain: Domain, is_governed: bool) -> None:
    through = SignThrough(tagged=tagged_in(is_governed=is_governed))
    signer, data = through.signer(bytes(32)), domain + b"\0hello"

    assert signer.sign(data) == Ed25519Signer(bytes(32)).sign(data)
    assert not through.verify(signer.public, data, tag(signer.public, data))
