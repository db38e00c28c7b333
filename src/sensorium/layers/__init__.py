"""Tensors in, tensors out: attention, transformer layers, patches, positions, pooling.

No modality has a name in this folder, and nothing here imports another folder of ours.
"""
