"""One line per fact, `event key=value`, for people; rate-limited: no peer can fill a log."""

from collections.abc import Callable

from smilesync.effects import Event, Notice, Rung
from smilesync.ids import short

WINDOW_NS = 10_000_000_000
LINES_PER_WINDOW_MAX = 5
KEYS_MAX = 256
BETWEEN_LEASES = f"rung={Rung.HOLD.name}"

# Facts about the own device; what others do is told only when asked for.
PLAIN_EVENTS = frozenset(
    {
        Event.LINK_UP,
        Event.LINK_DOWN,
        Event.RUNG_CHANGED,
        Event.CLOCK_SYNCED,
        Event.CLOCK_LOST,
        Event.AMNESIC,
        Event.KEY_ROTATED,
        Event.CIRCLE_LEFT,
        Event.CIRCLE_ABANDONED,
        Event.CIRCLE_SUCCEEDED,
        Event.CIRCLE_MERGED,
        Event.EQUIVOCATION_SEEN,
        Event.CONSENT_CHANGED,
        Event.SUGGESTION,
    }
)


class NoticePrinter:
    """Prints notices, at most a few of one kind about one peer per window, and counts the rest."""

    def __init__(self, write: Callable[[str], None], *, is_verbose: bool = False) -> None:
        self._write = write
        self._is_verbose = is_verbose
        self._window_ns = -WINDOW_NS
        self._printed: dict[tuple[Event, bytes], int] = {}
        self._suppressed = 0
        self._rung = ""

    def print(self, notice: Notice, now_ns: int) -> None:
        """Print `notice`, unless it is one too many."""
        if not self._is_verbose and not self._is_plain(notice):
            return
        if now_ns - self._window_ns >= WINDOW_NS:
            if self._suppressed:
                self._write(f"suppressed lines={self._suppressed}")
            self._window_ns, self._suppressed = now_ns, 0
            self._printed.clear()
        key = (notice.event, notice.peer or b"")
        count = self._printed.get(key, 0)
        if count >= LINES_PER_WINDOW_MAX or len(self._printed) >= KEYS_MAX:
            self._suppressed += 1
            return
        self._printed[key] = count + 1
        self._write(line_of(notice))

    def _is_plain(self, notice: Notice) -> bool:
        """Is this worth a line for somebody who did not ask for all? A lease ends every few s."""
        if notice.event is not Event.RUNG_CHANGED:
            return notice.event in PLAIN_EVENTS
        is_news = notice.detail not in (self._rung, BETWEEN_LEASES)
        self._rung = notice.detail if is_news else self._rung
        return is_news


def line_of(notice: Notice) -> str:
    """Return the notice as one line; text from outside keeps to printable characters."""
    words = [notice.event.value]
    if notice.peer is not None:
        words.append(f"peer={short(notice.peer)}")
    if notice.detail:
        words.append("".join(c if c.isprintable() else "?" for c in notice.detail))
    return " ".join(words)
