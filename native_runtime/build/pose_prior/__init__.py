"""Making the pose prior: poses of people as MHR parameters, and the mixture that is fitted to them."""
