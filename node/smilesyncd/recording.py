"""Reads a recording of beat-to-beat intervals, in milliseconds, from a file.

Two forms: one number per line of plain text (`#` starts a comment), or a one-dimensional NumPy
array file. The array file is read here in a few strict lines rather than by NumPy, which would be
the largest dependency of the daemon for the sake of one header.
"""

import array
import ast
import math
import struct
import sys
from importlib import metadata
from pathlib import Path

from smilesync.errors import SettingsError

MAGIC = b"\x93NUMPY"
FILE_BYTES_MAX = 64 * 1024 * 1024
HEADER_BYTES_MAX = 4096
INTERVALS_MAX = 2_000_000
INTERVAL_MS_MAX = 60_000
TYPE_CODES = {"i2": "h", "u2": "H", "i4": "i", "u4": "I", "i8": "q", "f4": "f", "f8": "d"}

SAMPLE_PACKAGE = "pyhrv"
SAMPLES = {"sample-short": "SampleNNISeriesShort.npy", "sample-long": "SampleNNISeriesLong.npy"}


def locate(name: str) -> Path:
    """Return the file called `name`, or the installed sample of that name.

    Errors: SettingsError if a sample is asked for whose package is not installed. The package is
    looked up, never imported: it would want NumPy, SciPy and more for a file we read ourselves.
    """
    if name not in SAMPLES:
        return Path(name)
    try:
        listed = metadata.files(SAMPLE_PACKAGE) or []
    except metadata.PackageNotFoundError:
        listed = []
    for file in listed:
        if file.name == SAMPLES[name]:
            return Path(str(file.locate()))
    raise SettingsError(
        f"{name}: recording: the package {SAMPLE_PACKAGE} is not installed; expected it from "
        "'make setup', or the path of a recording"
    )


def read(path: Path) -> tuple[float, ...]:
    """Return the intervals of the recording at `path`, in milliseconds.

    Errors: SettingsError naming file, field and expectation, for anything but a sound recording.
    """
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise SettingsError(
            f"{path}: recording: {error.strerror}; expected a readable file"
        ) from error
    if len(data) > FILE_BYTES_MAX:
        raise _unusable(path, "size", f"at most {FILE_BYTES_MAX} bytes")
    intervals = _from_array(path, data) if data.startswith(MAGIC) else _from_text(path, data)
    if not 1 <= len(intervals) <= INTERVALS_MAX:
        raise _unusable(path, "length", f"1 to {INTERVALS_MAX} intervals, not {len(intervals)}")
    for index, interval_ms in enumerate(intervals):
        if not (math.isfinite(interval_ms) and 0 < interval_ms <= INTERVAL_MS_MAX):
            expected = f"milliseconds above 0 and up to {INTERVAL_MS_MAX}, not {interval_ms:g}"
            raise _unusable(path, f"interval {index + 1}", expected)
    return tuple(intervals)


def _from_text(path: Path, data: bytes) -> list[float]:
    intervals: list[float] = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        content = line.split(b"#")[0].strip()
        if not content:
            continue
        try:
            intervals.append(float(content))
        except ValueError:
            raise _unusable(path, f"line {number}", "one number of milliseconds") from None
    return intervals


def _from_array(path: Path, data: bytes) -> list[float]:
    version = tuple(data[6:8])
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise _unusable(path, "version", "an array file of version 1.0, 2.0 or 3.0")
    size_format = "<H" if version == (1, 0) else "<I"
    start = 8 + struct.calcsize(size_format)
    if len(data) < start:
        raise _unusable(path, "header", "a whole header; the file is cut short")
    (header_size,) = struct.unpack(size_format, data[8:start])
    if not 0 < header_size <= HEADER_BYTES_MAX or len(data) < start + header_size:
        raise _unusable(path, "header", f"1 to {HEADER_BYTES_MAX} bytes, all of them present")
    code, byte_order, count = _described(path, data[start : start + header_size])
    values: array.array[float] = array.array(code)
    body = data[start + header_size :]
    if len(body) != count * values.itemsize:
        expected = f"{count * values.itemsize} bytes for shape ({count},), not {len(body)}"
        raise _unusable(path, "data", expected)
    values.frombytes(body)
    if byte_order != sys.byteorder:
        values.byteswap()
    return [float(value) for value in values]


def _described(path: Path, header: bytes) -> tuple[str, str, int]:
    """Return the array's type code, byte order and length."""
    try:
        fields: object = ast.literal_eval(header.decode("latin-1").strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        fields = None
    if not isinstance(fields, dict) or set(fields) != {"descr", "fortran_order", "shape"}:
        raise _unusable(path, "header", "exactly the keys descr, fortran_order and shape")
    kind = fields["descr"]
    if not isinstance(kind, str) or kind[1:] not in TYPE_CODES or kind[:1] not in "<>":
        raise _unusable(path, "descr", f"< or > and one of {', '.join(TYPE_CODES)}, not {kind!r}")
    shape = fields["shape"]
    if not (isinstance(shape, tuple) and len(shape) == 1 and type(shape[0]) is int):
        raise _unusable(path, "shape", f"one dimension, not {shape!r}")
    if not 1 <= shape[0] <= INTERVALS_MAX:
        raise _unusable(path, "shape", f"1 to {INTERVALS_MAX} intervals, not {shape[0]}")
    return TYPE_CODES[kind[1:]], "little" if kind[0] == "<" else "big", shape[0]


def _unusable(path: Path, field: str, expected: str) -> SettingsError:
    return SettingsError(f"{path}: {field}: expected {expected}")
