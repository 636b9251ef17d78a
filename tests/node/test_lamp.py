"""Terminal, plain lines, frames and notices: what people see of a device."""

import os
import pty
import select
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from smilesync.config import Config
from smilesync.effects import Event, Notice, Rung, Scene
from smilesync.errors import SettingsError
from smilesync.ids import PeerId
from smilesync.light.sink import Codes
from smilesyncd import lamp
from smilesyncd.driver import NS_PER_SECOND
from smilesyncd.face import Face, zone_positions
from smilesyncd.lamp import PlainLamp, RecordingLamp, TerminalLamp, new_terminal
from smilesyncd.notices import LINES_PER_WINDOW_MAX, WINDOW_NS, NoticePrinter

RED: Codes = (90, 40, 30)
BLUE: Codes = (10, 20, 200)


class TrioClock:
    def now_ns(self) -> int:
        return round(trio.current_time() * NS_PER_SECOND)

    def trio_deadline(self, local_ns: int) -> float:
        return local_ns / NS_PER_SECOND


def read_until(reader: int, wanted: str) -> str:
    """Read a terminal until `wanted` came: the system hands on what was written in parts."""
    text = ""
    while wanted not in text:
        assert select.select([reader], [], [], 10)[0], f"{wanted!r} never came, only {text!r}"
        text += os.read(reader, 65_536).decode()
    return text


def test_a_terminal_gets_each_zone_in_its_own_colour() -> None:
    reader, terminal = pty.openpty()
    drawn = TerminalLamp(terminal, 2, has_colour=True)

    drawn.draw((RED, BLUE), "rung=SOLO", 0)
    drawn.close()
    text = read_until(reader, "\x1b[?25h")

    os.close(reader)
    os.close(terminal)
    assert "\x1b[38;2;90;40;30m" in text
    assert "\x1b[38;2;10;20;200m" in text
    assert text.index("38;2;90;") < text.index("38;2;10;")
    assert text.endswith("\x1b[?25h")


def test_without_colour_the_smile_is_drawn_in_shades() -> None:
    reader, terminal = pty.openpty()
    drawn = TerminalLamp(terminal, 2, has_colour=False)

    drawn.draw(((255, 255, 255), (0, 0, 0)), "rung=SOLO", 0)
    text = read_until(reader, "rung=SOLO")

    os.close(reader)
    os.close(terminal)
    assert "38;2" not in text
    assert "@" in text


def shades(levels: list[int]) -> list[str]:
    """Return the character that a smile without colour is made of, for each grey."""
    drawn: list[str] = []
    for number, grey in enumerate(levels):
        reader, terminal = pty.openpty()
        if not number:
            smile = TerminalLamp(terminal, 1, has_colour=False)
        smile._descriptor = terminal
        smile.draw(((grey,) * 3,), f"frame {number};", 0)
        text = read_until(reader, f"frame {number};")
        os.close(reader)
        os.close(terminal)
        drawn.append(next((letter for letter in text if letter in lamp.RAMP[1:]), lamp.RAMP[0]))
    return drawn


