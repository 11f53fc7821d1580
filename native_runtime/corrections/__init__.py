"""Characters that people corrected, as rows of a data set: nothing is sent anywhere, a folder is written."""
