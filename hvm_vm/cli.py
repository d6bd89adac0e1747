"""The `hvm` command: finds the command's module, runs it, and turns every ending into a status.

Only the named command's module is imported, and that imports only what it needs, so `hvm --help`
loads neither NumPy nor Numba. Status: 0 done, 1 ran but failed, 2 not a valid program, bytecode or
input, 70 a defect of HVM itself, 130 interrupted. Messages go to standard error, results to
standard output. `HVM_DEBUG=1` shows the Python traceback of an error.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import sys

from hvm_vm.commands import COMMANDS
from hvm_vm.errors import HvmError

INTERNAL = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED = 130  # what shells report for SIGINT
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)  # a disk that takes no more


def main(argv: list[str] | None = None) -> int:
    """Run the command line `argv` (default: `sys.argv[1:]`); the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _open_closed_streams()
    try:
        status = _dispatch(arguments)
        # A reader that has gone away is noticed here, not at interpreter exit.
        sys.stdout.flush()
        return status
    except HvmError as error:
        _debug()
        text = str(error) if _is_rendered(error) else f"error: {error}"
        from hvm_vm.commands.output import with_folder

        _say(with_folder(text, getattr(error, "path", "")))
        if type(error).__name__ == "MissingInput" and error.name:  # an import would load NumPy
            _say(f"help: inputs are given with --set {error.name}=… and the like, or --data FILE")
        return error.exit_status
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        _discard_output()
        return 0
    except OSError as error:
        if error.errno not in FULL:
            return _defect(error)
        _say(f"error: standard output cannot be written ({error.strerror})")
        _discard_output()
        return 1
    except MemoryError:
        _debug()
        _say("error: not enough memory for this program at these sizes")
        return 1
    except Exception as error:
        return _defect(error)


def _defect(error: Exception) -> int:
    _debug()
    _say(
        f"hvm: internal error: {type(error).__name__}: {_first_line(error)}; this is a defect "
        "of HVM, please report it with the program (HVM_DEBUG=1 shows where it happened)"
    )
    return INTERNAL


def _open_closed_streams() -> None:
    """Python has None for a standard stream that the caller closed: nothing to read, and writing
    goes nowhere."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def _discard_output() -> None:
    """What is still buffered has nowhere to go: do not complain about it at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        if len(arguments) > 1 and arguments[0] == "help":
            return _dispatch([arguments[1], "--help"])
        print(_overview())
        return 0 if arguments else 2
    if arguments[0] in ("-V", "--version"):
        from hvm_vm import __version__

        print(f"hvm {__version__}")
        return 0
    name = arguments[0]
    if name not in COMMANDS:
        import difflib

        near = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean `hvm {near[0]}`?" if near else "`hvm --help` lists the commands"
        if os.path.exists(name):
            hint = f"to run the file: hvm run {name}"
        _say(f"error: there is no command `{name}`; {hint}")
        return 2
    from hvm_vm.commands.options import Parser

    module = importlib.import_module(f"hvm_vm.commands.{COMMANDS[name].module}")
    parser = Parser(name, module.__doc__ or "", COMMANDS[name].usage)
    module.configure(parser)
    options = parser.parse(arguments[1:])
    if isinstance(options, int):
        return options
    try:
        return int(module.run(options) or 0)
    except HvmError as error:
        error.path = getattr(options, "file", "")
        raise


def _overview() -> str:
    width = max(len(name) for name in COMMANDS)
    lines = [
        "usage: hvm COMMAND FILE [options]",
        "",
        "Write the mathematics of a paper as relations, in any order; HVM turns them into compact",
        "bytecode of whole operations, runs it, and shows what every relation cost.",
        "",
        "commands:",
        *(f"  {name.ljust(width)}  {command.summary}" for name, command in COMMANDS.items()),
        "",
        "example: hvm run examples/transformer_block.hmp",
        "`hvm COMMAND --help` explains one command.  `hvm --version` prints the version.",
    ]
    return "\n".join(lines)


def _is_rendered(error: HvmError) -> bool:
    """Errors that know a place come laid out as `file:line:column: error: …`."""
    return "error: " in _first_line(error)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0]


def _debug() -> None:
    if os.environ.get("HVM_DEBUG", "") not in ("", "0"):
        import traceback

        traceback.print_exc()


def _say(text: str) -> None:
    """A message for people, on standard error; a closed standard error is nobody's problem."""
    with contextlib.suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
