"""A scenario and the table of kinds as a person reads them, in lines of text."""

from collections.abc import Iterator, Sequence
from textwrap import wrap

from rich.text import Text

from smilesim.fate import Weather
from smilesim.faults.kind import Fault, Key
from smilesim.faults.table import FAMILIES, KINDS, over_s
from smilesim.liveness import healed_s
from smilesim.scenario import EXPECT, PPM_PER_PERCENT, Scenario

LABEL = 15
WIDTH_MIN, WIDTH_MAX = 60, 100
STEPS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200)
COLUMNS_PER_LABEL = 8
ACTIVE, IDLE, QUIET = "█", "·", "░"
COLOURS = (
    *("cyan", "magenta", "red", "yellow", "bright_blue", "green"),
    *("blue", "bright_red", "white", "bright_yellow", "bright_cyan", "red"),
)


def drawn(scenario: Scenario, width: int) -> Iterator[Text]:
    """Yield the lines of a scenario: what it is, what goes wrong when, and what is expected."""
    width = min(WIDTH_MAX, max(WIDTH_MIN, width))
    size = f"{scenario.seconds} s, {scenario.peers} peers"
    yield Text(scenario.name.ljust(width - len(size)) + size, style="bold")
    yield from map(Text, wrap(scenario.summary, width))
    yield Text()
    yield from _filled("weather", _spoken(scenario.weather), width)
    yield Text()
    columns = width - LABEL
    yield Text(" " * LABEL + _axis(scenario.seconds, columns), style="dim")
    for fault in scenario.faults:
        bar = _bar(fault.at_s, over_s(fault), scenario.seconds, columns)
        line = Text(fault.kind.ljust(LABEL), style="bold")
        yield line.append(bar, style=_colour(fault.kind))
        yield from _described(fault, width)
    yield from _tail(scenario, columns)
    yield Text()
    yield from _expected(scenario, width)


def kinds() -> Iterator[Text]:
    """Yield the lines of the table of kinds, by family."""
    for family in FAMILIES:
        yield Text((family.__doc__ or "").splitlines()[0], style="italic")
        for kind in family.KINDS:
            yield Text(f"  {kind.name:<{LABEL}} ", style="bold").append(kind.meaning, style="none")
            for key in kind.keys:
                yield Text(f"    {key.name:<16} {allowed(key):<18} {key.meaning}", style="dim")
        yield Text()


def allowed(key: Key) -> str:
    """Return the range of a key and its default."""
    default = "" if key.default is None else f" ({key.default:g})"
    but = f" but {key.nearest:g} either way at least" * (key.nearest > 0)
    return f"{key.low:g} to {key.high:g}{but}{default}"


def numbers_of(fault: Fault) -> str:
    """Return what was chosen for a fault beside its times, as it stands in a file."""
    keys = [key.name for key in KINDS[fault.kind].keys if key.name not in ("at_s", "heal_s")]
    return ", ".join(f"{key} = {fault.numbers[key]:g}" for key in keys)


def _described(fault: Fault, width: int) -> Iterator[Text]:
    over = over_s(fault)
    when = f"{fault.at_s:g} s" if over == fault.at_s else f"{fault.at_s:g} to {over:g} s"
    numbers = numbers_of(fault)
    text = f"{when}: {KINDS[fault.kind].meaning}" + f" ({numbers})" * bool(numbers)
    yield from _filled("", text, width)


def _tail(scenario: Scenario, columns: int) -> Iterator[Text]:
    """Show for how long the city is left in peace at the end."""
    healed = healed_s(scenario)
    if healed is not None and scenario.faults and healed < scenario.seconds:
        bar = _bar(healed, scenario.seconds, scenario.seconds, columns).replace(ACTIVE, QUIET)
        yield Text("in peace".ljust(LABEL) + bar, style="dim")


def _expected(scenario: Scenario, width: int) -> Iterator[Text]:
    said = {key.name: key.meaning for key in EXPECT}
    if not scenario.expect:
        yield from _filled("expected", "that no promise is broken", width)
    for number, (name, bound) in enumerate(scenario.expect.items()):
        is_time = "_s_" in name
        amount = f"at most {bound:g} s" if is_time else f"at least {100 * bound:g} %"
        yield from _filled("" if number else "expected", f"{amount} {said[name]}", width)


def _filled(label: str, text: str, width: int) -> Iterator[Text]:
    for number, line in enumerate(wrap(text, width - LABEL)):
        yield Text(("" if number else label).ljust(LABEL), style="bold").append(line, style="none")


def _spoken(weather: Weather) -> str:
    lost, twice, held = (
        f"{share / PPM_PER_PERCENT:g} %"
        for share in (weather.loss_ppm, weather.duplicate_ppm, weather.reorder_ppm)
    )
    longest_ms = weather.delay_ms_min + weather.delay_ms_span
    parts = [
        f"messages take {weather.delay_ms_min} to {longest_ms} ms",
        f"{lost} get lost",
        f"{twice} come twice",
        f"{held} are held back by up to {weather.reorder_ms_span} ms",
    ]
    if weather.tail_ppm:
        late = f"{weather.tail_ppm / PPM_PER_PERCENT:g} %"
        parts.append(f"{late} come late, by up to {weather.tail_ms_max} ms")
    return ", ".join(parts)


def _axis(seconds: int, columns: int) -> str:
    """Return marks of virtual time above the bars."""
    fitting = [step for step in STEPS_S if columns * step / seconds >= COLUMNS_PER_LABEL]
    step = fitting[0] if fitting else STEPS_S[-1]
    line = [" "] * columns
    for second in range(0, seconds, step):
        text = f"{second} s" if second == 0 else str(second)
        at = columns * second // seconds
        if at + len(text) <= columns:
            line[at : at + len(text)] = text
    return "".join(line).rstrip()


def _bar(begin_s: float, end_s: float, seconds: int, columns: int) -> str:
    """Return a bar over virtual time, at least one column long."""
    first = min(columns - 1, int(columns * begin_s / seconds))
    last = max(first + 1, round(columns * end_s / seconds))
    return IDLE * first + ACTIVE * (last - first) + IDLE * (columns - last)


def _colour(kind: str) -> str:
    families: Sequence[frozenset[str]] = [frozenset(k.name for k in f.KINDS) for f in FAMILIES]
    return next(c for c, names in zip(COLOURS, families, strict=True) if kind in names)
