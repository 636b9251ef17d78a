"""Starts the daemon with one rule switched off, to show that somebody notices.

Run as a program: `python sabotaged.py RULE run ...`; RULE is one of RULES, or `none`.
"""

import sys
from collections.abc import Callable

from smilesync.circle import lease
from smilesync.circle.lease import Lease
from smilesync.circle.value import Named
from smilesync.commands import Switch
from smilesync.emotion.board import EmotionBoard

LATER_US = 60_000_000


def _ignore_lease_end() -> None:
    """No lease ends, neither by the clock nor because nobody is heard."""
    honest = Lease.ends_us

    def later(self: Lease, decided: Named) -> int:
        return honest(self, decided) + LATER_US

    Lease.ends_us = later
    lease._is_heard = lambda decided, standing: True


def _ignore_consent() -> None:
    honest = EmotionBoard.switches.fget

    def always_willing(self: EmotionBoard) -> Switch:
        return honest(self) | Switch.COLLECTIVE

    EmotionBoard.switches = property(always_willing)


RULES: dict[str, Callable[[], None]] = {
    "none": lambda: None,
    "lease-end": _ignore_lease_end,
    "consent": _ignore_consent,
}


def main() -> int:
    from smilesyncd.main import main as daemon

    RULES[sys.argv[1]]()
    return daemon(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
