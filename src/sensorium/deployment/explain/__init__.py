"""An answer in, what it rests on out: which patches, words, sounds and frames, and how much each
modality has to do with it."""
