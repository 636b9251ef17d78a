"""Timers that follow how long messages take."""

import pytest

from smilesync.circle.pace import first_view_ns, status_interval_ns
from smilesync.clock.readings import Window
from smilesync.config import CircleConfig, ClockConfig
from smilesync.ids import PeerId
from support.lab import MS_NS
from support.street import Street

CONFIG = CircleConfig()


@pytest.mark.spec("CIR-014")
@pytest.mark.parametrize(
    ("delay_ms", "timeout_ms"), [(0, 500), (142, 500), (300, 1_050), (571, 1_998), (900, 2_000)]
)
def test_the_first_view_waits_three_and_a_half_delays(delay_ms: int, timeout_ms: int) -> None:
    assert first_view_ns(delay_ms * 1_000, CONFIG) // MS_NS == timeout_ms


@pytest.mark.spec("SPR-036")
@pytest.mark.parametrize(("delay_ms", "interval_ms"), [(5, 150), (50, 200), (300, 400)])
def test_status_waits_two_round_trips(delay_ms: int, interval_ms: int) -> None:
    assert status_interval_ns(delay_ms * 1_000, CONFIG) // MS_NS == interval_ms


@pytest.mark.spec("CIR-014")
def test_a_delay_is_forgotten_slowly() -> None:
    window = Window(ClockConfig(), PeerId(bytes(32)))

    window.took(160_000)
    window.took(10_000)

    assert window.delay_us == 150_000


@pytest.mark.spec("CIR-014")
def test_slow_links_make_slower_views_and_liars_do_not() -> None:
    slow = Street(4, delay_ms=(300, 310))
    slow.run(20)
    delays_us = [peer.clock.delay_us() for peer in slow.peers.values()]

    assert all(290_000 < delay_us < 330_000 for delay_us in delays_us)
    peer = slow.peers[0]
    assert peer.circle is not None
    peer.relays._slot = None  # type: ignore[assignment]
    peer.relays.settle([], peer.circle, peer.clock, slow.local_ns(0))
    assert peer.circle.slot.first_view_ns > 1_000 * MS_NS
    lone = Street(1)
    assert lone.peers[0].clock.delay_us() == 0
    liar = peer.clock._windows[0]
    liar.took(10**9)
    assert peer.clock.delay_us() < 330_000
