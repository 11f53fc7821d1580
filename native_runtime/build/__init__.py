"""Making model files: the default body, the landmark networks, official bodies, and SAM 3D Body checkpoints as ONNX."""
