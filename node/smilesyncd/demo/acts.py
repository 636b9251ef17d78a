"""The demo, act by act: what happens to seven daemons, and which question is asked about it."""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

import trio

from smilesyncd.demo.facts import REJOIN_SECONDS_MAX, Fact, Question, percentile
from smilesyncd.demo.household import Home
from smilesyncd.demo.instant import SECOND_NS, now_ns
from smilesyncd.demo.processes import Broken
from smilesyncd.demo.recordings import gather
from smilesyncd.demo.stage import Stage, View, opened

DAEMON = (sys.executable, "-m", "smilesyncd", "run")
CITY = (sys.executable, "-m", "smilesim.main", "run", "blackout", "--peers", "2000", "--seed", "7")
CITY_SECONDS = 20
CITY_SECONDS_MAX = 86
"""It lives from the demo's first moment on, in what the daemons leave over."""
YIELDING = 19
"""How nice to others the system lets a process be at most."""

# At this speed the calm stretch in the twelfth minute of the sample comes within fifteen seconds.
HEART_SPEED = 60
RECORDING = "sample-long"

SENSING = 1
REVOKING = 2
PRESSING_OFF = 3
CUT = (5, 6)

# Long enough to see two smiles fade to the colours of their own wearers.
CUT_SECONDS = 9
# Longer than a clock counts as synchronised without hearing the others, so it must be found again.
LONG_CUT_SECONDS = 12
# A lease lasts 4, 8 or 16 seconds; so each cut begins at another moment of one.
CUT_SHIFT_SECONDS = 0.7
REJOIN_P95_SECONDS_MAX = 5.0
PERCENT = 95

OnFact = Callable[[Fact], None]


class Act(Enum):
    """What can be performed, in the order in which it makes sense."""

    MEET = "seven devices switch on and look for one another"
    PULSE = "they pulse in phase; a heart-rhythm sensor watches one of them"
    CUT = "two are cut off from everyone, also from each other"
    CONSENT = "one wearer revokes consent, another presses the off button"
    CITY = "a city of 2,000 loses its power"


