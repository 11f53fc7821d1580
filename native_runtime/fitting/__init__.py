"""From evidence about a person to MHR parameters: least squares under limits and priors (`docs/fit.md`)."""
