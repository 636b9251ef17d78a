"""A room of circle clocks: seeded delays, crystals, loss, cuts, power loss and liars."""

import heapq
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from smilesync.clock.sync import CircleClock
from smilesync.config import ClockConfig
from smilesync.effects import Effect, Persist, Send
from smilesync.ids import PeerId
from smilesync.wire import records
from smilesync.wire.messages import Clock

MS = 1_000_000
SECOND = 1_000_000_000

Lie = Callable[[Clock, int, int], Clock]
"""Message, index of the receiver, true ns -> what is sent instead."""


@dataclass(slots=True)
class Device:
    """One device with its crystal; its journal holds the clock reservation only."""

    index: int
    ppm: int
    boot_ns: int
    clock: CircleClock
    reserved_us: int = 0
    is_on: bool = False
    lie: Lie | None = None
    shows: bool = False
    generation: int = 0
    messages: int = 0
    notes: list[tuple[int, bool]] = field(default_factory=list)


class Room:
    """Voters first, then listeners, all in one room."""

    def __init__(
        self,
        voters: int,
        *,
        listeners: int = 0,
        seed: int = 1,
        delay_ns: tuple[int, int] = (10 * MS, 10 * MS),
        loss: float = 0.0,
        ppm: int = 100,
        config: ClockConfig | None = None,
    ) -> None:
        self.config = config or ClockConfig()
        self.random = random.Random(seed)
        self.now_ns = 0
        self.delay_ns = delay_ns
        self.loss = loss
        self.faults = max(0, voters - 1) // 3
        self.quorum = (voters + self.faults) // 2 + 1 if voters else 1
        self.names = [PeerId(bytes([i + 1]) * 32) for i in range(voters + listeners)]
        self.voters = tuple(self.names[:voters])
        self.cut: set[tuple[int, int]] = set()
        self.queue: list[tuple[int, int, Callable[[], None]]] = []
        self.ticket = 0
        self.devices: list[Device] = []
        for index in range(voters + listeners):
            crystal = self.random.randint(-ppm, ppm)
            boot_ns = self.random.randrange(3600 * SECOND)
            device = Device(index, crystal, boot_ns, self._clock(index, 0, boot_ns))
            self.devices.append(device)

    def _clock(self, index: int, floor_us: int, local_ns: int) -> CircleClock:
        return CircleClock(
            self.config,
            self.names[index],
            voters=self.voters,
            quorum=self.quorum,
            faults=self.faults,
            floor_us=floor_us,
            now_ns=local_ns,
        )

    def local_ns(self, device: Device) -> int:
        return device.boot_ns + self.now_ns + self.now_ns * device.ppm // 1_000_000

    def true_ns(self, device: Device, local_ns: int) -> int:
        elapsed = local_ns - device.boot_ns
        return elapsed - elapsed * device.ppm // 1_000_000 + 1_000

    def at(self, when_ns: int, action: Callable[[], None]) -> None:
        self.ticket += 1
        heapq.heappush(self.queue, (max(when_ns, self.now_ns), self.ticket, action))

    def start(self, indices: Iterable[int] | None = None) -> None:
        """Power up: first wake, then links to everybody who is on."""
        chosen = list(range(len(self.devices)) if indices is None else indices)
        for index in chosen:
            device = self.devices[index]
            device.is_on = True
            self.execute(device, device.clock.wake(self.local_ns(device)))
        for index in chosen:
            for other in self.devices:
                if other.is_on and other.index != index and not self.is_cut(index, other.index):
                    self.link(index, other.index)
                    if other.index not in chosen:
                        self.link(other.index, index)

    def link(self, index: int, other: int) -> None:
        device = self.devices[index]
        effects = device.clock.connected(self.names[other], self.local_ns(device))
        self.execute(device, effects)

    def power_off(self, indices: Iterable[int]) -> None:
        for index in indices:
            self.devices[index].is_on = False
            self.devices[index].generation += 1

    def power_on(self, indices: Iterable[int], ahead_us: int = 0) -> None:
        """Restart from the journal; `ahead_us` stands for leases known to end that much later."""
        chosen = list(indices)
        for index in chosen:
            device = self.devices[index]
            device.generation += 1
            floor_us = device.reserved_us + ahead_us
            device.clock = self._clock(index, floor_us, self.local_ns(device))
        self.start(chosen)

    def is_cut(self, source: int, target: int) -> bool:
        return (source, target) in self.cut

    def separate(self, one: Iterable[int], other: Iterable[int]) -> None:
        others = list(other)
        for a in one:
            for b in others:
                self.cut |= {(a, b), (b, a)}

    def heal(self) -> None:
        self.cut.clear()

    def execute(self, device: Device, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Persist):
                record = records.decode(effect.record)
                assert isinstance(record, records.ClockReserved)
                assert record.until_us > device.reserved_us or device.reserved_us == 0
                device.reserved_us = record.until_us
            elif isinstance(effect, Send):
                assert isinstance(effect.message, Clock)
                circle_us = effect.message.circle_us
                assert (circle_us is None) == (not self.voters)
                assert circle_us is None or circle_us < device.reserved_us
                self.transmit(device, effect.to, effect.message)
        if device.shows:
            device.clock.is_showing = device.clock.is_synced
        if not device.notes or device.notes[-1][1] != device.clock.is_synced:
            device.notes.append((self.now_ns, device.clock.is_synced))
        deadline_ns = device.clock.deadline_ns()
        generation = device.generation
        when_ns = self.true_ns(device, deadline_ns)

        def wake() -> None:
            if device.is_on and device.generation == generation:
                now = self.local_ns(device)
                if now >= device.clock.deadline_ns():
                    effects = device.clock.wake(now)
                    assert device.clock.deadline_ns() > now
                    self.execute(device, effects)

        self.at(when_ns, wake)

    def transmit(self, device: Device, to: PeerId, message: Clock) -> None:
        target = self.devices[self.names.index(to)]
        device.messages += 1
        if device.lie is not None:
            message = device.lie(message, target.index, self.now_ns)
        if self.is_cut(device.index, target.index) or self.random.random() < self.loss:
            return
        delay_ns = self.random.randint(*self.delay_ns)
        generation = target.generation

        def deliver() -> None:
            if target.is_on and target.generation == generation:
                sender = self.names[device.index]
                effects = target.clock.handle_clock(message, sender, self.local_ns(target))
                self.execute(target, effects)

        self.at(self.now_ns + delay_ns, deliver)

    def run(self, span_ns: int, check: Callable[[], None] | None = None) -> None:
        until_ns = self.now_ns + span_ns
        while self.queue and self.queue[0][0] <= until_ns:
            when_ns, _, action = heapq.heappop(self.queue)
            self.now_ns = when_ns
            action()
            if check is not None:
                check()
        self.now_ns = until_ns

    def run_until_synced(self, indices: Iterable[int], limit_ns: int) -> int:
        """Return how long it took until all of them were SYNCED."""
        begin_ns = self.now_ns
        chosen = [self.devices[index] for index in indices]
        while not all(device.clock.is_synced for device in chosen):
            assert self.now_ns - begin_ns < limit_ns, "not SYNCED in time"
            self.run(5 * MS)
        return self.now_ns - begin_ns

    def circle_us(self, device: Device) -> int:
        assert device.clock.timeline is not None
        return device.clock.timeline.at(self.local_ns(device))

    def synced(self) -> list[Device]:
        return [d for d in self.devices if d.is_on and d.lie is None and d.clock.is_synced]

    def spread_us(self) -> int:
        """Return the largest difference between honest SYNCED clocks now."""
        times_us = [self.circle_us(device) for device in self.synced()]
        return max(times_us) - min(times_us) if times_us else 0

    def check_bound(self) -> None:
        """What the display theorem rests on: SYNCED clocks differ by at most 2g."""
        spread_us = self.spread_us()
        assert spread_us <= 2 * self.config.guard_us, f"{spread_us} us apart at {self.now_ns} ns"


def add_to_circle(message: Clock, extra_us: int) -> Clock:
    """Return the message of a liar: another circle time, and SYNCED."""
    circle_us = max(0, (message.circle_us or 0) + extra_us)
    return replace(message, circle_us=circle_us, is_synced=True)
