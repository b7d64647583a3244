"""A confined, stateful Python interpreter for code that nobody has read.

One zygote preloads numpy, sympy, scipy and an IPython shell, then forks a child a session; the child puts on rlimits,
Landlock and seccomp before it reads a byte of untrusted text. Read on in :mod:`~eurus_sandbox.confinement.layers` (what holds
a child), :mod:`~eurus_sandbox.pool` (sessions, branching) and :mod:`~eurus_sandbox.worker` (the parent's clock).

    with Sandbox() as sandbox, sandbox.session() as session:
        session.run("x = 2\\nx * 21").text  # "Out: 42"
"""

from typing import TYPE_CHECKING

from eurus_core.lazy import exports

if TYPE_CHECKING:
    from eurus_sandbox.blocking import Sandbox as Sandbox
    from eurus_sandbox.blocking import Session as Session
    from eurus_sandbox.errors import SandboxError as SandboxError
    from eurus_sandbox.pool import AsyncSandbox as AsyncSandbox
    from eurus_sandbox.pool import AsyncSession as AsyncSession
    from eurus_sandbox.settings import Settings as Settings
    from eurus_sandbox.tool import PythonTool as PythonTool

__getattr__, __all__ = exports(
    __name__,
    {
        "blocking": ["Sandbox", "Session"],
        "errors": ["SandboxError"],
        "pool": ["AsyncSandbox", "AsyncSession"],
        "settings": ["Settings"],
        "tool": ["PythonTool"],
    },
)
