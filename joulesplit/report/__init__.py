"""Renderables: what a result looks like. Printing is the caller's."""
