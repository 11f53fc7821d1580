"""Hands batches to the farms that studios have: Flamenco, OpenJD (AWS Deadline Cloud), SLURM and plain shells.

A farm runs ordinary command lines of `sam3db batch`, each over a part of the folder, and a last one that writes the
contact sheet. Standard library only. ``docs/farm.md`` is for those who set farms up.
"""
