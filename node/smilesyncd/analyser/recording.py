"""Recordings of light: `.jsonl` files of emitted frames, written line by line and judged whole.

The format is docs/trace.md. A reader says which line and which field is wrong, and what belongs
there; only a last line that was cut off in the middle is forgiven.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from smilesyncd.analyser.judge import Limits
from smilesyncd.analyser.trace import LIGHT_OF, Budget, Codes, TraceJudge, light_table

TRACE = "smilesync-light"
VERSION = 1
LEDS_MAX = 65_536
NAME_MAX = 64
LINE_BYTES_MAX = 1 << 20
NS_MAX = 1 << 63

HEADER_KEYS = frozenset(
    {"trace", "version", "device", "ns", "leds", "bits", "observers", "frames", "falls", "limits"}
)
FRAME_KEYS = frozenset({"device", "ns", "codes", "fall"})
LIMIT_KEYS = frozenset(
    {"luminance", "floor", "channel", "budget_ma", "channel_ma", "idle_ma", "leds_per_zone"}
)
PUBLISHED = Limits()

Fields = Mapping[str, object]


class NoRecording(ValueError):
    """What was read is no recording: the line, the field, and what was expected."""


def header_line(
    leds: int,
    observers: Sequence[str],
    start_ns: int,
    *,
    device: str = "",
    limits: Mapping[str, float] | None = None,
) -> str:
    """Return the first line of an output of 8-bit codes, whose light is out at `start_ns`."""
    fields = {"trace": TRACE, "version": VERSION, "device": device, "ns": start_ns, "leds": leds}
    return json.dumps(fields | {"observers": list(observers), "limits": dict(limits or {})}) + "\n"


def frame_line(
    now_ns: int, codes: Sequence[Codes], *, device: str = "", is_falling: bool = False
) -> str:
    """Return the line of one emitted frame; `is_falling` while a forced fall is under way."""
    digits = bytes(code for pixel in codes for code in pixel).hex()
    fields: dict[str, object] = {"device": device, "ns": now_ns, "codes": digits}
    return json.dumps(fields | ({"fall": True} if is_falling else {})) + "\n"


@dataclass(slots=True)
class Track:
    """One device of a recording: its judge and where it stands. Units: ns of its own clock."""

    judge: TraceJudge
    observers: tuple[str, ...]
    leds: int
    bits: int
    start_ns: int
    now_ns: int
    starts: int = 1


@dataclass(slots=True)
class Recording:
    """All devices of a recording, judged; `is_cut` if its last line was cut off."""

    tracks: dict[str, Track]
    is_cut: bool = False

    @property
    def is_safe(self) -> bool:
        """True if no device broke a limit."""
        return not any(track.judge.found for track in self.tracks.values())


def judge_lines(lines: Iterable[bytes]) -> Recording:
    """Judge a recording, line by line. Errors: NoRecording naming line, field and expectation."""
    recording = Recording({})
    for number, line in enumerate(lines, start=1):
        try:
            fields = _object(line)
        except ValueError as error:
            if line.endswith(b"\n") or number == 1:
                raise NoRecording(f"line {number}: {error}") from None
            recording.is_cut = True
            break
        try:
            if "trace" in fields:
                _begin(recording.tracks, fields)
            else:
                _frame(recording.tracks, fields)
        except ValueError as error:
            raise NoRecording(f"line {number}: {error}") from None
    for device, track in recording.tracks.items():
        if not track.judge.frames:
            raise NoRecording(f"device {device!r}: expected at least one frame after its header")
    if not recording.tracks:
        raise NoRecording("line 1: expected a header; the file is empty")
    return recording


def _object(line: bytes) -> Fields:
    if len(line) > LINE_BYTES_MAX:
        raise ValueError(f"expected at most {LINE_BYTES_MAX} bytes")
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise ValueError("expected one JSON object")
    return fields


def _begin(tracks: dict[str, Track], fields: Fields) -> None:
    """Take a header: a new device, or a new start of one that was without power."""
    _refuse_unknown(fields, HEADER_KEYS)
    if fields["trace"] != TRACE or fields.get("version") != VERSION:
        raise ValueError(f"trace, version: expected {TRACE!r} and {VERSION}")
    device = _text(fields)
    start_ns = _integer(fields, "ns", 0, NS_MAX)
    leds = _integer(fields, "leds", 1, LEDS_MAX)
    bits = _integer(fields, "bits", 1, 16, default=8)
    observers = _observers(fields)
    track = tracks.get(device)
    if track is None:
        judge = _judge(fields, leds, bits, observers)
        judge.begin(start_ns)
        tracks[device] = Track(judge, observers, leds, bits, start_ns, start_ns)
        return
    if (leds, bits, observers) != (track.leds, track.bits, track.observers):
        raise ValueError("leds, bits, observers: expected those of the device's first header")
    _advance(track, start_ns)
    track.judge.lost_power(start_ns)
    track.starts += 1


def _frame(tracks: Mapping[str, Track], fields: Fields) -> None:
    _refuse_unknown(fields, FRAME_KEYS)
    device = _text(fields)
    track = tracks.get(device)
    if track is None:
        raise ValueError(f"device: expected one with a header before, not {device!r}")
    is_falling = fields.get("fall", False)
    if not isinstance(is_falling, bool):
        raise ValueError("fall: expected true or false")
    codes = _codes(fields.get("codes"), track)
    _advance(track, _integer(fields, "ns", 0, NS_MAX))
    track.judge.add(track.now_ns, codes, is_falling=is_falling)


def _advance(track: Track, now_ns: int) -> None:
    if now_ns < track.now_ns:
        raise ValueError(f"ns: expected at least {track.now_ns}, the device's last, not {now_ns}")
    track.now_ns = now_ns


def _codes(digits: object, track: Track) -> list[Codes]:
    width = 1 if track.bits <= 8 else 2
    count = 3 * track.leds
    try:
        data = bytes.fromhex(digits) if isinstance(digits, str) else b""
    except ValueError:
        data = b""
    if len(data) != width * count:
        raise ValueError(f"codes: expected {2 * width * count} hexadecimal digits")
    numbers = [int.from_bytes(data[at : at + width], "big") for at in range(0, len(data), width)]
    if max(numbers) >= 1 << track.bits:
        raise ValueError(f"codes: expected codes of {track.bits} bits")
    return list(zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True))


def _judge(fields: Fields, leds: int, bits: int, observers: tuple[str, ...]) -> TraceJudge:
    given = fields.get("limits", {})
    if not isinstance(given, dict):
        raise ValueError("limits: expected an object")
    _refuse_unknown(given, LIMIT_KEYS)
    numbers = {name: _positive(name, value) for name, value in given.items()}
    limits = replace(
        PUBLISHED,
        luminance_max=min(PUBLISHED.luminance_max, numbers.get("luminance", 1.0)),
        floor=min(PUBLISHED.floor, numbers.get("floor", 1.0)),
        channel_max=min(PUBLISHED.channel_max, numbers.get("channel", 1.0)),
        lsb=1 / ((1 << bits) - 1),
    )
    if _choice(fields, "falls", ("marked", "anywhere")) == "anywhere":
        limits = limits.with_fall()
    if _choice(fields, "frames", ("emitted", "received")) == "received":
        limits = replace(limits, slew_per_s=None, fall_per_s=None)
    usual = Budget()
    budget = Budget(
        numbers.get("budget_ma"),
        numbers.get("channel_ma", usual.channel_ma),
        numbers.get("idle_ma", usual.idle_ma),
        int(numbers.get("leds_per_zone", usual.leds_per_zone)),
    )
    tables = [light_table(observer, bits) for observer in observers]
    linear = observers.index("linear") if "linear" in observers else None
    return TraceJudge(leds, tables, limits, linear=linear, budget=budget)


def _refuse_unknown(fields: Fields, known: frozenset[str]) -> None:
    for name in fields:
        if name not in known:
            raise ValueError(f"{name[:40]!r}: no such key; expected {', '.join(sorted(known))}")


def _text(fields: Fields) -> str:
    device = fields.get("device", "")
    if not isinstance(device, str) or not device.isprintable() or len(device) > NAME_MAX:
        raise ValueError(f"device: expected printable text of at most {NAME_MAX} characters")
    return device


def _integer(fields: Fields, name: str, low: int, high: int, *, default: int | None = None) -> int:
    value = fields.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"{name}: expected an integer from {low} to {high}")
    return value


def _positive(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise ValueError(f"limits.{name}: expected a number from 0 to 1e9")
    return float(value)


def _choice(fields: Fields, name: str, choices: tuple[str, ...]) -> str:
    value = fields.get(name, choices[0])
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name}: expected one of {', '.join(choices)}")
    return value


def _observers(fields: Fields) -> tuple[str, ...]:
    names = fields.get("observers")
    known = ", ".join(LIGHT_OF)
    if not isinstance(names, list) or not 1 <= len(names) <= 4:
        raise ValueError(f"observers: expected a list of 1 to 4 of {known}")
    if not all(isinstance(name, str) and name in LIGHT_OF for name in names):
        raise ValueError(f"observers: expected a list of 1 to 4 of {known}")
    return tuple(names)
