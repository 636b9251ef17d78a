"""What a person sees: seven smiles in colour, or plain lines where there is no screen."""

import json
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from smilesyncd.demo.facts import Fact
from smilesyncd.demo.instant import SECOND_NS, now_ns
from smilesyncd.demo.stage import View

FACTS_SHOWN = 20
VIEWS_PER_SECOND = 10
PLAIN_INTERVAL_NS = 2 * SECOND_NS
MARKS = {True: ("✓", "green"), False: ("✗", "red")}

# Two eyes and a mouth in half-character pixels; digits say which zone of the lamp lights them.
SMILE = (
    "   00   22   ",
    "   00   22   ",
    "   00   22   ",
    "             ",
    " 00       22 ",
    " 00       22 ",
    "  000   222  ",
    "   0011122   ",
    "     111     ",
    "             ",
)


class Screen:
    """Draws views and facts in place."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._views: Sequence[View] = ()
        self._act = ""
        self._facts: deque[Fact] = deque(maxlen=FACTS_SHOWN)
        self._live = Live(
            console=console, refresh_per_second=VIEWS_PER_SECOND, get_renderable=self._drawn
        )

    def __enter__(self) -> "Screen":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.refresh()
        self._live.stop()

    def view(self, views: Sequence[View]) -> None:
        self._views = views

    def act(self, text: str) -> None:
        self._act = text

    def fact(self, fact: Fact) -> None:
        self._facts.append(fact)

    def _drawn(self) -> Group:
        row = Table.grid(padding=(0, 1))
        row.add_row(*(smile(view) for view in self._views))
        return Group(row, Text(f"\n{self._act}\n", "bold"), *(marked(one) for one in self._facts))


class Ticker:
    """Prints a line per fact, and every other second one with all devices."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._start_ns = now_ns()
        self._next_ns = 0
        self._said = ""

    def __enter__(self) -> "Ticker":
        return self

    def __exit__(self, *_: object) -> None:
        return

    def view(self, views: Sequence[View]) -> None:
        # Looked at every other second, not at each change: the pause between two leases, 40 ms
        # of `hold`, would be all that one sees.
        if now_ns() < self._next_ns:
            return
        self._next_ns = now_ns() + PLAIN_INTERVAL_NS
        words = "  ".join(f"{one.name} {one.rung.lower() or '-'}" for one in views)
        if words != self._said:
            self._said = words
            self._print(f"      {words}")

    def act(self, text: str) -> None:
        self._print(f"-- {text}")

    def fact(self, fact: Fact) -> None:
        self._print(marked(fact).plain)

    def _print(self, text: str) -> None:
        seconds = (now_ns() - self._start_ns) / SECOND_NS
        self._console.print(
            f"{seconds:6.1f} s {text}", markup=False, highlight=False, soft_wrap=True
        )
        self._console.file.flush()


def smile(view: View) -> Text:
    """Return one device as lines of coloured cells with its name, rung and feeling below."""
    width = len(SMILE[0])
    text = Text()
    for upper, lower in zip(SMILE[::2], SMILE[1::2], strict=True):
        for above, below in zip(upper, lower, strict=True):
            text.append(*_cell(view, above, below))
        text.append("\n")
    text.append(view.name.center(width) + "\n", "bold")
    text.append(view.rung.lower().center(width) + "\n", "dim")
    feeling = f"{view.hint}?" if view.hint else view.emotion
    text.append(feeling.center(width) + "\n", "italic")
    return text


def marked(fact: Fact) -> Text:
    """Return one fact as a line: mark, name, figure, words."""
    mark, style = MARKS[fact.passed]
    figure = "" if fact.figure is None else f"{fact.figure:.2f} {fact.unit}"
    text = Text()
    text.append(mark, style)
    text.append(f" {fact.name:<13} {figure:>11}  ", "bold")
    text.append(fact.text)
    return text


def write_facts(path: Path, facts: Sequence[Fact]) -> None:
    """Write the facts as JSON, for programs."""
    rows = [
        {
            "name": one.name,
            "passed": one.passed,
            "figure": one.figure,
            "unit": one.unit,
            "text": one.text,
        }
        for one in facts
    ]
    path.write_text(json.dumps({"facts": rows}, indent=2) + "\n", encoding="utf-8")


def _cell(view: View, above: str, below: str) -> tuple[str, str]:
    """Return the character and style that stand for two pixels, one above the other."""
    if above == below == " ":
        return " ", ""
    if above == " ":
        return "▄", _colour(view, int(below))
    if below == " ":
        return "▀", _colour(view, int(above))
    return "▀", f"{_colour(view, int(above))} on {_colour(view, int(below))}"


def _colour(view: View, zone: int) -> str:
    if not view.zones:
        return "#000000"
    red, green, blue = view.zones[min(zone, len(view.zones) - 1)]
    return f"#{red:02x}{green:02x}{blue:02x}"
