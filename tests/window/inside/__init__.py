"""What runs inside the windowed Blender: it answers questions and does errands; mouse and keys are real."""
