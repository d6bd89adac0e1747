"""The Python API: values by name, bound runs, threads, files, what imports what."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

import hvm_vm as hvm
from hvm_vm.api.program import Program
from hvm_vm.bytecode import encode, verify
from hvm_vm.bytecode.module import (
    Family,
    Input,
    Instruction,
    Member,
    Module,
    Output,
    SourceSpan,
)
from tests.bytecode.modules import at, attention, register, scalars
from tests.engines.build import HALT, dim, program

ENGINES = ("reference", "jit")
NAMES = ("X", "Wq", "Wk", "Wv")


def block(T=5, D=4, seed=0):
    rng = np.random.default_rng(seed)
    return {n: rng.normal(size=(T, D) if n == "X" else (D, D)) for n in NAMES}


def expected(d):
    q, k, v = (d["X"] @ d[n].T for n in NAMES[1:])
    s = np.where(np.tri(len(q)) > 0, q @ k.T / np.sqrt(q.shape[1]), -np.inf)
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True) @ v


@pytest.fixture
def attend():
    return Program(verify(attention()))


def squares(**options):
    """y[t] = x[t]^2, x an input of T numbers."""
    nodes = [("load", (), 1), ("mul", (0, 0))]
    return program("map", [dim("t", "T")], [register("y", "T"), register("x", "T", **options)],
                   [at("0"), at("0")], nodes, [1], symbols=["T"])


# -- calling ---


@pytest.mark.parametrize("engine", ENGINES)
def test_calls(attend, engine):
    for T in (5, 1, 9):
        d = block(T)
        out = attend(**d, D=4, engine=engine, threads=1)
        np.testing.assert_allclose(out["O"], expected(d), atol=1e-12)
        assert list(out) == ["O"] and isinstance(out, dict)
    assert attend.inputs == NAMES and attend.outputs == ("O",) and attend.sizes == ("T", "D")


def test_values_may_be_lists_views_and_other_types():
    built = squares()
    x = np.arange(6.0)
    for value in (x.tolist(), tuple(x), x.astype(np.float32), x.astype(int), x.astype(">f8"),
                  np.repeat(x, 2)[::2], x[::-1][::-1], range(6)):
        assert built(x=value, engine="reference")["y"].tolist() == [0, 1, 4, 9, 16, 25]
    assert built({"x": [True, False]}, engine="reference")["y"].tolist() == [1, 0]
    assert built(x=[], engine="reference")["y"].shape == (0,)


def test_contiguous_arrays_are_used_without_copying():
    built = squares()
    x = np.ones(6)
    assert built.prepare({"x": x}).arrays[1] is x
    y = np.ones(12)[::2]
    assert built.prepare({"x": y}).arrays[1] is not y


def test_repeated_calls_take_new_values_each_time():
    built = squares()
    for size in (3, 9000):  # small inputs are copied into the frame, large ones are pointed at
        for engine in ENGINES:
            for k in range(4):
                x = np.full(size, float(k))
                assert (built(x=x, engine=engine)["y"] == k * k).all()
                assert (built(x=x[::1], engine=engine, threads=1)["y"] == k * k).all()
    scalar = program("map", [], [register("y"), register("x")], [at(), at()],
                     [("load", (), 1), ("mul", (0, 0))], [1])
    assert [scalar(x=float(k), engine="jit")["y"] for k in range(3)] == [0.0, 1.0, 4.0]
    assert [scalar(x=k, engine="reference")["y"] for k in range(3)] == [0.0, 1.0, 4.0]


def test_a_name_of_the_program_is_never_an_option():
    built = program("map", [], [register("y"), register("threads")], [at(), at()],
                    [("load", (), 1), ("mul", (0, 0))], [1])
    assert built(threads=3)["y"] == 9.0 and built(threads=4.0)["y"] == 16.0
    assert built.run({"threads": 5}, engine="reference").outputs["y"] == 25.0


def test_results_are_copies():
    built = squares()
    first = built(x=[1, 2], engine="reference")["y"]
    built(x=[3, 4], engine="reference")
    assert first.tolist() == [1, 4]


def test_scalars_symbols_and_defaults():
    built = Program(verify(scalars()))
    out = built(b=2, n=3, engine="reference")
    assert out["class"] == "ODD" and out["q"].shape == (3, 2)
    assert type(built(b=2, engine="reference")["class"]) is str
    assert out["q2_1"] == 3.0 and out["q3_2"] == 1.75
    with pytest.raises(hvm.RunError):
        built(engine="reference")  # the default of b is NaN: the check fails


# -- values that do not fit ---


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"X": None}, "the input X .* is missing"),
        ({"X": None, "Wk": None}, "the inputs X .* and Wk .* are missing"),
        ({"Y": 3}, "Y is not an input of attention.hmp"),
        ({"wq": 3}, r"wq is not an input .*did you mean Wq\?"),
        ({"X": [[1, 2], [3]]}, "X: the lists are not all of one length"),
        ({"X": "text"}, "X: numbers are expected, not the text"),
        ({"X": [[1j]]}, "X: numbers are expected, not complex"),
        ({"X": object()}, "X: numbers are expected, not a object"),
        ({"X": np.ones(3)}, r"X has 2 axes.*but an array of shape \(3,\)"),
        ({"X": 3.0}, "X has 2 axes.*but a single number"),
        ({"Wq": np.ones((4, 3))}, "Wq's 2nd axis has 3 elements, but D was set to 4"),
        ({"T": 4}, "X's 1st axis has 5 elements, but T was set to 4"),
        ({"T": 4.5}, "T is a size: a whole number is expected, not 4.5"),
        ({"T": [4, 5]}, "T is a size: a single whole number"),
        ({"T": np.nan}, "T is a size"),
        ({"T": 1e30}, "T = .* is too large"),
        ({"O": np.ones(3)}, "O is determined by attention.hmp"),
        ({"engine": "fast"}, "there is no engine fast"),
    ],
)
def test_values_that_do_not_fit(attend, change, words):
    values = {**block(), "D": 4, **change}
    with pytest.raises(hvm.InputError, match=words) as caught:
        attend(**{n: v for n, v in values.items() if v is not None})
    assert caught.value.exit_status == 2


def test_integer_inputs():
    built = program("map", [dim("t", 3)], [register("y", 3, dtype="i64"),
                                           register("k", 3, dtype="i64")],
                    [at("0"), at("0")], [("load", (), 1)], [0])
    for good in ([1, 2, 3], [1.0, 2.0, 3.0], np.array([1, 2, 3], np.uint8)):
        assert built(k=good, engine="reference")["y"].tolist() == [1, 2, 3]
    for wrong in (2.5, np.nan, np.inf, 1e20):
        with pytest.raises(hvm.InputError, match=r"k is an integer input, but k\[2\] is "):
            built(k=[1, wrong, 3])


def test_symbol_inputs():
    source = scalars()
    built = Program(verify(replace(
        source, inputs=(*source.inputs[:2], replace(source.inputs[2], default=-1, symbolic=True)),
        outputs=(Output("n", 3, symbolic=True),))))
    out = built(a=1, b=2, n="EVEN", engine="reference")
    assert out["n"] == "EVEN"
    assert built(a=1, b=2, n="neither", engine="reference")["n"] == "neither"
    with pytest.raises(hvm.InputError, match="such as 'ODD' or 'EVEN', not a number"):
        built(a=1, b=2, n=1)


@pytest.mark.parametrize("engine", ["reference", "jit"])
def test_symbols_that_the_program_does_not_name(engine):
    program = hvm.compile("index t : T\nrate[t] = if(kind[t] = 'A', 1, if(kind[t] != 'B', 3, 2))\n"
                          "same[t] = kind[t]\n")
    out = program(kind=["A", "C", "B", "D"], engine=engine)
    assert list(out["rate"]) == [1, 3, 2, 3]
    assert list(out["same"]) == ["A", "C", "B", "D"]


def test_what_is_no_result(attend):
    out = attend(**block(), D=4, engine="reference")
    with pytest.raises(KeyError) as caught:
        out["P"]
    assert isinstance(caught.value, hvm.HvmError)
    assert str(caught.value) == "there is no result P: the results are O"
    with pytest.raises(hvm.InputError, match="inputs are given by name"):
        attend([1, 2])


# -- families ---


def family(name, lo, *members):
    shape = tuple(1 + max(m.subscripts[k] for m in members) - lo[k] for k in range(len(lo)))
    return Family(name, lo, shape, members)


@pytest.fixture
def unrolled():
    """z1 = 2*x1_1, z2 = 2*x1_2 with every scalar a register of its own."""
    from hvm_vm.bytecode.module import Descriptor, Node

    names = ("x1_1", "x1_2", "z1", "z2")
    double = Descriptor((), (at(), at()), (Node("load", (), 1), Node("add", (0, 0))), (1,))
    return Program(verify(Module(
        file="s.hmp", registers=tuple(register(n) for n in names),
        inputs=(Input("x1_1", 0), Input("x1_2", 1)), outputs=(Output("z1", 2), Output("z2", 3)),
        families=(family("x", (1, 1), Member("x1_1", (1, 1), 0), Member("x1_2", (1, 2), 1)),
                  family("z", (1,), Member("z1", (1,), 2), Member("z2", (2,), 3))),
        sources=(SourceSpan(1, 1, "z1 = 2*x1_1"),), descriptors=(double,),
        code=(Instruction("map", (2, 0), 0, 0), Instruction("map", (3, 1), 0, 0), HALT))))


def test_families_as_arrays_and_scalars(unrolled):
    for values in ({"x": [[3, 4]]}, {"x1_1": 3, "x1_2": 4}, {"x": [[0, 4]], "x1_1": 3}):
        out = unrolled(values, engine="reference")
        assert dict(out) == {"z1": 6.0, "z2": 8.0}
        assert out["z"].tolist() == [6, 8] and out["z2"] == 8
    with pytest.raises(hvm.InputError, match="the input x1_2 is missing"):
        unrolled(x1_1=3)
    with pytest.raises(hvm.InputError, match=r"x is a family of 1 x 2 scalars \(x1_1, x1_2\)"):
        unrolled(x=[3, 4])
    with pytest.raises(hvm.InputError, match=r"x1_3 is not an input .*did you mean x1_"):
        unrolled(x=[[3, 4]], x1_3=1)


def test_lifted_families(unrolled):
    from hvm_vm.bytecode.module import Descriptor, Node

    double = Descriptor((dim("k", 2),), (at("0"), at(0, "0")),
                        (Node("load", (), 1), Node("add", (0, 0))), (1,))
    x = family("x", (1, 1), Member("x1_1", (1, 1), 0, (0, 0)), Member("x1_2", (1, 2), 0, (0, 1)))
    z = family("z", (1,), Member("z1", (1,), 1, (0,)), Member("z2", (2,), 1, (1,)))
    built = Program(verify(Module(
        registers=(register("x", 1, 2), register("z", 2)), inputs=(Input("x", 0),),
        outputs=(Output("z", 1),), families=(x, z), descriptors=(double,),
        code=(Instruction("map", (1, 0), 0), HALT))))
    for values in ({"x": [[3, 4]]}, {"x1_1": 3, "x1_2": 4}, {"x": [[0, 4]], "x1_1": 3}):
        out = built(values, engine="reference")
        assert out["z"].tolist() == [6, 8] and out["z2"] == 8.0
    with pytest.raises(hvm.InputError, match="missing: x1_2"):
        built(x1_1=3)


# -- threads ---


@pytest.mark.parametrize("engine", ENGINES)
def test_eight_threads_get_eight_right_answers(attend, engine):
    data = [block(T=4 + k % 3, D=4, seed=k) for k in range(8)]
    attend(**data[0], D=4, engine=engine)

    def work(k):
        return all(np.allclose(attend(**data[k], D=4, engine=engine, threads=1)["O"],
                               expected(data[k])) for _ in range(30))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))


# -- bound runs ---


@pytest.mark.parametrize("engine", ENGINES)
def test_bound_runs(attend, engine):
    d = block()
    fast = attend.bind(**d, D=4, engine=engine, constant=["Wq"])
    result = fast.outputs["O"]
    assert fast.run() == 5
    np.testing.assert_allclose(result, expected(d), atol=1e-12)
    d["X"] = block(seed=3)["X"]
    fast.inputs["X"][...] = d["X"]
    fast.run()
    assert fast.outputs["O"] is result
    np.testing.assert_allclose(result, expected(d), atol=1e-12)
    assert sorted(fast.inputs) == ["Wk", "Wv", "X"] and list(fast.outputs) == ["O"]
    with pytest.raises(hvm.InputError, match=r"no input x \(did you mean X\?\)"):
        fast.inputs["x"]
    with pytest.raises(hvm.InputError, match="W is not an input"):
        attend.bind(**d, D=4, constant=["W"])


def test_bound_runs_own_their_buffers():
    built = squares()
    x = np.array([1.0, 2.0])
    one, two = built.bind(x=x, engine="reference"), built.bind(x=x, engine="reference")
    one.inputs["x"][...] = 5
    one.run(), two.run()
    assert one.outputs["y"].tolist() == [25, 25] and two.outputs["y"].tolist() == [1, 4]
    assert x.tolist() == [1, 2]


def test_bound_inputs_can_be_assigned():
    run = squares().bind(x=np.array([1.0, 2.0]), engine="reference", constant=())
    run.inputs["x"] = [3, 4]
    run.run()
    assert run.outputs["y"].tolist() == [9, 16]
    with pytest.raises(hvm.InputError, match=r"x has the shape \(2,\)"):
        run.inputs["x"] = [1, 2, 3]
    with pytest.raises(TypeError):
        run.outputs["y"] = 0


@pytest.mark.parametrize("threads", [0, -1, "two", 1.5])
def test_threads_are_counted_from_one(threads):
    with pytest.raises(hvm.InputError, match="at least 1"):
        squares()(x=[1.0], threads=threads)


def test_one_name_stands_for_a_list_of_one():
    source = "slope = 2\ny = slope*x\nx = 3\nz = y + 1\n"
    assert list(hvm.compile(source, find="y")()) == ["y"]
    assert hvm.compile(source, known="y")(y=1.0)["z"] == 2.0
    with pytest.raises(hvm.CompileError, match="slope"):
        hvm.compile("given x\n" + source.replace("x = 3\n", ""), free="slope")
    run = squares().bind(x=np.array([1.0, 2.0]), constant="x")
    assert list(run.inputs) == []


def test_arguments_of_the_wrong_kind():
    for wrong in (lambda: hvm.load(None), lambda: hvm.compile(None), lambda: squares()([1, 2])):
        with pytest.raises(hvm.InputError):
            wrong()
    assert hvm.compile("")() == {}


def test_bound_scalars_have_no_axes(unrolled):
    run = unrolled.bind(x=[[1, 2]], engine="reference")
    run.inputs["x1_1"][...] = 7
    run.run()
    assert run.outputs["z1"] == 14 and run.outputs["z1"].shape == ()


# -- runs that say more ---


def test_executions(attend):
    done = attend.run({**block(), "D": 4}, engine="reference", keep_all=True)
    assert done.instructions_executed == 5 and done.engine == "reference"
    assert done.execution_time_s > 0 and done.sizes == {"T": 5, "D": 4}


def test_traces(attend):
    d = block()
    trace = attend.trace(**d, D=4, engine="reference", repeat=2)
    assert [row.op for row in trace.rows] == ["contract"] * 3 + ["attention", "halt"]
    np.testing.assert_allclose(trace.outputs["O"], expected(d), atol=1e-12)


def test_a_nan_is_traced_to_the_instruction_that_made_it():
    nodes = [("load", (), 1), ("log", (0,))]
    built = program("map", [dim("t", 4)], [register("y", 4), register("x", 4)],
                    [at("0"), at("0")], nodes, [1], text="y[t] = log(x[t])")
    found = hvm.find_nan(built, {"x": [1, 2, -3, np.nan]})
    assert (found.pc, found.variable, found.point) == (0, "y", (3,))
    assert found.operands == (("x", -3.0),)
    assert "test.hmp:4:1: error: y becomes NaN here at t = 3" in str(found)
    assert hvm.find_nan(built, x=[1, 2, 3, np.nan]) is None
    assert hvm.find_nan(built, x=[1, 2, 3, 4]) is None


def test_auto_starts_in_the_reference():
    built = squares()
    code = ("import sys, pickle; import hvm_vm as hvm; p = hvm.load(sys.argv[1]);"
            "print(p.run({'x': [2]}).engine, 'numba' in sys.modules)")
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".hvmb") as file:
        file.write(encode(built.module))
        file.flush()
        done = subprocess.run([sys.executable, "-c", code, file.name], capture_output=True,
                              text=True, check=True)
    assert done.stdout.split() == ["reference", "False"]


# -- files and imports ---


def test_save_and_load(attend, tmp_path):
    path = tmp_path / "attention.hvmb"
    attend.save(path)
    again = hvm.load(path)
    assert again.encode() == attend.encode() == path.read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["attention.hvmb"]
    d = block()
    np.testing.assert_array_equal(again(**d, D=4, engine="reference")["O"],
                                  attend(**d, D=4, engine="reference")["O"])
    assert "attention" in attend.disassemble()
    with pytest.raises(hvm.InputError, match="cannot be written"):
        attend.save(tmp_path / "missing" / "x.hvmb")
    with pytest.raises(hvm.InputError, match="there is no such file"):
        hvm.load(tmp_path / "nothing.hvmb")
    path.write_bytes(b"nonsense")
    with pytest.raises(hvm.BytecodeError, match=r"attention\.hvmb: "):
        hvm.load(path)


def modules_after(code: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules)"],
                          capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_hvm_is_quick():
    loaded = modules_after("import hvm_vm")
    assert not loaded & {"numpy", "numba", "llvmlite", "scipy", "rich", "hvm_vm.api.program"}


def test_running_bytecode_never_imports_the_compiler(tmp_path):
    path = tmp_path / "squares.hvmb"
    squares().save(path)
    loaded = modules_after(
        f"import hvm_vm as hvm\np = hvm.load({str(path)!r})\n"
        "assert p(x=[1, 2])['y'].tolist() == [1, 4]\np.trace(x=[1]); p.disassemble()")
    halves = ("language", "relations", "lowering", "building")
    assert not [m for m in loaded if m.startswith(tuple(f"hvm_vm.{h}" for h in halves))]
    assert "numba" not in loaded and "scipy" not in loaded


# -- compiling ---


def test_text_and_paths(tmp_path):
    assert hvm.compile("a = 3\nb = 2*a")() == {"b": 6.0}
    assert hvm.compile("b = 2*3")() == {"b": 6.0}
    assert hvm.compile('{"b": "2*3"}')() == {"b": 6.0}
    with pytest.raises(hvm.InputError, match="a path or source text, not a int"):
        hvm.compile(3)
    path = tmp_path / "double.hmp"
    path.write_text("given a\nb = 2*a\n")
    assert hvm.compile(path)(a=4) == {"b": 8.0}
    assert hvm.compile(str(path)).module.file == "double.hmp"
    with pytest.raises(hvm.InputError, match=r"duoble\.hmp: there is no such file; did you mean"):
        hvm.compile(tmp_path / "duoble.hmp")
    with pytest.raises(hvm.CompileError) as caught:
        hvm.compile("a = (3\nb = 2*\n")
    assert caught.value.diagnostics


def test_names_that_the_file_determines_can_be_given():
    built = hvm.compile(
        "find area\narea = pi*radius^2\nradius = diameter/2\ndiameter = 3\n")
    assert built()["area"] == pytest.approx(np.pi * 1.5**2)
    assert built(diameter=4)["area"] == pytest.approx(np.pi * 4)
    assert built(radius=1)["area"] == pytest.approx(np.pi)
    assert built(radius=2)["area"] == pytest.approx(np.pi * 4)
    assert len(built._variants) == 1
    with pytest.raises(hvm.InputError, match=r"radios is not an input .*did you mean radius\?"):
        built(radios=1)


def test_inputs_that_nothing_reads_may_be_left_out():
    built = hvm.compile("given x, y[t]\nindex t : T\nfind z[t]\nq = 2*x\nz[t] = q + y[t]\n")
    assert built(q=1, y=[1, 2])["z"].tolist() == [2, 3]


def test_warnings_are_kept():
    assert isinstance(hvm.compile("a = 3").warnings, tuple)


def test_a_call_decides_what_is_unknown():
    ohm = hvm.compile("V = R*I")
    assert ohm(R=3.0, I=4.0)["V"] == 12
    assert dict(ohm(V=12.0, R=3.0)) == {"I": 4.0}
    assert dict(ohm(V=12.0, I=4.0)) == {"R": 3.0}
    with pytest.raises(hvm.HvmError, match="R and I; set one of them"):
        ohm(V=12.0)


def test_data_files_come_before_what_relations_determine(tmp_path):
    (tmp_path / "x.json").write_text('{"R": 3, "V": 12, "other": 1}')
    ohm = hvm.compile("V = R*I\n")
    assert ohm(data=str(tmp_path / "x.json"))["I"] == 4
    assert ohm(data=str(tmp_path / "x.json"), R=6)["I"] == 2


def test_another_precision_than_the_sources():
    text = "precision float32\nindex i : 3\ngiven x[i]\ny[i] = x[i]/3\nfind y[i]\n"
    x = np.array([1.0, 2.0, 4.0])
    assert hvm.compile(text)(x=x)["y"].dtype == np.float32
    wide = hvm.compile(text, precision="float64")
    np.testing.assert_array_equal(wide(x=x)["y"], x / 3)
    assert hvm.compile("given x\ny = x/3\n", precision="float32").module.precision == "f32"
    with pytest.raises(hvm.InputError, match="float32 or float64"):
        hvm.compile(text, precision="half")
