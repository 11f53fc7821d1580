"""What a body wears: hair, brows, lashes, garments and shoes, made for any body and moving with it."""
