"""A second Python runs the same sources to the same digests: `make other OTHER=python3.13`."""

import sys

import pytest

from smilesim import origin
from smilesim.main import main
from support.builds import ROOT, RUNS, reported, started

OTHER = ROOT / ".venv-other" / "bin"
ASK = "import sys; from smilesim import origin; print(*sys.version_info[:2], origin.code_hash())"


def absent() -> str:
    if not (OTHER / "smilesim").exists():
        return "no second Python was named: make other OTHER=python3.13"
    *version, code = started(OTHER / "python", "-c", ASK).stdout.split()
    if version == [str(part) for part in sys.version_info[:2]]:
        return "the second Python is the one that runs this: make other OTHER=python3.13"
    return "" if code == origin.code_hash() else "it is of other sources: make other"


ABSENT = absent()
pytestmark = pytest.mark.skipif(bool(ABSENT), reason=ABSENT)


# All kinds of part: light and clocks, which reckon in floats, circles, storms, every fault.
@pytest.mark.parametrize("name", ["calm", "surge", "moods", "consensus", "swarm"])
def test_a_run_is_the_same_to_the_bit(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("run", name, *RUNS[name], "--seed", "5", "--json", "-")
    other = started(OTHER / "smilesim", *asked)
    main(asked)
    assert reported(other.stdout) == reported(capsys.readouterr().out), other.stderr
