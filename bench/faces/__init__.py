"""Faces with known expressions: rendered, read by the network, fitted, and compared."""
