"""Readers of other programs' calibrations; each gives cameras in metres and OpenCV's axes."""
