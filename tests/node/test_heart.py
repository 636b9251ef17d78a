"""Heart rhythm becomes a suggestion only on good evidence, and a broken recording an error."""

import json
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from smilesync.errors import SettingsError
from smilesyncd import heart, recording
from smilesyncd.arousal import ArousalJudge, Judgement

REST_MS = 800.0  # 75 beats per minute


def _play(
    judge: ArousalJudge, intervals_ms: Iterable[float], *, is_still: bool = True
) -> list[str]:
    hints = (judge.hear(interval_ms, is_still=is_still) for interval_ms in intervals_ms)
    return [hint.value for hint in hints if hint is not None]


def _for_minutes(minutes: float, interval_ms: float) -> Iterator[float]:
    """Yield a slightly breathing rhythm around `interval_ms`."""
    for index in range(int(minutes * 60_000 / interval_ms)):
        yield interval_ms + (10, 0, -10, 0)[index % 4]


def _rested() -> ArousalJudge:
    judge = ArousalJudge()
    assert _play(judge, _for_minutes(11, REST_MS)) == []
    assert judge.resting is not None
    return judge


def test_nothing_is_said_before_ten_minutes_of_rest() -> None:
    judge = ArousalJudge()

    assert _play(judge, _for_minutes(9.9, 500)) == []
    assert judge.judgement is Judgement.UNKNOWN


@pytest.mark.parametrize(
    ("interval_ms", "hints"), [(650.0, ["activated"]), (860.0, ["calm"]), (780.0, [])]
)
def test_a_lasting_change_of_rate_is_hinted_once(interval_ms: float, hints: list[str]) -> None:
    judge = _rested()

    assert _play(judge, _for_minutes(4, interval_ms)) == hints


def test_a_change_shorter_than_half_a_minute_is_not_hinted() -> None:
    judge = _rested()

    assert _play(judge, _for_minutes(0.9, 650)) == []
    assert judge.judgement is Judgement.ACTIVATED
    assert _play(judge, [5_000.0, *_for_minutes(3, REST_MS)]) == []


def test_a_change_that_returns_is_hinted_again() -> None:
    judge = _rested()
    course = [*_for_minutes(3, 650), *_for_minutes(3, REST_MS), *_for_minutes(3, 650)]

    assert _play(judge, course) == ["activated", "activated"]


def test_artefacts_make_the_judgement_unknown() -> None:
    judge = _rested()
    noisy = [1300.0 if i % 15 == 0 else one for i, one in enumerate(_for_minutes(3, 650))]

    assert _play(judge, noisy) == []
    assert judge.judgement is Judgement.UNKNOWN


def test_lost_contact_makes_the_judgement_unknown_for_a_minute() -> None:
    judge = _rested()

    assert _play(judge, [5_000.0, *_for_minutes(0.8, 650)]) == []
    assert judge.judgement is Judgement.UNKNOWN


def test_a_moving_wearer_is_not_judged() -> None:
    judge = _rested()

    assert _play(judge, _for_minutes(4, 650), is_still=False) == []


def test_one_wearer_is_compared_with_their_own_rest() -> None:
    judge = ArousalJudge()
    _play(judge, _for_minutes(11, 600))  # 100 beats per minute is this one's rest

    assert _play(judge, _for_minutes(4, 600)) == []


def test_the_real_rhythm_suggests_calm_and_nothing_else_in_its_first_quarter() -> None:
    path = recording.locate("sample-long")
    told: list[bool] = []

    heart.replay(
        recording.read(path)[:1200], told.append, is_still=True, wait_until_ms=lambda _: None
    )

    assert told == [False]


def _array_file(
    header: str = "{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }",
    body: bytes = struct.pack("<3q", 800, 810, 790),
    version: bytes = b"\x01\x00",
) -> bytes:
    return b"\x93NUMPY" + version + struct.pack("<H", len(header)) + header.encode() + body


def test_array_and_text_files_hold_the_same(tmp_path: Path) -> None:
    array_path, text_path = tmp_path / "a.npy", tmp_path / "a.txt"
    array_path.write_bytes(_array_file())
    text_path.write_text("# rest\n800\n810 # one\n\n790\n")

    assert recording.read(array_path) == recording.read(text_path) == (800.0, 810.0, 790.0)


