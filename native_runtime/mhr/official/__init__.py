"""Reading the official MHR release: model definition, rigged meshes, pose correctives."""
