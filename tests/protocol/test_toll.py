"""What partners may cost a device: each alone, and all together."""

import pytest

from smilesync.circle.toll import FORGERS_MAX, Toll
from smilesync.config import MS_NS, SECOND_NS, FeelingConfig
from smilesync.errors import Unwelcome
from smilesync.ids import PeerId

CONFIG = FeelingConfig()


def _who(number: int) -> PeerId:
    return PeerId(number.to_bytes(2, "big") * 16)


def _is_paid(
    toll: Toll, who: int, now_ns: int, partners: int, *, is_withdrawal: bool = False
) -> bool:
    try:
        toll.pay(_who(who), partners, now_ns, is_withdrawal=is_withdrawal)
    except Unwelcome as error:
        return error.rule != "INP-019"
    return True


@pytest.mark.spec("INP-019")
def test_more_than_200_checks_a_second_are_refused_however_many_partners_there_are() -> None:
    toll, partners, count = Toll(CONFIG), 200, 0
    for now_ns in range(0, 10 * SECOND_NS, MS_NS):
        for who in (now_ns // MS_NS % partners, (now_ns // MS_NS + 7) % partners):
            count += _is_paid(toll, who, now_ns, partners)

    assert count <= 10 * 200 + 500 + 2 * partners + 250
    assert count > 1_500


@pytest.mark.spec("INP-019")
def test_own_part_of_a_partner_is_left_whatever_others_cost() -> None:
    toll, partners = Toll(CONFIG), 10
    for now_ns in range(0, 10 * SECOND_NS, MS_NS):
        _is_paid(toll, 1, now_ns, partners)

    honest = [_is_paid(toll, 2, 10 * SECOND_NS, partners) for _ in range(40)]

    assert honest == [True] * 26 + [False] * 14
    while _is_paid(toll, 1, 10 * SECOND_NS, partners):
        pass
    assert _is_paid(toll, 1, 10 * SECOND_NS, partners, is_withdrawal=True), "counted apart"


@pytest.mark.spec("INP-018")
def test_partner_that_passed_on_a_forged_word_is_refused_for_ten_seconds() -> None:
    toll = Toll(CONFIG)
    for number in range(FORGERS_MAX + 1):
        toll.caught(_who(number), SECOND_NS)

    with pytest.raises(Unwelcome, match="INP-018"):
        toll.admit(_who(1), SECOND_NS + CONFIG.forgery_ns - 1)
    toll.admit(_who(1), SECOND_NS + CONFIG.forgery_ns)
    toll.admit(_who(0), SECOND_NS)
