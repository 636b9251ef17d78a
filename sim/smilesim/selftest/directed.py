"""Directed scenarios D1 to D4 and D6: faults that random search misses, played out on a stage.

One of four is a liar. In each the honest must end in agreement and go on deciding; each shows one
rule at work, and goes wrong without it.
"""

from dataclasses import replace

from smilesim.selftest.stage import Stage, everything
from smilesync.circle.quorum import VoteKey
from smilesync.circle.value import Value, named
from smilesync.ids import ValueHash
from smilesync.wire.messages import CertificateName, Message, Propose, VoteKind, Votes

N, X, F = VoteKind.NOTARIZE, VoteKind.NULLIFY, VoteKind.FINALIZE


def _key(kind: VoteKind, view: int, value: Value) -> VoteKey:
    return kind, view, named(value.encode()).hash


async def skipped_nullification(stage: Stage) -> None:
    """D1: x is decided where nobody sees it; B proposes y in view 2 without nullifying view 1."""
    first, _, lucky, other = stage.order

    def passes(_source: int, to: int, message: Message) -> bool:
        sets = message.sets if isinstance(message, Votes) else ()
        return to == lucky or all((one.kind, one.view) != (F, 1) for one in sets)

    stage.passes = passes
    await stage.when(lambda: stage.decided(lucky) == 1)
    stage.must(stage.decided(first) == stage.decided(other) == 0, "more than one decided")
    y = stage.value(1, like=first)
    stage.show((first, other), y, view=2)
    stage.lie((first, other), _key(N, 2, y), _key(F, 2, y))
    await stage.wait(300)
    stage.passes = everything


async def total_power_loss(stage: Stage, outage_ms: int = 100) -> None:
    """D2: two finalize x, one nullifies, all lose power, and B is silent ever after."""
    _, one, two, third = stage.order
    await stage.when(lambda: all(map(stage.is_ready, (one, two, third))))
    stage.passes = lambda source, to, _message: third not in (source, to)
    x = stage.value(1, like=one)
    stage.show((one, two), x)
    stage.lie((one, two), _key(N, 1, x))
    await stage.when(
        lambda: (
            all(_key(F, 1, x) in stage.slot(index).own for index in (one, two))
            and (X, 1, None) in stage.slot(third).own
        )
    )
    stage.power_off(one, two, third)
    stage.passes = everything
    await stage.wait(outage_ms)
    stage.power_on(one, two, third)


async def long_power_loss(stage: Stage) -> None:
    """D2 again, and when power is back the lease that was voted for is long over."""
    await total_power_loss(stage, 9_000)


async def restart_under_a_liar(stage: Stage) -> None:
    """D3: one votes for x, restarts, is answered by others than the holder, and is shown y."""
    _, target, holder, third = stage.order
    await stage.when(lambda: all(map(stage.is_ready, (target, holder, third))))
    stage.passes = lambda source, to, _message: third not in (source, to)
    x = stage.value(1, like=target)
    stage.show((target, holder), x)
    await stage.when(lambda: _key(N, 1, x) in stage.slot(target).own)
    stage.power_off(target)
    # What it said still falls under the rule it was sent under.
    await stage.wait(20)
    stage.passes = lambda source, to, _message: holder not in (source, to)
    stage.power_on(target)
    await stage.wait(200)
    stage.answer(target)
    await stage.when(lambda: stage.is_ready(target))
    y = stage.value(2, like=target)
    stage.show((target, third), y)
    stage.lie((target, third), _key(N, 1, y))
    stage.lie((holder,), _key(N, 1, x))
    await stage.wait(200)
    stage.passes = everything


async def equivocating_leader(stage: Stage) -> None:
    """B shows x to two and y to two, and one of them sees both."""
    _, first, second, third = stage.order
    await stage.when(lambda: all(map(stage.is_ready, (first, second, third))))
    x, y = stage.value(1, like=first), stage.value(2, like=first)
    stage.show((first, second), x)
    await stage.wait(2)
    stage.show((first, third), y)
    for index in (first, second, third):
        stage.lie((index,), _key(N, 1, x), _key(N, 1, y))


async def resent_proposals(stage: Stage) -> None:
    """D4: before every honest proposal B lets all hear it with another k and false names."""
    false = (CertificateName(N, 9, ValueHash(b"?" * 32)), CertificateName(X, 5, None))

    def before(message: Message) -> Message | None:
        if not isinstance(message, Propose):
            return None
        return replace(message, carried_view=message.view + 3, certificates=false)

    stage.before = before
    await stage.wait(0)


async def restored_backup(stage: Stage) -> None:
    """D6: after voting for x one is put back to an earlier journal, and B shows it y."""
    _, target, holder, third = stage.order
    await stage.when(lambda: all(map(stage.is_ready, (target, holder, third))))
    stage.passes = lambda source, to, _message: third not in (source, to)
    stage.devices[target].disk.back_up()
    x = stage.value(1, like=target)
    stage.show((target, holder), x)
    await stage.when(lambda: _key(N, 1, x) in stage.slot(target).own)
    await stage.wait(50)
    stage.power_off(target)
    stage.must(stage.devices[target].disk.restore() > 0, "nothing was rolled back")
    stage.passes = everything
    stage.power_on(target)
    await stage.wait(300)
    stage.answer(target)
    await stage.wait(2_000)
    y = stage.value(2, like=third)
    stage.show((target, third), y)
    stage.lie((target, third), _key(N, 1, y))
    stage.lie((holder,), _key(N, 1, x))
    await stage.wait(2_000)
    stage.must(stage.devices[target].is_amnesic, "who was told of a forgotten vote goes on voting")
