"""Bugs of leases: how long a decided value may be shown, and when no longer."""

from collections.abc import Callable
from dataclasses import replace

from smilesim.selftest import grounds
from smilesim.selftest.bug import Bug, Patch
from smilesync.circle import judge, lease, proposing, validity
from smilesync.circle.genesis import LEASE_US_MAX, Parameters
from smilesync.circle.lease import Lease, Standing
from smilesync.circle.validity import Head, Reason, Verdict
from smilesync.circle.value import Named, Value

US_PER_S = 1_000_000


def leases_may_overlap(patch: Patch) -> None:
    """A lease may begin before the last one ends, and be of any length (V4)."""
    patch.set(judge, "v4_lease", lambda *_args: None)


def float_lease(patch: Patch) -> None:
    """The length of a lease is computed in seconds, with a fraction."""

    def v4_lease(value: Value, head: Head, parameters: Parameters) -> Reason | None:
        length_s = value.not_after_us / US_PER_S - value.not_before_us / US_PER_S
        wanted_s = validity.lease_length_us(value, head, parameters) / US_PER_S
        if length_s != wanted_s:
            return Reason("CIR-024", Verdict.REJECT, f"has another length than {wanted_s} s")
        return None

    patch.set(judge, "v4_lease", v4_lease)


def _length(patch: Patch, rule: Callable[[Value, Head, Parameters], int]) -> None:
    """Let proposers and voters agree on another length."""
    patch.set(validity, "lease_length_us", rule)
    patch.set(proposing, "lease_length_us", rule)


def renewal_without_equality(patch: Patch) -> None:
    """Every lease is twice as long as the last, whatever it shows."""

    def length_us(value: Value, head: Head, parameters: Parameters) -> int:
        last = head.value
        if last is None:
            return parameters.lease_us
        return min(2 * (last.not_after_us - last.not_before_us), LEASE_US_MAX)

    _length(patch, length_us)


def renewal_of_a_lapsed_lease(patch: Patch) -> None:
    """A lease that lapsed is renewed as if it touched the next."""
    honest = validity.lease_length_us

    def length_us(value: Value, head: Head, parameters: Parameters) -> int:
        return honest(replace(value, not_before_us=head.not_after_us), head, parameters)

    _length(patch, length_us)


def doubling_without_end(patch: Patch) -> None:
    """Leases double beyond 16 s."""
    patch.set(validity, "LEASE_US_MAX", 64 * US_PER_S)


def lease_never_ends(patch: Patch) -> None:
    """What is shown is shown for another minute."""
    honest = Lease.ends_us
    patch.set(Lease, "ends_us", lambda self, decided: honest(self, decided) + 60 * US_PER_S)


def guard_dropped(patch: Patch) -> None:
    """A lease is shown from its first to its last microsecond, whatever clocks are wrong by."""

    def begins_us(self: Lease, decided: Named) -> int:
        return decided.value.not_before_us

    def ends_us(self: Lease, decided: Named) -> int:
        return decided.value.not_after_us

    patch.set(Lease, "begins_us", begins_us)
    patch.set(Lease, "ends_us", ends_us)


def latched_end_forgotten(patch: Patch) -> None:
    """A lease that was seen to end begins again when the clock is put back."""
    patch.set(Lease, "_latch", lambda self, circle_us: None)


def _heard(patch: Patch, longer_ns: int) -> None:
    honest = Lease.update

    def update(self: Lease, standing: Standing) -> bool:
        until_ns = standing.heard_until_ns + longer_ns
        return honest(self, replace(standing, heard_until_ns=until_ns))

    patch.set(Lease, "update", update)


def nobody_need_be_heard(patch: Patch) -> None:
    """A long lease is shown by who hears nobody."""
    _heard(patch, 2**62)


def heard_for_too_long(patch: Patch) -> None:
    """Voters count as heard for half a second longer."""
    _heard(patch, 500_000_000)


def hold_after_darkness(patch: Patch) -> None:
    """What went dark for want of a quorum is held on."""
    honest = Lease.update

    def update(self: Lease, standing: Standing) -> bool:
        last = self.selected or self.held
        grew = honest(self, standing)
        if self.is_unheard:
            self.held = last
        return grew

    patch.set(Lease, "update", update)


def held_for_ever(patch: Patch) -> None:
    """Between two leases the last light is held for up to a minute."""
    patch.set(lease, "GAP_US_MAX", 60 * US_PER_S)


BUGS = (
    Bug(leases_may_overlap, grounds.villain("lease-stretcher")),
    Bug(float_lease, grounds.WISHING),
    Bug(renewal_without_equality, grounds.WISHING),
    Bug(renewal_of_a_lapsed_lease, grounds.BLACKOUT),
    Bug(doubling_without_end, grounds.LONG),
    Bug(lease_never_ends, grounds.CALM),
    Bug(guard_dropped, grounds.CALM),
    Bug(latched_end_forgotten, grounds.STEPPED_BACK),
    Bug(nobody_need_be_heard, grounds.CUT),
    Bug(heard_for_too_long, grounds.CUT),
    Bug(hold_after_darkness, grounds.CUT),
    Bug(held_for_ever, grounds.LATE),
)
