"""Writes frame, handshake, gate and replay vectors: `python -m vectors.make_link`.

Run it from the repository's root with protocol and tests on the path. Keys and entropy are fixed,
so that the files are the same wherever they are made; a test makes them again and compares.
"""

import hashlib

from smilesync.effects import Transmit
from smilesync.entropy import Entropy
from smilesync.keys import Ed25519Signer, Ed25519Verifier
from smilesync.mesh.config import LinkConfig
from smilesync.mesh.gate import OPEN_GATE_KEY
from smilesync.mesh.link import Link
from smilesync.mesh.noise import StaticKey
from smilesync.mesh.session import ReplayWindow
from smilesync.wire import codec, frame
from smilesync.wire.frame import PacketType
from smilesync.wire.messages import Clock
from vectors.writing import FOLDER, Case, JsonValue, text_of

NOW_NS = 1_000_000_000
HOMES = {"initiator": ("192.0.2.1", 7412), "responder": ("192.0.2.2", 7412)}
SEEDS = {"initiator": 1, "responder": 2}
MESSAGE = Clock(1_000_001, 0, 0, None, is_synced=False, wants_reply=True)


def _case(
    name: str, req: str, given: dict[str, JsonValue], *, error: str = "", result: JsonValue = None
) -> Case:
    case: Case = {"name": name, "req": list[JsonValue](req.split()), "given": given}
    case["expect"] = "reject" if error else "accept"
    if error:
        case["error"] = error
    if result is not None:
        case["result"] = result
    return case


class _Recorder(Entropy):
    """Remembers what was drawn, so that a vector can tell which keys were used."""

    def __init__(self, seed: bytes) -> None:
        super().__init__(seed)
        self.drawn: list[bytes] = []

    def draw(self, size_bytes: int) -> bytes:
        self.drawn.append(super().draw(size_bytes))
        return self.drawn[-1]


def _link(side: str, entropy: Entropy) -> Link:
    number = SEEDS[side]
    return Link(
        LinkConfig(),
        Ed25519Signer(bytes([number]) * 32),
        Ed25519Verifier(),
        bytes([number + 100]) * 32,
        entropy,
    )


def conversation(recorders: dict[str, _Recorder] | None = None) -> list[tuple[str, bytes]]:
    """Return sender and bytes of the packets of one handshake and one message each way."""
    entropies = _recorders() if recorders is None else recorders
    links = {side: _link(side, entropies[side]) for side in HOMES}
    other = {"initiator": "responder", "responder": "initiator"}
    packets: list[tuple[str, bytes]] = []
    start = links["initiator"].hint(HOMES["responder"], NOW_NS)
    queue = [("initiator", effect) for effect in start]
    for sender in ("", "initiator", "responder"):
        if sender:
            effects = links[sender].send(links[other[sender]].me, MESSAGE, NOW_NS)
            queue += [(sender, effect) for effect in effects]
        while queue:
            side, effect = queue.pop(0)
            if isinstance(effect, Transmit):
                packets.append((side, effect.datagram))
                receiver = other[side]
                answers = links[receiver].receive(effect.datagram, HOMES[side], NOW_NS)
                queue += [(receiver, answer) for answer in answers]
    return packets


def _recorders() -> dict[str, _Recorder]:
    return {side: _Recorder(bytes([number]) * 32) for side, number in SEEDS.items()}


def _private_of(public: bytes, drawn: list[bytes]) -> bytes:
    """Return which of the drawn numbers is the private key of `public`."""
    keys = [number for number in drawn if len(number) == 32]
    (private,) = (number for number in keys if StaticKey(number).public == public)
    return private


