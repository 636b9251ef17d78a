"""From what was typed behind `smilesync guard` to a governed stream, and to its dark end."""

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import trio

from smilesync.errors import SettingsError
from smilesyncd import expectations as expect
from smilesyncd.clock import BootClock
from smilesyncd.ending import deafen
from smilesyncd.guard import inputs, status
from smilesyncd.guard.inputs import Desk, Input, InputSocket
from smilesyncd.guard.loop import Guard, emit, fade_out, receive, report
from smilesyncd.guard.request import GLOW, RESTS
from smilesyncd.lamp import Lamp
from smilesyncd.outputs.opening import Surroundings, open_lamp
from smilesyncd.outputs.slots import PRIORITY_DEFAULT, PRIORITY_MAX, UNIVERSE_LEDS
from smilesyncd.outputs.stream import is_local
from smilesyncd.outputs.strip import (
    BUDGET_MA_MAX,
    LEDS_MAX,
    ORDERS,
    RATE_HZ_MAX,
    RATE_HZ_MIN,
    Strip,
)
from smilesyncd.outputs.target import (
    TERMINAL_FORM,
    Ddp,
    Network,
    Target,
    Terminal,
    target,
    universe_excess,
)

Parsed = TypeVar("Parsed")

RATE_HZ_DEFAULT = 40


@dataclass(frozen=True, slots=True)
class Order:
    """What one guard shall do."""

    stream: Input
    to: Target
    strip: Strip
    in_order: str
    rest: str
    interface: str
    is_json: bool


def guard(chosen: argparse.Namespace) -> int:
    """Guard until a signal ends it, then fade out; return 0.

    Errors: SettingsError with one line for each problem, before anything is opened.
    """
    order = read_order(chosen)
    clock = BootClock()
    world = Surroundings(os.environ, clock.now_ns, order.interface)
    sock = InputSocket(order.stream)
    try:
        lamp = open_lamp(order.to, order.strip, world)
        try:
            if sock.warning:
                print(f"smilesync: --in: {sock.warning}", file=sys.stderr)
            trio.run(_guard, order, sock, lamp, clock)
        finally:
            lamp.close()
    finally:
        sock.close()
    return 0


def read_order(chosen: argparse.Namespace) -> Order:
    """Return what was typed, checked. Errors: SettingsError with one line for each problem."""
    problems: list[str] = []

    def take(
        flag: str, given: object, parse: Callable[[object], Parsed], default: Parsed
    ) -> Parsed:
        if given is None:
            return default
        try:
            return parse(given)
        except expect.Unexpected as error:
            problems.append(f"{flag}: {given!r}; expected {error}")
            return default

    stream = take("--in", chosen.stream, lambda given: inputs.parse(str(given)), _NOWHERE)
    to: Target = take("--out", chosen.to, _output, _UNKNOWN)
    leds = UNIVERSE_LEDS * len(stream.universes)
    leds = take("--leds", chosen.leds, expect.integer(1, LEDS_MAX), leds)
    rates = expect.integer(RATE_HZ_MIN, RATE_HZ_MAX)
    strip = Strip(
        zones=leds,
        leds=leds,
        order=take("--channel-order", chosen.channel_order, expect.one_of(ORDERS), ""),
        budget_ma=take("--budget-ma", chosen.budget_ma, expect.integer(0, BUDGET_MA_MAX), 0),
        transfer=take("--transfer", chosen.transfer, expect.transfer, None),
        rate_hz=take("--rate-hz", chosen.rate_hz, rates, RATE_HZ_DEFAULT),
        priority=take(
            "--priority", chosen.priority, expect.integer(0, PRIORITY_MAX), PRIORITY_DEFAULT
        ),
    )
    order = Order(
        stream=stream,
        to=to,
        strip=strip,
        in_order=take("--in-order", chosen.in_order, expect.one_of(ORDERS), "rgb"),
        rest=take("--rest", chosen.rest, expect.one_of(RESTS), GLOW),
        interface=take("--interface", chosen.interface, expect.interface, ""),
        is_json=chosen.json,
    )
    problems += _misfits(order)
    if problems:
        raise SettingsError("\n".join(problems))
    return order


_NOWHERE = Input("ddp", 0, 0, "", 1)
_UNKNOWN: Target = Terminal()


def _output(value: object) -> Target:
    try:
        found = target(value)
    except expect.Unexpected as error:
        raise expect.Unexpected(str(error).removeprefix(f"{TERMINAL_FORM}, ")) from None
    if isinstance(found, Terminal):
        raise expect.Unexpected("an output for a stream, e.g. ddp:192.168.1.50")
    return found


def _misfits(order: Order) -> list[str]:
    """Return what does not fit together, though each part is sound by itself."""
    problems, leds, reach = [], order.strip.leds, order.stream.reach
    if leds > reach:
        problems.append(f"--leds: {leds}; expected at most the {reach} that --in reaches")
    if excess := universe_excess(order.to, leds):
        problems.append(f"--out: {excess}")
    if order.strip.budget_problem:
        problems.append(f"--budget-ma: {order.strip.budget_problem}")
    if isinstance(order.to, Network) and _hears_itself(order.stream, order.to, leds):
        problems.append(
            "--out: what is sent there comes in again at --in; expected another universe, port or "
            "receiver"
        )
    return problems


def _hears_itself(stream: Input, to: Network, leds: int) -> bool:
    """Say whether what goes out comes in: such a guard would never notice that its sender ended."""
    protocol, first = type(to).__name__.lower(), 0 if isinstance(to, Ddp) else to.universe
    is_same = (protocol, to.port) == (stream.protocol, stream.port)
    is_read = first <= stream.last and stream.first <= first + (leds - 1) // UNIVERSE_LEDS
    return is_same and is_read and (not to.host or to.host.endswith(".255") or is_local(to.host))


async def _guard(order: Order, sock: InputSocket, lamp: Lamp, clock: BootClock) -> None:
    desk = Desk(order.stream, order.strip.leds)
    guarding = Guard(desk, lamp, rest=order.rest, order=order.in_order, now_ns=clock.now_ns())
    teller = status.new_teller(guarding, is_json=order.is_json)
    rate_hz = order.strip.rate_hz
    # Open to the very end: somebody who presses twice must not cut the fall short.
    with trio.open_signal_receiver(*deafen()) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(receive, guarding, sock, clock)
            nursery.start_soon(emit, guarding, clock, rate_hz)
            nursery.start_soon(report, lambda: teller.tell(clock.now_ns()), teller.interval_s)
            await anext(signals)
            nursery.cancel_scope.cancel()
        await fade_out(guarding, clock, rate_hz)
    teller.close(clock.now_ns())
