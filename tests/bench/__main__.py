"""`python -m bench [part ...]`: measures, prints a table, exits 1 if a gate is missed.

Parts: engine, others, driver, city, large, swarm, light; without any, the first four. CPU time
of one core throughout; on a busy machine everything is slower, ratios less so.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

from smilesim import origin

NODES = 10_000
FEW_NODES = 2_000
TURNS = 8
SEED = 7
SWARM_SEEDS = 6
TAGGED = ("--fidelity", "tagged")


class Row(NamedTuple):
    """One line of the table. `gate` is the least that passes, or the most where `is_most`."""

    figure: str
    gate: float
    aim: float | None
    found: float
    is_most: bool = False

    @property
    def is_pass(self) -> bool:
        return self.found <= self.gate if self.is_most else self.found >= self.gate


def engine() -> Iterator[Row]:
    """The engine against nothing but a heap."""
    from bench import engines
    from bench.clockwork import best_rates

    rates = best_rates({"wheel": engines.wheel(NODES), "heap": engines.heap(NODES)}, TURNS)
    _tell("engine, events/s", rates)
    yield Row("engine / heap push+pop", 1.0, 1.8, rates["wheel"] / rates["heap"])


def others() -> Iterator[Row]:
    """The engine against what people use instead, each as it is used; slow ones with fewer nodes.

    That means with Python's garbage collector on for them, and off for the engine, which runs so.
    """
    from bench import engines
    from bench.clockwork import best_rates, rate_as_used, rate_of_trio_tasks
    from bench.others import mesa_devs, simpy_callbacks, simpy_stores

    for count, name, gate, aim, rate in (
        (NODES, "SimPy callbacks", 4, 10, lambda n: rate_as_used(simpy_callbacks(n), 3)),
        (FEW_NODES, "SimPy Store+process", 15, 25, lambda n: rate_as_used(simpy_stores(n), 3)),
        (FEW_NODES, "Mesa DEVS", 15, 25, lambda n: rate_as_used(mesa_devs(n), 3)),
        (FEW_NODES, "trio task per node", 15, 25, lambda n: rate_of_trio_tasks(n, 4)),
    ):
        own = best_rates({"engine": engines.wheel(count)}, 5)["engine"]
        found = rate(count)
        own = max(own, best_rates({"engine": engines.wheel(count)}, 5)["engine"])
        _tell(f"{count} nodes, events/s", {"engine": own, name: found})
        yield Row(f"engine / {name}", gate, aim, own / found)


def driver() -> Iterator[Row]:
    """What trio costs as the owner of time, with twenty actors."""
    from bench.clockwork import rate_of_driver

    bare, driven = rate_of_driver(NODES, TURNS)
    _tell(f"{NODES} nodes, events/s", {"bare wheel": bare, "driver and actors": driven})
    yield Row("trio's share, %", 20, 5, 100 * (1 - driven / bare), is_most=True)


def city() -> Iterator[Row]:
    """The real protocol, 10,000 peers, as usual and with tags in place of most signatures."""
    for scenario in ("calm", "surge"):
        figures = _run(scenario, NODES)
        yield Row(f"{scenario} 10,000, x real time", 1, 3, figures["real_time"])
        if scenario == "calm":
            found = figures["deliveries_per_peer_second"]
            yield Row("calm, deliveries per peer and s", 10, None, found, is_most=True)
        tagged = _run(scenario, NODES, *TAGGED)
        yield Row(f"{scenario} 10,000, tagged, x real time", 1, 3, tagged["real_time"])


def large() -> Iterator[Row]:
    """The real protocol, 100,000 peers, as usual and with tags in place of most signatures."""
    figures = _run("calm", 10 * NODES)
    yield Row("calm 100,000, x real time", 0.1, 0.5, figures["real_time"])
    tagged = _run("calm", 10 * NODES, *TAGGED)
    yield Row("calm 100,000, tagged, x real time", 0.1, 0.5, tagged["real_time"])
    yield Row("calm 100,000, KiB per peer", 8, None, figures["peer_kib"], is_most=True)


def swarm() -> Iterator[Row]:
    """Seeds of the swarm per core and hour: 50 peers, 60 virtual seconds, with faults."""
    cpu_s = 0.0
    for seed in range(1, SWARM_SEEDS + 1):
        cpu_s += _run("swarm", 50, "--seconds", "60", "--seed", str(seed))["cpu_s"]
    yield Row("swarm, seeds per core-hour", 200, 2_000, 3_600 * SWARM_SEEDS / cpu_s)


def light() -> Iterator[Row]:
    """The governor per zone-frame, and a device of 24 zones at 60 frames per second."""
    from bench.light import device_us, governor_us
    from smilesync.light.sink import Transfer

    for zones in (1, 24, 1_000):
        costs = {
            kind.value: governor_us(zones, kind) for kind in (Transfer.LINEAR, Transfer.UNKNOWN)
        }
        _tell(f"governor, {zones} zones, us per zone-frame", costs)
        yield Row(f"governor, {zones} zones, us", 34, 10, max(costs.values()), is_most=True)
    share = device_us(24) * 24 * 60 / 1e6 * 100
    yield Row("24 zones at 60 fps, % of a core", 5, 1, share, is_most=True)
    share = device_us(1_000) * 1_000 * 60 / 1e6 * 100
    yield Row("1,000 zones at 60 fps, % of a core", 100, 50, share, is_most=True)


PARTS: dict[str, Callable[[], Iterator[Row]]] = {
    part.__name__: part for part in (engine, others, driver, city, large, swarm, light)
}
USUAL = ("engine", "others", "driver", "city")


def _run(scenario: str, peers: int, *more: str) -> dict[str, float]:
    """Run a city in a process of its own; returns its figures."""
    options = more if "--seed" in more else (*more, "--seed", str(SEED))
    command = [sys.executable, "-m", "smilesim.main", "run", scenario, "--json", "-"]
    command += ["--peers", str(peers), *options]
    print(f"  smilesim {' '.join(command[3:])}", file=sys.stderr)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"bench: the run ended with {done.returncode}")
    report = json.loads(done.stdout)
    figures = dict(report["figures"])
    figures["cpu_s"] = report["cpu_seconds"]
    figures["real_time"] = report["virtual_seconds"] / report["cpu_seconds"]
    figures["peer_kib"] = figures["memory_mib"] * 1_024 / peers
    found = {
        key: figures[key]
        for key in ("cpu_s", "cpu_us_per_peer_second", "deliveries_per_peer_second", "peer_kib")
    }
    _tell(f"{scenario} {peers}, verdict {report['verdict']}", found)
    return figures


def _tell(title: str, figures: dict[str, float]) -> None:
    line = ", ".join(f"{name} {found:,.4g}" for name, found in figures.items())
    print(f"  {title}: {line}", file=sys.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}")
    options = parser.parse_args()
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        parser.error(f"expected parts of {', '.join(PARTS)}, got {unknown[0]!r}")
    missed = 0
    print("the compiled build" if origin.is_compiled() else "Python's own code")
    print(f"{'figure':<36} {'gate':>9} {'aim':>7} {'found':>9}")
    for part in options.parts or USUAL:
        for row in PARTS[part]():
            aim = "" if row.aim is None else f"{row.aim:g}"
            gate = f"{'<=' if row.is_most else '>='} {row.gate:g}"
            verdict = "pass" if row.is_pass else "MISS"
            missed += not row.is_pass
            print(f"{row.figure:<36} {gate:>9} {aim:>7} {row.found:>9.3g}  {verdict}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
