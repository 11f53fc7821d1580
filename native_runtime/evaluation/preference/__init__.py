"""Which of several engines people prefer: a page of blind pairs, and the counting of votes."""
