"""A confined, stateful Python interpreter for code that nobody has read.

One zygote preloads numpy, sympy, scipy and an IPython shell, then forks a child a session; the child puts on rlimits,
Landlock and seccomp before it reads a byte of untrusted text. Read on in :mod:`~eurus_data.sandbox.confinement.layers` (what holds
a child), :mod:`~eurus_data.sandbox.pool` (sessions, branching) and :mod:`~eurus_data.sandbox.worker` (the parent's clock).

    with Sandbox() as sandbox, sandbox.session() as session:
        session.run("x = 2\\nx * 21").text  # "Out: 42"
"""

from typing import TYPE_CHECKING

from eurus_core.lazy import exports

if TYPE_CHECKING:
    from eurus_data.sandbox.blocking import Sandbox as Sandbox
    from eurus_data.sandbox.blocking import Session as Session
    from eurus_data.sandbox.errors import SandboxError as SandboxError
    from eurus_data.sandbox.pool import AsyncSandbox as AsyncSandbox
    from eurus_data.sandbox.pool import AsyncSession as AsyncSession
    from eurus_data.sandbox.settings import Settings as Settings

__getattr__, __all__ = exports(
    __name__,
    {
        "blocking": ["Sandbox", "Session"],
        "errors": ["SandboxError"],
        "pool": ["AsyncSandbox", "AsyncSession"],
        "settings": ["Settings"],
    },
)
