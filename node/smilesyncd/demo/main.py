"""`smilesync demo`: seven daemons on this machine, watched and judged."""

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import trio
from rich.console import Console

from smilesyncd.demo.acts import Audience, Play, perform
from smilesyncd.demo.facts import Fact, in_time
from smilesyncd.demo.instant import SECOND_NS, now_ns
from smilesyncd.demo.screen import Screen, Ticker, write_facts

HEALS_MAX = 100
NARROWEST_COLUMNS = 98


def main(arguments: Sequence[str] | None = None) -> int:
    """Perform the demo; 0 if every fact passed, 1 if one failed, 2 for wrong usage."""
    chosen = parser().parse_args(arguments)
    if not 0 <= chosen.heal <= HEALS_MAX:
        print(f"--heal: expected a number from 0 to {HEALS_MAX}", file=sys.stderr)
        return 2
    for flag, file in (("--facts-json", chosen.facts_json), ("--record", chosen.record)):
        if file is not None and (file.is_dir() or not file.parent.is_dir()):
            print(f"{flag}: expected a file in a folder that exists", file=sys.stderr)
            return 2
    if chosen.keep is not None and (reason := _unusable(chosen.keep)):
        print(f"--keep: {chosen.keep}: {reason}; expected a folder to write in", file=sys.stderr)
        return 2
    start_ns = now_ns()
    console = Console()
    is_screen = console.is_terminal and console.width >= NARROWEST_COLUMNS and not chosen.plain
    play = Play(heals=chosen.heal, keep=chosen.keep, record=chosen.record)
    with Screen(console) if is_screen else Ticker(console) as shown:
        facts = trio.run(_until_stopped, play, Audience(shown.view, shown.act, shown.fact))
        seconds = (now_ns() - start_ns) / SECOND_NS
        if facts and not chosen.heal:
            facts.append(in_time(seconds))
            shown.fact(facts[-1])
    if chosen.facts_json is not None:
        write_facts(chosen.facts_json, facts)
    failed = [fact.name for fact in facts if not fact.passed]
    if facts and not failed:
        print(f"all {len(facts)} facts hold, {seconds:.0f} s in all")
        return 0
    print(f"failed: {', '.join(failed) or 'stopped before any fact'}, {seconds:.0f} s in all")
    return 1


def parser() -> argparse.ArgumentParser:
    """Return what `smilesync demo --help` tells."""
    made = argparse.ArgumentParser(
        prog="smilesync demo",
        description="Seven daemons on this machine find each other, agree, pulse in phase, are cut "
        "apart and come back; a separate process watches and judges them. Takes about a minute.",
        epilog="Exit codes: 0 every fact holds, 1 a fact failed, 2 wrong usage.",
    )
    made.add_argument(
        "--heal", type=int, default=0, metavar="N", help="only cut and heal, N times in a row"
    )
    made.add_argument("--plain", action="store_true", help="plain lines, also on a terminal")
    made.add_argument(
        "--facts-json", type=Path, metavar="FILE", help="also write the facts to FILE as JSON"
    )
    made.add_argument(
        "--record",
        type=Path,
        metavar="FILE",
        help="also record the light of all seven in FILE, for smilesync lint --trace",
    )
    made.add_argument(
        "--keep", type=Path, metavar="DIR", help="run in DIR and leave the daemons' logs there"
    )
    return made


def _unusable(folder: Path) -> str:
    """Make `folder` and try to write in it; return why that failed, or nothing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return error.strerror or str(error)


async def _until_stopped(play: Play, audience: Audience) -> list[Fact]:
    """Perform, but end tidily when asked to stop."""
    facts: list[Fact] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_stop_on_signal, nursery.cancel_scope)
        facts = await perform(play, audience)
        nursery.cancel_scope.cancel()
    return facts


async def _stop_on_signal(scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()
            return


if __name__ == "__main__":
    sys.exit(main())
