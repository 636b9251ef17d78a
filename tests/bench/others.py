"""The workload on what people use instead: SimPy, Mesa, one trio task per node.

Each in the form that its own documentation would choose, and in the fastest way we know of it.
"""

import heapq
from collections.abc import Callable

import mesa
import simpy
import trio
import trio.testing
from mesa.experimental.devs import DEVSimulator

from bench.engines import Advance
from smilesim.dice import mix
from smilesim.toy import (
    DELAY_MS_MIN,
    DELAY_MS_SPAN,
    EVENTS_PER_NODE,
    PERIOD_MS,
    Ear,
    Ping,
    Toy,
    first_beat_ms,
    neighbours,
)

DELAYS = 1 << 14
MASK = DELAYS - 1


class SimpyNode(Toy):
    """A node of callbacks; the air is a timeout."""

    def __init__(self, environment: simpy.Environment, index: int, delays: list[int]) -> None:
        Toy.__init__(self, index)
        self.environment = environment
        self.ears: list[Ear] = []
        self.delays = delays
        self.place = index * 7

    def send(self) -> None:
        ping, environment, delays = self.beat(), self.environment, self.delays
        for ear in self.ears:
            self.place = place = self.place + 1
            arrival = environment.timeout(delays[place & MASK], (ear, ping))
            arrival.callbacks.append(self.arrive)

    def fire(self, _event: simpy.Event) -> None:
        self.send()
        self.environment.timeout(PERIOD_MS).callbacks.append(self.fire)

    def arrive(self, event: simpy.Event) -> None:
        ear, ping = event.value
        ear.hear(ping, self.environment.now)


class StoreNode(SimpyNode):
    """A node of two processes; the air is a timeout that puts into the other's store."""

    def __init__(self, environment: simpy.Environment, index: int, delays: list[int]) -> None:
        super().__init__(environment, index, delays)
        self.inbox = simpy.Store(environment)

    def arrive(self, event: simpy.Event) -> None:
        ear, _ = event.value
        ear.station.inbox.put(event.value)

    def speak(self) -> simpy.events.ProcessGenerator:
        yield self.environment.timeout(first_beat_ms(self.index))
        while True:
            self.send()
            yield self.environment.timeout(PERIOD_MS)

    def listen(self) -> simpy.events.ProcessGenerator:
        while True:
            ear, ping = yield self.inbox.get()
            ear.hear(ping, self.environment.now)


def simpy_callbacks(count: int) -> Advance:
    """Return SimPy in its best form: timeouts with callbacks, no processes."""
    environment, delays = simpy.Environment(), delays_ms()
    nodes = [SimpyNode(environment, index, delays) for index in range(count)]
    for node in nodes:
        node.ears = [Ear(nodes[index]) for index in neighbours(node.index, count)]
        environment.timeout(first_beat_ms(node.index)).callbacks.append(node.fire)
    return _advance_simpy(environment, count)


def simpy_stores(count: int) -> Advance:
    """Return SimPy with two processes and a store per node."""
    environment, delays = simpy.Environment(), delays_ms()
    nodes = [StoreNode(environment, index, delays) for index in range(count)]
    for node in nodes:
        node.ears = [Ear(nodes[index]) for index in neighbours(node.index, count)]
        environment.process(node.speak())
        environment.process(node.listen())
    return _advance_simpy(environment, count)


def delays_ms() -> list[int]:
    """Return a table of delays, for engines that have no air of their own."""
    return [DELAY_MS_MIN + mix(place) % DELAY_MS_SPAN for place in range(DELAYS)]


def _advance_simpy(environment: simpy.Environment, count: int) -> Advance:
    def advance(span_ms: int) -> int:
        environment.run(until=environment.now + span_ms)
        return count * EVENTS_PER_NODE * span_ms // PERIOD_MS

    return advance


class MesaNode(mesa.Agent):
    """A node as an agent."""

    def __init__(
        self, model: mesa.Model, index: int, simulator: DEVSimulator, delays: list[int]
    ) -> None:
        super().__init__(model)
        self.toy = Toy(index)
        self.simulator = simulator
        self.ears: list[Ear] = []
        self.delays = delays
        self.place = index * 7

    def fire(self) -> None:
        ping, schedule = self.toy.beat(), self.simulator.schedule_event_relative
        for ear in self.ears:
            self.place = place = self.place + 1
            delay = float(self.delays[place & MASK])
            schedule(self.arrive, delay, function_args=[ear, ping])
        schedule(self.fire, float(PERIOD_MS))

    def arrive(self, ear: Ear, ping: Ping) -> None:
        ear.hear(ping, self.simulator.time)


def mesa_devs(count: int) -> Advance:
    """Return Mesa's discrete event simulator with an agent per node."""
    simulator, delays = DEVSimulator(), delays_ms()
    model = mesa.Model(seed=1)
    simulator.setup(model)
    nodes = [MesaNode(model, index, simulator, delays) for index in range(count)]
    for node in nodes:
        places = neighbours(node.toy.index, count)
        node.ears = [Ear(nodes[place].toy) for place in places]
        simulator.schedule_event_relative(node.fire, float(first_beat_ms(node.toy.index)))

    def advance(span_ms: int) -> int:
        simulator.run_for(float(span_ms))
        return count * EVENTS_PER_NODE * span_ms // PERIOD_MS

    return advance


class TrioNode(Toy):
    """What the task of a node knows."""

    __slots__ = ("ears",)

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.ears: list[Ear] = []


class TrioCity:
    """One trio task per node with a channel for an inbox, one task for the air, 1 ms ticks."""

    def __init__(self, count: int) -> None:
        self.nodes = [TrioNode(index) for index in range(count)]
        for node in self.nodes:
            node.ears = [Ear(self.nodes[index]) for index in neighbours(node.index, count)]
        self.channels = [trio.open_memory_channel[tuple[Ear, Ping]](100) for _ in self.nodes]
        self.air: list[tuple[int, int, Ear, Ping]] = []
        self.delays = delays_ms()
        self.number = 0

    async def node(self, node: TrioNode) -> None:
        inbox = self.channels[node.index][1]
        beat_ms = first_beat_ms(node.index)
        while True:
            with trio.move_on_at(beat_ms / 1_000):
                while True:
                    ear, ping = await inbox.receive()
                    ear.hear(ping, trio.current_time())
            ping = node.beat()
            for ear in node.ears:
                self.number = number = self.number + 1
                at_ms = beat_ms + self.delays[number & MASK]
                heapq.heappush(self.air, (at_ms, number, ear, ping))
            beat_ms += PERIOD_MS

    async def carry(self) -> None:
        now_ms = 0
        while True:
            now_ms += 1
            await trio.sleep_until(now_ms / 1_000)
            while self.air and self.air[0][0] <= now_ms:
                _, _, ear, ping = heapq.heappop(self.air)
                self.channels[ear.station.index][0].send_nowait((ear, ping))

    async def live(self, end_ms: int, tell: Callable[[], None]) -> None:
        """Run all nodes; `tell` at the end of every simulated second."""
        async with trio.open_nursery() as nursery:
            for node in self.nodes:
                nursery.start_soon(self.node, node)
            nursery.start_soon(self.carry)
            for second_ms in range(0, end_ms + 1, 1_000):
                await trio.sleep_until(second_ms / 1_000)
                tell()
            nursery.cancel_scope.cancel()


def run_trio(city: TrioCity, end_ms: int, tell: Callable[[], None]) -> None:
    """Run one trio task per node; a clock that leaps when nobody can go on."""
    trio.run(city.live, end_ms, tell, clock=trio.testing.MockClock(autojump_threshold=0))
