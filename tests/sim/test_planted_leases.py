"""Planted bugs of lease renewal, in whole cities of real peers: each is caught by its check."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from smilesim import scenario
from smilesim.city import City, Plan
from smilesim.crowd import district
from smilesim.report import report
from smilesync.circle import proposing, validity
from smilesync.circle.genesis import Parameters
from smilesync.circle.lease import Lease, Standing
from smilesync.circle.validity import Head
from smilesync.circle.value import Value

PEERS, SEED = 30, 4

Plant = Callable[[pytest.MonkeyPatch], None]


def _found(name: str, seconds: int | None = None) -> list[tuple[str, str]]:
    """Run a small city to its end and return what broke: rule and detail."""
    chosen = replace(scenario.load(name), seconds=seconds or scenario.load(name).seconds)
    city = City(Plan(chosen, district(PEERS, SEED), SEED, chosen.seconds))
    city.run()
    report(city)
    return [(one.rule, one.detail) for one in city.violations.kept]


def _lengths(patch: pytest.MonkeyPatch, rule: Callable[[Value, Head, Parameters], int]) -> None:
    """Let proposers and voters agree on another length."""
    patch.setattr(validity, "lease_length_us", rule)
    patch.setattr(proposing, "lease_length_us", rule)


def renewal_without_equality(patch: pytest.MonkeyPatch) -> None:
    def length_us(value: Value, head: Head, parameters: Parameters) -> int:
        last = head.value
        if last is None:
            return parameters.lease_us
        return min(2 * (last.not_after_us - last.not_before_us), 16_000_000)

    _lengths(patch, length_us)


def renewal_of_a_lapsed_lease(patch: pytest.MonkeyPatch) -> None:
    honest = validity.lease_length_us

    def length_us(value: Value, head: Head, parameters: Parameters) -> int:
        return honest(replace(value, not_before_us=head.not_after_us), head, parameters)

    _lengths(patch, length_us)


def doubling_beyond_16_s(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(validity, "LEASE_US_MAX", 64_000_000)


def _heard(patch: pytest.MonkeyPatch, longer_ns: int) -> None:
    """Let voters count as heard for so much longer."""
    honest = Lease.update

    def update(self: Lease, standing: Standing) -> bool:
        until_ns = standing.heard_until_ns + longer_ns
        return honest(self, standing._replace(heard_until_ns=until_ns))

    patch.setattr(Lease, "update", update)


def nobody_need_be_heard(patch: pytest.MonkeyPatch) -> None:
    _heard(patch, 2**62)


def heard_for_too_long(patch: pytest.MonkeyPatch) -> None:
    _heard(patch, 500_000_000)


def hold_after_darkness(patch: pytest.MonkeyPatch) -> None:
    honest = Lease.update

    def update(self: Lease, standing: Standing) -> bool:
        last = self.selected or self.held
        grew = honest(self, standing)
        if self.is_unheard:
            self.held = last
        return grew

    patch.setattr(Lease, "update", update)


PLANTS: list[tuple[Plant, str, int | None, str, str]] = [
    (renewal_without_equality, "surge", None, "I6", "us long, not 4000000"),
    (renewal_of_a_lapsed_lease, "blackout", None, "I6", "us long, not 4000000"),
    (doubling_beyond_16_s, "calm", 36, "I6", "is 32000000 us long, not 16000000"),
    (nobody_need_be_heard, "split", None, "I8", "shows a long lease, hearing"),
    (nobody_need_be_heard, "split", None, "expect dark_s_max", "expects 5.56"),
    (hold_after_darkness, "split", None, "I8", "is held before its lease ended"),
    (heard_for_too_long, "split", None, "I8", "shows a long lease, hearing"),
]


@pytest.mark.parametrize(
    ("plant", "name", "seconds", "rule", "finding"),
    PLANTS,
    ids=[f"{row[0].__name__}-{row[3]}" for row in PLANTS],
)
def test_planted_bug_of_renewal_is_caught(
    monkeypatch: pytest.MonkeyPatch,
    plant: Plant,
    name: str,
    seconds: int | None,
    rule: str,
    finding: str,
) -> None:
    plant(monkeypatch)

    found = _found(name, seconds)

    assert any(broken == rule and finding in detail for broken, detail in found), found[:5]


@pytest.mark.parametrize(("name", "seconds"), [("calm", 36), ("split", None)])
def test_without_a_bug_nothing_is_found(name: str, seconds: int | None) -> None:
    assert _found(name, seconds) == []
