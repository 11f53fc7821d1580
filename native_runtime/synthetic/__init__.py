"""Pictures of people made for training: MHR bodies in known poses, dressed, lit and painted, with all that is true."""
