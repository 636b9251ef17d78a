"""What a person or a program is told while a guard runs."""

import json
import os
from dataclasses import asdict
from typing import Protocol

from smilesync.light.tracker import WINDOW_LONG_NS
from smilesyncd.driver import NS_PER_SECOND
from smilesyncd.guard.loop import Guard
from smilesyncd.lamp import write_if_ready

STDOUT = 1
CLEAR_LINE = "\x1b[K"
CID_BYTES = 16
QUIET_SECONDS = 60
COLUMNS_USUAL = 80


class Teller(Protocol):
    """One way to tell how a guard does."""

    interval_s: float

    def tell(self, now_ns: int) -> None:
        """Tell what is worth telling at `now_ns`."""

    def close(self, now_ns: int) -> None:
        """Tell how it ended."""


def new_teller(guard: Guard, *, is_json: bool) -> Teller:
    """Return JSON for programs, a line in place for a terminal, lines now and then for a log."""
    if is_json:
        return JsonTeller(guard)
    return LineTeller(guard, is_terminal=os.isatty(STDOUT))


class JsonTeller:
    """One JSON object a second; all figures count from the start."""

    interval_s = 1.0

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def tell(self, now_ns: int) -> None:
        """Print one object."""
        desk, counts = self._guard.desk, self._guard.counts
        value = {
            "monotonic_ns": now_ns,
            "received": desk.received,
            "dropped": desk.dropped,
            "decided": counts.decided,
            "governed": counts.governed,
            **asdict(self._guard.sent),
            "senders": [
                {"universe": number, "sender": name, "priority": priority}
                for number, name, priority in _senders(self._guard)
            ],
        }
        # A reader that stopped reading must not stop the light, so it misses objects instead.
        write_if_ready(STDOUT, json.dumps(value) + "\n")

    def close(self, now_ns: int) -> None:
        """Print the last object."""
        self.tell(now_ns)


class LineTeller:
    """One line: rewritten in place on a terminal, else printed when the senders change."""

    interval_s = 0.5

    def __init__(self, guard: Guard, *, is_terminal: bool) -> None:
        self._guard = guard
        self._is_terminal = is_terminal
        self._before = (0, 0, 0, 0)
        self._senders = [(0, "", 0)]
        self._next_ns = 0
        self._start_ns = 0

    def tell(self, now_ns: int) -> None:
        """Print the line where it is due."""
        senders = _senders(self._guard)
        self._start_ns = self._start_ns or now_ns
        if self._is_terminal:
            columns = os.get_terminal_size(STDOUT).columns or COLUMNS_USUAL
            write_if_ready(STDOUT, f"\r{self._line(now_ns)[: columns - 1]}{CLEAR_LINE}")
        elif senders != self._senders or now_ns >= self._next_ns:
            self._senders, self._next_ns = senders, now_ns + QUIET_SECONDS * NS_PER_SECOND
            write_if_ready(STDOUT, self._line(now_ns) + "\n")

    def close(self, now_ns: int) -> None:
        """Leave the last line standing."""
        if self._is_terminal:
            self.tell(now_ns)
        write_if_ready(STDOUT, "\ndark\n" if self._is_terminal else "dark\n")

    def _line(self, now_ns: int) -> str:
        desk, counts, senders = self._guard.desk, self._guard.counts, _senders(self._guard)
        now = (now_ns, desk.received, counts.decided, counts.governed)
        before_ns, received, decided, governed = self._before
        self._before = now
        seconds = max(1, now_ns - before_ns) / NS_PER_SECOND
        frames = now[2] - decided
        share = 100 * (now[3] - governed) // frames if frames else 0
        names = sorted({f"{name} (priority {priority})" for _, name, priority in senders})
        words = [
            f"from {', '.join(names) or 'nobody, at rest'}",
            f"in {(now[1] - received) / seconds:.0f}/s",
            f"out {frames / seconds:.0f}/s",
            f"governed {share} %",
        ]
        if now_ns - self._start_ns < WINDOW_LONG_NS:
            words.insert(0, "dark for 5 s after the start")
        if desk.dropped:
            counted = sorted(desk.dropped.items())
            words.append("dropped " + " ".join(f"{reason} {count}" for reason, count in counted))
        sent = self._guard.sent
        if sent.late or sent.lost:
            words.append(f"not sent: late {sent.late}, refused {sent.lost}")
        return " | ".join(words)


def _senders(guard: Guard) -> list[tuple[int, str, int]]:
    """Return universe, name and priority of every sender that is shown."""
    return [
        (number, _readable(shown[0]), shown[1])
        for number, universe in guard.desk.universes.items()
        if (shown := universe.shown) is not None
    ]


def _readable(name: bytes) -> str:
    """Return an address as it is, and of a 16-byte number enough to tell two apart."""
    return name[:4].hex() if len(name) == CID_BYTES else name.decode("ascii", "replace")
