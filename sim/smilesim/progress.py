"""The progress bars of a run, a sweep and a selftest, on a terminal only."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from smilesim.sweep import Run


@contextmanager
def run_bar(seconds: int, title: str) -> Iterator[Callable[[int], None]]:
    """Show virtual seconds done; call what this gives with the second reached."""
    with _bar(title, "virtual s") as progress:
        task = progress.add_task("", total=seconds, note="")
        yield lambda second: progress.update(task, completed=second)


@contextmanager
def trial_bar(bugs: int) -> Iterator[Callable[[], None]]:
    """Show bugs tried; call what this gives after each."""
    with _bar("selftest", "planted bugs") as progress:
        task = progress.add_task("", total=bugs, note="")
        yield lambda: progress.advance(task)


@contextmanager
def sweep_bar(runs: int, title: str) -> Iterator[Callable[["Run"], None]]:
    """Show runs done and runs failed; call what this gives with each run that is over."""
    failures = 0

    def tell(run: "Run") -> None:
        nonlocal failures
        failures += bool(run.rules)
        note = f"  [red]{failures} failed[/red]" if failures else ""
        progress.update(task, advance=1, note=note)

    with _bar(title, "runs", TimeRemainingColumn(elapsed_when_finished=True)) as progress:
        task = progress.add_task("", total=runs, note="")
        yield tell


def _bar(
    title: str, unit: str, time: TimeElapsedColumn | TimeRemainingColumn | None = None
) -> Progress:
    return Progress(
        TextColumn(title),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f} " + unit + "{task.fields[note]}"),
        time or TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
