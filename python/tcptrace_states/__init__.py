"""The RFC 9293 state of both endpoints of every TCP connection in packet captures, as Arrow tables.

>>> import tcptrace_states
>>> analysis = tcptrace_states.analyze(["capture.pcap"])          # doctest: +SKIP
>>> for batch in analysis:                                        # doctest: +SKIP
...     print(batch.connections.num_rows)
>>> analysis.summary["connections"]                               # doctest: +SKIP

The tables are :class:`pyarrow.RecordBatch` and :class:`pyarrow.Table`; pandas, Polars and DuckDB read them without copying.
A column that ends in ``_ns`` is in nanoseconds, as a 64-bit number; times count from 1970-01-01 UTC. What the capture
cannot tell is null. ``schema("connections").field("half_close_ns").metadata`` has the description of a column.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any, Iterable, Iterator, Union

import pyarrow as pa

from . import _native
from ._native import CaptureError, OrderError, __version__

__all__ = [
    "Analysis",
    "Batch",
    "CaptureError",
    "OrderError",
    "Settings",
    "Tables",
    "__version__",
    "analyze",
    "schema",
]

Paths = Union[str, "os.PathLike[str]", Iterable[Union[str, "os.PathLike[str]"]]]


@dataclass(frozen=True)
class Settings:
    """What decides about the result. The defaults are those of the program without options."""

    #: The maximum segment lifetime: a TIME-WAIT lasts twice that. A duration (``30s``, ``2m``) is one MSL; a name stands for
    #: a system's 2 MSL: ``linux`` and ``bsd`` 60 s, ``windows`` 120 s, ``rfc`` 240 s.
    msl: str = "linux"
    #: Findings from this severity on: ``info``, ``note``, ``warning`` or ``error``.
    severity: str = "note"
    #: Whether copies of a segment in another file are left out.
    dedup: bool = True
    #: Within how many nanoseconds a copy may come; None: 200 ms, and only between files that overlap in time.
    dedup_ns: int | None = None
    #: Whether the clocks of files that hold the same segments are set by one another; the earliest keeps its own.
    align_clocks: bool = False
    #: Whether checksums are verified.
    verify_checksums: bool = False

    def to_json(self) -> str:
        """As the parts of a run take it.

        Raises ValueError for a value that makes no sense.
        """
        if self.severity not in ("info", "note", "warning", "error"):
            raise ValueError(f"severity {self.severity!r}: expected info, note, warning or error")
        return json.dumps(
            {
                "time_wait_ns": _native.time_wait_ns(self.msl),
                "severity": self.severity,
                "dedup": self.dedup,
                "dedup_ns": self.dedup_ns,
                "align_clocks": self.align_clocks,
                "verify_checksums": self.verify_checksums,
            }
        )


@dataclass(frozen=True)
class Batch:
    """Some connections, with their transitions and findings."""

    #: One row for each connection (incarnation of a 4-tuple), in order of first packets.
    connections: pa.RecordBatch
    #: One row for each change of state of an endpoint; ``connection_id`` is the connection's ``id``.
    transitions: pa.RecordBatch
    #: One row for each finding about one of these connections.
    findings: pa.RecordBatch


@dataclass(frozen=True)
class Tables:
    """All results at once."""

    connections: pa.Table
    transitions: pa.Table
    #: Those about services and the capture, too; they have no ``connection_id``.
    findings: pa.Table
    #: One row for each file.
    quality: pa.Table


class Analysis(Iterable[Batch]):
    """The results of captures that are being read, as an iterator of :class:`Batch`.

    All files are read before the first batch; how much memory that takes depends on the connections, not on the packets.
    Batches are made as they are fetched, a few ahead at most. ``capture``, ``quality``, ``summary`` and
    ``service_findings`` are known when the last one was fetched.
    """

    def __init__(self, stream: Any, on_damage: str) -> None:
        self._stream = stream
        self._on_damage = on_damage
        #: The capture as a whole: files, packets by what became of them, damage.
        self.capture: dict[str, Any] | None = None
        #: One row for each file.
        self.quality: pa.RecordBatch | None = None
        #: The totals.
        self.summary: dict[str, Any] | None = None
        #: Findings about services and about the capture.
        self.service_findings: pa.RecordBatch | None = None

    def __iter__(self) -> Iterator[Batch]:
        for told in self._stream:
            if "capture" in told:
                self.capture = json.loads(told["capture"])
                self.quality = told["quality"]
                damage = self.capture["damage"]
                if damage and self._on_damage == "raise":
                    self._stream.close()
                    more = f" (and {len(damage) - 1} more)" if len(damage) > 1 else ""
                    raise CaptureError(damage[0] + more)
            elif "summary" in told:
                self.summary = json.loads(told["summary"])
                self.service_findings = told["findings"]
            else:
                yield Batch(told["connections"], told["transitions"], told["findings"])

    def tables(self) -> Tables:
        """All batches as tables, in memory."""
        connections, transitions, findings = [], [], []
        for batch in self:
            connections.append(batch.connections)
            transitions.append(batch.transitions)
            findings.append(batch.findings)
        if self.service_findings is None or self.quality is None:
            raise RuntimeError("an analysis can be read once")
        findings.append(self.service_findings)
        return Tables(
            pa.Table.from_batches(connections, schema("connections")),
            pa.Table.from_batches(transitions, schema("transitions")),
            pa.Table.from_batches(findings, schema("findings")),
            pa.Table.from_batches([self.quality], schema("quality")),
        )


def analyze(
    paths: Paths,
    *,
    settings: Settings = Settings(),
    threads: int = 0,
    batch_rows: int = 4096,
    on_damage: str = "report",
) -> Analysis:
    """Reads captures as one, in time order, and tells what became of each connection in them.

    ``paths`` are files, directories and patterns; ``threads`` track connections beside the one that reads, ``batch_rows`` is
    how many connections a batch has at most.

    Reading goes on in the background and ends when the returned object is dropped. Raises :class:`CaptureError` (when it is
    iterated) if nothing can be read. A file that is damaged, or cannot be read beside others that can, is no error unless
    ``on_damage`` is ``"raise"``: ``capture["damage"]`` says which file, where, and what to do.
    """
    if on_damage not in ("report", "raise"):
        raise ValueError(f"on_damage {on_damage!r}: expected report or raise")
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    named = [os.fspath(path) for path in paths]
    if not named:
        raise ValueError("name at least one capture")
    return Analysis(_native.Stream(named, settings.to_json(), threads, batch_rows), on_damage)


def schema(table: str) -> pa.Schema:
    """The columns of ``connections``, ``transitions``, ``findings``, ``quality`` or ``segments``."""
    return _native.schemas()[table]
