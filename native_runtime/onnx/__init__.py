"""ONNX Runtime sessions: which hardware runs a network, what happens when that fails, and calling it by names."""

from native_runtime import gpu_runtime

# Before any module of this package imports ONNX Runtime, which can be loaded only once a process.
gpu_runtime.loaded()
