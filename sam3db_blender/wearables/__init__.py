"""What characters wear in the scene: hair, garments and shoes put on, made again for another mesh, and taken off."""
