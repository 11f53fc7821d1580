"""The engine `sam3d_body`: SAM 3D Body, promptable, through ONNX Runtime.

* ``preprocess``: boxes -> crops, rays and conditions, as the reference makes them
* ``prediction``: what a decoder says of each person or hand
* ``geometry``, ``parameters``: rotations, and the compact form <-> MHR's model parameters
* ``hands``: hand boxes, mirroring, which hand to believe; ``merge``: hands and body become one person
* ``prompting``: the artist's prompts and the model's own, as the decoders take them
* ``networks``: the five graphs; ``memory``: what is kept of each photo, within bounds
* ``pipeline``, ``solve``: a photo through the networks, and what runs for a request; ``outcome``: what comes out
* ``quality``: what the passes disagree on; ``session``: one photo, as others use it; ``engine``: opening it all
"""
