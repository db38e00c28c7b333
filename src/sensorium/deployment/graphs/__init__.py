"""A model with its tasks in, graphs that any ONNX runtime computes out, with a proof of how near.

    image.onnx, text.onnx, ...    of each modality tokens, one vector, and what is read of it alone
    fused.onnx                    what several say together, of what these graphs gave

Absence needs no graph of its own: a modality that a sample lacks is not run, and enters the fused
graph as not present.
"""