def test_light_that_hardly_moves_does_not_flip_a_character() -> None:
    around = [first for n in range(1, 8) for first in [255 * n // 9, 255 * n // 9 + 1] * 3]

    for first in range(0, len(around), 6):
        shown = shades([around[first], *around[first : first + 6]])
        assert len(set(shown[2:])) == 1, "after the first rise nothing changes"


def test_a_character_goes_down_one_place_late_and_black_is_blank() -> None:
    assert shades([0, 28, 29, 57, 56, 29, 28, 1, 0, 1]) == list("  .:::..  ")


def test_the_smile_is_a_smile_with_its_zones_from_left_to_right() -> None:
    rows = lamp.smile_cells(7)
    drawn = ["".join(glyph for glyph, _ in row) for row in rows]

    assert all(len(row) == lamp.SMILE_COLUMNS for row in drawn)
    assert drawn[0].strip()[0] != " "
    assert drawn[0].count(" ") > drawn[-1].strip().count(" ")
    assert [zone for _, zone in rows[0]] == sorted(zone for _, zone in rows[0])
    assert {zone for row in rows for glyph, zone in row if glyph != " "} == set(range(7))


def test_an_output_that_is_full_or_gone_loses_frames_and_never_blocks() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    drawn = PlainLamp(writer, 1)

    for number in range(5000):
        drawn.draw((RED,), f"rung=SOLO slot={number}", 0)
    is_written_when_full = lamp.write_if_ready(writer, "x" * 100)
    os.close(reader)
    is_written_when_gone = lamp.write_if_ready(writer, "x")
    os.close(writer)

    assert not is_written_when_full
    assert not is_written_when_gone
    assert not lamp.write_if_ready(writer, "x")


def test_without_a_terminal_lines_are_few() -> None:
    reader, writer = os.pipe()
    drawn = PlainLamp(writer, 1)

    for frame in range(90):
        drawn.draw(((frame, 0, 0),), "rung=SOLO", frame * NS_PER_SECOND // 30)
    text = os.read(reader, 65_536).decode()
    os.close(reader)
    os.close(writer)

    assert len(text.splitlines()) in (3, 4)
    assert text.startswith("light rung=SOLO zones=#000000\n")


def test_the_first_dark_frame_has_a_line_of_its_own() -> None:
    reader, writer = os.pipe()
    drawn = PlainLamp(writer, 2)

    drawn.draw((RED, BLUE), "rung=SOLO", 0)
    drawn.draw(((0, 0, 0), BLUE), "rung=SOLO", 1)
    for now_ns in (2, 3):
        drawn.draw(((0, 0, 0),) * 2, "rung=SOLO", now_ns)
    lines = os.read(reader, 65_536).decode().splitlines()
    os.close(reader)
    os.close(writer)

    assert len(lines) == 2
    assert lines[1] == "light rung=SOLO zones=#000000 #000000"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [({}, TerminalLamp), ({"TERM": "dumb"}, PlainLamp)],
)
def test_the_lamp_fits_the_terminal(environ: dict[str, str], expected: type[object]) -> None:
    reader, terminal = pty.openpty()

    made = new_terminal(0, terminal, environ)

    os.close(reader)
    os.close(terminal)
    assert isinstance(made, expected)


def test_a_file_is_no_terminal(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as file:
        assert isinstance(new_terminal(3, file.fileno(), {}), PlainLamp)


def test_zones_lie_side_by_side_around_the_centre() -> None:
    assert zone_positions((100, 7), 3) == ((98, 7), (100, 7), (102, 7))


def test_zones_lie_where_they_are_said_to_lie() -> None:
    assert zone_positions((100, 7), 2, ((-30, 5), (30, 5))) == ((70, 12), (130, 12))
    with pytest.raises(SettingsError, match="2 positions; expected one for each of the 3 zones"):
        zone_positions((100, 7), 3, ((-30, 5), (30, 5)))


async def test_the_face_draws_thirty_frames_a_second_and_falls_dark(
    autojump_clock: MockClock,
) -> None:
    output = RecordingLamp()
    face = Face(Config().light, output, TrioClock(), positions_cm=((0, 0),))
    face.show(Scene(Rung.SOLO, own_state=1), 0)

    with trio.move_on_after(10):
        await face.run()
    lit, frames = face.codes, len(output.frames)
    began_s = trio.current_time()
    await face.fall()
    face.show(Scene(Rung.SOLO, own_state=1), TrioClock().now_ns())

    assert 290 <= frames <= 310
    assert any(any(codes) for codes in lit)
    assert trio.current_time() - began_s <= 1.0
    assert face.codes == ((0, 0, 0),)
    assert face.scene.rung is Rung.OFF


async def test_light_that_stands_still_is_drawn_less_often_until_the_scene_changes(
    autojump_clock: MockClock,
) -> None:
    output = RecordingLamp()
    face = Face(Config().light, output, TrioClock(), positions_cm=((0, 0),))
    face.show(Scene(Rung.GLOW, own_state=1), 0)

    async def change() -> None:
        await trio.sleep(20.1)
        face.show(Scene(Rung.SOLO, own_state=1), TrioClock().now_ns())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(change)
        with trio.move_on_after(22):
            await face.run()

    def count(begin_s: float, end_s: float) -> int:
        return sum(begin_s <= now_ns / NS_PER_SECOND < end_s for now_ns, _ in output.frames)

    assert count(18, 20) <= 12
    assert count(20.1, 21.1) >= 28


def test_notices_are_one_line_each_and_limited() -> None:
    lines: list[str] = []
    printer = NoticePrinter(lines.append, is_verbose=True)
    noisy = Notice(Event.DATAGRAM_DROPPED, PeerId(b"\xab" * 32), "rule\nwith a newline\x1b")

    for _ in range(100):
        printer.print(noisy, 0)
    printer.print(Notice(Event.LINK_UP, PeerId(b"\xcd" * 32)), 1)
    printer.print(noisy, WINDOW_NS)

    assert lines[0] == "datagram-dropped peer=abababab rule?with a newline?"
    assert len(lines) == LINES_PER_WINDOW_MAX + 3
    assert lines[-2] == "suppressed lines=95"


def test_unless_asked_for_only_what_concerns_the_wearer_is_told() -> None:
    lines: list[str] = []
    printer = NoticePrinter(lines.append)

    for detail in ("rung=COMMITTED", "rung=HOLD", "rung=COMMITTED", "rung=HOLD", "rung=SOLO"):
        printer.print(Notice(Event.RUNG_CHANGED, detail=detail), 0)
    printer.print(Notice(Event.DATAGRAM_DROPPED), 0)

    assert lines == ["rung-changed rung=COMMITTED", "rung-changed rung=SOLO"]