@dataclass(frozen=True, slots=True)
class Play:
    """What is performed. `daemon` starts one daemon when `--config FILE` is added to it.

    With `heals` above 0 nothing happens but that many cuts. `keep` is an existing folder that
    stays, with the daemons' logs; without it nothing stays. `record` is a file for the light of
    all devices.
    """

    daemon: Sequence[str] = DAEMON
    city: Sequence[str] = CITY
    count: int = 7
    acts: Sequence[Act] = tuple(Act)
    heals: int = 0
    keep: Path | None = None
    record: Path | None = None


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is told what happens: each view, each new act, each fact."""

    view: Callable[[Sequence[View]], None]
    act: Callable[[str], None]
    fact: OnFact


async def perform(play: Play, audience: Audience) -> list[Fact]:
    """Perform the play and return its facts in order; everything started has ended on return."""
    facts: list[Fact] = []

    def on_fact(fact: Fact) -> None:
        facts.append(fact)
        audience.fact(fact)

    listening = replace(audience, fact=on_fact)
    has_city = Act.CITY in play.acts and not play.heals
    to_me, verdict = trio.open_memory_channel[Fact](1)
    try:
        async with trio.open_nursery() as nursery:
            if has_city:
                # Its act comes last, but on a slow machine it needs as long as all others.
                nursery.start_soon(_live_meanwhile, play.city, to_me)
            with tempfile.TemporaryDirectory(prefix="smilesync-") as scratch:
                root = play.keep or Path(scratch)
                await _on_stage(play, root, listening)
            if has_city:
                audience.act(Act.CITY.value)
                on_fact(await verdict.receive())
    except* Broken as group:
        on_fact(Fact("unbroken", False, _first(group)))
    return facts


async def _on_stage(play: Play, root: Path, audience: Audience) -> None:
    """Perform what needs the daemons; when they are gone, gather what their lamps recorded."""
    is_recorded = play.record is not None
    homes: list[Home] = []
    try:
        async with opened(
            play.daemon, play.count, root, audience.view, is_recorded=is_recorded
        ) as stage:
            homes = stage.homes
            if play.heals:
                await _heal_again_and_again(stage, play.heals, audience)
            else:
                await _show(stage, play.acts, audience)
    finally:
        if play.record is not None:
            gather([(home.name, home.recording) for home in homes], play.record)


async def _show(stage: Stage, acts: Sequence[Act], audience: Audience) -> None:
    """Perform the acts that need the seven daemons."""
    for act in acts:
        if act is not Act.CITY:
            audience.act(act.value)
            await PERFORMED[act](stage, audience.fact)


async def _meet(stage: Stage, on_fact: OnFact) -> None:
    everyone, start_ns = stage.everyone, stage.start_ns
    on_fact(await stage.ask("found", everyone, since_ns=start_ns, within_s=30))
    await _feel_and_share(stage)
    on_fact(await stage.ask("committed", everyone, since_ns=start_ns, within_s=30))


async def _pulse(stage: Stage, on_fact: OnFact) -> None:
    await stage.wear(SENSING, "consent", switch="suggest", on=True)
    heart_ns = await stage.attach_heart(SENSING, recording=RECORDING, speed=HEART_SPEED)
    on_fact(await stage.ask("suggested", (SENSING,), since_ns=heart_ns, within_s=25))
    said_ns = await stage.wear(SENSING, "accept")
    on_fact(await stage.ask("accepted", (SENSING,), since_ns=said_ns, within_s=3))
    on_fact(await stage.ask("phase", stage.everyone, since_ns=now_ns(), within_s=12))


async def _cut(stage: Stage, on_fact: OnFact) -> None:
    await _cut_and_heal(stage, CUT, on_fact, cut_seconds=CUT_SECONDS)


async def _consent(stage: Stage, on_fact: OnFact) -> None:
    said_ns = await stage.wear(REVOKING, "consent", switch="collective", on=False)
    on_fact(await stage.ask("revoked", (REVOKING,), since_ns=said_ns, within_s=8))
    said_ns = await stage.wear(PRESSING_OFF, "off", off=True)
    on_fact(await stage.ask("off", (PRESSING_OFF,), since_ns=said_ns, within_s=3))


PERFORMED = {Act.MEET: _meet, Act.PULSE: _pulse, Act.CUT: _cut, Act.CONSENT: _consent}


async def _heal_again_and_again(stage: Stage, heals: int, audience: Audience) -> None:
    """Cut and heal; the verdict is over all devices that had to rejoin."""
    audience.act(Act.MEET.value)
    since_ns = stage.start_ns
    audience.fact(await stage.ask("committed", stage.everyone, since_ns=since_ns, within_s=45))
    await _feel_and_share(stage)
    times_s: list[float] = []

    def on_fact(fact: Fact) -> None:
        audience.fact(fact)
        if fact.name == "rejoined" and fact.figure is not None:
            times_s.append(fact.figure)

    for index in range(heals):
        pair = (2 * index % len(stage.homes), (2 * index + 1) % len(stage.homes))
        names = " and ".join(stage.homes[device].name for device in pair)
        audience.act(f"cut {index + 1} of {heals}: {names}")
        cut_seconds = LONG_CUT_SECONDS + index * CUT_SHIFT_SECONDS
        await _cut_and_heal(stage, pair, on_fact, cut_seconds=cut_seconds)
    audience.fact(_verdict(times_s, wanted=2 * heals))


async def _cut_and_heal(
    stage: Stage, pair: tuple[int, int], on_fact: OnFact, *, cut_seconds: float
) -> None:
    """Cut `pair` off until both are alone and the others went on, and `cut_seconds` at least."""
    others = tuple(device for device in stage.everyone if device not in pair)
    cut_ns = await stage.cut(pair)
    on_fact(await stage.ask("solo", pair, since_ns=cut_ns, within_s=15))
    on_fact(await stage.ask("going on", others, since_ns=cut_ns, within_s=15))
    await trio.sleep(max(0.0, cut_seconds - (now_ns() - cut_ns) / SECOND_NS))
    heal_ns = await stage.heal()
    for device in pair:
        question = Question("rejoined", heal_ns, (device,), within_s=12, reference=others)
        on_fact(await stage.put(question))
    on_fact(await stage.ask("dark", pair, since_ns=cut_ns, until_ns=heal_ns, within_s=3))


async def _feel_and_share(stage: Stage) -> None:
    """Every wearer says how they feel and shares it, so that the circle shows its mood."""
    for device, home in enumerate(stage.homes):
        await stage.wear(device, "feel", state=home.feeling)
        await stage.wear(device, "consent", switch="share", on=True)


async def _live_meanwhile(command: Sequence[str], to: trio.MemorySendChannel[Fact]) -> None:
    await to.send(await judge_city(command))


async def judge_city(command: Sequence[str]) -> Fact:
    """Run the simulated city in time that nobody else wants, and pass on its verdict."""
    arguments = [*command, "--seconds", str(CITY_SECONDS), "--json", "-"]
    with trio.move_on_after(CITY_SECONDS_MAX) as timer:
        done = await trio.run_process(
            arguments,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
            preexec_fn=lambda: os.nice(YIELDING),
        )
    if timer.cancelled_caught:
        return Fact("city", False, f"no verdict within {CITY_SECONDS_MAX} s")
    try:
        run = json.loads(done.stdout)
        verdict, peers, digest = run["verdict"], run["peers"], str(run["digest"])[:8]
        ratio = run["virtual_seconds"] / run["cpu_seconds"]
    except (ValueError, KeyError, TypeError, ZeroDivisionError):
        return Fact("city", False, f"no verdict: {done.stderr.decode('utf-8', 'replace')[-300:]}")
    text = f"blackout of {peers}: {verdict}, {len(run['violations'])} violations, "
    text += f"digest {digest}, times real time on a core"
    return Fact("city", verdict == "pass" and done.returncode == 0, text, ratio, "x")


def _verdict(times_s: Sequence[float], *, wanted: int) -> Fact:
    name, unit = "rejoined p95", "s"
    if len(times_s) < wanted:
        return Fact(name, False, f"only {len(times_s)} of {wanted} rejoined")
    p95_s, worst_s = percentile(times_s, PERCENT), max(times_s)
    text = f"{wanted} rejoined, slowest {worst_s:.2f} s (gates {REJOIN_P95_SECONDS_MAX:g} s and "
    text += f"{REJOIN_SECONDS_MAX:g} s)"
    passed = p95_s <= REJOIN_P95_SECONDS_MAX and worst_s <= REJOIN_SECONDS_MAX
    return Fact(name, passed, text, p95_s, unit)


def _first(group: BaseExceptionGroup[Broken]) -> str:
    """Return what the first fault in the group says."""
    fault: BaseException = group
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    return str(fault)
