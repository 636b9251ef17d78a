"""Judges arousal, and nothing else, from the rhythm of a heart.

z = (median heart rate of the last 60 s - the wearer's own resting median) / spread, where resting
means at least ten clean minutes and spread = max(1.48 MAD, 4 beats/min). Above 1.5 the wearer may
be activated, below -0.5 calm. No valence: heart rate does not know whether a surprise was nice.
Whatever weakens the evidence (contact lost, artefacts, movement) makes the judgement *unknown*,
never a guess; and a judgement must hold for 30 s before it becomes a hint.
"""

import statistics
from collections import deque
from dataclasses import dataclass
from enum import Enum

WINDOW_MS = 60_000
WINDOW_FILLED_MS = 55_000
RESTING_MS = 600_000
HOLD_MS = 30_000
ACTIVATED_Z = 1.5
CALM_Z = -0.5
SPREAD_BPM_MIN = 4.0
MAD_TO_SIGMA = 1.48
ARTEFACT_SHARE_MAX = 0.05
CONTACT_LOST_MS = 2_000
INTERVAL_MS_MIN = 300
# Missed and extra beats change an interval by half and more. Breathing alone was seen to change
# one by a quarter in the sample recording, so a tighter gate would reject healthy rhythm.
ARTEFACT_CHANGE = 0.30
NEIGHBOURS = 10
MS_PER_MINUTE = 60_000


class Judgement(Enum):
    """What the rhythm says about arousal."""

    UNKNOWN = "unknown"
    NEITHER = "neither"
    CALM = "calm"
    ACTIVATED = "activated"


@dataclass(frozen=True, slots=True)
class Resting:
    """The wearer's own resting heart rate, beats per minute, and how much it varies."""

    median_bpm: float
    spread_bpm: float


@dataclass(frozen=True, slots=True)
class _Beat:
    end_ms: float
    rate_bpm: float
    is_artefact: bool


class ArousalJudge:
    """Hears one interval after the other; keeps one minute and the resting figures, no history."""

    def __init__(self) -> None:
        self._now_ms = 0.0
        self._window: deque[_Beat] = deque()
        self._recent: deque[float] = deque(maxlen=NEIGHBOURS)
        self._learning: list[float] = []
        self._learned_ms = 0.0
        self._resting: Resting | None = None
        self._judgement = Judgement.UNKNOWN
        self._since_ms = 0.0
        self._hinted = Judgement.UNKNOWN

    @property
    def resting(self) -> Resting | None:
        return self._resting

    @property
    def judgement(self) -> Judgement:
        return self._judgement

    def hear(self, interval_ms: float, *, is_still: bool) -> Judgement | None:
        """Take one beat-to-beat interval; return a hint when a new one has held long enough."""
        self._now_ms += interval_ms
        if interval_ms > CONTACT_LOST_MS:
            self._forget()
        else:
            self._note(interval_ms, is_still=is_still)
        judgement = self._judge() if is_still else Judgement.UNKNOWN
        if judgement is not self._judgement:
            self._judgement, self._since_ms = judgement, self._now_ms
        if self._now_ms - self._since_ms < HOLD_MS or self._hinted is judgement:
            return None
        self._hinted = judgement
        is_hint = judgement in (Judgement.CALM, Judgement.ACTIVATED)
        return judgement if is_hint else None

    def _note(self, interval_ms: float, *, is_still: bool) -> None:
        is_artefact = interval_ms < INTERVAL_MS_MIN or self._jumps(interval_ms)
        self._recent.append(interval_ms)
        beat = _Beat(self._now_ms, MS_PER_MINUTE / interval_ms, is_artefact)
        self._window.append(beat)
        while self._window[0].end_ms < self._now_ms - WINDOW_MS:
            self._window.popleft()
        if self._resting is None and is_still and not is_artefact:
            self._learning.append(beat.rate_bpm)
            self._learned_ms += interval_ms
            if self._learned_ms >= RESTING_MS:
                self._resting = _resting_of(self._learning)
                self._learning = []

    def _jumps(self, interval_ms: float) -> bool:
        if len(self._recent) < NEIGHBOURS:
            return False
        usual_ms = statistics.median(self._recent)
        return abs(interval_ms - usual_ms) > ARTEFACT_CHANGE * usual_ms

    def _forget(self) -> None:
        """Without contact nothing of the last minute counts; resting figures stay."""
        self._window.clear()
        self._recent.clear()

    def _judge(self) -> Judgement:
        window = self._window
        if self._resting is None or not window:
            return Judgement.UNKNOWN
        if window[-1].end_ms - window[0].end_ms < WINDOW_FILLED_MS:
            return Judgement.UNKNOWN
        clean = [beat.rate_bpm for beat in window if not beat.is_artefact]
        if len(window) - len(clean) >= ARTEFACT_SHARE_MAX * len(window):
            return Judgement.UNKNOWN
        z = (statistics.median(clean) - self._resting.median_bpm) / self._resting.spread_bpm
        if z > ACTIVATED_Z:
            return Judgement.ACTIVATED
        return Judgement.CALM if z < CALM_Z else Judgement.NEITHER


def _resting_of(rates_bpm: list[float]) -> Resting:
    median_bpm = statistics.median(rates_bpm)
    deviation_bpm = statistics.median(abs(rate - median_bpm) for rate in rates_bpm)
    return Resting(median_bpm, max(MAD_TO_SIGMA * deviation_bpm, SPREAD_BPM_MIN))
