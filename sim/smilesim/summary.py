"""A report for a person: what happened, what it was like, what broke, and the verdict last."""

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from smilesim.fidelity import mention
from smilesim.properties import PROPERTIES, Kind, OutcomeRow, Result
from smilesim.report import Figures, Report, ViolationRow, WaitFigures

WIDTH_MAX = 100
LABEL_WIDTH = 12
BARS = "▁▂▃▄▅▆▇█"
BARS_MAX = 60
BROKEN_MAX = 10

Row = tuple[str, str | Text]
"""A label and what there is to say; an empty label goes on with the one above."""

STYLES = {"pass": "bold green", "fail": "bold red", "interrupted": "bold yellow"}


def console() -> Console:
    """Return the terminal, or a file or pipe: without colours and of a fixed width."""
    plain = Console()
    width = min(plain.width, WIDTH_MAX) if plain.is_terminal else WIDTH_MAX
    return Console(highlight=False, width=width)


def show(result: Report, to: Console | None = None) -> None:
    """Print the report of one run."""
    rows: list[Row] = [
        ("scenario", _run_line(result)),
        *property_rows(result["properties"]),
        *fault_rows(result["fault_kinds"], result["faults"]),
        *_light_rows(result["figures"]),
        *_seat_rows(result["figures"]),
        *_feeling_rows(result["fault_kinds"], result["figures"]),
        *_cost_rows(result),
        ("digest", result["digest"]),
        *_broken_rows(result["violations"], result["figures"]["violations_in_all"]),
    ]
    show_rows(rows, (), verdict_line(result["verdict"], _reason(result)), to)


