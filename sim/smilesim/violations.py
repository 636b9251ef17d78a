"""What the checks found wrong, bounded, in the order found."""

from dataclasses import dataclass

KEPT_MAX = 50


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise. `rule` is an invariant (I1 to I8) or an expectation of the scenario."""

    rule: str
    tick: int
    peer: int
    detail: str


class Violations:
    """Keeps the first `KEPT_MAX` and counts all; one line per rule and peer is enough."""

    def __init__(self) -> None:
        self.kept: list[Violation] = []
        self.count = 0
        self._seen: set[tuple[str, int]] = set()

    def add(self, rule: str, tick: int, peer: int, detail: str) -> None:
        """Take note that `rule` was broken at `tick` by `peer` (-1: by the run as a whole)."""
        self.count += 1
        if (rule, peer) not in self._seen and len(self.kept) < KEPT_MAX:
            self._seen.add((rule, peer))
            self.kept.append(Violation(rule, tick, peer, detail))
