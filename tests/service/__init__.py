"""Tests of the worker beside Blender; a package, so that the worker that they share ends with them."""
