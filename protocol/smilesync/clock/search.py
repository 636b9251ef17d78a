"""How a clock that is not SYNCED finds the circle's time: after power loss, or a long cut.

In order of preference it follows q SYNCED voters; f + 1 SYNCED ones that agree, since one of
them is honest; or, when there are no such, everybody: it jumps forward to the (f+1)-th highest
reading, so that time never repeats what an honest journal has reserved, and lets the midpoint
bring all together. A jump is allowed only for a short while after a new voter's first reading,
because the midpoint converges whatever f liars say, and jumps do not.

A time found in the last way is new. Somebody cut off may still show by the old one, for as long
as the readings last that keep them SYNCED. Their quorum and ours share an honest voter, so it is
enough that q of us have kept to the new time for longer than a reading lasts; or, when every
voter was just heard not to be SYNCED or to agree, longer than a reading is fresh. For the same
reason only fresh readings may end a search. Source: SPEC section Clock (CLK-030 to CLK-035); the
waiting rules are ours.
"""

from smilesync.clock.midpoint import Reading, high_offset_us, midpoint, tightest
from smilesync.config import ClockConfig


class Move:
    """What to do with the clock: step it, and whether it counts as SYNCED after that."""

    __slots__ = ("error_us", "is_found", "step_us")

    def __init__(self, step_us: int, error_us: int, *, is_found: bool) -> None:
        self.step_us = step_us
        self.error_us = error_us
        self.is_found = is_found


class Search:
    """The state of one search, from the loss of the circle's time to its return."""

    __slots__ = (
        "_calm",
        "_config",
        "_faults",
        "_jump_until_us",
        "_others",
        "_own",
        "_quorum",
        "_seen",
        "_steady_us",
    )

    def __init__(self, config: ClockConfig, now_us: int) -> None:
        self._config = config
        self._steady_us = now_us
        self.follow([], 0, 1, 0)

    def follow(self, own: list[Reading], others: int, quorum: int, faults: int) -> None:
        """Search among that many other voters from now on, anew.

        `own` is the reading of the own clock, nothing for a listener.
        """
        self._own = own
        self._others = others
        self._quorum = quorum
        self._faults = faults
        self.restart()

    def restart(self) -> None:
        """Begin a new search; the own clock has not stepped by that."""
        self._calm = 0
        self._seen = 0
        self._jump_until_us = 0

    def move(self, voices: list[Reading], now_us: int) -> Move | None:
        """Return the next step by voters' clocks as they were just read, None without a quorum."""
        move = self._find(voices, now_us)
        if move is not None and abs(move.step_us) > self._config.guard_us:
            self._steady_us = now_us
        return move

    def _find(self, voices: list[Reading], now_us: int) -> Move | None:
        synced = [voice for voice in voices if voice.is_synced]
        if len(synced) >= self._quorum:
            return self._settle(synced)
        everyone = voices + self._own
        anchor = tightest(synced, self._faults + 1) if len(synced) > self._faults else None
        if anchor is not None and anchor.error_us <= self._config.guard_us:
            return self._join(anchor, everyone)
        if len(everyone) < self._quorum:
            self._calm = 0
            return None
        if len(everyone) > self._seen:
            self._seen = len(everyone)
            self._jump_until_us = now_us + self._config.jump_us
        if now_us < self._jump_until_us:
            ahead_us = high_offset_us(everyone, self._faults)
            if ahead_us > self._config.guard_us:
                return self._leap(ahead_us)
        move = self._settle(everyone)
        if move.is_found and not self._is_free(voices, now_us):
            move.is_found = False
        return move

    def _join(self, anchor: Reading, everyone: list[Reading]) -> Move | None:
        """Go to where f + 1 SYNCED voters are; then settle with a quorum that is there too."""
        guard_us = self._config.guard_us
        if abs(anchor.offset_us) > guard_us:
            return self._leap(anchor.offset_us)
        near = [
            reading
            for reading in everyone
            if abs(reading.offset_us - anchor.offset_us) <= guard_us + reading.error_us
        ]
        if len(near) < self._quorum:
            self._calm = 0
            return None
        return self._settle(near)

    def _leap(self, step_us: int) -> Move:
        self._calm = 0
        return Move(step_us, abs(step_us), is_found=False)

    def _settle(self, readings: list[Reading]) -> Move:
        """Step to the midpoint; two small steps in a row end the search."""
        middle = midpoint(readings, self._faults)
        is_calm = 2 * abs(middle.offset_us) < self._config.guard_us
        is_calm = is_calm and middle.error_us <= self._config.guard_us
        self._calm = self._calm + 1 if is_calm else 0
        is_found = self._calm >= self._config.calm_ticks
        return Move(middle.offset_us, middle.error_us, is_found=is_found)

    def _is_free(self, voices: list[Reading], now_us: int) -> bool:
        """Return whether nobody can be SYNCED to another time than ours."""
        config = self._config
        if self._others == 0:
            return True
        far = [voice for voice in voices if abs(voice.offset_us) > config.guard_us]
        steady_us = [v.steady_us for v in voices if abs(v.offset_us) <= config.guard_us]
        steady_us += [self._steady_us for _ in self._own]
        if len(steady_us) < self._quorum:
            return False
        waited_us = now_us - sorted(steady_us)[self._quorum - 1]
        if waited_us >= config.solitude_us:
            return True
        if waited_us < 2 * config.fresh_us or len(voices) < self._others:
            return False
        return not any(voice.is_synced for voice in far)
