"""Who trains in `train_step.py`: the works, ours, the peers, the document's own module."""
