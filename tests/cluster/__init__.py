"""Tests of batches on a Dask cluster; a package, so that the cluster ends with them."""
