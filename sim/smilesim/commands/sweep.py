"""`smilesim sweep`: many seeds at several sizes; says what failed and what was never tested."""

import argparse
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from smilesim.commands import EXIT_FAIL, EXIT_PASS, arguments
from smilesim.commands.arguments import Commands
from smilesim.scenario import SEED_MAX
from smilesync.errors import SettingsError

if TYPE_CHECKING:
    from smilesim.sweep import Run, Sweep

SEEDS_MAX = 1_000_000
JOBS_MAX = 1_024
SIZES_MAX = 100
VILLAINS_MAX = 64
REPLAY_SUFFIX = ".toml"


def add(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Declare the arguments."""
    # Not abbreviated: --seed would be taken for --seeds.
    parser = commands.add_parser(
        "sweep", help="run many seeds of a scenario at several sizes", allow_abbrev=False
    )
    parser.add_argument("scenario", help="a name from `smilesim list`, swarm, or a TOML file")
    parser.add_argument(
        "--peers",
        type=_sizes,
        required=True,
        metavar="N,N,...",
        help="how many devices: every seed is run with each",
    )
    parser.add_argument(
        "--seeds",
        type=arguments.whole(1, SEEDS_MAX),
        required=True,
        metavar="N",
        help="how many seeds",
    )
    parser.add_argument(
        "--first-seed",
        type=arguments.seed,
        default=1,
        metavar="S",
        help="where to begin; 1 if not given",
    )
    parser.add_argument(
        "--jobs",
        type=arguments.whole(1, JOBS_MAX),
        metavar="K",
        help="processes; as many as there are cores if not given",
    )
    parser.add_argument("--seconds", type=arguments.seconds, help="virtual seconds of each run")
    parser.add_argument(
        "--fidelity", metavar="NAME", help="tagged, fast, wire or daemon; fast if not given"
    )
    parser.add_argument(
        "--villains",
        type=arguments.whole(0, VILLAINS_MAX),
        metavar="K",
        help="voters of each circle that may turn; f if not given",
    )
    parser.add_argument(
        "--failures", type=Path, metavar="DIR", help="write a replay file there for what fails"
    )
    arguments.add_json(parser)
    parser.set_defaults(act=run)


def run(options: argparse.Namespace) -> int:
    """Sweep, judge, report."""
    arguments.check_folder("--failures", options.failures)
    arguments.check_writable("--json", options.json, (options.scenario,))
    _check_report(options.json, options.failures)
    # Imported late: usage errors need neither trio nor the cryptography.
    from smilesim import sweepsummary
    from smilesim.commands import terminal
    from smilesim.fidelity import FAST
    from smilesim.sweep import Order, plan, sweep
    from smilesim.sweepreport import sweep_report

    first: int = options.first_seed
    if first + options.seeds - 1 > SEED_MAX:
        raise SettingsError(
            f"--first-seed {first}: expected at most {SEED_MAX - options.seeds + 1} for "
            f"{options.seeds} seeds"
        )
    order = Order(
        options.scenario,
        options.peers,
        range(first, first + options.seeds),
        seconds=options.seconds,
        failures=options.failures,
        fidelity=options.fidelity or FAST,
        villains=options.villains,
    )
    planned = plan(order)
    processes = min(options.jobs or _cores(), len(planned.jobs))
    _check_memory(planned, processes)
    with _bar(planned) as tell:
        sweep(planned, processes, tell=tell)
    result = sweep_report(planned)
    terminal.write_json(result, options.json)
    if options.json != arguments.STANDARD_OUTPUT:
        sweepsummary.show(result)
    return EXIT_PASS if result["verdict"] == "pass" else EXIT_FAIL


def _check_report(target: str | None, failures: Path | None) -> None:
    """Refuse a report where the replay of a failing run may be. Errors: SettingsError."""
    if target is None or failures is None or Path(target).suffix != REPLAY_SUFFIX:
        return
    if Path(target).resolve().parent == failures.resolve():
        raise SettingsError(
            f"--json {target}: expected another file, replays in --failures may be called so"
        )


def _check_memory(planned: "Sweep", processes: int) -> None:
    """Say what the largest cities that may run at once need. Errors: SettingsError, as `tell`."""
    from smilesim.commands import room

    order, each_mib = planned.order, list[int]()
    for first in range(0, len(planned.jobs), len(order.seeds)):
        size_mib = room.needed_mib(planned.jobs[first].recipe)
        each_mib += [size_mib] * min(processes, len(order.seeds))
    needed_mib = sum(sorted(each_mib)[-processes:])
    cities = "1 city" if processes == 1 else f"{processes} cities at once"
    who = f"{cities} of up to {max(order.peers)} peers"
    room.tell(who, needed_mib, "fewer --jobs or --peers", processes=processes)


def _bar(planned: "Sweep") -> "AbstractContextManager[Callable[[Run], None] | None]":
    """Return a progress bar for a person's terminal, nothing for a file or a pipe."""
    if not sys.stderr.isatty():
        return nullcontext()
    from smilesim.progress import sweep_bar

    return sweep_bar(len(planned.jobs), planned.order.name)


def _sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(arguments.peers(part) for part in text.split(","))
    if len(sizes) > SIZES_MAX or len(set(sizes)) < len(sizes):
        raise argparse.ArgumentTypeError(
            f"expected up to {SIZES_MAX} different numbers with commas, got {text!r}"
        )
    return sizes


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
