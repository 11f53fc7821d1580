"""Turns MediaPipe's TensorFlow Lite networks and MoveNet into ONNX, in a build environment of its own.

Only `__main__` is meant to be started, with the Python of a virtual environment that has what `requirements.txt` names.
Nothing here is imported by the program at run time. The networks use few operators, so that a small exact
translation is lighter (no TensorFlow: seconds instead of a minute to install) and cleaner than a general converter:
activations stay channels-first from the first convolution to the heads, padding is folded into the convolutions,
weights stay in half precision as they were published, and sizes that the source leaves free stay free.

`tensorflow_js/` locks what runs MoveNet in its original form (Node.js), for the comparison.
"""
