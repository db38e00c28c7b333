"""The embedded data set: a seed enters, a folder of real pictures and captions leaves.

`build.py` writes the folder, from the scenes that `splits.py` plans. A `Scene` (`scene.py`) is all
that is known of one sample; `picture.py` and `captions.py` each turn it into one modality.
"""