def handshake() -> list[Case]:
    """Return one complete conversation with everything needed to make it again."""
    keys: dict[str, JsonValue] = {"gate_key": OPEN_GATE_KEY.hex()}
    recorders = _recorders()
    told = conversation(recorders)
    ephemeral = {"initiator": told[0][1][64:96], "responder": told[1][1][14:46]}
    index = {"initiator": told[1][1][2:6], "responder": told[2][1][2:6]}
    for side, number in SEEDS.items():
        static = bytes([number + 100]) * 32
        drawn = recorders[side].drawn
        keys[f"{side}_identity_seed"] = (bytes([number]) * 32).hex()
        keys[f"{side}_identity_public"] = Ed25519Signer(bytes([number]) * 32).public.hex()
        keys[f"{side}_static_private"] = static.hex()
        keys[f"{side}_static_public"] = StaticKey(static).public.hex()
        keys[f"{side}_instance"] = next(n for n in drawn if len(n) == 8).hex()
        keys[f"{side}_ephemeral_private"] = _private_of(ephemeral[side], drawn).hex()
        keys[f"{side}_index"] = index[side].hex()
    packets: list[JsonValue] = [
        {"from": side, "type": PacketType(datagram[0] & 15).name, "datagram": datagram.hex()}
        for side, datagram in told
    ]
    result: JsonValue = {"packets": packets, "message": codec.encode(MESSAGE).hex()}
    req = "LNK-001 LNK-002 LNK-003 LNK-005 LNK-006 LNK-010 LNK-020 LNK-036 FRM-007 FRM-010"
    return [_case("a whole conversation", req, keys, result=result)]


def gate() -> list[Case]:
    """Return first packets with good and bad marks."""
    hello = conversation()[0][1]
    closed = hashlib.sha256(b"a circle's gate key").digest()

    def case(name: str, key: bytes, datagram: bytes, error: str = "") -> Case:
        given: dict[str, JsonValue] = {"gate_key": key.hex(), "datagram": datagram.hex()}
        return _case(name, error or "LNK-010", given, error=error)

    def changed(position: int) -> bytes:
        return hello[:position] + bytes([hello[position] ^ 1]) + hello[position + 1 :]

    return [
        case("open gate", OPEN_GATE_KEY, hello),
        case("gate key of a circle", closed, hello, "LNK-010"),
        case("flags changed", OPEN_GATE_KEY, changed(1), "LNK-010"),
        case("nonce changed", OPEN_GATE_KEY, changed(14), "LNK-010"),
        case("mac1 changed", OPEN_GATE_KEY, changed(45), "LNK-010"),
        case("cookie changed", OPEN_GATE_KEY, changed(46), "LNK-010"),
        case("version list changed", OPEN_GATE_KEY, changed(63), "LNK-010"),
        case("ephemeral key changed", OPEN_GATE_KEY, changed(64), "LNK-010"),
        case("last padding byte changed", OPEN_GATE_KEY, changed(255), "LNK-010"),
        case("padding cut", OPEN_GATE_KEY, hello[:-1], "FRM-007"),
    ]


def frames() -> list[Case]:
    """Return datagrams that follow or break the layout."""
    hello, answer, third, data = (datagram for _side, datagram in conversation()[:4])
    cookie = frame.pack_cookie(7, bytes(range(16)), b"\xc0" * 16)
    vneg = frame.pack_vneg((1,))

    def case(name: str, rule: str, datagram: bytes, *, is_good: bool = False) -> Case:
        given: dict[str, JsonValue] = {"datagram": datagram.hex()}
        return _case(name, rule, given, error="" if is_good else rule)

    return [
        case("HS1", "FRM-007", hello, is_good=True),
        case("HS2", "FRM-009", answer, is_good=True),
        case("HS3", "FRM-009", third, is_good=True),
        case("DATA", "FRM-003", data, is_good=True),
        case("DATA with flags set", "FRM-014", data[:1] + b"\xff" + data[2:], is_good=True),
        case("COOKIE", "FRM-012", cookie, is_good=True),
        case("VNEG", "FRM-013", vneg, is_good=True),
        case(
            "VNEG with versions of the future", "FRM-008", vneg[:14] + b"\3\1\2\x0f", is_good=True
        ),
        case("datagram of 1201 bytes", "FRM-001", data.ljust(1201, b"\0")),
        case("empty datagram", "FRM-002", b""),
        case("header cut", "FRM-002", data[:13]),
        case("DATA shorter than its tag", "FRM-003", data[:29]),
        case("reserved type 0", "FRM-004", b"\x10" + data[1:]),
        case("reserved type 7", "FRM-004", b"\x17" + data[1:]),
        case("reserved type 15", "FRM-004", b"\x1f" + data[1:]),
        case("DATA of version 2", "FRM-005", b"\x24" + data[1:]),
        case("HS2 of version 0", "FRM-005", b"\x02" + answer[1:]),
        case("HS1 with a receiver index", "FRM-006", hello[:5] + b"\1" + hello[6:]),
        case("HS1 with a counter", "FRM-006", hello[:13] + b"\1" + hello[14:]),
        case("HS1 of 255 bytes", "FRM-007", hello[:-1]),
        case("HS1 without versions", "FRM-008", hello[:62] + b"\0" + hello[63:]),
        case("HS1 with nine versions", "FRM-008", hello[:62] + b"\x09" + hello[63:]),
        case("HS1 with version 0", "FRM-008", hello[:63] + b"\0" + hello[64:]),
        case("HS1 with version 16", "FRM-008", hello[:63] + b"\x10" + hello[64:]),
        case("HS1 with a version twice", "FRM-008", hello[:62] + b"\2\1\1" + hello[65:]),
        case("HS1 with versions descending", "FRM-008", hello[:62] + b"\2\2\1" + hello[65:]),
        case("HS2 with a counter", "FRM-009", answer[:13] + b"\1" + answer[14:]),
        case("HS2 cut", "FRM-009", answer[:109]),
        case("HS3 with a counter", "FRM-009", third[:6] + b"\1" + third[7:]),
        case("HS3 cut", "FRM-009", third[:77]),
        case("COOKIE cut", "FRM-012", cookie[:-1]),
        case("COOKIE with a byte more", "FRM-012", cookie + b"\0"),
        case("COOKIE of zeros", "FRM-012", cookie[:30] + bytes(16)),
        case("VNEG cut", "FRM-008", vneg[:-1]),
        case("VNEG with a byte more", "FRM-013", vneg + b"\0"),
    ]


