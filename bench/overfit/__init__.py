"""Whether the trainer learns: a small network and a few people, who have to be learnt by heart."""
