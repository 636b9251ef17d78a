"""After the last fault: light must come back, and the circles must go on deciding.

Judged apart from what a scenario expects, and the same for every scenario. A device's bounds run
from the moment it is able again (`measure.py`), at the earliest from the end of the last fault.
Devices are looked at about once a second, so a bound may be overrun by that much unnoticed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from smilesim.checks import Checks
from smilesim.device import NO_TICK, Device
from smilesim.engine import TICKS_PER_SECOND
from smilesim.fate import DELAY_MASK, LOST, Weather, fates_of
from smilesim.faults.table import over_s
from smilesim.scenario import PPM_PER_PERCENT, Scenario

LIGHT_S = 15
"""The slowest row of the fault matrix that the simulator must meet: a hundred restarts at once."""

LEASE_S = 16
"""The longest lease; a circle that goes on decides at least one slot in each."""

SLOTS = 3
PROGRESS_S = LIGHT_S + SLOTS * LEASE_S

LOSS_PPM_MAX = 40 * PPM_PER_PERCENT
ROUND_TRIP_MS_MAX = 40
"""Standing weather in which a circle must find together: the loss of the fault matrix, and a
mean round trip whose half is within the guard of 20 ms, or no clock reading is good enough."""

LIGHT_RULE, PROGRESS_RULE = "light-returns", "slots-go-on"


def healed_s(scenario: Scenario) -> float | None:
    """Return when the last fault is over, 0 without faults; None if the weather never lets up."""
    weather = scenario.weather
    if weather.loss_ppm + weather.damage_ppm > LOSS_PPM_MAX:
        return None
    if mean_round_trip_ms(weather) > ROUND_TRIP_MS_MAX:
        return None
    return max(map(over_s, scenario.faults), default=0.0)


@lru_cache
def mean_round_trip_ms(weather: Weather) -> float:
    """Return how long there and back takes what arrives, the held back and the late included."""
    delays_ms = [fate & DELAY_MASK for fate in fates_of(weather) if fate != LOST]
    return 2 * sum(delays_ms) / len(delays_ms)


@dataclass(slots=True)
class Recovery:
    """What one device owes since it is able. `slot` is the highest its circle had decided then."""

    since_tick: int
    slot: int
    is_lit: bool = False
    has_progressed: bool = False


class Liveness:
    """Follows every device from the end of the last fault on.

    What it counts as judged are devices that kept a promise in full, or broke it; who is still
    within its bounds when the run ends is not among them.
    """

    def __init__(self, scenario: Scenario, devices: Sequence[Device], checks: Checks) -> None:
        healed = healed_s(scenario)
        self._healed_tick = None if healed is None else int(healed * TICKS_PER_SECOND)
        self._devices = devices
        self._votes = checks.votes
        self._measure = checks.measure
        self._violations = checks.violations
        self._recoveries: list[Recovery | None] = [None] * len(devices)

    def sample(self, tick: int) -> None:
        """Look at every device that is able; call it right after the measures were sampled."""
        if self._healed_tick is None or tick < self._healed_tick:
            return
        for device in self._devices:
            circle, able_tick = device.circle, self._measure.able_since(device)
            if circle is None or able_tick == NO_TICK:
                continue
            recovery = self._recoveries[device.index]
            if recovery is None or recovery.since_tick < able_tick:
                recovery = Recovery(tick, self._votes.decided_slots(circle))
                self._recoveries[device.index] = recovery
            self._judge_light(device, recovery, tick)
            self._judge_progress(device, recovery, tick)

    def _judge_light(self, device: Device, recovery: Recovery, tick: int) -> None:
        if recovery.is_lit:
            return
        is_lit = self._measure.was_lit_since(device, recovery.since_tick)
        if is_lit or tick - recovery.since_tick > LIGHT_S * TICKS_PER_SECOND:
            recovery.is_lit = True
            self._violations.judged[LIGHT_RULE] += 1
        if recovery.is_lit and not is_lit:
            detail = f"no certified light in {LIGHT_S} s since it could"
            self._violations.add(LIGHT_RULE, tick, device.index, detail)

    def _judge_progress(self, device: Device, recovery: Recovery, tick: int) -> None:
        if recovery.has_progressed:
            return
        decided = max(0, self._votes.decided_slot(device) - recovery.slot)
        after_s = (tick - recovery.since_tick) / TICKS_PER_SECOND
        due = min(SLOTS, int((after_s - LIGHT_S) / LEASE_S))
        if decided >= SLOTS or decided < due:
            recovery.has_progressed = True
            self._violations.judged[PROGRESS_RULE] += 1
        if decided < due:
            detail = f"decided {decided} slots in {after_s:.0f} s since it could, {due} are due"
            self._violations.add(PROGRESS_RULE, tick, device.index, detail)
