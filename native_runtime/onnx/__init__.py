"""ONNX Runtime sessions: which hardware runs a network, what happens when that fails, and calling it by names."""
