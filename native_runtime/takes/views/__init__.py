"""Several photos of one person: one skeleton and shape for all, a pose for each photo or one for all."""