def show_rows(
    rows: Iterable[Row], lines: Sequence[Text], verdict: Text, to: Console | None = None
) -> None:
    """Print aligned rows, then lines that stay whole however long they are, then the verdict."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(width=LABEL_WIDTH, style="cyan", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, text in rows:
        grid.add_row(label, text)
    out = to or console()
    with out.capture() as drawn:
        out.print(grid)
    # A grid fills its lines with spaces, which nobody wants in a file.
    out.file.write("".join(f"{line.rstrip()}\n" for line in drawn.get().splitlines()))
    for line in (*lines, verdict):
        out.print(line, soft_wrap=True)


def verdict_line(verdict: str, reason: str) -> Text:
    """Return the last line, which says it all."""
    return Text.assemble((f"verdict {verdict}", STYLES[verdict]), f"  {reason}")


def property_rows(rows: Sequence[OutcomeRow]) -> list[Row]:
    """Return one line for each kind of property: how many held, and by name what did not."""
    return [(kind.value, _properties(kind, rows)) for kind in Kind]


def _properties(kind: Kind, rows: Sequence[OutcomeRow]) -> Text:
    of_kind = [row for row in rows if row["kind"] == kind.value]
    good = [row for row in of_kind if row["result"] in (Result.HELD.value, Result.SEEN.value)]
    asked = [row for row in of_kind if row["result"] != Result.NOT_ASKED.value]
    judged = sum(row["count"] for row in good)
    verb = "seen" if kind is Kind.SOMETIMES else "held"
    text = Text(f"{len(good)} of {len(asked)} {verb}")
    if kind is not Kind.SOMETIMES:
        text.append(f", judged {judged:,} times")
    for result, style in ((Result.BROKEN, "bold red"), (Result.UNSEEN, ""), (Result.UNJUDGED, "")):
        names = [row["name"] for row in of_kind if row["result"] == result.value]
        if names:
            text.append(f"; {result.value}: {', '.join(names)}", style=style)
    return text


def fault_rows(kinds: Mapping[str, Mapping[str, int]], faults: Mapping[str, int]) -> list[Row]:
    """Return a line for each kind of fault in the scenario, and one for the rest."""
    rows: list[Row] = []
    told: set[str] = set()
    for kind, counts in kinds.items():
        told |= counts.keys()
        text = Text(f"{kind}: ")
        text.append(_counted(counts))
        if not all(counts.values()):
            text.append("  never fired", style="bold red")
        rows.append(("" if rows else "faults", text))
    rest = {name: count for name, count in faults.items() if name not in told}
    if rest:
        rows.append(("" if rows else "faults", _counted(rest)))
    return rows


def waits_line(waits: WaitFigures) -> str:
    """Return quantiles of a wait, in seconds."""
    quantiles = " / ".join(f"{waits[key]:.2f}" for key in ("p50_s", "p95_s", "p99_s", "max_s"))
    missing = f", {waits['missing']} still wait" if waits["missing"] else ""
    return f"{quantiles} s (p50 / p95 / p99 / max of {waits['count']:,}){missing}"


def _run_line(result: Report) -> str:
    went = f"{result['virtual_seconds']:g}"
    if result["virtual_seconds"] < result["seconds"]:
        went += f" of {result['seconds']}"
    return (
        f"{result['scenario']}, {result['peers']:,} peers, seed {result['seed']}, "
        f"{mention(result['fidelity'])}{went} virtual s in {result['wall_seconds']:.1f} s "
        f"({result['figures']['real_time_factor']:.1f} x real time)"
    )


def _light_rows(figures: Figures) -> list[Row]:
    rows: list[Row] = [
        (
            "light",
            f"{figures['share_lit']:.1%} of able time, {figures['share_lit_at_end']:.1%} at the "
            f"end; worst: {figures['light_worst_in_1_s']} transitions in 1 s",
        ),
        ("", _bars(figures["share_by_sample"])),
    ]
    for label, waits in (
        ("first light", figures["first_commit"]),
        ("light again", figures["recommit"]),
    ):
        if waits is not None:
            rows.append((label, waits_line(waits)))
    if figures["dark_s"] is not None:
        rows.append(("dark", f"{figures['dark_s']:.2f} s after a lost quorum at the latest"))
    if figures["share_told"] is not None:
        rows.append(("told", f"{figures['share_told']:.1%} of neighbours' feelings are known"))
    return rows


def _feeling_rows(kinds: Mapping[str, object], figures: Figures) -> list[Row]:
    """Return what was decided of what people feel, where a scenario is about that."""
    if "moods" not in kinds:
        return []
    decided = " ".join(map(str, figures["feelings_decided"])) or "nothing"
    counted = " ".join(map(str, figures["feelings_counted"]))
    return [
        (
            "feelings",
            f"{decided} decided, {counted} counted by hand, {figures['feelings_people']} people "
            "(calm, excited, neutral, low, high)",
        )
    ]


def _seat_rows(figures: Figures) -> list[Row]:
    """Return who came and went, and whose seats changed; nothing where nobody comes or goes."""
    come, go = figures["arrivals_per_min"], figures["departures_per_min"]
    if come is None or go is None:
        return []
    seats = (
        f"{come:.0f} came and {go:.0f} went per minute; {figures['seats_given']} seats given, "
        f"{figures['seats_taken']} taken, {figures['seats_lost']} lost; at most "
        f"{figures['views_most']} views per slot"
    )
    return [("seats", seats)]


def _cost_rows(result: Report) -> list[Row]:
    figures = result["figures"]
    rows: list[Row] = [
        (
            "circles",
            f"{figures['circles']:,}, {figures['slots_decided']:,} slots decided, at least "
            f"{figures['slots_decided_least']} each",
        ),
        (
            "cost",
            f"{figures['cpu_us_per_peer_second']:.0f} us, "
            f"{figures['deliveries_per_peer_second']:.1f} deliveries, "
            f"{figures['wakes_per_peer_second']:.1f} wakes per peer and second; "
            f"{figures['memory_mib']:.0f} MiB",
        ),
    ]
    if figures["datagrams_sent"] is not None and figures["bytes_sent"] is not None:
        sent = f"{figures['datagrams_sent']:,} datagrams, {figures['bytes_sent']:,} bytes"
        rows.append(("air", sent))
    return rows


def _broken_rows(violations: Sequence[ViolationRow], in_all: int) -> list[Row]:
    rows: list[Row] = []
    # What was conceded comes last, and never hides what was not.
    listed = sorted(violations, key=lambda one: one["is_conceded"])
    for one in listed[:BROKEN_MAX]:
        who = "" if one["peer"] < 0 else f", peer {one['peer']}"
        text = Text(one["rule"], style="bold red")
        text.append(f" at {one['tick'] / 1000:.3f} s{who}: {one['detail']}", style="default")
        label = "conceded" if one["is_conceded"] else "broken"
        rows.append(("" if any(label == said for said, _ in rows) else label, text))
    if in_all > len(rows) > 0:
        rows.append(("", f"and {in_all - len(rows):,} more; --json has the first 50"))
    return rows


def _reason(result: Report) -> str:
    """Return the verdict's reason in one line."""
    violations = result["violations"]
    rules = list(dict.fromkeys(one["rule"] for one in violations if not one["is_conceded"]))
    conceded = list(dict.fromkeys(one["rule"] for one in violations if one["is_conceded"]))
    claims = {one.name: one.claim for one in PROPERTIES}
    if result["verdict"] == "interrupted":
        return f"after {result['virtual_seconds']:g} of {result['seconds']} virtual s"
    if not rules:
        unjudged = sum(row["result"] == Result.UNJUDGED.value for row in result["properties"])
        held = f"every promise held{f' but {unjudged} that were not judged' if unjudged else ''}"
        return (
            held
            + f"; with more villains than f nobody made these: {', '.join(conceded)}"
            * bool(conceded)
        )
    first = f"{rules[0]} ({claims[rules[0]]})" if rules[0] in claims else rules[0]
    return f"broken: {', '.join([first, *rules[1:]])}"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _bars(shares: Sequence[float]) -> str:
    """Return a share over time as a row of bars, full height for all."""
    if not shares:
        return ""
    width = min(BARS_MAX, len(shares))
    picked = [shares[place * len(shares) // width] for place in range(width)]
    return "".join(BARS[min(len(BARS) - 1, int(share * len(BARS)))] for share in picked)
