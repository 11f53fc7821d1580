"""Masks: which pixels of a photo show a person, from the photo, from a picture, or drawn by hand."""
