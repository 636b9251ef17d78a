"""`smilesync`: from what was typed to an exit code."""

import argparse
import os
import sys
from collections.abc import Sequence

from smilesync.errors import SettingsError, SmileSyncError
from smilesyncd import circles, settings
from smilesyncd.arguments import build_parser, flags_of

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    if not __debug__:
        _complain("python -O switches off the checks that stop a faulty device; run without -O")
        return EXIT_USAGE
    if typed[:1] == ["demo"]:
        from smilesyncd.demo.main import main as demo

        return demo(typed[1:])
    chosen = build_parser().parse_args(typed)
    try:
        if chosen.command == "run":
            return _run(settings.load(flags_of(chosen), os.environ), is_verbose=chosen.verbose)
        if chosen.command == "lint" and chosen.trace is not None:
            from smilesyncd import judging

            return judging.judge(chosen.trace, is_json=chosen.json)
        if chosen.command == "lint":
            from smilesyncd import linting

            return linting.lint(chosen.pattern, extent_cm=chosen.extent, is_json=chosen.json)
        if chosen.command == "guard":
            from smilesyncd.guard import command

            return command.guard(chosen)
        if chosen.command == "circle" and chosen.action == "create":
            from smilesyncd import founding

            return founding.create(
                chosen.cards,
                chosen.out,
                founding.parameters(chosen.policy, chosen.steward, is_strict=chosen.strict),
                is_json=chosen.json,
            )
        known = settings.load(flags_of(chosen), os.environ)
        return _of_this_device(chosen, known)
    except SettingsError as error:
        _complain(str(error))
        return EXIT_USAGE
    except SmileSyncError as error:
        _complain(str(error))
        return EXIT_FAILED
    except BrokenPipeError:
        # The reader has seen enough; nothing more may be flushed into the closed pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_DONE
    except KeyboardInterrupt:
        return EXIT_DONE


def _of_this_device(chosen: argparse.Namespace, known: settings.Settings) -> int:
    """Do what concerns the device that `known` names, and its daemon."""
    if chosen.command == "identity":
        from smilesyncd import founding

        return founding.show(known, chosen.circle, is_json=chosen.json)
    if chosen.command in ("design", "play"):
        from smilesyncd.design import command as designing

        return designing.carry_out(chosen, known.control_socket)
    if chosen.command == "circle" and chosen.action in circles.ACTIONS:
        return circles.carry_out(chosen, known)
    from smilesyncd import wearing

    return wearing.carry_out(chosen, known.control_socket)


def _run(found: settings.Settings, *, is_verbose: bool) -> int:
    import trio

    from smilesyncd import running

    code = EXIT_DONE
    try:
        trio.run(lambda: running.run(found, is_verbose=is_verbose))
    except* SettingsError as group:
        code = EXIT_USAGE
        _complain_each(group)
    except* SmileSyncError as group:
        code = EXIT_FAILED
        _complain_each(group)
    return code


def _complain_each(group: BaseExceptionGroup[SmileSyncError]) -> None:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            _complain_each(error)
        else:
            _complain(str(error))


def _complain(text: str) -> None:
    for line in text.splitlines():
        print(f"smilesync: {line}", file=sys.stderr)
