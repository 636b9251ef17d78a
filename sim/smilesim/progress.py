"""The progress bars of a run and of a sweep, on a terminal only."""

from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from smilesim.sweep import Run


class Bar:
    """Shows virtual seconds done; call it with the second reached."""

    def __init__(self, seconds: int, title: str) -> None:
        self._progress = Progress(
            TextColumn(title),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f} virtual s"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task("", total=seconds)

    def __enter__(self) -> "Bar":
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def __call__(self, second: int) -> None:
        """Take note of the second reached; drawing takes place a few times a second."""
        self._progress.update(self._task, completed=second)


class TrialBar:
    """Shows bugs tried; call it after each."""

    def __init__(self, bugs: int) -> None:
        self._progress = Progress(
            TextColumn("selftest"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f} planted bugs"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task("", total=bugs)

    def __enter__(self) -> "TrialBar":
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def __call__(self) -> None:
        """Take note of a bug that was tried."""
        self._progress.update(self._task, advance=1)


class SweepBar:
    """Shows runs done and runs failed; call it with each run that is over."""

    def __init__(self, runs: int, title: str) -> None:
        self._progress = Progress(
            TextColumn(title),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f} runs{task.fields[failed]}"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task("", total=runs, failed="")
        self._failures = 0

    def __enter__(self) -> "SweepBar":
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def __call__(self, run: "Run") -> None:
        """Take note of a run that is over."""
        self._failures += bool(run.rules)
        failed = f"  [red]{self._failures} failed[/red]" if self._failures else ""
        self._progress.update(self._task, advance=1, failed=failed)
