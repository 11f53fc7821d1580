"""Annotated people as rows, in the columns of the data set that Meta released with SAM 3D Body."""
