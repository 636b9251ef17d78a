"""A real contact recording as a crowd: lines `t i j`, seconds and two people, plain or gzip.

Face to face recordings know who stood within arm's length; radio reaches further. Two people
count as in range from five minutes before until five minutes after each contact: they were in one
room. The busiest window of the recording is taken, its circles are those who spent most time
together, and links come and go with the recording.
"""

import gzip
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from smilesim.crowd import SPACING_CM, Crowd, Pair
from smilesim.engine import TICKS_PER_SECOND
from smilesim.interrupts import interruptible
from smilesync.errors import SettingsError

LINGER_S = 300
STEP_S = 20
CIRCLE_MAX = 7
FILE_BYTES_MAX = 256 * 1024 * 1024
LINE_BYTES_MAX = 200
NUMBER_MAX = 2**53
GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Recording:
    """Contacts sorted by time: (second, lower name, higher name)."""

    contacts: tuple[tuple[int, int, int], ...]


def load(path: Path) -> Recording:
    """Read and check a recording.

    Errors: SettingsError naming file, line and expectation; also for a file without contacts.
    """
    try:
        with path.open("rb") as plain:
            is_packed = plain.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        with gzip.open(path) if is_packed else path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None
    if len(data) > FILE_BYTES_MAX:
        raise SettingsError(f"{path}: expected at most {FILE_BYTES_MAX} bytes, unpacked")
    contacts: list[tuple[int, int, int]] = []
    for number, line in interruptible(enumerate(data.splitlines(), 1)):
        if line.strip():
            contacts.append(_contact(path, number, line))
    if not contacts:
        raise SettingsError(f"{path}: holds no contact; expected lines `t i j`")
    return Recording(tuple(sorted(contacts)))


def _contact(path: Path, number: int, line: bytes) -> tuple[int, int, int]:
    place = f"{path}, line {number}"
    fields = line.split()
    if len(line) > LINE_BYTES_MAX or len(fields) != 3:
        raise SettingsError(f"{place}: expected three whole numbers `t i j`")
    values: list[int] = []
    for name, field in zip("tij", fields, strict=True):
        if not field.isdigit() or int(field) > NUMBER_MAX:
            shown = field.decode("ascii", "replace")
            raise SettingsError(f"{place}, field {name}: expected a whole number, got {shown!r}")
        values.append(int(field))
    when, one, other = values
    if one == other:
        raise SettingsError(f"{place}: {one} cannot be in contact with itself")
    return when, min(one, other), max(one, other)


def crowd_of(recording: Recording, seconds: int, peers: int | None) -> Crowd:
    """Return the crowd of the busiest `seconds` of a recording, at most `peers` people.

    Errors: SettingsError when the window has fewer people than `peers`.
    """
    start_s = _busiest(recording, seconds)
    near = [
        contact
        for contact in recording.contacts
        if start_s - LINGER_S <= contact[0] < start_s + seconds + LINGER_S
    ]
    together = Counter((one, other) for _, one, other in near)
    met = Counter(name for pair in together.elements() for name in pair)
    names = [name for name, _ in sorted(met.items(), key=lambda item: (-item[1], item[0]))]
    if peers is not None and peers > len(names):
        raise SettingsError(f"--peers {peers}: the recording's busiest window has {len(names)}")
    names = sorted(names[:peers])
    index_of = {name: index for index, name in enumerate(names)}
    weights: Counter[Pair] = Counter()
    spans: dict[Pair, tuple[int, int]] = {}
    for when, one, other in interruptible(near):
        if one in index_of and other in index_of:
            pair = (index_of[one], index_of[other])
            weights[pair] += 1
            first, _ = spans.get(pair, (when - LINGER_S, 0))
            spans[pair] = (min(first, when - LINGER_S), when + LINGER_S)
    pairs = tuple(
        pair
        for pair in sorted(spans)
        if spans[pair][0] < start_s + seconds and spans[pair][1] > start_s
    )
    opened = tuple(
        (
            max(0, spans[pair][0] - start_s) * TICKS_PER_SECOND,
            (spans[pair][1] - start_s) * TICKS_PER_SECOND,
        )
        for pair in pairs
    )
    groups = _groups(len(names), pairs, weights)
    return Crowd(_places(groups, len(names)), groups, pairs, opened)


def _busiest(recording: Recording, seconds: int) -> int:
    """Return the second at which the window with the most contacts starts."""
    per_step = Counter(when // STEP_S for when, _, _ in recording.contacts)
    length = max(1, -(-seconds // STEP_S))
    best, best_count = min(per_step), -1
    for step in sorted(per_step):
        count = sum(per_step[step + ahead] for ahead in range(length))
        if count > best_count:
            best, best_count = step, count
    return best * STEP_S


def _groups(
    people: int, pairs: tuple[Pair, ...], weights: Counter[Pair]
) -> tuple[tuple[int, ...], ...]:
    """Return circles: groups in which everybody is in range of everybody, heaviest first."""
    near: list[set[int]] = [set() for _ in range(people)]
    for low, high in pairs:
        near[low].add(high)
        near[high].add(low)
    free = set(range(people))
    groups: list[tuple[int, ...]] = []
    for low, high in interruptible(sorted(pairs, key=lambda pair: (-weights[pair], pair))):
        if low not in free or high not in free:
            continue
        group = [low, high]
        while len(group) < CIRCLE_MAX:
            fitting = sorted(free.intersection(*(near[who] for who in group)) - set(group))
            if not fitting:
                break
            group.append(max(fitting, key=lambda who: (_bond(who, group, weights), -who)))
        free -= set(group)
        groups.append(tuple(sorted(group)))
    groups.extend((who,) for who in sorted(free))
    return tuple(groups)


def _bond(who: int, group: list[int], weights: Counter[Pair]) -> int:
    return sum(weights[min(who, other), max(who, other)] for other in group)


def _places(groups: tuple[tuple[int, ...], ...], people: int) -> tuple[tuple[int, int], ...]:
    """Return a place for everyone: circles beside each other, as the recording knows no places."""
    places = [(0, 0)] * people
    row = max(1, int(len(groups) ** 0.5))
    for at, group in enumerate(groups):
        for number, who in enumerate(group):
            x = (at % row) * 4 * SPACING_CM + number % 3 * SPACING_CM // 2
            places[who] = (x, at // row * 4 * SPACING_CM + number // 3 * SPACING_CM // 2)
    return tuple(places)
