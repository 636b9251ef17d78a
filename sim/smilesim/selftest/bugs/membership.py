"""Bugs of changing rosters: additions not heard (V7), silent adds, removals without a quorum.

Their place is here. Circles of the simulator keep the roster of their founders so far, so there is
no ground on which such a bug could show; where rosters change, D5 belongs into `directed.py`.
"""

from smilesim.selftest.bug import Bug

BUGS: tuple[Bug, ...] = ()
