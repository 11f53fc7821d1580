"""Makes ``native_runtime/compact/compact.onnx``, the project's own small network, from made pictures.

``sam3db dataset synthesize`` makes the pictures, ``read`` keeps what the landmark networks see in them, ``train``
learns from that and writes the network with its figures. See ``docs/training.md``.
"""
