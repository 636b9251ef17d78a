"""What a device says about itself on the local network."""

import hashlib
import hmac

import pytest

from smilesync.config import SECOND_NS
from smilesync.entropy import Entropy
from smilesync.mesh import announcement
from smilesync.mesh.gate import OPEN_GATE_KEY
from support.links import START_NS, make_link


@pytest.mark.spec("DSC-001")
def test_service_type_and_port_are_those_of_the_specification() -> None:
    assert announcement.SERVICE_TYPE == "_smilesync._udp"
    assert announcement.DEFAULT_PORT == 7412


@pytest.mark.spec("DSC-002", "DSC-003", "DSC-004", "DSC-005")
def test_a_record_holds_random_numbers_only_and_never_a_name() -> None:
    entropy = Entropy(b"e" * 16)
    link = make_link(1)
    one = announcement.text_record(OPEN_GATE_KEY, entropy)
    two = announcement.text_record(OPEN_GATE_KEY, entropy)
    names = {announcement.instance_name(entropy) for _ in range(50)}

    assert list(one) == ["v", "n", "t"]
    assert one["v"] == "1"
    tag = hmac.new(OPEN_GATE_KEY, bytes.fromhex(one["n"]), hashlib.sha256).digest()[:8]
    assert one["t"] == tag.hex()
    assert (len(one["n"]), len(one["t"])) == (16, 16)
    assert one["n"] != two["n"]
    assert one["t"] != two["t"]
    assert len(names) == 50
    assert link.me.hex() not in "".join([*one.values(), *names])


@pytest.mark.spec("DSC-006")
def test_only_records_of_our_gate_are_worth_dialling() -> None:
    record = announcement.text_record(OPEN_GATE_KEY, Entropy(b"e" * 16))

    assert announcement.is_worth_dialling(record, (OPEN_GATE_KEY,))
    assert announcement.is_worth_dialling(record | {"x": "later"}, (OPEN_GATE_KEY,))
    assert not announcement.is_worth_dialling(record, (b"g" * 32,))
    for change in (
        {"v": "2"},
        {"n": "zz" * 8},
        {"n": "00" * 8},
        {"n": ""},
        {"t": ""},
        {"t": "00" * 8},
        {"n": "é" * 16},
    ):
        assert not announcement.is_worth_dialling(record | change, (OPEN_GATE_KEY,))
    assert not announcement.is_worth_dialling({}, (OPEN_GATE_KEY,))


@pytest.mark.spec("DSC-007")
@pytest.mark.parametrize(("has_session", "least_s", "most_s"), [(False, 4, 6), (True, 48, 72)])
def test_lonely_devices_announce_often(has_session: bool, least_s: int, most_s: int) -> None:
    entropy = Entropy(b"e" * 16)
    waits = [
        announcement.next_announcement_ns(START_NS, entropy, has_session=has_session) - START_NS
        for _ in range(200)
    ]

    assert least_s * SECOND_NS <= min(waits) < max(waits) <= most_s * SECOND_NS
    assert len(set(waits)) > 100
