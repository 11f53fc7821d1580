"""The dense head: 595 points on a person in the picture, from what a landmark network sees and any points that are
known."""
