"""Motion of a character over time as arrays: one camera's axes, continuous angles, other frame rates, fewer keys."""
