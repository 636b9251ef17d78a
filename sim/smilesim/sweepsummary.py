"""A sweep's report for a person: what failed with the command that repeats it, and the verdict."""

import shlex
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from smilesim.fidelity import mention
from smilesim.properties import PROPERTIES
from smilesim.summary import Row, fault_rows, property_rows, show_rows, verdict_line
from smilesim.sweepreport import (
    NEVER_FIRED,
    NEVER_JUDGED,
    NEVER_SEEN,
    Failure,
    Gap,
    Quantiles,
    SweepReport,
)

FAILURES_MAX = 10
GAP_TEXTS = {
    NEVER_FIRED: "never fired, though scenarios have it",
    NEVER_SEEN: "never seen",
    NEVER_JUDGED: "never judged",
}


def show(result: SweepReport, to: Console | None = None) -> None:
    """Print the report of a sweep."""
    figures = result["figures"]
    rows: list[Row] = [
        ("sweep", _sweep_line(result)),
        *property_rows(result["properties"]),
        *fault_rows(result["fault_kinds"], result["faults"]),
        *_quantile_rows("first light", figures["first_commit_s"], "s"),
        *_quantile_rows("light again", figures["recommit_s"], "s"),
        *_quantile_rows("messages", figures["deliveries"], "delivered in a run"),
        *_quantile_rows("speed", figures["real_time_factor"], "x real time"),
        (
            "cost",
            f"{result['cpu_seconds']:,.1f} core seconds, "
            f"{result['seeds_per_core_hour']:,.0f} runs per core hour",
        ),
        ("digest", result["digest"]),
        *_gap_rows(result["gaps"]),
    ]
    verdict = verdict_line(result["verdict"], _reason(result))
    show_rows(rows, _failure_lines(result["failures"]), verdict, to)


def _sweep_line(result: SweepReport) -> str:
    first, seeds = result["first_seed"], result["seeds"]
    sizes = ", ".join(map(str, result["peers"]))
    return (
        f"{result['scenario']}, {result['runs']:,} of {result['planned']:,} runs: "
        f"seeds {first} to {first + seeds - 1}, {sizes} peers, {mention(result['fidelity'])}"
        f"in {result['wall_seconds']:.1f} s"
    )


def _quantile_rows(label: str, found: Quantiles | None, unit: str) -> list[Row]:
    if found is None:
        return []
    values = (found["p50"], found["p95"], found["p99"], found["max"])
    quantiles = " / ".join(f"{one:,}" if isinstance(one, int) else f"{one:.2f}" for one in values)
    return [(label, f"{quantiles} {unit} (p50 / p95 / p99 / max of {found['count']:,})")]


def _gap_rows(gaps: Sequence[Gap]) -> list[Row]:
    claims = {one.name: f" ({one.claim})" for one in PROPERTIES}
    return [
        (
            "" if place else "untested",
            Text.assemble(
                (one["name"], "bold red"),
                f" {GAP_TEXTS[one['rule']]}{claims.get(one['name'], '')}",
            ),
        )
        for place, one in enumerate(gaps)
    ]


def _failure_lines(failures: Sequence[Failure]) -> list[Text]:
    """Return what failed, with commands to copy."""
    lines: list[Text] = []
    for one in failures[:FAILURES_MAX]:
        rules = (", ".join(one["rules"]), "bold red")
        lines.append(Text.assemble("failed  ", rules, f"  {one['detail']}"))
        lines.append(Text(f"    {one['replay']}"))
        if one["file"]:
            lines.append(Text(f"    smilesim replay {shlex.quote(one['file'])}"))
    if len(failures) > FAILURES_MAX:
        lines.append(Text(f"and {len(failures) - FAILURES_MAX:,} more; --json has all"))
    return lines


def _reason(result: SweepReport) -> str:
    """Return the verdict's reason in one line."""
    if result["verdict"] == "interrupted":
        return f"after {result['runs']:,} of {result['planned']:,} runs{_failed(result)}"
    if result["verdict"] == "pass":
        return f"{result['runs']:,} runs, every promise held and put to the test"
    untested = len(result["gaps"])
    return f"{result['runs']:,} runs{_failed(result)}" + (
        f", {untested} left untested" if untested else ""
    )


def _failed(result: SweepReport) -> str:
    return f", {len(result['failures']):,} failed" if result["failures"] else ""
