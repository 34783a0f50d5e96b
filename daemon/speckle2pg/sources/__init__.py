"""Where events come from; each source is independent of the others."""
