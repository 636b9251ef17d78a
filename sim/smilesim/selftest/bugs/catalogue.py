"""All planted bugs, in the order of the families."""

from smilesim.selftest.bug import Bug
from smilesim.selftest.bugs import (
    circles,
    comings,
    feeling,
    journal,
    leasing,
    light,
    membership,
    merging,
    rotation,
    succession,
    timing,
    voting,
)

CATALOGUE: tuple[Bug, ...] = (
    *voting.BUGS,
    *journal.BUGS,
    *leasing.BUGS,
    *timing.BUGS,
    *light.BUGS,
    *membership.BUGS,
    *comings.BUGS,
    *succession.BUGS,
    *circles.BUGS,
    *rotation.BUGS,
    *feeling.BUGS,
    *merging.BUGS,
)
