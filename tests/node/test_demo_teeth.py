"""The demo judges: with one rule of the daemon switched off, the fact that rests on it fails."""

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from smilesyncd.analyser.recording import judge_lines
from smilesyncd.demo.acts import Act, Audience, Play, perform
from smilesyncd.demo.facts import Fact
from smilesyncd.demo.household import NAMES
from support import sabotaged

LAUNCHER = Path(sabotaged.__file__)

GUARD_MS = 20  # how far a clock that counts as synchronised may be from circle time

pytestmark = pytest.mark.slow


async def _perform(rule: str, acts: Sequence[Act], record: Path | None = None) -> dict[str, Fact]:
    daemon = (sys.executable, str(LAUNCHER), rule, "run")
    told: list[Fact] = []
    audience = Audience(view=lambda _: None, act=lambda _: None, fact=told.append)

    facts = await perform(Play(daemon=daemon, acts=acts, record=record), audience)

    assert facts == told
    return {fact.name: fact for fact in facts}


@pytest.mark.timeout(150)
async def test_every_fact_holds_for_daemons_that_keep_the_rules(tmp_path: Path) -> None:
    acts = (Act.MEET, Act.PULSE, Act.CUT, Act.CONSENT)

    facts = await _perform("none", acts, record=tmp_path / "light.jsonl")

    # How close the phases are depends on what else this machine does; `make demo` judges it.
    phase = facts["phase"]
    assert (phase.figure or 0) < 2 * GUARD_MS
    assert [fact for fact in facts.values() if not fact.passed and fact is not phase] == []
    assert list(facts) == [
        *("found", "committed", "suggested", "accepted", "phase"),
        *("solo", "going on", "rejoined", "dark", "revoked", "off"),
    ]
    with (tmp_path / "light.jsonl").open("rb") as file:
        recording = judge_lines(file)
    assert list(recording.tracks) == list(NAMES)
    assert recording.is_safe


@pytest.mark.timeout(150)
async def test_a_lease_that_does_not_end_is_noticed() -> None:
    facts = await _perform("lease-end", (Act.MEET, Act.CUT))

    assert facts["committed"].passed
    assert not facts["dark"].passed
    assert (facts["dark"].figure or 0) > 5.54


@pytest.mark.timeout(150)
async def test_consent_that_is_not_heeded_is_noticed() -> None:
    facts = await _perform("consent", (Act.MEET, Act.CONSENT))

    assert facts["committed"].passed
    assert not facts["revoked"].passed


@pytest.mark.timeout(60)
async def test_a_daemon_that_dies_ends_the_demo_with_its_last_words() -> None:
    told: list[Fact] = []
    audience = Audience(view=lambda _: None, act=lambda _: None, fact=told.append)
    daemon = (sys.executable, "-c", "import sys; sys.exit('no light today')")

    facts = await perform(Play(daemon=daemon, acts=(Act.MEET,)), audience)

    assert [fact.name for fact in facts] == ["unbroken"]
    assert not facts[0].passed
    assert "no light today" in facts[0].text
