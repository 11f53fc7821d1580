"""Data of the rig: MHR's parameterisation, keypoint names, and the recipe of the default body. No code."""
