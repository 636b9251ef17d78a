"""What the checks found wrong, bounded, in the order found; and who stops the city for it."""

from collections import Counter
from dataclasses import dataclass

import trio

KEPT_MAX = 50


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise. `rule` names a property, or an expectation of the scenario.

    `is_conceded`: nobody promised it in this run, which does not fail by it.
    """

    rule: str
    tick: int
    peer: int
    detail: str
    is_conceded: bool = False


class Broken(Exception):
    """The code under test broke a promise: the city is not worth running on."""

    def __init__(self, violation: Violation) -> None:
        super().__init__(f"{violation.rule} at {violation.tick} ms: {violation.detail}")
        self.violation = violation


class Violations:
    """Keeps the first `KEPT_MAX` and counts all; one line per rule and peer is enough.

    `judged` says how often each rule was evaluated, counted by the checks: a promise that nobody
    looked at was not kept. `broken` counts violations by rule, those of static conditions as one.
    With `is_stopping` the first violation ends the run. Rules that are `conceded` nobody promised
    in this run: what breaks them is noted, and neither ends nor fails it.
    """

    def __init__(
        self, *, is_stopping: bool = False, conceded: frozenset[str] = frozenset()
    ) -> None:
        self.kept: list[Violation] = []
        self.count = 0
        self.unconceded = 0
        self.judged: Counter[str] = Counter()
        self.broken: Counter[str] = Counter()
        self.is_stopping = is_stopping
        self.conceded = conceded
        self._seen: set[tuple[str, int]] = set()
        self._bell: trio.Event | None = None
        self._is_held = False

    @property
    def is_stop(self) -> bool:
        """Is something broken in a run that ends with it?"""
        return self.is_stopping and self.unconceded > 0

    def add(self, rule: str, tick: int, peer: int, detail: str) -> None:
        """Take note that `rule` was broken at `tick` by `peer` (-1: by the run as a whole)."""
        self.count += 1
        is_conceded = rule in self.conceded
        self.unconceded += not is_conceded
        self.broken[rule.partition("-")[0] if rule.startswith("PAT") else rule] += 1
        # Room is kept for what nobody conceded.
        room = KEPT_MAX // 2 if is_conceded else KEPT_MAX
        if (rule, peer) not in self._seen and len(self.kept) < room:
            self._seen.add((rule, peer))
            self.kept.append(Violation(rule, tick, peer, detail, is_conceded))
        self._ring()

    def hold(self, *, is_held: bool) -> None:
        """Let the watcher sleep on until the tick is finished, where tasks run in its middle."""
        self._is_held = is_held
        self._ring()

    def _ring(self) -> None:
        if self._bell is not None and not self._is_held and self.unconceded:
            self._bell.set()

    async def watch(self) -> None:
        """Sleep until something is broken, then raise Broken; for ever in a run that goes on."""
        self._bell = trio.Event()
        if not self.is_stop:
            await self._bell.wait()
        if not self.is_stopping:
            await trio.sleep_forever()
        raise Broken(next(one for one in self.kept if not one.is_conceded))

    def __getstate__(self) -> dict[str, object]:
        """Leave out the bell: it belongs to one trio run, a checkpoint does not."""
        return {**self.__dict__, "_bell": None}