def plaintexts() -> list[Case]:
    """Return plaintexts of DATA that follow or break the layout."""

    def text(name: str, plaintext: bytes, result: JsonValue = None) -> Case:
        given: dict[str, JsonValue] = {"plaintext": plaintext.hex()}
        error = "" if result else "FRM-011"
        return _case(name, "FRM-010" if result else "FRM-011", given, error=error, result=result)

    return [
        text("CONFIRM", frame.pad_control(frame.CONFIRM), {"size": 0, "message": ""}),
        text("CLOSE", frame.pad_control(frame.CLOSE), {"size": 65535, "message": ""}),
        text("message of 5 bytes", frame.pad_message(b"hello"), _said(b"hello")),
        text("message of 127 bytes", frame.pad_message(b"m" * 127), _said(b"m" * 127)),
        text("largest message", frame.pad_message(b"m" * 1168), _said(b"m" * 1168)),
        text("message without padding", b"\0\5hello", _said(b"hello")),
        text("padding that is not zero", b"\0\5hellomore", _said(b"hello")),
        text("no size", b"\0"),
        text("size beyond the end", b"\0\6hello"),
    ]


def _said(message: bytes) -> JsonValue:
    return {"size": len(message), "message": message.hex()}


def replays() -> list[Case]:
    """Return sequences of counters of authentic packets, and which of them are accepted."""
    sequences = {
        "in order": [0, 1, 2, 3],
        "each twice": [0, 0, 1, 1],
        "reordered": [3, 1, 2, 0, 3, 1],
        "far ahead, then behind": [500, 373, 372, 374, 373, 500],
        "edge of the window": [127, 0, 128, 0, 1, 129],
        "one beyond the window at once": [0, 128, 0, 1],
        "whole window filled": [*range(128), *range(128)],
        "largest counter": [2**64 - 1, 2**64 - 2, 2**64 - 128, 2**64 - 129, 2**64 - 1],
    }
    cases = []
    for name, counters in sequences.items():
        window, accepted = ReplayWindow(), list[JsonValue]()
        for counter in counters:
            accepted.append(window.is_fresh(counter))
            if accepted[-1]:
                window.mark(counter)
        given: dict[str, JsonValue] = {"counters": [str(counter) for counter in counters]}
        cases.append(_case(name, "LNK-021", given, result={"accepted": accepted}))
    return cases


def all_texts() -> dict[str, str]:
    """Return the content of each file by area."""
    return {
        "frame": text_of("frame", frames() + plaintexts()),
        "handshake": text_of("handshake", handshake()),
        "gate": text_of("gate", gate()),
        "replay": text_of("replay", replays()),
    }


if __name__ == "__main__":
    for area, content in all_texts().items():
        (FOLDER / f"{area}.json").write_text(content, encoding="utf-8")
