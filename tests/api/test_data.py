"""Data files: names to arrays, stacked tensors, and what is said of damaged files."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from safetensors.numpy import save_file

import hvm_vm as hvm
from hvm_vm.api.data import Data, read_data
from hvm_vm.api.program import Program
from hvm_vm.bytecode import verify
from hvm_vm.bytecode.module import (
    Descriptor,
    Input,
    Instruction,
    Module,
    Node,
    Output,
    SizeSymbol,
    SourceSpan,
    TensorPattern,
)
from tests.bytecode.modules import HALT, at, dim, register, size


def copying(pattern, *axes, dtype="f32", symbols=("L", "T", "D"), default=None):
    """Y = W for an input W that names its tensors by `pattern`."""
    names = "lij"[: len(axes)]
    dims = tuple(dim(n, a[1] if isinstance(a, tuple) else a,
                     lo=a[0] if isinstance(a, tuple) else 1) for n, a in zip(names, axes,
                                                                             strict=True))
    place = at(*map(str, range(len(axes))))
    used = {s for d in dims for s in d.extent.symbols()}
    return Program(verify(Module(
        precision="f32", file="w.hmp",
        symbols_of_size=tuple(SizeSymbol(s, default if s == "L" else None)
                              for s in symbols if s in used),
        registers=(register("W", *axes, dtype=dtype), register("Y", *axes, dtype=dtype)),
        inputs=(Input("W", 0, pattern=TensorPattern(pattern), source=0),),
        outputs=(Output("Y", 1),),
        sources=(SourceSpan(2, 1, "given W[l,i,j] from …"),),
        descriptors=(Descriptor(dims, (place, place), (Node("load", (), 1),), (0,)),),
        code=(Instruction("copy", (1, 0), 0, 0), HALT))))


def layers(count, *shape, first=0, dtype=np.float32):
    rng = np.random.default_rng(count)
    return {f"layer.{k}.weight": rng.normal(size=shape).astype(dtype)
            for k in range(first, first + count)}


LAYERS = ("layer.", (0, 1, -1), ".weight")  # "layer.{l-1}.weight"


def run(program, data):
    return program(data=data, engine="reference")["Y"]


# -- kinds of files ---


@pytest.fixture
def files(tmp_path):
    values = {"X": np.arange(6.0).reshape(2, 3), "k": np.array(4), "name": np.ones(2)}
    np.savez(tmp_path / "a.npz", **values)
    (tmp_path / "a.json").write_text(json.dumps({n: v.tolist() for n, v in values.items()}))
    save_file(values, tmp_path / "a.safetensors")
    return tmp_path


@pytest.mark.parametrize("kind", ["npz", "json", "safetensors"])
def test_kinds_of_files(files, kind):
    data = read_data(files / f"a.{kind}")
    assert sorted(data) == ["X", "k", "name"] and len(data) == 3
    assert np.asarray(data["X"]).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert np.asarray(data["k"]) == 4


def test_the_kind_is_told_by_the_content(files):
    (files / "a.npz").rename(files / "data")
    assert len(read_data(files / "data")) == 3


def test_later_files_win_and_mappings_are_taken(files):
    data = read_data(str(files / "a.json"), [{"k": 7}, {"other": 1}])
    assert data["k"] == 7 and data["other"] == 1 and len(data) == 4
    assert isinstance(data, Data) and "a.json" in repr(data)


def test_json_numbers_that_are_texts(tmp_path):
    path = tmp_path / "x.json"
    path.write_text('\ufeff{"a": ["nan", "inf", ["-inf", 1]], "b": "ODD"}', encoding="utf-8")
    data = read_data(path)
    assert np.isnan(data["a"][0]) and data["a"][2] == [-np.inf, 1] and data["b"] == "ODD"


def test_safetensors_are_mapped_not_copied(tmp_path):
    path = tmp_path / "x.safetensors"
    save_file({"a": np.arange(8, dtype=np.float32), "b": np.ones(3)}, path)
    data = read_data(path)
    a = data["a"]
    assert not a.flags.owndata and not a.flags.writeable
    base = a
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)


def test_half_precision_is_converted(tmp_path):
    path = tmp_path / "x.safetensors"
    header = {"h": {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]},
              "b": {"dtype": "BF16", "shape": [3], "data_offsets": [4, 10]}}
    text = json.dumps(header).encode()
    halves = np.array([1.5, -2], np.float16).tobytes()
    brains = (np.array([1.5, -2, 3e38], np.float32).view(np.uint32) >> 16).astype(np.uint16)
    path.write_bytes(struct.pack("<Q", len(text)) + text + halves + brains.tobytes())
    data = read_data(path)
    assert data["h"].tolist() == [1.5, -2] and data["h"].dtype == np.float32
    np.testing.assert_allclose(data["b"], [1.5, -2, 3e38], rtol=1e-2)


# -- damaged files ---


def whole(tmp_path):
    path = tmp_path / "x.safetensors"
    save_file({"a": np.arange(8, dtype=np.float32)}, path)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.json", b"{", "this is not valid JSON"),
        ("x.json", b"[1, 2]", "this is not a data file"),
        ("x.json", b'{"a": ' + b"[" * 100_000, "this is not valid JSON"),
        ("x.json", b"{\xff}", "this is not valid JSON"),
        ("x.npz", b"PK\x03\x04 nothing", "the file is damaged"),
        ("x.npy", b"\x93NUMPY\x01\x00v", "a .npy file holds one array without a name"),
        ("x.bin", b"\x00\x01\x02\x03", "this is not a data file"),
        ("x.csv", b"a,b\n1,2\n", "this is not a data file"),
        ("x.bin", b"", "this is not a data file"),
        ("x.safetensors", b"\xff" * 8 + b"{}", "its header says that it is"),
        ("x.safetensors", struct.pack("<Q", 3) + b"{]}", "its header is not valid JSON"),
        ("x.safetensors", struct.pack("<Q", 900) + b"{}", "its header says that it is 900 bytes"),
    ],
)
def test_damaged_files(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(hvm.InputError, match=words) as caught:
        read_data(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"dtype": "F32", "shape": [8], "data_offsets": [0, 64]}, "lies outside of the file"),
        ({"dtype": "F32", "shape": [9], "data_offsets": [0, 32]}, "does not fit its bytes"),
        ({"dtype": "F32", "shape": [-8], "data_offsets": [0, 32]}, "is not complete"),
        ({"dtype": "F32", "shape": [8], "data_offsets": [32, 0]}, "lies outside"),
        ({"dtype": "F32", "shape": [8]}, "is not complete"),
        ({"dtype": "F32", "shape": [1 << 62, 1 << 62], "data_offsets": [0, 32]}, "does not fit"),
        ({"dtype": "Q4", "shape": [8], "data_offsets": [0, 32]}, "type Q4, which HVM does not"),
        (5, "is not complete"),
    ],
)
def test_damaged_tensors(tmp_path, entry, words):
    text = json.dumps({"a": entry}).encode()
    path = tmp_path / "x.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(32))
    data = read_data(path)
    with pytest.raises(hvm.InputError, match=words):
        data["a"]


def test_a_truncated_archive(files):
    content = (files / "a.npz").read_bytes()
    for cut in range(0, len(content), 97):
        (files / "cut.npz").write_bytes(content[:cut])
        with pytest.raises(hvm.InputError):
            read_data(files / "cut.npz")
    content = bytearray(content)
    content[60:90] = bytes(30)
    (files / "bad.npz").write_bytes(content)
    with pytest.raises(hvm.InputError):
        data = read_data(files / "bad.npz")
        for name in data:
            data[name]


def test_missing_files():
    with pytest.raises(hvm.InputError, match=r"nothing\.npz: there is no such file"):
        read_data("nothing.npz")
    with pytest.raises(hvm.InputError, match="a path or a mapping is expected"):
        read_data(3)


# -- tensors that inputs name ---


def test_one_tensor():
    built = copying(("embeddings.weight",), "T", "D")
    w = np.ones((3, 2), np.float32)
    assert run(built, {"embeddings.weight": w, "unused": 3}).tolist() == w.tolist()


@pytest.mark.parametrize("kind", ["mapping", "file"])
def test_stacked_tensors(tmp_path, kind):
    built = copying(LAYERS, "L", "T", "D")
    tensors = layers(12, 3, 2)
    data = tensors
    if kind == "file":
        save_file(tensors, tmp_path / "x.safetensors")
        data = tmp_path / "x.safetensors"
    expected = np.stack([tensors[f"layer.{k}.weight"] for k in range(12)])
    np.testing.assert_array_equal(run(built, data), expected)


def test_stacking_copies_nothing_when_distances_are_equal(tmp_path):
    built = copying(LAYERS, "L", "T", "D")
    tensors = {**layers(4, 3, 2), **{f"layer.{k}.bias": np.ones(5, np.float32) for k in range(4)}}
    save_file(tensors, tmp_path / "x.safetensors")
    prepared = built.prepare(data=tmp_path / "x.safetensors", engine="reference")
    array = prepared.arrays[0]
    assert not array.flags.owndata and array.shape == (4, 3, 2)
    assert prepared.bound.registers[0].strides == (array.strides[0] // 4, 2, 1)
    frame = prepared.frame()
    prepared.runnable.run(frame)
    np.testing.assert_array_equal(frame.arrays[1],
                                  np.stack([tensors[f"layer.{k}.weight"] for k in range(4)]))


@pytest.mark.parametrize("engine", ["reference", "jit"])
def test_both_engines_read_gaps_between_tensors(tmp_path, engine):
    built = copying(LAYERS, "L", "T", "D")
    tensors = {**layers(4, 3, 2), **{f"layer.{k}.bias": np.ones(5, np.float32) for k in range(4)}}
    save_file(tensors, tmp_path / "x.safetensors")
    expected = np.stack([tensors[f"layer.{k}.weight"] for k in range(4)])
    got = built(data=tmp_path / "x.safetensors", engine=engine)["Y"]
    np.testing.assert_array_equal(got, expected)


def test_a_size_that_is_known_picks_the_first_tensors():
    built = copying(LAYERS, "L", "T", "D", default=3)
    assert run(built, layers(6, 3, 2)).shape == (3, 3, 2)
    assert built(data=layers(6, 3, 2), L=2, engine="reference")["Y"].shape == (2, 3, 2)


def test_index_ranges_scales_and_places_of_the_stacked_axis():
    built = copying(("w", (1, 2, 1)), "T", (0, "L"))  # w1, w3, w5 …: 2*l + 1 along the 2nd axis
    data = {f"w{k}": np.full(3, k, np.float32) for k in (1, 2, 3, 4, 5)}
    assert run(built, data).tolist() == [[1, 3, 5]] * 3


def test_several_stacked_axes():
    built = copying(("h", (0, 1, 0), ".", (1, 1, -1)), "L", "T", "D")
    data = {f"h{i}.{j}": np.array([i, j], np.float32) for i in (1, 2) for j in (0, 1, 2)}
    assert run(built, data).tolist() == [[[i, j] for j in (0, 1, 2)] for i in (1, 2)]


def test_other_types_are_converted():
    built = copying(LAYERS, "L", "T", "D")
    assert run(built, layers(2, 3, 2, dtype=np.float64)).dtype == np.float32
    whole = copying(("token",), "T", dtype="i64")
    assert run(whole, {"token": np.array([1, 2], np.int32)}).tolist() == [1, 2]
    with pytest.raises(hvm.InputError, match="W is an integer input"):
        run(whole, {"token": np.array([1.5])})


def test_missing_tensors_offer_the_nearest_name():
    built = copying(LAYERS, "L", "T", "D")
    tensors = layers(3, 3, 2)
    tensors["layer.3.weigth"] = tensors["layer.2.weight"]
    with pytest.raises(hvm.InputError, match=r"no tensor named layer\.3\.weight \(did you mean "):
        built(data=tensors, L=4)
    del tensors["layer.1.weight"]
    with pytest.raises(hvm.InputError, match=r"w\.hmp:2:1: .*no tensor named layer\.1\.weight"):
        run(built, tensors)
    with pytest.raises(hvm.InputError, match=r"no tensor named layer\.0\.weight"):
        run(built, {"other": np.ones(3)})
    with pytest.raises(hvm.InputError, match="read from a data file: give it with --data"):
        built()


def test_tensors_that_do_not_fit():
    built = copying(LAYERS, "L", "T", "D")
    tensors = layers(3, 3, 2)
    tensors["layer.2.weight"] = np.ones((3, 4), np.float32)
    with pytest.raises(hvm.InputError, match=r"layer\.0\.weight has the shape \(3, 2\), but layer"):
        run(built, tensors)
    words = r"W has 3 axes, 2 of them within each tensor, but layer\.0\.weight has the shape"
    with pytest.raises(hvm.InputError, match=words):
        run(built, layers(3, 3))


def test_what_is_passed_wins_and_an_array_of_the_same_name_will_do():
    built = copying(LAYERS, "L", "T", "D")
    mine = np.zeros((1, 1, 1), np.float32)
    assert built(W=mine, data=layers(3, 3, 2), engine="reference")["Y"].shape == (1, 1, 1)
    assert run(built, {"W": mine}).shape == (1, 1, 1)


def test_plain_inputs_and_sizes_from_data(tmp_path):
    from tests.engines.build import program

    built = program("map", [dim("t", "T")], [register("y", "T"), register("x", size("T") + "S")],
                    [at("0"), at("0")], [("load", (), 1)], [0], symbols=["T", "S"])
    np.savez(tmp_path / "a.npz", x=np.arange(5), S=2, unused=np.ones(3))
    assert built(data=tmp_path / "a.npz", engine="reference")["y"].tolist() == [0, 1, 2]
    assert built(data=[tmp_path / "a.npz"], x=[7, 8, 9], engine="reference")["y"].tolist() == [7]
