"""`smilesim`: runs a city from the command line and says whether its promises held."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import NoReturn

from smilesim import contacts, scenario
from smilesim.crowd import Crowd, district
from smilesim.engine import PEERS_MAX
from smilesim.scenario import SECONDS_MAX, Scenario
from smilesync.errors import SettingsError

EXIT_PASS, EXIT_FAIL, EXIT_USAGE = 0, 1, 2
SEED_MAX = 2**63 - 1


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line; usage errors exit 2."""
        self.exit(EXIT_USAGE, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 pass, 1 fail, 2 usage."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "list":
            return _list()
        return _run(options)
    except SettingsError as error:
        print(f"smilesim: {error}", file=sys.stderr)
        return EXIT_USAGE


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="smilesim", description="Simulate a city of SmileSync devices.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    commands.add_parser("list", help="list the scenarios")
    run = commands.add_parser("run", help="run a scenario and judge it")
    run.add_argument("scenario", help="a name from `smilesim list`")
    run.add_argument("--peers", type=_whole(1, PEERS_MAX), help="how many devices")
    run.add_argument("--seed", type=_whole(0, SEED_MAX), default=1, help="decides all chance")
    run.add_argument("--seconds", type=_whole(1, SECONDS_MAX), help="virtual seconds to run")
    run.add_argument("--contacts", type=Path, metavar="FILE", help="lines `t i j`, maybe gzip")
    run.add_argument("--json", metavar="FILE", help="write the report there; - for standard output")
    return parser


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(
                f"expected a whole number from {low} to {high}, got {text!r}"
            )
        return int(text)

    return parse


def _list() -> int:
    for name in scenario.names():
        loaded = scenario.load(name)
        print(f"{name:<10} {loaded.seconds:>4} s  {loaded.summary}")
    return EXIT_PASS


def _run(options: argparse.Namespace) -> int:
    chosen = scenario.load(options.scenario)
    seconds: int = options.seconds or chosen.seconds
    for fault in chosen.faults:
        latest_s = fault.numbers.get("heal_s", fault.at_s)
        if latest_s >= seconds:
            raise SettingsError(f"--seconds {seconds}: {fault.kind} needs more than {latest_s:g}")
    crowd = _crowd(options, chosen, seconds)
    _check_writable(options.json)
    # Imported late: `list` and refusals need neither trio nor the cryptography.
    from smilesim.city import City, Plan
    from smilesim.report import report

    city = City(Plan(chosen, crowd, options.seed, seconds))
    with _bar(seconds, f"{chosen.name}, {crowd.size} peers") as progress:
        city.run(progress)
    result = report(city)
    _write(result, options.json)
    return EXIT_PASS if result["verdict"] == "pass" else EXIT_FAIL


def _crowd(options: argparse.Namespace, chosen: Scenario, seconds: int) -> Crowd:
    if options.contacts is None:
        return district(options.peers or chosen.peers, options.seed)
    return contacts.crowd_of(contacts.load(options.contacts), seconds, options.peers)


def _check_writable(target: str | None) -> None:
    """Refuse a report file that cannot be written, before anything runs."""
    if target is None or target == "-":
        return
    try:
        with Path(target).open("a", encoding="utf-8"):
            pass
    except OSError as error:
        raise SettingsError(f"--json {target}: cannot be written: {error.strerror}") from None


def _write(result: dict[str, object], target: str | None) -> None:
    text = json.dumps(result, indent=2)
    if target == "-":
        print(text)
    elif target is not None:
        Path(target).write_text(text + "\n", encoding="utf-8")
    if target != "-":
        print(_summary(result))


def _summary(result: dict[str, object]) -> str:
    """Return the report in lines for a person."""
    lines = [
        f"{result['scenario']}: {result['peers']} peers, seed {result['seed']}, "
        f"{result['virtual_seconds']} virtual seconds in {result['wall_seconds']} s",
        f"digest  {result['digest']}",
    ]
    for part in ("faults", "figures"):
        table = result[part]
        assert isinstance(table, dict)
        lines.append(part)
        lines += [
            f"  {key:<28} {_plain(value)}" for key, value in table.items() if value is not None
        ]
    violations = result["violations"]
    assert isinstance(violations, list)
    lines += [
        f"broken: {one['rule']} at {one['tick']} ms, peer {one['peer']}: {one['detail']}"
        for one in violations
    ]
    return "\n".join([*lines, f"verdict {result['verdict']}"])


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    if isinstance(value, list):
        return " ".join(f"{item:.2f}" for item in value)
    return str(value)


def _bar(seconds: int, title: str) -> AbstractContextManager[Callable[[int], None] | None]:
    """Return a progress bar for a person's terminal, nothing for a file or a pipe."""
    if not sys.stderr.isatty():
        return nullcontext()
    from smilesim.progress import Bar

    return Bar(seconds, title)


if __name__ == "__main__":
    sys.exit(main())
