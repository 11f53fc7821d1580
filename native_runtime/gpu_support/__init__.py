"""What graphics cards there are, and the libraries that let networks run on them: installed on request, for the worker.

The extension comes with the ONNX Runtime for processors. Libraries for cards are large, and NVIDIA's may be passed on
by NVIDIA only: the user fetches them from the package index, or gives files that were fetched elsewhere. Processes load
them by `native_runtime.gpu_runtime`.
"""
