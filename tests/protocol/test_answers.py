"""How often a peer is answered."""

import pytest

from smilesync.circle.answers import ASKERS_MAX, Answers
from smilesync.config import CircleConfig
from smilesync.errors import Unwelcome
from smilesync.ids import PeerId
from support.lab import MS_NS

ONE = PeerId(b"1" * 32)


@pytest.mark.spec("CIR-044")
def test_each_request_is_answered_once_per_interval_and_few_askers_are_remembered() -> None:
    answers = Answers(CircleConfig(answer_interval_ns=100 * MS_NS))

    assert answers.may(ONE, "status", 0)
    assert answers.may(ONE, "want", 0)
    assert not answers.may(ONE, "status", 99 * MS_NS)
    assert answers.may(ONE, "status", 100 * MS_NS)
    for number in range(ASKERS_MAX):
        answers.may(PeerId(number.to_bytes(32, "big")), "status", 100 * MS_NS)
    assert answers.may(ONE, "status", 101 * MS_NS), "forgotten meanwhile"


@pytest.mark.spec("SPR-041")
def test_few_partners_that_pass_much_on_are_remembered() -> None:
    config = CircleConfig()
    answers = Answers(config)
    for _ in range(config.hearsay_burst_ns // config.hearsay_cost_ns + 1):
        answers.hear_partner(ONE, 0)
    with pytest.raises(Unwelcome):
        answers.hear_partner(ONE, 0)

    for number in range(ASKERS_MAX):
        answers.hear_partner(PeerId(number.to_bytes(32, "big")), 0)

    answers.hear_partner(ONE, 0)
