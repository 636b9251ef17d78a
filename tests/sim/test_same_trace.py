"""The wheel and the daemon's own driver run the same protocol: their traces are equal."""

from smilesim.city import City, Plan
from smilesim.crowd import district
from smilesim.engine import TICKS_PER_SECOND, Wheel
from smilesim.observed import LINK_UP_TICK, ObservedNodes
from smilesim.oscillator import crystal
from smilesim.radio import Radio, Weather
from smilesim.scenario import Scenario
from smilesim.trace import Blobs, Trace

PEERS, SEED, SECONDS = 20, 5, 6
WEATHER = Weather(loss_ppm=30_000, duplicate_ppm=30_000, reorder_ppm=20_000)
END_TICK = SECONDS * TICKS_PER_SECOND


class Ticks:
    """Every item of a run."""

    def __init__(self) -> None:
        self.items: list[tuple[int, bytes]] = []

    def __call__(self, tick: int, blobs: Blobs) -> None:
        self.items += [(tick, blob) for blob in blobs]


def settle() -> tuple[City, Ticks]:
    ticks = Ticks()
    scenario = Scenario("same", "", SECONDS, PEERS, WEATHER, (), {})
    plan = Plan(scenario, district(PEERS, SEED), SEED, SECONDS)
    return City(plan, trace=Trace(ticks)), ticks


def on_the_wheel() -> tuple[City, Ticks]:
    city, ticks = settle()
    world = city.world
    world.is_dialling = False
    for device in city.devices:
        world.power_on_at(device, 0)
        for source in device.inbound:
            if source < device.index:
                world.connect_at(device, city.devices[source], LINK_UP_TICK)
    world.run_to(END_TICK)
    world.end_tick()
    return city, ticks


def on_the_driver() -> tuple[ObservedNodes, Ticks]:
    city, ticks = settle()
    for device in city.devices:
        device.oscillator = crystal(SEED, device.index, 0, 0)
        device.boots = 1
    radio = Radio(Wheel(), WEATHER, delivers_copies=True)
    nodes = ObservedNodes(
        SEED,
        city.devices,
        radio=radio,
        trace=city.trace,
        make_peer=city.make_peer,
        verifier=city.verifier,
    )
    nodes.run(END_TICK)
    return nodes, ticks


def test_twenty_peers_leave_the_same_trace_on_the_wheel_and_on_the_daemons_driver() -> None:
    city, wheel_ticks = on_the_wheel()
    nodes, driver_ticks = on_the_driver()

    pairs = zip(wheel_ticks.items, driver_ticks.items, strict=False)
    first = next((pair for pair in pairs if pair[0] != pair[1]), None)
    assert first is None
    assert len(wheel_ticks.items) == len(driver_ticks.items)
    assert city.trace.digest() == nodes.trace.digest()
    assert city.world.deliveries == nodes.deliveries > 1_000
    assert city.world.radio.duplicated > 10
    for device, other in zip(city.devices, nodes.devices, strict=True):
        assert device.disk.records == other.disk.records
