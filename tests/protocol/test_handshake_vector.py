"""One conversation, made again from SPEC.md with hash, cipher and curve only."""

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from support.vectors import load
from vectors import make_link
from vectors.writing import FOLDER

SIDES = ("initiator", "responder")


class _Transcript:
    """SymmetricState of the Noise specification, section 5.2."""

    def __init__(self, prologue: bytes) -> None:
        self.h = self.ck = b"Noise_XX_25519_ChaChaPoly_SHA256"
        self.k = b""
        self.n = 0
        self.mix_hash(prologue)

    def mix_hash(self, data: bytes) -> None:
        self.h = hashlib.sha256(self.h + data).digest()

    def mix_key(self, private: bytes, public: bytes) -> None:
        shared = X25519PrivateKey.from_private_bytes(private).exchange(
            X25519PublicKey.from_public_bytes(public)
        )
        self.ck, self.k = self.expand(shared)
        self.n = 0

    def expand(self, shared: bytes) -> tuple[bytes, bytes]:
        key = hmac.digest(self.ck, shared, "sha256")
        one = hmac.digest(key, b"\x01", "sha256")
        return one, hmac.digest(key, one + b"\x02", "sha256")

    def seal(self, plaintext: bytes) -> bytes:
        nonce = bytes(4) + self.n.to_bytes(8, "little")
        sealed = ChaCha20Poly1305(self.k).encrypt(nonce, plaintext, self.h)
        self.n += 1
        self.mix_hash(sealed)
        return sealed


def _public(private: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def _proof(given: dict[str, bytes], side: str) -> bytes:
    identity = Ed25519PrivateKey.from_private_bytes(given[f"{side}_identity_seed"])
    signed = b"smilesync/1/noise-static\x00" + bytes(40) + given[f"{side}_static_public"]
    public = given[f"{side}_identity_public"]
    return public + identity.sign(signed) + given[f"{side}_instance"] + bytes(8)


def _data(key: bytes, index: bytes, counter: int, plaintext: bytes) -> bytes:
    header = b"\x14\x00" + index + counter.to_bytes(8, "big")
    nonce = bytes(4) + counter.to_bytes(8, "little")
    return header + ChaCha20Poly1305(key).encrypt(nonce, plaintext, header)


@pytest.mark.spec(
    "LNK-001",
    "LNK-002",
    "LNK-003",
    "LNK-005",
    "LNK-010",
    "LNK-018",
    "LNK-019",
    "LNK-020",
    "LNK-036",
)
def test_a_whole_conversation_follows_from_the_specification() -> None:
    (case,) = load("handshake")
    given = {key: bytes.fromhex(str(value)) for key, value in case["given"].items()}
    packets = case["result"]["packets"]
    assert isinstance(packets, list)
    told = [bytes.fromhex(str(p["datagram"])) for p in packets if isinstance(p, dict)]
    (e_i, e_r) = (given[f"{side}_ephemeral_private"] for side in SIDES)
    (s_i, s_r) = (given[f"{side}_static_private"] for side in SIDES)
    (index_i, index_r) = (given[f"{side}_index"] for side in SIDES)
    noise = _Transcript(b"smilesync/1/link\x00\x01\x01")

    padding = index_i + bytes(256 - 64 - 32 - 4)
    noise.mix_hash(_public(e_i))
    noise.mix_hash(padding)
    header, nonce = b"\x11" + bytes(13), told[0][14:30]
    tail = bytes(16) + b"\x01\x01" + _public(e_i) + padding
    mac1 = hmac.digest(given["gate_key"], nonce + header + tail, "sha256")[:16]
    assert told[0] == header + nonce + mac1 + tail

    noise.mix_hash(_public(e_r))
    noise.mix_key(e_r, _public(e_i))
    static = noise.seal(_public(s_r))
    noise.mix_key(s_r, _public(e_i))
    payload = noise.seal(index_r + _proof(given, "responder"))
    assert told[1] == b"\x12\x00" + index_i + bytes(8) + _public(e_r) + static + payload

    static = noise.seal(_public(s_i))
    noise.mix_key(s_i, _public(e_r))
    payload = noise.seal(_proof(given, "initiator"))
    assert told[2] == b"\x13\x00" + index_r + bytes(8) + static + payload

    to_responder, to_initiator = noise.expand(b"")
    message = bytes.fromhex(str(case["result"]["message"]))
    said = (len(message).to_bytes(2, "big") + message).ljust(128, b"\x00")
    assert told[3] == _data(to_initiator, index_i, 0, bytes(128))
    assert told[4] == _data(to_responder, index_r, 0, said)
    assert told[5:] == [_data(to_initiator, index_i, 1, said)]


def test_vector_files_are_those_that_the_generator_writes() -> None:
    for area, content in make_link.all_texts().items():
        assert (FOLDER / f"{area}.json").read_text(encoding="utf-8") == content, area
