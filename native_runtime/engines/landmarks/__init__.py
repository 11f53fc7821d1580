"""The engine `landmarks`: person and landmark networks, then the fit of the body model (`docs/fit.md`)."""
