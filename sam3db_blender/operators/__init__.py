"""Operators: they read the context, call functions that take plain values, and report."""
