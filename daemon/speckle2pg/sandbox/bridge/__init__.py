"""A sample road bridge in several versions, as object graphs of the IFC importer."""

from speckle2pg.sandbox.bridge.history import BridgeVersion, sample_bridge

__all__ = ["BridgeVersion", "sample_bridge"]
