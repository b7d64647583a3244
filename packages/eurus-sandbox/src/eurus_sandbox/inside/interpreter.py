"""An IPython shell that words its output as the released data do: ``Out: 42``, tracebacks with ``Cell In[1], line 2``.

Everything a cell shows goes to standard output; what comes back is only how the cell ended. As in MINT's trajectories, the
echo alone carries ``Out: ``: prints and errors stand as they are.
"""

from __future__ import annotations

import ast
import contextlib
import io
import sys
import warnings
from types import CodeType, TracebackType
from typing import Any, Literal

from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

from eurus_sandbox.inside import no_programs

End = Literal["ok", "error", "memory"]

_DEEPEST_TRACEBACK = 64
"""Frames of a traceback that are worded; IPython takes 0.9 ms for each, also for the thousand it then folds into one line."""
_RESERVE_BYTES = 32 << 20
"""Address space given up when memory runs out, so that the error can be worded and the next cell be read."""
_PLAIN = frozenset({int, float, bool, str, bytes, complex})
_OWN_FILES = frozenset((__file__, no_programs.__file__))


class _Compiler(CachingCompiler):
    """Names a cell by its number; IPython would hash its text."""

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:
        return f"<cell {number}>"


class _Echo(DisplayHook):
    """The echo of a cell's last expression, its counter dropped; a final semicolon silences it."""

    def write_output_prompt(self) -> None:
        sys.stdout.write("Out: ")

    def __call__(self, result: Any = None) -> None:
        if type(result) in _PLAIN and not self.quiet():  # as IPython words them, for a tenth of its time
            sys.stdout.write(f"Out: {result!r}\n")
        else:
            super().__call__(result)  # type: ignore[no-untyped-call]

    def quiet(self) -> bool:
        shell: Any = self.shell
        return ";" in shell.cell and bool(self.semicolon_at_end_of_expression(shell.cell))  # type: ignore[no-untyped-call]


class Interpreter(InteractiveShell):
    """One namespace, one counter of cells; plain text only."""

    compiler_class = Type(_Compiler)
    displayhook_class = Type(_Echo)
    cell = ""
    execution_count = 1
    """IPython's own is a trait: to count on is to validate and to notify, over 30 pages of a fresh session."""
    _reserve: bytearray | None = None

    def run(self, code: str) -> End:
        """Run one cell and print what it shows. An exception is printed, never raised; leaving with status 0 is no error."""
        self.cell = code = code.removeprefix("\ufeff")
        if self._reserve is None:
            with contextlib.suppress(MemoryError):  # what filled the memory may still be alive; this cell may free it
                self._reserve = bytearray(_RESERVE_BYTES)  # never written to, hence never resident
        error = self._ended(code)
        _show_figures()
        self.execution_count += 1
        self.last_execution_result = None
        for name in ("last_type", "last_value", "last_traceback"):  # they keep the failed frames' locals alive
            vars(sys).pop(name, None)
        if error is None or _left_in_order(error):
            return "ok"
        return "memory" if isinstance(error, MemoryError) else "error"

    def _ended(self, code: str) -> BaseException | None:
        """Run a cell; return what ended it, which has been shown."""
        try:
            compiled = self._compiled(code)
        except (RecursionError, MemoryError) as error:
            self.showtraceback((type(error), error, None))
            return error
        if compiled is not None:
            return self._executed(compiled)
        outcome = self.run_cell(code, store_history=False)  # type: ignore[no-untyped-call]
        return outcome.error_before_exec or outcome.error_in_exec  # type: ignore[no-any-return]

    def _compiled(self, code: str) -> list[CodeType] | None:
        """Return the statements and the last expression, or None where Python cannot read them; RecursionError, MemoryError.

        Those are IPython's to word, or to run: magics, ``await`` outside a function. Plain cells need not pass its tokenizer,
        its events and its coroutine: that is 0.4 ms each, and in a fresh session 500 pages to copy.
        """
        compiler: Any = self.compile
        name = compiler.cache(code, self.execution_count)
        try:
            tree = compiler.ast_parse(code, name)
            last = tree.body[-1:] if tree.body and isinstance(tree.body[-1], ast.Expr) else []
            del tree.body[len(tree.body) - len(last) :]
            parts = [
                compiler(tree, name, "exec"),
                *(compiler(ast.Interactive(last), name, "single") for _ in last),
            ]
        except (SyntaxError, ValueError, OverflowError):
            return None
        return parts

    def _executed(self, parts: list[CodeType]) -> BaseException | None:
        """Execute the parts of a cell; return what ended it, which has been shown."""
        try:
            sys.displayhook = self.displayhook
            for part in parts:
                exec(part, self.user_global_ns, self.user_ns)  # noqa: S102  (this is the confined process)
        except SystemExit as error:
            self.showtraceback(exception_only=True)
            return error
        except BaseException as error:
            own = error.__traceback__
            error.__traceback__ = own.tb_next if own else None
            self.showtraceback((type(error), error, error.__traceback__))
            return error
        return None

    def showtraceback(self, exc_tuple: Any = None, *args: Any, **kwargs: Any) -> None:
        kind, error, trace = exc_tuple or sys.exc_info()
        shortened: Any = (kind, error, _shortened(trace))
        if isinstance(error, MemoryError):
            self._reserve = None
        if not _left_in_order(error):
            super().showtraceback(shortened, *args, **kwargs)

    def _showtraceback(self, etype: Any, evalue: Any, stb: list[str]) -> None:
        text = self.InteractiveTB.stb2text(stb).strip("\n ").encode("utf-8", "backslashreplace").decode()
        print(text)  # noqa: T201

    def enable_gui(self, gui: Any = None) -> None:
        """What ``%matplotlib`` calls: there is no window to be drawn in."""

    def ask_exit(self) -> None:
        """What IPython's ``exit`` and ``quit`` call: end the cell, as they end a script."""
        raise SystemExit

    def system(self, cmd: str) -> None:
        """What ``!command`` calls."""
        no_programs.refuse(cmd)

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> None:
        """What ``x = !command`` calls."""
        self.system(cmd)


