"""Child processes: started and ended, with JSON lines to and from them, their exit in words, errors that cross over."""
