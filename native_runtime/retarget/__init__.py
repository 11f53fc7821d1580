"""Other programs' skeletons: which of their bones stands for which of MHR's joints."""
