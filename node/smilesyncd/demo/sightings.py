"""What the observer has seen of each device: the objects of its `watch` stream, checked."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

SIGHTINGS_MAX = 12_000
"""Ten minutes at 20 per second: longer than any demo, and a bound all the same."""

RUNGS = ("COMMITTED", "HOLD", "HARMONY", "SOLO", "GLOW", "OFF")
SHOWING = ("COMMITTED", "HOLD")

Colour = tuple[int, int, int]


class Unreadable(Exception):
    """A watch object is not what docs/control.md promises; the text says which field."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One watch object. Units: ns since boot; period in us; phase as a fraction of the period."""

    monotonic_ns: int
    is_synced: bool
    rung: str
    slot: int
    is_selected: bool
    period_us: int
    phase: float | None
    peers: int
    emotion: str
    consent: Mapping[str, bool]
    zones: tuple[Colour, ...]
    suggestion: str | None

    @property
    def is_dark(self) -> bool:
        return all(code == 0 for zone in self.zones for code in zone)


@dataclass(slots=True)
class Track:
    """The sightings of one device, oldest first."""

    name: str
    sightings: deque[Sighting] = field(default_factory=lambda: deque(maxlen=SIGHTINGS_MAX))

    @property
    def latest(self) -> Sighting | None:
        return self.sightings[-1] if self.sightings else None

    def since(self, since_ns: int) -> list[Sighting]:
        """Return the sightings at or after `since_ns`, oldest first."""
        newest_first: list[Sighting] = []
        for one in reversed(self.sightings):
            if one.monotonic_ns < since_ns:
                break
            newest_first.append(one)
        return newest_first[::-1]

    def before(self, until_ns: int) -> Sighting | None:
        """Return the last sighting before `until_ns`."""
        for one in reversed(self.sightings):
            if one.monotonic_ns < until_ns:
                return one
        return None

    def add(self, sighting: Sighting) -> None:
        self.sightings.append(sighting)


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything seen so far, in the order of the devices."""

    tracks: tuple[Track, ...]

    def of(self, devices: tuple[int, ...]) -> Iterator[Track]:
        return (self.tracks[device] for device in devices)

    def others(self, devices: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(index for index in range(len(self.tracks)) if index not in devices)


def read_sighting(fields: object) -> Sighting:
    """Return one watch object as a value; raises Unreadable."""
    if not isinstance(fields, dict):
        raise Unreadable("expected an object")
    reader = _Reader(fields)
    pattern = fields.get("pattern")
    period_us = _Reader(pattern).integer("period_us") if isinstance(pattern, dict) else 0
    phase = fields.get("phase")
    if phase is not None and not isinstance(phase, int | float):
        raise Unreadable(f"phase: expected a number or null, got {phase!r}")
    rung = reader.text("rung")
    if rung not in RUNGS:
        raise Unreadable(f"rung: expected one of {', '.join(RUNGS)}, got {rung!r}")
    suggestion = fields.get("suggestion")
    if suggestion not in (None, "activated", "calm"):
        raise Unreadable(f"suggestion: expected activated, calm or null, got {suggestion!r}")
    return Sighting(
        monotonic_ns=reader.integer("monotonic_ns"),
        is_synced=reader.switch("is_synced"),
        rung=rung,
        slot=reader.integer("slot"),
        is_selected=reader.switch("is_selected"),
        period_us=period_us,
        phase=phase,
        peers=reader.integer("peers"),
        emotion=reader.text("emotion"),
        consent=_consent(fields.get("consent")),
        zones=_zones(fields.get("zones")),
        suggestion=suggestion,
    )


class _Reader:
    def __init__(self, fields: Mapping[str, object]) -> None:
        self._fields = fields

    def integer(self, name: str) -> int:
        value = self._fields.get(name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise Unreadable(f"{name}: expected an integer, got {value!r}")
        return value

    def switch(self, name: str) -> bool:
        value = self._fields.get(name)
        if not isinstance(value, bool):
            raise Unreadable(f"{name}: expected true or false, got {value!r}")
        return value

    def text(self, name: str) -> str:
        value = self._fields.get(name)
        if not isinstance(value, str):
            raise Unreadable(f"{name}: expected a text, got {value!r}")
        return value


def _consent(value: object) -> dict[str, bool]:
    if not isinstance(value, dict) or not all(isinstance(one, bool) for one in value.values()):
        raise Unreadable(f"consent: expected an object of booleans, got {value!r}")
    return {str(name): bool(is_on) for name, is_on in value.items()}


def _zones(value: object) -> tuple[Colour, ...]:
    if not isinstance(value, list):
        raise Unreadable(f"zones: expected a list, got {value!r}")
    zones: list[Colour] = []
    for zone in value:
        if not (isinstance(zone, list) and len(zone) == 3 and all(type(c) is int for c in zone)):
            raise Unreadable(f"zones: expected three integers each, got {zone!r}")
        red, green, blue = zone
        zones.append((red, green, blue))
    return tuple(zones)
