"""Figures of a run: who showed certified light when, and how long everybody waited for it.

A device is *able* while q voters of its circle are on and in range of it, itself included, who are
honest and remember what they signed, and its wearer consents. Shares are of able devices.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from smilesim.device import NO_TICK, Device, SimCircle
from smilesim.engine import TICKS_PER_SECOND

GAP_TICKS = 100
"""Between two leases no certified value is selected for 2g; 100 ms cover it and the tick."""

GAP_SPARE_TICKS = 60
US_PER_MS = 1_000

SETTLED_TICKS = 7 * TICKS_PER_SECOND
"""Who has been able for this long has no excuse left: twice the slowest of 2,000 restarts."""


@dataclass(slots=True)
class Lamp:
    """What the measures remember of one device's light."""

    is_selected: bool = False
    since_tick: int = 0
    lit_ticks: int = 0
    last_tick: int = NO_TICK
    waits_since: int = NO_TICK
    wait_kind: str = ""
    able_since: int = NO_TICK


@dataclass(frozen=True, slots=True)
class Waits:
    """How long devices waited for one thing, and how many still did at the end."""

    count: int
    missing: int
    p50_s: float
    p95_s: float
    p99_s: float
    max_s: float


class Measure:
    """Follows scenes and power, and samples everybody now and then."""

    def __init__(self, devices: list[Device]) -> None:
        self._devices = devices
        self._lamps = [Lamp() for _ in devices]
        self._waits: dict[str, list[int]] = {}
        self._dark_ticks: list[int] = []
        self._cut_tick = NO_TICK
        self._stranded: dict[int, int] = {}
        self._lit = 0
        self._able = 0
        self._sampled_tick = 0
        self.share_by_second: list[float] = []

    def shown(self, device: Device, *, is_selected: bool, tick: int) -> None:
        """The lamp's input changed."""
        lamp = self._lamps[device.index]
        if lamp.is_selected:
            lamp.last_tick = tick
            lamp.lit_ticks += tick - lamp.since_tick
        lamp.since_tick = tick
        lamp.is_selected = is_selected
        if is_selected and lamp.waits_since != NO_TICK:
            self._waits.setdefault(lamp.wait_kind, []).append(tick - lamp.waits_since)
            lamp.waits_since = NO_TICK

    def powered_on(self, device: Device, tick: int) -> None:
        """From now on the device wants to show its circle's light."""
        if not device.is_villain:
            self._wait(device, "commit" if device.boots == 1 else "recommit", tick)

    def powered_off(self, device: Device, tick: int) -> None:
        """The lamp is dark, and nobody waits for it."""
        self.shown(device, is_selected=False, tick=tick)
        lamp = self._lamps[device.index]
        lamp.waits_since = lamp.able_since = NO_TICK

    def stranded(self, devices: Iterable[Device], tick: int) -> None:
        """These devices lost their quorum at `tick`; who is in another circle may go on there."""
        self._cut_tick = tick
        self._stranded = {device.index: tick for device in devices if device.wearer is None}

    def healed(self, tick: int) -> None:
        """They have it back."""
        for index in self._stranded:
            lamp = self._lamps[index]
            last = tick if lamp.is_selected else lamp.last_tick
            self._dark_ticks.append(max(0, last - self._cut_tick))
            self._wait(self._devices[index], "recommit", tick)

    def sample(self, tick: int) -> None:
        """Look at everybody: who is able, and who shows certified light."""
        lit = able = 0
        far = far_reach(self._devices)
        for device, lamp in zip(self._devices, self._lamps, strict=True):
            lit_ticks = self._take_lit(lamp, tick)
            if not is_able(device, self._devices, far):
                lamp.able_since = NO_TICK
                continue
            if lamp.able_since == NO_TICK:
                lamp.able_since = tick
            elif lamp.last_tick != NO_TICK:
                self._able += tick - self._sampled_tick
                self._lit += lit_ticks
            able += 1
            lit += _is_lit(lamp, tick, _gap_ticks(device))
        self._sampled_tick = tick
        self.share_by_second.append(round(lit / able, 4) if able else 0.0)

    def able_since(self, device: Device) -> int:
        """Return since when the device has been able, as last sampled; NO_TICK if it is not."""
        return self._lamps[device.index].able_since

    def was_lit_since(self, device: Device, tick: int) -> bool:
        """Has the device had certified light at `tick` or later?"""
        lamp = self._lamps[device.index]
        return lamp.is_selected or lamp.last_tick >= tick

    def lit_share(self) -> float:
        """Return the share of able device time with certified light, after the first lease."""
        return self._lit / self._able if self._able else 0.0

    def end_share(self, tick: int) -> float:
        """Return who has certified light at the end, of all who have been able long enough.

        In a run too short for that bound, half of the run is long enough.
        """
        lit = able = 0
        settled_ticks = min(SETTLED_TICKS, tick // 2)
        for device, lamp in zip(self._devices, self._lamps, strict=True):
            if lamp.able_since != NO_TICK and tick - lamp.able_since >= settled_ticks:
                able += 1
                lit += _is_lit(lamp, tick, _gap_ticks(device))
        return lit / able if able else 0.0

    def waits(self, kind: str, tick: int) -> Waits | None:
        """Return how long the waits of one kind took, None if there were none.

        Who still waits counts as missing once it has been able for long enough.
        """
        done = self._waits.get(kind, ())
        missing = sum(
            lamp.wait_kind == kind
            and lamp.waits_since != NO_TICK
            and lamp.able_since != NO_TICK
            and tick - max(lamp.able_since, lamp.waits_since) >= SETTLED_TICKS
            for lamp in self._lamps
        )
        return waits_of(done, missing)

    def waited_ticks(self, kind: str) -> list[int]:
        """Return the waits of one kind that ended, in ticks, in the order they ended."""
        return self._waits.get(kind, [])

    def dark_s(self) -> float | None:
        """Return the longest time a stranded device kept a certified value, None if none was."""
        return max(self._dark_ticks) / TICKS_PER_SECOND if self._dark_ticks else None

    def _take_lit(self, lamp: Lamp, tick: int) -> int:
        """Return for how many ticks the lamp was lit since this was asked last."""
        if lamp.is_selected:
            lamp.lit_ticks += tick - lamp.since_tick
            lamp.since_tick = tick
        taken, lamp.lit_ticks = lamp.lit_ticks, 0
        return taken

    def _wait(self, device: Device, kind: str, tick: int) -> None:
        lamp = self._lamps[device.index]
        if not lamp.is_selected:
            lamp.waits_since = tick
            lamp.wait_kind = kind


def waits_of(ticks: Sequence[int], missing: int = 0) -> Waits | None:
    """Return the figures of waits that took so long, None if there were none."""
    done = sorted(ticks)
    if not done and not missing:
        return None
    return Waits(
        count=len(done),
        missing=missing,
        p50_s=quantile_s(done, 50),
        p95_s=quantile_s(done, 95),
        p99_s=quantile_s(done, 99),
        max_s=quantile_s(done, 100),
    )


def is_able(device: Device, devices: list[Device], far: Mapping[int, int]) -> bool:
    """Return whether q voters are on and in range of `device`, and its wearer is willing.

    `far`: how many each device of a spread circle reaches, over others too.
    """
    circle = device.circle
    if circle is None or not device.is_on or not device.is_willing or device.is_villain:
        return False
    if circle.is_spread:
        return far[device.index] >= circle.quorum
    inbound, quorum, reached = device.inbound, circle.quorum, 0
    for member in circle.voters:
        link = inbound.get(member)
        is_near = member == device.index if link is None else link.is_reachable
        if is_near and _is_voter(devices[member], circle):
            reached += 1
            if reached >= quorum:
                return True
    return False


def far_reach(devices: list[Device]) -> dict[int, int]:
    """Return how many voters each device of a spread circle is connected with.

    Itself counts. Over devices of the same circle that are on, honest, and in range both ways.
    """
    found: dict[int, int] = {}
    for device in devices:
        circle = device.circle
        if circle is None or not circle.is_spread or device.index in found:
            continue
        part, edge = {device.index}, [device] if device.is_on else []
        while edge:
            near = edge.pop()
            for source, way in near.inbound.items():
                other = devices[source]
                is_open = way.is_reachable and other.inbound[near.index].is_reachable
                is_passing = other.is_on and other.circle is circle and not other.is_villain
                if is_open and is_passing and source not in part:
                    part.add(source)
                    edge.append(other)
        voters = sum(
            member in part and _is_voter(devices[member], circle) for member in circle.voters
        )
        found.update(dict.fromkeys(part, voters))
    return found


def _is_voter(device: Device, circle: SimCircle) -> bool:
    """Can the circle count on this device's votes?"""
    is_here = device.circle is circle and not device.has_abandoned
    return is_here and device.is_on and not device.is_amnesic and not device.is_villain


def _is_lit(lamp: Lamp, tick: int, gap_ticks: int) -> bool:
    """Does the lamp have certified light, or is it between two leases?"""
    if lamp.is_selected:
        return True
    return lamp.last_tick != NO_TICK and tick - lamp.last_tick <= gap_ticks


def _gap_ticks(device: Device) -> int:
    """Return how long certified light may pause between two leases: longer with a wider guard."""
    if device.circle is None or not device.circle.followers:
        return GAP_TICKS
    guard_ms = device.circle.genesis.parameters.guard_us // US_PER_MS
    return max(GAP_TICKS, 2 * guard_ms + GAP_SPARE_TICKS)


def quantile_s(ordered: Sequence[int], percent: int) -> float:
    """Return the value, in seconds, that `percent` of the sorted ticks do not exceed; 0 of none."""
    if not ordered:
        return 0.0
    return ordered[(len(ordered) - 1) * percent // 100] / TICKS_PER_SECOND
