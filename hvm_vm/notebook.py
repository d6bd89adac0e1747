"""`%%hmp`: a cell of relations in an IPython or Jupyter notebook.

    %load_ext hvm_vm

    %%hmp
    y[n] = slope*x[n] + offset

A cell takes its inputs from the notebook's variables of the same names and leaves its results
there. Only this module imports IPython.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

import numpy as np
from IPython.core.magic import Magics, cell_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from IPython.display import display

from hvm_vm.errors import HvmError

ENGINES = ("auto", "reference", "jit", "native")


class CellError(Exception):
    """An error of a cell, for people: IPython shows its text and no traceback."""

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()


def load_ipython_extension(shell) -> None:
    """What `%load_ext hvm_vm` calls."""
    shell.register_magics(HmpMagics)


@magics_class
class HmpMagics(Magics):
    """The cell magic."""

    @magic_arguments()
    @argument("--engine", choices=ENGINES, default="auto", help="what runs the bytecode")
    @argument("--threads", type=int, default=None, help="threads that the run may use")
    @argument("--find", action="append", default=[], metavar="NAME",
              help="a result, instead of the cell's `find` (repeat for more)")
    @argument("--trace", action="store_true", help="show what every instruction cost")
    @argument("--name", default="", help="a variable that gets the Program, to call it later")
    @cell_magic
    def hmp(self, line: str, cell: str) -> None:
        """Compile and run the relations of the cell."""
        options = parse_argstring(self.hmp, line)
        try:
            self._run(options, cell)
        except HvmError as error:
            text = str(error)
            raise CellError(text if "error: " in text else f"error: {text}") from None

    def _run(self, options, cell: str) -> None:
        from hvm_vm import compile
        from hvm_vm.language.source import Source

        if options.name and not options.name.isidentifier():
            raise CellError(f"error: --name {options.name}: this is no name of a variable")
        program = compile(Source("cell", cell), find=options.find)
        for warning in program.warnings:
            print(warning, file=sys.stderr)
        if options.name:
            self.shell.user_ns[options.name] = program
        values = self._values(program)
        self._say_missing(program, values)
        how = {"engine": options.engine, "threads": options.threads}
        if options.trace:
            prepared = program.prepare(values, **how)
            trace = _traced(prepared)
            outputs = trace.outputs
        else:
            outputs = program.run(values, **how).outputs
        self._keep(outputs)
        if options.trace:
            if hasattr(trace, "_repr_html_"):
                display(trace)
            else:
                print(trace)
        from hvm_vm.commands.run import blame_nan

        blame_nan(program, values, {}, outputs, "")

    def _values(self, program) -> dict[str, object]:
        """The notebook's variables that are the program's inputs, and sizes that nothing else
        decides (a notebook's other variables of their names mean something else)."""
        held = {name: value for name, value in self.shell.user_ns.items()
                if name not in self.shell.user_ns_hidden and _is_value(value)}
        found = {name: held[name] for name in _names(program) if name in held}
        from hvm_vm.api.values import Names
        from hvm_vm.engines.sizes_from_shapes import unknown_sizes

        names = Names(program.module)
        arguments = names.read(found)
        shapes = {n: a.shape for n, a in {**names.defaults, **arguments.arrays}.items()}
        for size in unknown_sizes(program.module, shapes, {}):
            if size in held:
                found[size] = held[size]
        return found

    def _say_missing(self, program, values: Mapping[str, object]) -> None:
        """A cell's inputs are variables: say so, where the general message speaks of arguments."""
        names = {item.name for item in program.module.inputs if item.default < 0}
        lacking = [n for n in program.inputs if n in names and n not in values]
        if lacking:
            listed = ", ".join(lacking)
            be, it = ("is", "it") if len(lacking) == 1 else ("are", "them")
            wrong = [n for n in lacking if n in self.shell.user_ns]
            note = ""
            if wrong:
                kind = type(self.shell.user_ns[wrong[0]]).__name__
                note = f" ({wrong[0]} is a {kind}, which is no value)"
            raise CellError(f"error: {listed} {be} needed and no variable of the notebook{note}; "
                            f"help: give {it} a value in a cell before this one, "
                            f"such as {lacking[0]} = …")

    def _keep(self, outputs: Mapping[str, object]) -> None:
        from hvm_vm.commands.values import readable

        for name, value in outputs.items():
            if name.isidentifier():
                self.shell.user_ns[name] = value
            print(readable(name, value))
        if not outputs:
            print("the cell has no results", file=sys.stderr)


def _names(program) -> list[str]:
    """Everything that may be given: inputs, as arrays and as the scalars of their families."""
    names = dict.fromkeys((*program.inputs, *(item.name for item in program.module.inputs)))
    families = {f.name: f for f in program.module.families}
    for name in list(names):
        if name in families:
            names.update(dict.fromkeys(m.name for m in families[name].members))
    return list(names)


def _is_value(value: object) -> bool:
    """Whether something of a notebook can be an input: a number, a symbol's text, an array."""
    return isinstance(value, (bool, int, float, str, list, tuple, np.generic)) or (
        hasattr(value, "__array__") and not isinstance(value, type))


def _traced(prepared):
    from dataclasses import replace

    from hvm_vm.tracing.record import record

    frame = prepared.frame()
    trace = record(prepared.bound, prepared.runnable, frame, engine=prepared.engine,
                   threads=prepared.threads, stages=prepared.stages)
    return replace(trace, outputs=prepared.outputs(frame))
