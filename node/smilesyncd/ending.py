"""Which signals ask a process that drives lights to end, in the dark and with its stream closed.

A receiver keeps the last frame it got. A process that one of these signals killed outright would
leave its light standing: a terminal that is closed sends SIGHUP, and SIGQUIT is a key.
"""

import signal

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def deafen() -> tuple[signal.Signals, ...]:
    """Ignore the signals that end a process; return those to listen to.

    What a receiver of signals puts back is deaf then: a late press meets an ending process and
    cannot cut off the end of the stream. SIGHUP that was ignored before, by `nohup`, stays ignored.
    """
    is_kept = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    heard = tuple(number for number in ENDING if not (is_kept and number is signal.SIGHUP))
    for number in heard:
        signal.signal(number, signal.SIG_IGN)
    return heard
