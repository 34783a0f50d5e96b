"""A Speckle server inside a process: real sockets and the real protocol, for the demo and the tests."""

from speckle2pg.sandbox.faults import Cut, Fault
from speckle2pg.sandbox.server import SandboxServer
from speckle2pg.sandbox.world import World

__all__ = ["Cut", "Fault", "SandboxServer", "World"]