@pytest.mark.parametrize("kind", ["<i2", ">i2", "<i4", ">i8", "<f4", ">f8"])
def test_all_number_types_are_read(tmp_path: Path, kind: str) -> None:
    code = {"i2": "h", "i4": "i", "i8": "q", "f4": "f", "f8": "d"}[kind[1:]]
    path = tmp_path / "a.npy"
    path.write_bytes(
        _array_file(
            f"{{'descr': '{kind}', 'fortran_order': False, 'shape': (2,)}}",
            struct.pack(f"{kind[0]}2{code}", 800, 900),
        )
    )

    assert recording.read(path) == (800.0, 900.0)


BROKEN = {
    "empty file": (b"", "length: expected 1 to"),
    "text that is no number": (b"800\nfast\n", "line 2: expected one number"),
    "negative interval": (b"800\n-5\n", "interval 2: expected milliseconds above 0"),
    "not a number": (b"nan\n", "interval 1: expected milliseconds"),
    "infinite": (b"inf\n", "interval 1: expected milliseconds"),
    "cut magic": (b"\x93NUMPY", "version: expected"),
    "cut header": (b"\x93NUMPY\x01\x00\x76", "header: expected a whole header"),
    "header longer than file": (b"\x93NUMPY\x01\x00\x76\x00{", "header: expected 1 to"),
    "unknown version": (_array_file(version=b"\x09\x00"), "version: expected"),
    "cut data": (_array_file()[:-1], "data: expected 24 bytes"),
    "trailing data": (_array_file() + b"x", "data: expected 24 bytes"),
    "header is code": (_array_file("__import__('os')"), "header: expected exactly the keys"),
    "header nests": (_array_file("(" * 500), "header: expected exactly the keys"),
    "objects": (
        _array_file("{'descr': '|O', 'fortran_order': False, 'shape': (3,)}"),
        "descr: expected",
    ),
    "two dimensions": (
        _array_file("{'descr': '<i8', 'fortran_order': False, 'shape': (3, 1)}"),
        "shape: expected one dimension",
    ),
    "giant shape": (
        _array_file("{'descr': '<i8', 'fortran_order': False, 'shape': (9999999999,)}"),
        "shape: expected 1 to",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_recording_is_refused_by_field(tmp_path: Path, name: str) -> None:
    data, expected = BROKEN[name]
    path = tmp_path / "broken"
    path.write_bytes(data)

    with pytest.raises(SettingsError) as caught:
        recording.read(path)

    assert str(caught.value).startswith(str(path))
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    "arguments",
    [["/nowhere/at/all"], ["sample-long", "--speed", "nan"], ["sample-long", "--speed", "0"]],
)
def test_bad_arguments_exit_with_two(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert heart.main([*arguments, "--control", "/nowhere"]) == 2
    assert "expected" in capsys.readouterr().err


def test_only_one_bit_leaves_the_process(tmp_path: Path) -> None:
    course = [*_for_minutes(11, REST_MS), *_for_minutes(2, 650)]
    path, control = tmp_path / "beats.txt", tmp_path / "control"
    path.write_text("\n".join(str(one) for one in course))
    heard: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(control))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                heard.append(connection.recv(4096))
                connection.sendall(b'{"ok":true}\n')

        server = threading.Thread(target=serve)
        server.start()
        command = [sys.executable, "-m", "smilesyncd.heart", str(path), "--control", str(control)]
        done = subprocess.run(
            [*command, "--speed", "10000", "--still"], capture_output=True, text=True, timeout=60
        )
        server.join()

    assert done.returncode == 0, done.stderr
    assert done.stdout == "suggested: activated\n"
    assert [json.loads(line) for line in heard] == [{"do": "suggest", "activated": True}]


def test_an_absent_daemon_is_reported_and_survived(tmp_path: Path) -> None:
    complaint = heart.send_suggestion(tmp_path / "nobody", activated=True)

    assert "no daemon answers" in complaint
