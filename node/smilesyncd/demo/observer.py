"""Watches all devices from outside and answers questions about them, with figures.

A process of its own, so that what it says depends on nothing but the daemons' `watch` streams. It
is started with NAME=CONTROL_SOCKET for each device, prints ten views a second (what a screen would
draw), obeys JSON lines on its standard input and answers each question with one line:

    {"ask": "rejoined", "since_ns": ..., "until_ns": 0, "devices": [5, 6],
     "reference": [0, 1, 2, 3, 4], "within_s": 20}
    {"fact": {"name": "rejoined", "passed": true, "text": ..., "figure": 0.41, "unit": "s"}}
"""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict

import trio

from smilesyncd.demo import facts
from smilesyncd.demo.instant import SECOND_NS, now_ns
from smilesyncd.demo.sightings import Seen, Track, Unreadable, read_sighting

LINE_BYTES_MAX = 65_536
RETRY_SECONDS = 0.1
VIEW_SECONDS = 0.1
CHECK_SECONDS = 0.1


class Lines:
    """Reads whole lines from a byte stream."""

    def __init__(self, stream: trio.abc.ReceiveStream) -> None:
        self._stream = stream
        self._buffer = bytearray()

    async def next(self) -> bytes | None:
        """Return the next line, None at the end."""
        while b"\n" not in self._buffer:
            if len(self._buffer) > LINE_BYTES_MAX:
                raise Unreadable(f"a line of more than {LINE_BYTES_MAX} bytes")
            received = await self._stream.receive_some(LINE_BYTES_MAX)
            if not received:
                return None
            self._buffer += received
        line, _, rest = self._buffer.partition(b"\n")
        self._buffer = rest
        return bytes(line)


async def observe(devices: Sequence[str]) -> None:
    """Watch the daemons given as NAME=CONTROL_SOCKET until standard input ends."""
    named = [device.partition("=") for device in devices]
    seen = Seen(tuple(Track(name) for name, _, _ in named))
    orders = Lines(trio.lowlevel.FdStream(os.dup(sys.stdin.fileno())))
    async with trio.open_nursery() as nursery:
        for track, (_, _, control) in zip(seen.tracks, named, strict=True):
            nursery.start_soon(_follow, track, control)
        nursery.start_soon(_show_views, seen)
        while (line := await orders.next()) is not None:
            await _obey(seen, json.loads(line))
        nursery.cancel_scope.cancel()


async def _follow(track: Track, control: str) -> None:
    """Read one daemon's stream, again whenever the daemon comes back."""
    while True:
        try:
            async with await trio.open_unix_socket(control) as stream:
                await stream.send_all(b'{"do":"watch"}\n')
                lines = Lines(stream)
                while (line := await lines.next()) is not None:
                    track.add(read_sighting(json.loads(line)))
        except (OSError, trio.BrokenResourceError):
            pass  # not up yet, or just gone
        await trio.sleep(RETRY_SECONDS)


async def _obey(seen: Seen, order: dict[str, object]) -> None:
    """Carry out one order; a malformed one is a bug of who started us and ends the process."""
    kind = order.get("ask")
    assert isinstance(kind, str), f"not an order: {order}"
    devices, since_ns = order["devices"], order["since_ns"]
    within_s, until_ns = order["within_s"], order.get("until_ns", 0)
    reference = order.get("reference", [])
    assert isinstance(devices, list)
    assert isinstance(reference, list)
    assert isinstance(since_ns, int)
    assert isinstance(until_ns, int)
    assert isinstance(within_s, int | float)
    question = facts.Question(kind, since_ns, tuple(devices), within_s, until_ns, tuple(reference))
    _say({"fact": asdict(await _find_out(seen, question))})


async def _find_out(seen: Seen, question: facts.Question) -> facts.Fact:
    # Time is counted from the asking: what the question is about may lie in the past.
    deadline_ns = now_ns() + int(question.within_s * SECOND_NS)
    while True:
        answer = facts.answer(seen, question)
        if isinstance(answer, facts.Fact):
            return answer
        if now_ns() >= deadline_ns:
            return facts.unanswered(question, answer)
        await trio.sleep(CHECK_SECONDS)


async def _show_views(seen: Seen) -> None:
    while True:
        _say({"view": [_view(track) for track in seen.tracks]})
        await trio.sleep(VIEW_SECONDS)


def _view(track: Track) -> dict[str, object]:
    latest = track.latest
    if latest is None:
        return {"name": track.name, "rung": "", "slot": 0, "zones": [], "emotion": "", "hint": ""}
    return {
        "name": track.name,
        "rung": latest.rung,
        "slot": latest.slot,
        "zones": latest.zones,
        "emotion": latest.emotion,
        "hint": latest.suggestion or "",
    }


def _say(value: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    devices = sys.argv[1:] if arguments is None else list(arguments)
    code = 0
    try:
        trio.run(observe, devices)
    except* Unreadable as group:
        for error in group.exceptions:
            print(f"a daemon's watch stream is not as documented: {error}", file=sys.stderr)
        code = 1
    except* KeyboardInterrupt:
        pass  # the one who started us is stopping too
    return code


if __name__ == "__main__":
    sys.exit(main())
