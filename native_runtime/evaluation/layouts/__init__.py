"""Readers of data sets, each in the layout in which its makers publish it."""
