"""Means over the neighbours of a mesh's vertices."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix

from native_runtime.synthetic.anatomy import Anatomy


@cache
def averaging(anatomy: Anatomy) -> csr_matrix:
    """(V, V) sparse: the mean over a vertex's neighbours along edges."""
    body = anatomy.body
    corners = body.face_vertices
    starts = np.concatenate([[0], np.cumsum(body.face_sizes)[:-1]])
    following = np.arange(len(corners)) + 1
    following[starts + body.face_sizes - 1] = starts
    a, b = corners, corners[following]
    edges = np.unique(np.sort(np.stack([a, b], axis=1), axis=1), axis=0)
    rows, columns = np.concatenate([edges, edges[:, ::-1]]).T
    adjacency = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(body.vertex_count,) * 2).tocsr()
    counts = np.maximum(np.asarray(adjacency.sum(axis=1)).ravel(), 1.0)
    return csr_matrix(adjacency.multiply(1.0 / counts[:, None]))
