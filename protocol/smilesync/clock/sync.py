"""The circle clock: one common time for light, from voters' clocks of which f may lie.

Rules (SPEC section Clock): readings of q distinct voters, the own clock counting as one; drop
the f lowest and f highest; step while dark, slew while showing. A clock that cannot follow stops
being SYNCED, which darkens the light, and only then may step. `search.py` finds the way back.
"""

from smilesync.clock import relayed
from smilesync.clock.exchange import Exchange, Strangers
from smilesync.clock.midpoint import Reading, midpoint
from smilesync.clock.readings import Window, window_of
from smilesync.clock.search import Move, Search
from smilesync.config import ClockConfig
from smilesync.effects import Effect, Event, Notice, Persist, Send
from smilesync.ids import PeerId
from smilesync.timeline import Timeline
from smilesync.wire import records
from smilesync.wire.messages import Clock

NEVER_NS = 2**62 - 1
_NS_PER_US = 1_000
_PPM = 1_000_000
_ALONE = [Reading(0, 0)]
_NOBODY: list[Reading] = []
"""Readings of the own clock: a listener has none. All clocks share them; they never change."""
_NO_WINDOWS: list[Window] = []


class CircleClock:
    """The circle time of one device, and the CLOCK messages with all its neighbours.

    `voters` are identities in roster order; they may lack `me` (a listener) or be empty (no
    circle: no timeline, CLOCK messages only keep links alive).
    """

    def __init__(
        self,
        config: ClockConfig,
        me: PeerId,
        voters: tuple[PeerId, ...],
        quorum: int,
        faults: int,
        floor_us: int,
        now_ns: int,
    ) -> None:
        assert not voters or 2 * faults < quorum <= len(voters)
        # What every message and each wake looks at lies together.
        self._tick_ns = now_ns
        self.expiry_ns = NEVER_NS
        """When a SYNCED clock stops being so, unless `wake` finds newer readings."""
        self.revision = 0
        """Grows whenever `timeline` or `is_synced` changes."""
        self._exchanges: dict[PeerId, Exchange] = {}
        self.is_synced = False
        self.is_showing = False
        """Set by the owner: a certified value is selected, so the clock must not step."""
        self.timeline = Timeline(now_ns, floor_us) if voters else None
        self._windows = [Window(config, voter) for voter in voters if voter != me]
        self._config = config
        self._correct_ns = now_ns
        self.away = 0
        """Set by the owner: the voters it has not heard for long, for the other voters to know."""
        self.apart: Strangers = ()
        """Set by the owner: whom the time is not told, since it is none of their circle's."""
        self._reserved_us = floor_us
        self.error_us = 0
        self._search_gap_ns = config.burst_tick_ns
        self._own = _ALONE if me in voters else _NOBODY
        self._quorum = quorum
        self._faults = faults
        self._crystal_ppb = 0
        self._followed_us = now_ns // _NS_PER_US
        self._me = me
        self._watched = _NO_WINDOWS
        self._burst_left = config.burst_ticks
        self._sprint_left = config.sprint_ticks
        self._search = Search(config, self._followed_us)
        self._search.follow(self._own, len(self._windows), quorum, faults)

    def follow(
        self, voters: tuple[PeerId, ...], quorum: int, *, watched: tuple[PeerId, ...], now_ns: int
    ) -> None:
        """Go over to other voters; `watched` may become voters, so they are read already.

        Readings of whoever stays or was watched are kept, so a change of voters costs no time
        without light. f is what the quorum of so many voters follows from.
        """
        faults = (len(voters) - 1) // 3
        assert 2 * faults < quorum <= len(voters)
        self._read_all()
        self._quorum, self._faults = quorum, faults
        self._own = _ALONE if self._me in voters else _NOBODY
        config, me = self._config, self._me
        known = {window.voter: window for window in self._windows + self._watched}
        self._windows = [known.get(v) or Window(config, v) for v in voters if v != me]
        others = [w for w in watched if w not in voters and w != me]
        self._watched = [known.get(w) or Window(config, w) for w in others]
        for exchange in self._exchanges.values():
            self._look_up(exchange)
        self._search.follow(self._own, len(self._windows), quorum, faults)
        if self.is_synced:
            self.expiry_ns = self._expiry(now_ns)

    def connected(self, peer: PeerId, now_ns: int) -> list[Effect]:
        """Greet a new neighbour; a voter among them is worth a burst."""
        exchange = Exchange(self._config, peer, now_ns)
        self._exchanges[peer] = exchange
        self._look_up(exchange)
        window = exchange.window
        if window is not None:
            exchange.heard_ns = now_ns
            window.unsettle(now_ns // _NS_PER_US)
            self._hasten(now_ns)
        effects: list[Effect] = []
        circle_us = self.publish_us(now_ns, effects)
        return [*effects, self._send(exchange, circle_us, now_ns)]

    def disconnected(self, peer: PeerId) -> None:
        """Forget the exchange; a voter's readings stay good until they are too old."""
        self._exchanges.pop(peer, None)

    def handle_clock(self, message: Clock, sender: PeerId, now_ns: int) -> list[Effect]:
        """Take a reading, if it is one; answer if asked to.

        While SYNCED nothing waits for a reading before the next tick, so it is only kept.
        """
        exchange = self._exchanges.get(sender)
        if exchange is None:
            return []
        exchange.read()
        window = exchange.window
        if window is not None:
            if not self.is_synced and now_ns - exchange.heard_ns > self._config.silence_ns:
                self._hasten(now_ns)
            if window.says(is_synced=message.is_synced):
                self._correct_ns = now_ns
        exchange.hear(message, now_ns)
        if not self.is_synced:
            exchange.read()
        effects: list[Effect] = []
        if message.wants_reply and exchange.may_answer(now_ns):
            circle_us = self.publish_us(now_ns, effects)
            effects.append(self._send(exchange, circle_us, now_ns, is_answer=True))
        return effects

    def take_relayed(self, voter: PeerId, told: relayed.Relayed, now_ns: int) -> None:
        """Take what a voter without an own link told over others."""
        window = window_of(self._windows, voter) or window_of(self._watched, voter)
        if window is None:
            return
        if relayed.read(window, told, self._config, now_ns):
            self._correct_ns = now_ns
        if not self.is_synced:
            self._tick_ns = min(self._tick_ns, now_ns + self._config.burst_tick_ns)

    def heard_at(self, voter: PeerId, circle_us: int, now_ns: int) -> int:
        """Count a voter as heard when the own SYNCED clock showed what it signed; return when."""
        window, line = window_of(self._windows, voter), self.timeline
        if window is None or line is None or not self.is_synced:
            return now_ns
        spoke_ns = min(now_ns, line.local_at(circle_us))
        window.spoke_us = max(window.spoke_us, spoke_ns // _NS_PER_US)
        return spoke_ns

    def wake(self, now_ns: int) -> list[Effect]:
        """Correct the clock and send what is due."""
        effects: list[Effect] = []
        if now_ns < self.deadline_ns():
            return effects
        self._read_all()
        if self.timeline is not None and now_ns >= min(self._correct_ns, self.expiry_ns):
            self._correct(self.timeline, now_ns, effects)
        circle_us = self.publish_us(now_ns, effects)
        pace_ns = self._pace_ns(now_ns)
        self._tick_ns = now_ns + pace_ns
        self._search_gap_ns = pace_ns
        soon_ns = now_ns + pace_ns // 2
        for exchange in self._exchanges.values():
            if exchange.due_ns <= soon_ns:
                effects.append(self._send(exchange, circle_us, now_ns))
        return effects

    def deadline_ns(self) -> int:
        """Return when `wake` has something to do."""
        return self._tick_ns if self._tick_ns < self.expiry_ns else self.expiry_ns

    def delay_us(self) -> int:
        """Return the one-way delay that all but f voters keep to; liars cannot make it longer."""
        delays_us = sorted([window.delay_us for window in self._windows])
        return delays_us[-1 - self._faults] if len(delays_us) > self._faults else 0

    def quorum_heard_until_ns(self, window_ns: int) -> int:
        """Return until when q voters, this one included, count as heard within `window_ns`.

        Each is counted from a time before which its answer cannot have left it, so that neither
        delay nor repetition makes it count for longer (LSE-007).
        """
        needed = self._quorum - len(self._own)
        if needed == 0:
            return NEVER_NS
        self._read_all()
        spoke_us = sorted([window.spoke_us for window in self._windows])
        return spoke_us[-needed] * _NS_PER_US + window_ns

    def _look_up(self, exchange: Exchange) -> None:
        window = window_of(self._windows, exchange.peer)
        exchange.is_voter = window is not None
        exchange.window = window or window_of(self._watched, exchange.peer)

    def _read_all(self) -> None:
        for exchange in self._exchanges.values():
            exchange.read()

    def _hasten(self, now_ns: int) -> None:
        """Allow a burst, unless SYNCED: news of a voter may complete a quorum."""
        if not self.is_synced and self._windows:
            self._burst_left = self._config.burst_ticks
            self._sprint_left = max(self._sprint_left, self._config.sprint_more_ticks)
            self._search_gap_ns = self._config.burst_tick_ns
            soon_ns = now_ns + self._config.burst_tick_ns
            self._tick_ns = min(self._tick_ns, soon_ns)
            for exchange in self._exchanges.values():
                if exchange.due_ns > soon_ns and exchange.is_wanted(now_ns):
                    exchange.due_ns = soon_ns

    def _is_in_doubt(self) -> bool:
        """Return whether a little more error would cost being SYNCED: time for more readings."""
        return 4 * self.error_us > 3 * self._config.guard_us

    def _pace_ns(self, now_ns: int) -> int:
        config = self._config
        if self.timeline is None:
            return config.neighbour_tick_ns
        if self.is_synced:
            return config.doubt_tick_ns if self._is_in_doubt() else config.tick_ns
        answering, is_wanted = len(self._own), False
        for exchange in self._exchanges.values():
            if now_ns - exchange.heard_ns <= config.silence_ns:
                answering += exchange.is_voter
                is_wanted = is_wanted or exchange.is_wanted(now_ns)
        if self._burst_left == 0 or answering < self._quorum:
            return config.idle_tick_ns
        self._burst_left -= 1
        if not is_wanted:
            return config.search_tick_ns
        self._sprint_left -= 1
        return config.burst_tick_ns if self._sprint_left >= 0 else config.search_tick_ns

    def _send(
        self, exchange: Exchange, circle_us: int | None, now_ns: int, *, is_answer: bool = False
    ) -> Send:
        """Return the next CLOCK to one neighbour, and settle when the one after it is due."""
        config, peer = self._config, exchange.peer
        asks, away = False, self.away if exchange.is_voter else 0
        if exchange.window is None:
            gap_ns = config.neighbour_tick_ns
        elif self.is_synced and not self._is_in_doubt():
            gap_ns = config.tick_ns
        else:
            asks = not is_answer and now_ns - exchange.heard_ns > config.ask_after_ns
            if self.is_synced:
                gap_ns = config.doubt_tick_ns
            elif now_ns - exchange.heard_ns > config.silence_ns:
                gap_ns = config.idle_tick_ns
            elif exchange.is_wanted(now_ns):
                gap_ns = self._search_gap_ns
            else:
                gap_ns = config.search_tick_ns
        exchange.due_ns = now_ns + gap_ns
        if peer in self.apart:
            return Send(peer, exchange.compose(now_ns, None, False, asks=asks, away=away))
        return Send(peer, exchange.compose(now_ns, circle_us, self.is_synced, asks=asks, away=away))

    def publish_us(self, now_ns: int, effects: list[Effect]) -> int | None:
        """Return the circle time to tell, kept well below what the journal has reserved."""
        if self.timeline is None:
            return None
        circle_us = self.timeline.at(now_ns)
        if circle_us + self._config.reserve_margin_us > self._reserved_us:
            self._reserved_us = circle_us + self._config.reserve_us
            effects.append(Persist(records.encode(records.ClockReserved(self._reserved_us))))
        return circle_us

    def _correct(self, timeline: Timeline, now_ns: int, effects: list[Effect]) -> None:
        """Compare with the voters and follow them, or find them again.

        A search takes fresh readings only: an old one speaks of a time that may be over.
        """
        self._correct_ns = now_ns
        now_us = now_ns // _NS_PER_US
        circle_us = timeline.at(now_ns)
        config = self._config
        fresh_us = now_us - (config.reading_age_us if self.is_synced else config.fresh_us)
        voices = []
        for window in self._windows:
            if window.sent_us >= fresh_us:
                reading = window.read(now_us, circle_us)
                if reading is not None and reading.error_us <= config.guard_us:
                    voices.append(reading)
        if self.is_synced:
            self._follow([voice for voice in voices if voice.is_synced], now_ns, effects)
        elif not self.is_showing:
            move = self._search.move(voices, now_us)
            if move is not None:
                self._apply(move, now_ns, effects)

    def _apply(self, move: Move, now_ns: int, effects: list[Effect]) -> None:
        """Step a clock that is not SYNCED; declare it SYNCED when the search says so."""
        if move.step_us:
            self._set_line(now_ns, move.step_us, self._crystal_ppb)
            if abs(move.step_us) > self._config.guard_us:
                effects.append(Notice(Event.CLOCK_STEPPED, detail=f"step_us={move.step_us}"))
        self.error_us = move.error_us
        if not move.is_found:
            return
        # At least q of the fresh readings agreed; all count as old as the oldest of them may be.
        now_us = now_ns // _NS_PER_US
        fresh_us = now_us - self._config.fresh_us
        for window in self._windows:
            if window.sent_us >= fresh_us:
                window.counted_us = max(window.counted_us, fresh_us)
            window.has_fallen = False
        self.is_synced = True
        self.revision += 1
        self._followed_us = now_us
        self.expiry_ns = self._expiry(now_ns)
        effects.append(Notice(Event.CLOCK_SYNCED, detail=f"error_us={move.error_us}"))

    def _follow(self, synced: list[Reading], now_ns: int, effects: list[Effect]) -> None:
        """Correct a SYNCED clock, or give up being SYNCED."""
        config = self._config
        now_us = now_ns // _NS_PER_US
        readings = synced + self._own
        offset_us = 0
        if len(readings) >= self._quorum:
            middle = midpoint(readings, self._faults)
            offset_us = middle.offset_us
            self.error_us = abs(offset_us) + middle.error_us
        else:
            aged_us = now_us - self._followed_us
            self.error_us += -(-aged_us * config.error_growth_ppm // _PPM)
        self._followed_us = now_us
        self.expiry_ns = self._expiry(now_ns)
        fallen = sum([window.has_fallen for window in self._windows])
        has_company = len(self._windows) + len(self._own) - fallen > self._faults
        if self.error_us > config.guard_us or self.expiry_ns <= now_ns or not has_company:
            self._lose(now_ns, effects)
            return
        if not self._is_in_doubt():
            self._correct_ns = now_ns + config.correct_ns
        # What the readings may be wrong by is no reason to move.
        if abs(offset_us) * config.noise_part <= self.error_us:
            offset_us = 0
        if not self.is_showing and abs(offset_us) > config.step_us:
            self._set_line(now_ns, offset_us, self._crystal_ppb)
        else:
            self._slew(offset_us, now_ns)

    def _slew(self, offset_us: int, now_ns: int) -> None:
        """Spread a correction over the horizon, and learn the rate at which it keeps returning.

        The line stays as it is for a trifle: a new one costs every lamp a message.
        """
        config = self._config
        assert self.timeline is not None
        most_ppb = config.slew_ppb_max
        pull_ppb = offset_us * 1_000_000 // config.slew_horizon_ms
        pull_ppb = max(-most_ppb, min(most_ppb, pull_ppb))
        crystal_ppb = self._crystal_ppb + pull_ppb // config.crystal_ticks
        self._crystal_ppb = max(-config.crystal_ppb_max, min(config.crystal_ppb_max, crystal_ppb))
        rate_ppb = max(-most_ppb, min(most_ppb, self._crystal_ppb + pull_ppb))
        if abs(rate_ppb - self.timeline.rate_ppb) >= config.slew_deadband_ppb:
            self._set_line(now_ns, 0, rate_ppb)

    def _set_line(self, now_ns: int, step_us: int, rate_ppb: int) -> None:
        assert self.timeline is not None
        assert step_us == 0 or not self.is_showing, "a clock that is showing never steps"
        circle_us = max(0, self.timeline.at(now_ns) + step_us)
        self.timeline = Timeline(now_ns, circle_us, rate_ppb)
        self.revision += 1

    def _expiry(self, now_ns: int) -> int:
        """Return when fewer than q voters, this one included, will have been heard of late."""
        needed = self._quorum - len(self._own)
        if needed == 0:
            return NEVER_NS
        counted_us = sorted([window.counted_us for window in self._windows])
        last_us = counted_us[-needed] + self._config.reading_age_us
        return max((last_us + 1) * _NS_PER_US, now_ns)

    def _lose(self, now_ns: int, effects: list[Effect]) -> None:
        """Stop being SYNCED: the owner goes dark, then the clock may step."""
        self.is_synced = False
        self.revision += 1
        self.expiry_ns = NEVER_NS
        self._search.restart()
        self._sprint_left = self._config.sprint_ticks
        self._hasten(now_ns)
        effects.append(Notice(Event.CLOCK_LOST, detail=f"error_us={self.error_us}"))
