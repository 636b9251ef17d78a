"""What `python -m bench` measures really does its work."""

from bench.engines import heap, wheel
from smilesim.toy import DEGREE, EVENTS_PER_NODE, ToyCity, neighbours

COUNT = 40


def test_every_toy_node_hears_every_message_of_its_neighbours() -> None:
    city = ToyCity(COUNT)
    city.run_to(10_000)
    for station in {link.station for link in [event[1] for event in city.wheel.pending()]}:
        assert station.number == 10

    heard = {}
    for event in city.wheel.pending():
        for link in getattr(event[1], "links", ()):
            heard[link.source, link.destination] = (link.number, link.alive_tick)
            assert link.station.lamport >= link.number
    assert len(heard) == COUNT * DEGREE
    assert all(number in (9, 10) for number, _ in heard.values())
    assert all(10_000 - alive_tick < 1_100 for _, alive_tick in heard.values())


def test_engines_say_how_many_events_a_second_holds() -> None:
    assert wheel(COUNT)(1_000) == COUNT * EVENTS_PER_NODE
    assert heap(COUNT)(1_000) == COUNT


def test_a_ring_has_six_neighbours_both_ways() -> None:
    for index in range(COUNT):
        others = neighbours(index, COUNT)
        assert len(set(others)) == DEGREE
        assert index not in others
        assert all(index in neighbours(other, COUNT) for other in others)
