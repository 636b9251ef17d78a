"""Only what was really signed here passes without the real verifier."""

from smilesim.verify import RememberingSigner, SignThrough
from smilesync.keys import Ed25519Verifier


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
