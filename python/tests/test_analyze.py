"""The package on its own."""

from __future__ import annotations

import gc
import json
import threading

import pyarrow as pa
import pytest

import tcptrace_states
from conftest import LAB, lab

LEAK = LAB / "close_wait_leak.server.pcapng"


def test_tables_hold_what_the_program_says(program):
    import subprocess

    done = subprocess.run([program, "--format", "jsonl", LEAK], capture_output=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    told = [line for line in lines if line["type"] == "connection"]
    analysis = tcptrace_states.analyze(LEAK)
    tables = analysis.tables()
    found = tables.connections.to_pylist()
    assert [one["id"] for one in found] == [one["first_packet"] for one in told]
    for one, line in zip(found, told):
        assert one["server_ip"] == line["server"]["ip"] and one["server_port"] == line["server"]["port"]
        assert one["outcome"] == line["outcome"]
        assert one["half_close_ns"] == line["close"]["half_close_ns"]
        assert one["client_state"] == line["endpoints"]["client"]["state"]
    steps = sum(len(end["transitions"]) for line in told for end in line["endpoints"].values())
    assert tables.transitions.num_rows == steps > 0
    assert analysis.summary["connections"] == len(told)
    assert analysis.capture["packets"] == lines[0]["packets"] == tables.quality["packets"].to_pylist()[0]
    codes = tables.findings.to_pylist()
    leak = [one for one in codes if one["code"] == "HC05"]
    assert len(leak) == 1 and leak[0]["connection_id"] is None and leak[0]["endpoint"] == "server"
    assert analysis.service_findings.num_rows == sum(line["type"] == "finding" for line in lines)


@pytest.mark.parametrize("threads", [0, 1, 3])
@pytest.mark.parametrize("batch_rows", [1, 7, 100_000])
def test_batches_are_the_tables_in_parts(threads, batch_rows):
    files = lab("tw_*")
    whole = tcptrace_states.analyze(files).tables()
    batches = list(tcptrace_states.analyze(files, threads=threads, batch_rows=batch_rows))
    assert all(0 < batch.connections.num_rows <= batch_rows for batch in batches)
    assert pa.Table.from_batches([batch.connections for batch in batches]).equals(whole.connections)
    assert pa.Table.from_batches([batch.transitions for batch in batches]).equals(whole.transitions)


def test_others_read_them_without_copying():
    connections = tcptrace_states.analyze(LEAK).tables().connections
    duckdb = pytest.importorskip("duckdb")
    count = duckdb.sql("select count(*) from connections where server_state = 'CLOSE-WAIT'").fetchall()[0][0]
    pandas = connections.to_pandas()
    polars = pytest.importorskip("polars").from_arrow(connections)
    assert count == (pandas.server_state == "CLOSE-WAIT").sum() == (polars["server_state"] == "CLOSE-WAIT").sum() > 0


def test_every_column_says_what_it_is():
    for name in ("connections", "transitions", "findings", "quality", "segments"):
        for field in tcptrace_states.schema(name):
            assert field.metadata[b"description"].endswith(b"."), field


def test_settings_reach_the_tracker():
    files = LAB / "close_client.client.pcap"
    findings = lambda **options: tcptrace_states.analyze(
        files, settings=tcptrace_states.Settings(**options)
    ).tables().findings.num_rows
    assert findings(severity="info") > findings(severity="error") == 0
    capture = tcptrace_states.analyze(files, settings=tcptrace_states.Settings(msl="windows"))
    capture.tables()
    assert capture.capture["time_wait_ns"] == 120_000_000_000
    for wrong in (dict(severity="loud"), dict(msl="never")):
        with pytest.raises(ValueError):
            findings(**wrong)


def test_errors_name_file_and_place(tmp_path):
    missing = tmp_path / "is not there.pcap"
    with pytest.raises(tcptrace_states.CaptureError, match="is not there.pcap"):
        tcptrace_states.analyze(missing).tables()
    text = tmp_path / "text.pcap"
    text.write_text("this is no capture, but a text that is long enough to be one")
    with pytest.raises(tcptrace_states.CaptureError, match="text.pcap"):
        tcptrace_states.analyze(text).tables()
    cut = tmp_path / "cut.pcap"
    octets = (LAB / "close_client.client.pcap").read_bytes()
    cut.write_bytes(octets[: len(octets) // 2])
    analysis = tcptrace_states.analyze(cut)
    assert analysis.tables().connections.num_rows > 0
    (damage,) = analysis.capture["damage"]
    assert "cut.pcap" in damage and "packet" in damage
    with pytest.raises(tcptrace_states.CaptureError, match="packet"):
        tcptrace_states.analyze(cut, on_damage="raise").tables()
    with pytest.raises(ValueError):
        tcptrace_states.analyze([])


def test_an_analysis_that_is_dropped_ends():
    before = threading.active_count()
    for _ in range(20):
        analysis = tcptrace_states.analyze(lab(), batch_rows=1)
        next(iter(analysis))
        del analysis
        gc.collect()
    assert threading.active_count() == before
