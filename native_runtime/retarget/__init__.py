"""Other programs' skeletons: which of their bones corresponds to which of MHR's joints."""
