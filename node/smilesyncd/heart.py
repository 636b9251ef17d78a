"""The heart-rhythm sensor: a process of its own, so that no sample ever reaches the daemon.

It replays a recording of real beat-to-beat intervals and hands the daemon nothing but suggestions
of arousal, one bit each. The wearer answers them or lets them lapse; nothing is ever set by them.
A sensor that measured live would differ only in where `main` takes its intervals from.
"""

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from smilesync.errors import SettingsError
from smilesyncd import client, recording
from smilesyncd.arousal import ArousalJudge, Judgement

SPEED_MAX = 10_000
MS_PER_SECOND = 1_000


def replay(
    intervals_ms: Iterable[float],
    suggest: Callable[[bool], None],
    *,
    is_still: bool,
    wait_until_ms: Callable[[float], None],
) -> ArousalJudge:
    """Play the intervals as time passes and pass on what the judge suggests."""
    judge = ArousalJudge()
    elapsed_ms = 0.0
    for interval_ms in intervals_ms:
        elapsed_ms += interval_ms
        wait_until_ms(elapsed_ms)
        hint = judge.hear(interval_ms, is_still=is_still)
        if hint is not None:
            suggest(hint is Judgement.ACTIVATED)
    return judge


def send_suggestion(control_socket: Path, *, activated: bool) -> str:
    """Tell the daemon; return its complaint, or an empty text."""
    try:
        client.ask(control_socket, "suggest", activated=activated)
    except (client.NoDaemon, client.Refused) as error:
        return f"not suggested: {error}"
    return ""


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _parser().parse_args(arguments)
    if not (math.isfinite(chosen.speed) and 0 < chosen.speed <= SPEED_MAX):
        print(f"--speed: expected a number above 0 and up to {SPEED_MAX}", file=sys.stderr)
        return 2
    try:
        intervals_ms = recording.read(recording.locate(chosen.recording))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    if not chosen.still:
        print("without --still every judgement is 'unknown'; nothing will be suggested")
    start_s = time.monotonic()

    def wait_until_ms(elapsed_ms: float) -> None:
        due_s = start_s + elapsed_ms / (MS_PER_SECOND * chosen.speed)
        time.sleep(max(0.0, due_s - time.monotonic()))

    def suggest(activated: bool) -> None:
        complaint = send_suggestion(chosen.control, activated=activated)
        word = "activated" if activated else "calm"
        print(complaint or f"suggested: {word}", flush=True)

    try:
        replay(intervals_ms, suggest, is_still=chosen.still, wait_until_ms=wait_until_ms)
    except KeyboardInterrupt:
        return 0
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m smilesyncd.heart",
        description="Replays a heart rhythm and suggests arousal to the wearer's own daemon.",
    )
    parser.add_argument(
        "recording",
        help="file of beat-to-beat intervals in ms (text or .npy), or sample-short, sample-long",
    )
    parser.add_argument("--control", type=Path, required=True, help="the daemon's control socket")
    parser.add_argument("--speed", type=float, default=1.0, help="how much faster than it was")
    parser.add_argument(
        "--still", action="store_true", help="the wearer says: I sit or stand still meanwhile"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
