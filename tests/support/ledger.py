"""A trace that keeps what it was told, to find and show the first thing two runs disagree on."""

from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from typing import NamedTuple

from smilesim.trace import Trace
from smilesync.effects import Scene
from smilesync.errors import Malformed
from smilesync.keys import SIGNATURE_BYTES
from smilesync.wire import records
from smilesync.wire.messages import Carried, Message, Proof

BYTES_SHOWN = 8
SIGNED = "signed"
BEFORE_SHOWN = 3


class Item(NamedTuple):
    """One thing that happened at a peer, with the values themselves."""

    tick: int
    peer: int
    what: str
    value: object

    def __str__(self) -> str:
        return f"{self.tick:>6} ms  peer {self.peer:<3} {self.what} {plain(self.value)}"


class Ledger(Trace):
    """Keeps every item with its values; two ledgers are equal only if all values are."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[Item] = []
        self._open: list[tuple[int, str, object]] = []
        self._copies: dict[bytes, tuple[int, int, Carried]] = {}
        self.copies = 0

    def carried_item(self, peer: int, source: int, carried: Carried) -> bytes:
        """Remember what an item stands for."""
        item = super().carried_item(peer, source, carried)
        self._copies[item] = peer, source, carried
        return item

    def heard_again(self, item: bytes) -> None:
        """A carried object reached a peer once more."""
        super().heard_again(item)
        self.copies += 1
        peer, source, carried = self._copies[item]
        self._open.append((peer, f"hears from {source}", carried))

    def received(self, peer: int, source: int, message: Message) -> None:
        """A message reached `peer`."""
        super().received(peer, source, message)
        self._open.append((peer, f"hears from {source}", message))

    def linked(self, peer: int, source: int, *, is_up: bool) -> None:
        """A link came up or went down at `peer`."""
        super().linked(peer, source, is_up=is_up)
        self._open.append((peer, f"link with {source}", "up" if is_up else "down"))

    def persisted(self, peer: int, record: bytes) -> None:
        """A record went to the journal of `peer`."""
        super().persisted(peer, record)
        self._open.append((peer, "writes", record))

    def shown(self, peer: int, scene: Scene) -> None:
        """`peer` gave a scene to its lamp."""
        super().shown(peer, scene)
        self._open.append((peer, "shows", scene))

    def powered(self, peer: int, *, is_on: bool) -> None:
        """`peer` came to life or lost power."""
        super().powered(peer, is_on=is_on)
        self._open.append((peer, "power", "on" if is_on else "off"))

    def end_tick(self, tick: int, *, is_ordered: bool = False) -> None:
        """Keep the items of a tick, peer by peer."""
        super().end_tick(tick, is_ordered=is_ordered)
        self._open.sort(key=lambda item: item[0])
        self.all += [Item(tick, *item) for item in self._open]
        self._open = []
        assert len(self.all) == self.items, "something is in the digest that nobody could read"


def first_difference(
    names: tuple[str, str], one: Ledger, other: Ledger, *, but_signatures: bool = False
) -> str | None:
    """Return for a person where two runs part, None if they never do.

    `but_signatures`: those may be other bytes, everywhere.
    """
    longest = max(len(one.all), len(other.all))
    for number in range(longest):
        pair = [ledger.all[number] if number < len(ledger.all) else None for ledger in (one, other)]
        seen = [unsigned(item) for item in pair] if but_signatures else pair
        if seen[0] != seen[1]:
            return _told(names, number, pair, one.all[:number])
    return None


def unsigned(value: object) -> object:
    """Return a value as tuples of what is in it, with journal records decoded, no signature.

    Signatures may be cut in two in pieces, of which only the size counts.
    """
    if isinstance(value, Proof):
        value = replace(value, data=len(value.data).to_bytes(4, "big"))
    if isinstance(value, bytes):
        record = _decoded(value)
        if record is not None:
            return unsigned(record)
        return SIGNED if len(value) == SIGNATURE_BYTES else value
    if is_dataclass(value):
        inside = [unsigned(getattr(value, field.name)) for field in fields(value)]
        return type(value).__name__, *inside
    if isinstance(value, tuple):
        return tuple(map(unsigned, value))
    return value


def plain(value: object) -> str:
    """Return a value in a line: fields by name, journal records decoded, long bytes cut."""
    if isinstance(value, bytes):
        return _record(value) or value[:BYTES_SHOWN].hex() + ("..." * (len(value) > BYTES_SHOWN))
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return _named(value, value._asdict().items())
    if is_dataclass(value):
        return _named(value, ((field.name, getattr(value, field.name)) for field in fields(value)))
    if isinstance(value, tuple):
        return f"({', '.join(map(plain, value))})"
    return str(value)


def _named(value: object, pairs: Iterable[tuple[str, object]]) -> str:
    inside = " ".join(f"{name}={plain(item)}" for name, item in pairs)
    return f"{type(value).__name__}({inside})"


def _record(data: bytes) -> str | None:
    record = _decoded(data)
    return None if record is None else plain(record)


def _decoded(data: bytes) -> object | None:
    try:
        return records.decode(data)
    except Malformed:
        return None


def _told(names: tuple[str, str], number: int, pair: list[Item | None], before: list[Item]) -> str:
    peers = {item.peer for item in pair if item is not None}
    shared = [item for item in before if item.peer in peers][-BEFORE_SHOWN:]
    lines = [f"the first {number} items are equal; before, the same peers had", *map(str, shared)]
    for name, item in zip(names, pair, strict=True):
        lines += [f"then in {name}:", str(item) if item is not None else "nothing more"]
    return "\n".join(lines)
