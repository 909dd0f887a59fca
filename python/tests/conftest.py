"""Captures, the program to compare with, and Spark sessions."""

from __future__ import annotations

import hashlib
import os
import random
import struct
import subprocess
from pathlib import Path
from typing import Iterable

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "testdata" / "kernel"


def lab(pattern: str = "*.pcap*") -> list[Path]:
    files = sorted(LAB.glob(pattern))
    assert files, pattern
    return files


@pytest.fixture(scope="session")
def program() -> Path:
    """The program itself; TCPTRACE_STATES_PROGRAM names it, else it must have been built."""
    named = os.environ.get("TCPTRACE_STATES_PROGRAM")
    places = [Path(named)] if named else [ROOT / "target" / kind / "tcptrace-states" for kind in ("release", "debug")]
    for place in places:
        if place.exists():
            return place
    pytest.fail(f"no program at {', '.join(map(str, places))}: cargo build, or set TCPTRACE_STATES_PROGRAM")


def canonical(program: Path, files: Iterable[Path], *options: str) -> bytes:
    command = [str(program), "export", "--to", "canonical", "-o", "-", *options, *map(str, files)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout, done.stderr.decode()
    return done.stdout


def digest(octets: bytes) -> str:
    return hashlib.sha256(octets).hexdigest()


class Pcap:
    """A classic capture file, record by record."""

    def __init__(self, path: Path) -> None:
        octets = path.read_bytes()
        assert octets[:4] == b"\xd4\xc3\xb2\xa1", path
        self.header, self.records = octets[:24], []
        at = 24
        while at + 16 <= len(octets):
            (length,) = struct.unpack_from("<I", octets, at + 8)
            self.records.append(octets[at : at + 16 + length])
            at += 16 + length

    def write(self, path: Path, records: Iterable[bytes], shift_us: int = 0) -> Path:
        with open(path, "wb") as out:
            out.write(self.header)
            for record in records:
                seconds, micros = struct.unpack_from("<II", record)
                moment = seconds * 1_000_000 + micros + shift_us
                out.write(struct.pack("<II", moment // 1_000_000, moment % 1_000_000) + record[8:])
        return path


def in_three(whole: Pcap, folder: Path) -> list[Path]:
    """Handshake, half-close and FINs of connections lie in three files."""
    third = -(-len(whole.records) // 3)
    return [
        whole.write(folder / f"part{number}.pcap", whole.records[number * third : (number + 1) * third])
        for number in range(3)
    ]


def shuffled(files: list[Path], seed: int) -> list[Path]:
    files = list(files)
    random.Random(seed).shuffle(files)
    return files
