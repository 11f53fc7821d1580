"""Batches on a Dask cluster: photos as tasks, each worker with engine and Blender of its own (``docs/cluster.md``)."""
