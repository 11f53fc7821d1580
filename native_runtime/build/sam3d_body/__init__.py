"""Converting a released SAM 3D Body checkpoint to ONNX, without PyTorch.

* ``checkpoint``, ``safetensors``: tensors out of the published files; nothing in them is executed
* ``variants``: which of the released models a file holds, and whether it is whole
* ``template``: graphs without weights, with a recipe for each weight; made by ``native_runtime.network``
* ``operations``, ``initializers``, ``protobuf``, ``attach``: from recipe and tensors to graphs that ONNX Runtime loads
* ``keypoint_support``: what the decoders need of MHR for the 70 keypoints
* ``convert``: all of it, from files to a models folder
"""
