"""How often a peer is answered."""

import pytest

from smilesync.circle.answers import ASKERS_MAX, Answers
from smilesync.config import CircleConfig
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
