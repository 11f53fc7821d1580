"""SAM 3D Body at its real size, with random weights: how long everything takes, and what rounding does to it.

`checkpoint` and `rig` write a checkpoint of the released container, names, shapes and number formats, of which only
the numbers are made up (`person` says how, so that a person results). `stages` measures what happens to it, each stage
in a process of its own (`measure`), and `eager` is the yardstick: the same weights in eager PyTorch, arranged as the
reference arranges its computation.
"""
