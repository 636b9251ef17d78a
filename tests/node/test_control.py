"""The control socket under good requests, bad ones, and people who do not read."""

import json
import os
import socket
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smilesync.commands import AnswerSuggestion, EmotionState, Feel, SetConsent, SetOff, Switch
from smilesync.errors import SettingsError
from smilesyncd import control
from smilesyncd.control import BadRequest, Service
from smilesyncd.jsonlines import Fields, Json
from smilesyncd.service import command_of

NOBODY = 65_534


class EchoService:
    """Answers with the fields it was given; `watch` counts for ever."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def answer(self, verb: str, fields: Mapping[str, Json]) -> Fields:
        await trio.lowlevel.checkpoint()
        self.asked.append(verb)
        if verb != "echo":
            raise BadRequest(f"{verb} is not echo")
        return dict(fields)

    async def watch(self, send: Callable[[Fields], Awaitable[None]]) -> None:
        for number in range(10**9):
            await send({"number": number, "padding": "x" * 512})

    def offered(self) -> Service:
        return Service(self.answer, self.watch)


async def converse(path: Path, sent: bytes) -> list[Fields]:
    """Send bytes, end the sending side, and return all answers."""
    stream = await trio.open_unix_socket(str(path))
    received = b""
    async with stream:
        try:
            await stream.send_all(sent)
            await stream.send_eof()
            while more := await stream.receive_some(65_536):
                received += more
        except trio.BrokenResourceError:
            pass  # the server closed the connection while we were still sending
    return [json.loads(line) for line in received.splitlines()]


async def serve_and_converse(directory: Path, *sent: bytes) -> list[list[Fields]]:
    path = directory / "control"
    async with trio.open_nursery() as nursery:
        await nursery.start(control.serve, path, EchoService().offered())
        with trio.fail_after(20):
            answers = [await converse(path, each) for each in sent]
        nursery.cancel_scope.cancel()
    return answers


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"", "not a line of JSON"),
        (b"{", "not a line of JSON"),
        (b"\xff\xfe\x00", "not a line of JSON"),
        (b"[" * 2000, "not a line of JSON"),
        (b"[]", "expected an object"),
        (b"null", "expected an object"),
        (b"{}", '"do" is missing'),
        (b'{"do": 3}', '"do" is missing or not a text'),
        (b'{"do": "dance"}', "dance is not echo"),
        (b'{"do": "echo", "n": ' + b"9" * 5000 + b"}", "longer than 4096 bytes"),
    ],
)
async def test_a_malformed_request_is_answered_with_an_error(
    tmp_path: Path, line: bytes, error: str
) -> None:
    [answers] = await serve_and_converse(tmp_path, line + b"\n")

    assert answers[0]["ok"] is False
    assert error in str(answers[0]["error"])


async def test_good_requests_after_bad_ones_are_served_in_order(tmp_path: Path) -> None:
    [answers] = await serve_and_converse(
        tmp_path, b'{"do":"echo","n":1}\nnonsense\n{"do":"echo","n":2}\n{"do":"echo","n":3'
    )

    assert [answer["ok"] for answer in answers] == [True, False, True]
    assert answers[2]["n"] == 2


@given(noise=st.lists(st.binary(max_size=200), max_size=8))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_bytes_leave_the_socket_in_service(
    noise: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("c")

    answers = trio.run(serve_and_converse, directory, *noise, b'{"do":"echo","n":7}\n')

    assert answers[-1] == [{"ok": True, "n": 7}]


async def test_connections_are_bounded_and_come_free_again(tmp_path: Path) -> None:
    path = tmp_path / "control"
    async with trio.open_nursery() as nursery:
        await nursery.start(control.serve, path, EchoService().offered())
        held = [await trio.open_unix_socket(str(path)) for _ in range(control.CONNECTIONS_MAX)]
        await trio.testing.wait_all_tasks_blocked()

        refused = await converse(path, b'{"do":"echo"}\n')
        for stream in held:
            await stream.aclose()
        await trio.testing.wait_all_tasks_blocked(0.01)
        served = await converse(path, b'{"do":"echo"}\n')
        nursery.cancel_scope.cancel()

    assert refused == []
    assert served == [{"ok": True}]


async def test_a_watcher_that_does_not_read_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "WRITE_SECONDS_MAX", 0.1)
    path = tmp_path / "control"
    async with trio.open_nursery() as nursery:
        await nursery.start(control.serve, path, EchoService().offered())
        sleeper = await trio.open_unix_socket(str(path))
        await sleeper.send_all(b'{"do":"watch"}\n')
        await trio.sleep(0.3)

        async with sleeper:
            is_gone = False
            for _ in range(100):
                try:
                    await sleeper.send_all(b"x")
                except trio.BrokenResourceError:
                    is_gone = True
                    break
                await trio.sleep(0.01)
        nursery.cancel_scope.cancel()

    assert is_gone


async def test_only_the_own_user_may_reach_the_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "control"
    async with trio.open_nursery() as nursery:
        await nursery.start(control.serve, path, EchoService().offered())
        mode = path.stat().st_mode & 0o777
        served = await converse(path, b'{"do":"echo"}\n')
        monkeypatch.setattr(control, "_peer_user", lambda connection: os.geteuid() + 1)
        refused = await converse(path, b'{"do":"echo"}\n')
        nursery.cancel_scope.cancel()

    assert mode == 0o600
    assert served == [{"ok": True}]
    assert refused == []
    assert not path.exists()


async def test_another_user_gets_no_answer_even_where_the_file_would_let_them_in(
    tmp_path: Path,
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can act as a second user here")
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "control"
        Path(name).chmod(0o755)
        async with trio.open_nursery() as nursery:
            await nursery.start(control.serve, path, EchoService().offered())
            path.chmod(0o666)
            with socket.socket(socket.AF_UNIX) as stranger:
                os.seteuid(NOBODY)
                try:
                    stranger.connect(str(path))
                finally:
                    os.seteuid(0)
                stranger.sendall(b'{"do":"echo"}\n')
                stranger.settimeout(5)
                with pytest.raises(ConnectionResetError):
                    await trio.to_thread.run_sync(receive_all, stranger)
            nursery.cancel_scope.cancel()


def receive_all(stranger: socket.socket) -> None:
    """Fail with ConnectionResetError also when the other side closed without an answer."""
    if stranger.recv(100) == b"":
        raise ConnectionResetError


async def test_a_socket_left_by_a_dead_daemon_is_replaced_but_a_file_is_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "control"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    [answers] = await serve_and_converse(tmp_path, b'{"do":"echo"}\n')
    path.write_text("precious")

    with pytest.raises(SettingsError, match="control_socket"):
        await control.serve(path, EchoService().offered())

    assert answers == [{"ok": True}]
    assert path.read_text() == "precious"


async def test_a_socket_that_answers_is_not_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "control"
    async with trio.open_nursery() as nursery:
        await nursery.start(control.serve, path, EchoService().offered())

        with pytest.raises(SettingsError) as refused:
            await control.serve(path, EchoService().offered())
        answers = await converse(path, b'{"do":"echo"}\n')
        nursery.cancel_scope.cancel()

    assert f"{path}: control_socket: " in str(refused.value)
    assert "stop" in str(refused.value)
    assert answers == [{"ok": True}]
    assert not path.exists()


async def test_a_socket_too_busy_to_answer_is_not_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "PROBE_SECONDS_MAX", 0.05)
    path = tmp_path / "control"
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(str(path))
        busy.listen(0)
        waiting.connect(str(path))

        with pytest.raises(SettingsError, match="answers"):
            await control.serve(path, EchoService().offered())

    assert path.exists()


async def test_at_the_end_only_the_own_socket_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "control"
    async with trio.open_nursery() as nursery:
        await nursery.start(control.serve, path, EchoService().offered())
        path.unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
            nursery.cancel_scope.cancel()

    assert path.is_socket()


def test_requests_become_commands() -> None:
    assert command_of("feel", {"state": "low"}) == Feel(EmotionState.LOW)
    assert command_of("consent", {"switch": "share", "on": True}) == SetConsent(Switch.SHARE, True)
    assert command_of("off", {"off": True}) == SetOff(True)
    assert command_of("dismiss", {}) == AnswerSuggestion(False)


@pytest.mark.parametrize(
    ("verb", "fields", "error"),
    [
        ("feel", {"state": "angry"}, '"state" is one of calm, excited, neutral, low, high'),
        ("feel", {"state": 1}, '"state" is one of'),
        ("consent", {"switch": "share", "on": "yes"}, '"on" is true or false'),
        ("consent", {"switch": "lit", "on": True}, '"switch" is one of show, share'),
        ("off", {}, '"off" is true or false'),
        ("suggest", {"activated": 1}, '"activated" is true or false'),
        ("dance", {}, "expected status, peers, watch, feel"),
    ],
)
def test_a_request_with_a_bad_field_is_refused_by_name(
    verb: str, fields: dict[str, Json], error: str
) -> None:
    with pytest.raises(BadRequest) as caught:
        command_of(verb, fields)

    assert error in str(caught.value)
