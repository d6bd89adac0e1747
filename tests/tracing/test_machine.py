"""What the machine can do: measured once, kept, and measured again when that is not its own."""

from __future__ import annotations

import json

import pytest

from hvm_vm.tracing import machine as module
from hvm_vm.tracing.machine import Machine, machine


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A folder for what is kept, and how often it was measured."""
    monkeypatch.setenv("HVM_CACHE_DIR", str(tmp_path))
    measured = []

    def measure(threads: int) -> Machine:
        measured.append(threads)
        return Machine(module._processor(), threads, {"f32": 2.0, "f64": 1.0},
                       tuple((size, 3.0) for size in module.WORKING_SETS))

    monkeypatch.setattr(module, "measure", measure)
    machine.cache_clear()
    yield tmp_path, measured
    machine.cache_clear()


def test_it_is_measured_once(kept):
    folder, measured = kept
    first = machine(1)
    machine.cache_clear()  # as another process
    assert machine(1) == first and measured == [1]
    assert (folder / "machine-1.json").exists()
    assert machine(2).threads == 2 and measured == [1, 2]


@pytest.mark.parametrize("change", [
    {"processor": "another"}, {"version": 0}, {"gflops": {"f32": 1}}, {"bandwidth": []},
    {"gflops": {"f32": 0, "f64": 1}}, {"bandwidth": [["a", "b"]]}, {"threads": 9},
])  # fmt: skip
def test_what_is_not_of_this_machine_or_damaged_is_measured_again(kept, change):
    folder, measured = kept
    machine(1)
    file = folder / "machine-1.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    machine.cache_clear()
    machine(1)
    assert measured == [1, 1]


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_a_damaged_file_is_no_error(kept, text):
    folder, measured = kept
    (folder / "machine-1.json").write_text(text)
    assert machine(1).threads == 1 and measured == [1]


def test_a_folder_that_cannot_be_written_is_no_error(kept, monkeypatch):
    folder, measured = kept
    (folder / "file").write_text("")
    monkeypatch.setenv("HVM_CACHE_DIR", str(folder / "file"))
    assert machine(1).threads == 1 and measured == [1]


def test_rates_are_measured(monkeypatch):
    monkeypatch.setattr(module, "TRIES", 1)
    monkeypatch.setattr(module, "WORKING_SETS", (1 << 15, 1 << 20))
    for threads in (1, 2):
        found = module.measure(threads)
        assert found.threads == threads
        assert found.gflops["f32"] > 0 < found.gflops["f64"]
        assert [size for size, _ in found.bandwidth] == [1 << 15, 1 << 20]
        assert all(rate > 0 for _, rate in found.bandwidth)
