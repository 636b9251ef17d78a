"""The progress bar of a run, on a terminal only."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn


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
