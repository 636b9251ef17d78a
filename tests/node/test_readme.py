"""What the README tells people to type exists."""

import re
import shlex
from pathlib import Path

import pytest

from smilesim.main import main as smilesim
from smilesyncd.main import main as smilesync

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.strip().splitlines()
]
PROGRAMS = {".venv/bin/smilesync": smilesync, ".venv/bin/smilesim": smilesim}


def test_there_are_commands_to_check() -> None:
    assert COMMANDS[:2] == ["make demo", "make test"]


@pytest.mark.parametrize("command", [one for one in COMMANDS if one.startswith(tuple(PROGRAMS))])
def test_each_command_is_understood(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    program, *words = shlex.split(command)

    with pytest.raises(SystemExit) as ended:
        PROGRAMS[program]([*words, "--help"])

    assert ended.value.code == 0, capsys.readouterr().err
    usage = capsys.readouterr().out
    for option in (word for word in words if word.startswith("--")):
        assert option in usage


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?:^|`)make ([\w-]+)", README, re.M))))
def test_each_make_target_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_each_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()