def _show_figures() -> None:
    """Say that a figure was drawn, as a notebook's text does, and close it."""
    pyplot: Any = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None and pyplot.get_fignums():
        for number in pyplot.get_fignums():
            print(repr(pyplot.figure(number)))  # noqa: T201
        pyplot.close("all")


def _left_in_order(error: BaseException | None) -> bool:
    return isinstance(error, SystemExit) and not error.code


def _shortened(trace: TracebackType | None) -> TracebackType | None:
    """Return the outermost and the innermost frames of a deep traceback, none of this file's among them."""
    frames = []
    while trace is not None:
        if trace.tb_frame.f_code.co_filename not in _OWN_FILES:
            frames.append(trace)
        trace = trace.tb_next
    if len(frames) > _DEEPEST_TRACEBACK:
        half = _DEEPEST_TRACEBACK // 2
        frames = frames[:half] + frames[-half:]
    chain: TracebackType | None = None
    for frame in reversed(frames):
        chain = TracebackType(chain, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return chain


def interpreter() -> Interpreter:
    """Return a shell whose slow first steps (showing an error, echoing a value) have been taken."""
    config = Config()
    config.HistoryManager.enabled = False  # no database, no thread
    config.InteractiveShell.cache_size = 0  # an Out[] that keeps every value alive would eat the memory limit
    config.InteractiveShell.colors = "nocolor"
    shell: Interpreter = Interpreter.instance(config=config)
    formatter: Any = shell.display_formatter
    formatter.active_types = ["text/plain"]
    warnings.filterwarnings("ignore", message="To exit: use")
    with contextlib.redirect_stdout(io.StringIO()):
        for cell in ("def f(x):\n    return 1 / x\nf(0)", "1 +", "[1.5, 2]"):
            shell.run(cell)
    shell.reset(new_session=True)  # type: ignore[no-untyped-call]
    shell.builtin_trap.__enter__()  # for good: to set it for each cell is to write to 30 pages
    return shell
